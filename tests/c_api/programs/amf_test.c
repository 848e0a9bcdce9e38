/* The functions of saAmf.h that need no component, and the errors of all, against a cluster of one. */
#include <saAmf.h>

#include "check.h"

static void on_healthcheck(SaInvocationT invocation, const SaNameT *component, SaAmfHealthcheckKeyT *key)
{
    (void)invocation, (void)component, (void)key;
}

static const SaAmfCallbacksT callbacks = {on_healthcheck, NULL, NULL, NULL, NULL, NULL, NULL};
static SaNameT nobody = {6, "nobody"}, empty = {0, {0}}, odd = {1, {0xff}}, lengthy = {300, {0}};
static SaAmfHealthcheckKeyT key = {"key", 3}, no_key = {{0}, 0}, long_key = {{0}, 33};

static SaAmfHandleT initialized(const SaAmfCallbacksT *with)
{
    SaAmfHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    RETRIED(saAmfInitialize(&handle, with, &version));
    CHECK(version.releaseCode == 'B' && version.majorVersion == 4 && version.minorVersion == 1);
    return handle;
}

/* Every function with a handle, which gives the same error for all of them. */
static void all_give(SaAisErrorT error, SaAmfHandleT handle)
{
    SaSelectionObjectT fd;
    SaAmfHAStateT state;
    SaNameT name;
    GIVES(error, saAmfSelectionObjectGet(handle, &fd));
    GIVES(error, saAmfDispatch(handle, SA_DISPATCH_ALL));
    GIVES(error, saAmfDispatch(handle, SA_DISPATCH_BLOCKING));
    GIVES(error, saAmfFinalize(handle));
    GIVES(error, saAmfComponentRegister(handle, &nobody, NULL));
    GIVES(error, saAmfComponentUnregister(handle, &nobody, NULL));
    GIVES(error, saAmfComponentNameGet(handle, &name));
    GIVES(error, saAmfPmStart(handle, &nobody, 1, 0, SA_AMF_PM_ZERO_EXIT, SA_AMF_NO_RECOMMENDATION));
    GIVES(error, saAmfPmStop(handle, &nobody, SA_AMF_PM_PROC, 1, SA_AMF_PM_ZERO_EXIT));
    GIVES(error, saAmfHealthcheckStart(handle, &nobody, &key, SA_AMF_HEALTHCHECK_COMPONENT_INVOKED,
                                       SA_AMF_NO_RECOMMENDATION));
    GIVES(error, saAmfHealthcheckConfirm(handle, &nobody, &key, SA_AIS_OK));
    GIVES(error, saAmfHealthcheckStop(handle, &nobody, &key));
    GIVES(error, saAmfResponse(handle, 1, SA_AIS_OK));
    GIVES(error, saAmfCSIQuiescingComplete(handle, 1, SA_AIS_OK));
    GIVES(error, saAmfHAStateGet(handle, &nobody, &nobody, &state));
    GIVES(error, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, NULL));
    GIVES(error, saAmfProtectionGroupTrackStop(handle, &nobody));
    GIVES(error, saAmfComponentErrorReport(handle, &nobody, 0, SA_AMF_NO_RECOMMENDATION, 0));
    GIVES(error, saAmfComponentErrorClear(handle, &nobody, 0));
}

static void parameters(SaAmfHandleT handle)
{
    SaVersionT version = {'B', 9, 1};
    SaAmfHandleT other, without = initialized(NULL);
    SaAmfProtectionGroupNotificationT room[1];
    SaAmfProtectionGroupNotificationBufferT none = {0, room};
    SaAmfHAStateT state;
    SaNameT name;
    const SaAmfHealthcheckInvocationT by_amf = SA_AMF_HEALTHCHECK_AMF_INVOKED;
    const SaAmfRecommendedRecoveryT recovery = SA_AMF_COMPONENT_RESTART;

    GIVES(SA_AIS_ERR_VERSION, saAmfInitialize(&other, &callbacks, &version));
    CHECK(version.majorVersion == 4);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize(NULL, &callbacks, &version));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize(&other, &callbacks, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfSelectionObjectGet(handle, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfDispatch(handle, 9));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentRegister(handle, NULL, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentRegister(handle, &empty, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentRegister(handle, &odd, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentRegister(handle, &lengthy, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentUnregister(handle, NULL, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentNameGet(handle, NULL));
    unsetenv("SA_AMF_COMPONENT_NAME");
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentNameGet(handle, &name));
    setenv("SA_AMF_COMPONENT_NAME", "me", 1);
    GIVES(SA_AIS_OK, saAmfComponentNameGet(handle, &name));
    CHECK(name.length == 2 && memcmp(name.value, "me", 2) == 0);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, NULL, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 0, 0, 1, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 1ULL << 40, 0, 1, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 1, -2, 1, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 1, 0, 0, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 1, 0, 8, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStart(handle, &nobody, 1, 0, 1, 0));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfPmStart(handle, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStop(handle, &nobody, 4, 1, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStop(handle, &nobody, SA_AMF_PM_PROC, -1, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStop(handle, NULL, SA_AMF_PM_PROC, 1, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfPmStop(handle, &nobody, SA_AMF_PM_PROC, 1, 8));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfPmStop(handle, &nobody, SA_AMF_PM_PROC, 1, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, NULL, &key, by_amf, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, &nobody, NULL, by_amf, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, &nobody, &no_key, by_amf, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, &nobody, &long_key, by_amf, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, &nobody, &key, 7, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStart(handle, &nobody, &key, by_amf, 99));
    GIVES(SA_AIS_ERR_INIT, saAmfHealthcheckStart(without, &nobody, &key, by_amf, recovery));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckConfirm(handle, &nobody, &key, 1234));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckConfirm(handle, NULL, &key, SA_AIS_OK));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHealthcheckStop(handle, &nobody, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfResponse(handle, 1, 1234));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfCSIQuiescingComplete(handle, 1, 1234));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAStateGet(handle, &nobody, &nobody, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAStateGet(handle, &nobody, NULL, &state));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saAmfProtectionGroupTrack(handle, &nobody, 0, NULL));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saAmfProtectionGroupTrack(handle, &nobody, 0x6, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfProtectionGroupTrack(handle, NULL, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, &none));
    GIVES(SA_AIS_ERR_INIT, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_INIT, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CHANGES, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentErrorReport(handle, NULL, 0, recovery, 0));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentErrorReport(handle, &nobody, 0, 0, 0));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfComponentErrorClear(handle, NULL, 0));
    GIVES(SA_AIS_OK, saAmfFinalize(without));
}

static void unknown(SaAmfHandleT handle)
{
    SaAmfHAStateT state;
    SaAmfProtectionGroupNotificationBufferT buffer = {0, NULL};
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentRegister(handle, &nobody, NULL));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfHAStateGet(handle, &nobody, &nobody, &state));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfResponse(handle, 4711, SA_AIS_OK));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, &buffer));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfProtectionGroupTrackStop(handle, &nobody));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentErrorReport(handle, &nobody, 0, SA_AMF_NO_RECOMMENDATION, 0));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentErrorClear(handle, &nobody, 0));
}

static void version_3(SaAmfHandleT old)
{
    SaAmfHandleT handle;
    SaVersionT version = {'B', 3, 1};
    SaNtfCorrelationIdsT ids = {0, 0, 0};
    SaAmfProtectionGroupNotificationBufferT buffer = {0, NULL};
    const SaAmfRecommendedRecoveryT recovery = SA_AMF_COMPONENT_RESTART;

    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize_3(NULL, NULL, &version));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize_3(&handle, NULL, NULL));
    RETRIED(saAmfInitialize_3(&handle, NULL, &version));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfPmStart_3(handle, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_VERSION, saAmfPmStart(handle, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_VERSION, saAmfPmStart_3(old, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfResponse(handle, 4711, SA_AIS_OK));
    GIVES(SA_AIS_ERR_VERSION, saAmfResponse_4(handle, 4711, &ids, SA_AIS_OK));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, &buffer));
    GIVES(SA_AIS_ERR_VERSION, saAmfHAReadinessStateSet(handle, &nobody, &nobody, 1, &ids));
    GIVES(SA_AIS_OK, saAmfFinalize(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfPmStart_3(handle, &nobody, 1, 0, 1, recovery));
}

static void version_4(SaAmfHandleT old)
{
    SaAmfCallbacksT_4 none = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    SaAmfHandleT handle;
    SaVersionT version = {'B', 4, 1};
    SaNtfCorrelationIdsT ids = {0, 0, 0};
    SaAmfProtectionGroupNotificationBufferT_4 buffer = {0, NULL};
    const SaAmfRecommendedRecoveryT recovery = SA_AMF_COMPONENT_RESTART;

    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize_4(NULL, &none, &version));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfInitialize_4(&handle, &none, NULL));
    RETRIED(saAmfInitialize_4(&handle, &none, &version));
    CHECK(version.majorVersion == 4);
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfPmStart_3(handle, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfResponse_4(handle, 4711, &ids, SA_AIS_OK));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfProtectionGroupTrack_4(handle, &nobody, SA_TRACK_CURRENT, &buffer));
    GIVES(SA_AIS_ERR_INIT, saAmfProtectionGroupTrack_4(handle, &nobody, SA_TRACK_CHANGES, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfProtectionGroupNotificationFree_4(handle, NULL));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentErrorReport_4(handle, &nobody, 0, recovery, &ids));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfComponentErrorClear_4(handle, &nobody, &ids));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfHAReadinessStateSet(handle, &nobody, &nobody, 1, &ids));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAReadinessStateSet(handle, &nobody, &nobody, 0, &ids));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAReadinessStateSet(handle, &nobody, &nobody, 5, &ids));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAReadinessStateSet(handle, NULL, &nobody, 1, &ids));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saAmfHAReadinessStateSet(handle, &nobody, NULL, 1, &ids));
    GIVES(SA_AIS_ERR_VERSION, saAmfResponse(handle, 1, SA_AIS_OK));
    GIVES(SA_AIS_ERR_VERSION, saAmfProtectionGroupTrack(handle, &nobody, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_VERSION, saAmfResponse_4(old, 1, &ids, SA_AIS_OK));
    GIVES(SA_AIS_ERR_VERSION, saAmfProtectionGroupTrack_4(old, &nobody, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_OK, saAmfFinalize(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfPmStart_3(handle, &nobody, 1, 0, 1, recovery));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfResponse_4(handle, 4711, &ids, SA_AIS_OK));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfProtectionGroupTrack_4(handle, &nobody, SA_TRACK_CURRENT, &buffer));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfProtectionGroupNotificationFree_4(handle, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfProtectionGroupNotificationFree(handle, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfComponentErrorReport_4(handle, &nobody, 0, recovery, &ids));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfComponentErrorClear_4(handle, &nobody, &ids));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saAmfHAReadinessStateSet(handle, &nobody, &nobody, 1, &ids));
}

static void *dispatch_blocking(void *handle)
{
    int answer = saAmfDispatch(*(SaAmfHandleT *)handle, SA_DISPATCH_BLOCKING);
    CHECK(answer == SA_AIS_OK || answer == SA_AIS_ERR_BAD_HANDLE); /* it may come too late */
    return NULL;
}

static void forks(SaAmfHandleT handle)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        all_give(SA_AIS_ERR_BAD_HANDLE, handle);
        GIVES(SA_AIS_OK, saAmfFinalize(initialized(&callbacks)));
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    GIVES(SA_AIS_OK, saAmfDispatch(handle, SA_DISPATCH_ALL));
}

static void rounds(int count)
{
    for (int i = 0; i < count; i++)
        GIVES(SA_AIS_OK, saAmfFinalize(initialized(&callbacks)));
}

int main(void)
{
    SaAmfHandleT handle = initialized(&callbacks);
    pthread_t blocked;
    int open_before;
    long before;

    all_give(SA_AIS_ERR_BAD_HANDLE, 0);
    all_give(SA_AIS_ERR_BAD_HANDLE, handle + 1000);
    parameters(handle);
    unknown(handle);
    version_3(handle);
    version_4(handle);
    forks(handle);
    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    GIVES(SA_AIS_OK, saAmfFinalize(handle));
    pthread_join(blocked, NULL);
    all_give(SA_AIS_ERR_BAD_HANDLE, handle);
    rounds(200);
    open_before = descriptors();
    before = resident_kb();
    rounds(1000);
    CHECK(descriptors() == open_before);
    CHECK(resident_kb() - before < 2048);
    puts("done");
    return 0;
}
