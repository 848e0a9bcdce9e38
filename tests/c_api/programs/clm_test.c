/* Every function, callback and error of saClm.h against a cluster of one. */
#include <saClm.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "check.h"

static int tracked, got;
static SaUint32T tracked_members, tracked_items;
static SaClmClusterNodeT last_node;
static SaInvocationT last_invocation;
static SaAisErrorT last_error;
static SaClmHandleT finalize_in_callback;

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    CHECK(error == SA_AIS_OK && buffer != NULL && buffer->notification != NULL);
    tracked++;
    tracked_members = members;
    tracked_items = buffer->numberOfItems;
    last_node = buffer->notification[0].clusterNode;
    if (finalize_in_callback)
        GIVES(SA_AIS_OK, saClmFinalize(finalize_in_callback));
}

static void on_node_get(SaInvocationT invocation, const SaClmClusterNodeT *node, SaAisErrorT error)
{
    got++;
    last_invocation = invocation;
    last_error = error;
    last_node = *node;
}

static void on_track_4(
    const SaClmClusterNotificationBufferT_4 *buffer, SaUint32T members, SaInvocationT invocation, const SaNameT *cause,
    const SaNtfCorrelationIdsT *correlation, SaClmChangeStepT step, SaTimeT supervision, SaAisErrorT error)
{
    CHECK(error == SA_AIS_OK && buffer->numberOfItems == 1 && members == 1 && invocation == 0);
    CHECK(cause->length == 0 && correlation->notificationId == SA_NTF_IDENTIFIER_UNUSED);
    CHECK(step == SA_CLM_CHANGE_COMPLETED && supervision == SA_TIME_UNKNOWN);
    CHECK(buffer->notification[0].clusterNode.member == SA_TRUE);
    CHECK(buffer->notification[0].clusterNode.executionEnvironment.length == 0);
    tracked++;
}

static void on_node_get_4(SaInvocationT invocation, const SaClmClusterNodeT_4 *node, SaAisErrorT error)
{
    CHECK(error == SA_AIS_OK && node->member == SA_TRUE);
    last_invocation = invocation;
    got++;
}

static void on_eviction(SaClmHandleT handle, SaInvocationT invocation, SaClmAdminOperationIdT operation)
{
    CHECK(!handle && !invocation && !operation);
}

static const SaClmCallbacksT callbacks = {on_node_get, on_track};
static const SaClmCallbacksT_4 callbacks_4 = {on_node_get_4, on_track_4};
static const SaClmCallbacksT no_callbacks = {NULL, NULL};

static SaVersionT version(char release, int major, int minor)
{
    SaVersionT made = {(SaUint8T)release, (SaUint8T)major, (SaUint8T)minor};
    return made;
}

static SaClmHandleT initialized(const SaClmCallbacksT *with)
{
    SaClmHandleT handle = 0;
    SaVersionT asked = version('B', 1, 1);
    RETRIED(saClmInitialize(&handle, with, &asked));
    return handle;
}

static int is_readable(SaSelectionObjectT fd, int wait_ms)
{
    struct pollfd polled = {(int)fd, POLLIN, 0};
    return poll(&polled, 1, wait_ms) == 1 && (polled.revents & POLLIN);
}

static void dispatch_one(SaClmHandleT handle, int *counter)
{
    SaSelectionObjectT fd;
    int before = *counter;
    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
    while (*counter == before) {
        CHECK(is_readable(fd, PATIENCE_S * 1000));
        GIVES(SA_AIS_OK, saClmDispatch(handle, SA_DISPATCH_ONE));
    }
}

static void versions(void)
{
    SaClmHandleT handle;
    SaVersionT asked = version('B', 1, 1);

    GIVES(SA_AIS_OK, saClmInitialize(&handle, NULL, &asked));
    CHECK(asked.releaseCode == 'B' && asked.majorVersion == 4 && asked.minorVersion == 1);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    asked = version('B', 5, 1);
    GIVES(SA_AIS_ERR_VERSION, saClmInitialize(&handle, NULL, &asked));
    CHECK(asked.releaseCode == 'B' && asked.majorVersion == 4 && asked.minorVersion == 1);
    asked = version('A', 1, 1);
    GIVES(SA_AIS_ERR_VERSION, saClmInitialize(&handle, NULL, &asked));
    CHECK(asked.releaseCode == 'B' && asked.majorVersion == 4);
    asked = version('C', 1, 1);
    GIVES(SA_AIS_ERR_VERSION, saClmInitialize_4(&handle, NULL, &asked));
    asked = version(0, 0, 0);
    GIVES(SA_AIS_ERR_VERSION, saClmInitialize(&handle, NULL, &asked));
    asked = version(-1, -1, -1);
    GIVES(SA_AIS_ERR_VERSION, saClmInitialize(&handle, NULL, &asked));
    asked = version('B', 1, 1);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize(NULL, NULL, &asked));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize(&handle, NULL, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize_4(NULL, NULL, &asked));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize_4(&handle, NULL, NULL));
}

static void bad_handles(SaClmHandleT bad)
{
    SaSelectionObjectT fd;
    SaClmClusterNodeT node;
    SaClmClusterNodeT_4 node_4;
    SaClmClusterNotificationT *notification = malloc(1);

    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmSelectionObjectGet(bad, &fd));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmDispatch(bad, SA_DISPATCH_ALL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmDispatch(bad, SA_DISPATCH_BLOCKING));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterTrack(bad, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterTrack_4(bad, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterTrackStop(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterNotificationFree(bad, notification));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterNotificationFree_4(bad, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterNodeGet(bad, 1, SA_TIME_ONE_SECOND, &node));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterNodeGet_4(bad, 1, SA_TIME_ONE_SECOND, &node_4));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmClusterNodeGetAsync(bad, 1, 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmResponse_4(bad, 1, SA_CLM_CALLBACK_RESPONSE_OK));
    free(notification);
}

static void parameters(void)
{
    SaClmHandleT handle = initialized(&callbacks), without = initialized(&no_callbacks);
    SaClmClusterNodeT node;
    SaClmClusterNotificationT room[2];
    SaClmClusterNotificationBufferT none = {0, 0, room};

    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmSelectionObjectGet(handle, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmDispatch(handle, 0));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmDispatch(handle, 77));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saClmClusterTrack(handle, 0, NULL));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saClmClusterTrack(handle, 0xff, NULL));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saClmClusterTrack(handle, SA_TRACK_CHANGES | SA_TRACK_CHANGES_ONLY, NULL));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_LOCAL, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterTrack(handle, SA_TRACK_CURRENT, &none));
    GIVES(SA_AIS_ERR_NOT_EXIST, saClmClusterTrackStop(handle));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterNotificationFree(handle, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterNodeGet(handle, 1, SA_TIME_ONE_SECOND, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterNodeGet(handle, 1, -1, &node));
    GIVES(SA_AIS_ERR_TIMEOUT, saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, 0, &node));
    GIVES(SA_AIS_ERR_NOT_EXIST, saClmClusterNodeGet(handle, 4711, SA_TIME_ONE_SECOND * PATIENCE_S, &node));
    GIVES(SA_AIS_ERR_INIT, saClmClusterTrack(without, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_INIT, saClmClusterTrack(without, SA_TRACK_CHANGES, NULL));
    GIVES(SA_AIS_ERR_INIT, saClmClusterNodeGetAsync(without, 1, 1));
    GIVES(SA_AIS_ERR_VERSION, saClmClusterTrack_4(handle, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_VERSION, saClmResponse_4(handle, 1, SA_CLM_CALLBACK_RESPONSE_OK));
    GIVES(SA_AIS_OK, saClmFinalize(without));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    bad_handles(handle);
    bad_handles(0);
    bad_handles(~(SaClmHandleT)0);
}

static void nodes(void)
{
    SaClmHandleT handle = initialized(&callbacks);
    SaClmClusterNodeT node;

    RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_ONE_SECOND * PATIENCE_S, &node));
    CHECK(node.nodeId != 0 && node.member == SA_TRUE && node.nodeName.length > 0 && node.bootTimestamp > 0);
    CHECK(node.nodeAddress.family == SA_CLM_AF_INET && node.nodeAddress.length == 9);
    CHECK(memcmp(node.nodeAddress.value, "127.0.0.1", 10) == 0);
    RETRIED(saClmClusterNodeGet(handle, node.nodeId, SA_TIME_MAX, &node));
    got = 0;
    RETRIED(saClmClusterNodeGetAsync(handle, 0xfedcba9876543210, node.nodeId));
    dispatch_one(handle, &got);
    CHECK(last_invocation == 0xfedcba9876543210 && last_error == SA_AIS_OK && last_node.nodeId == node.nodeId);
    RETRIED(saClmClusterNodeGetAsync(handle, 2, 4711));
    dispatch_one(handle, &got);
    CHECK(last_invocation == 2 && last_error == SA_AIS_ERR_NOT_EXIST);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void tracking(void)
{
    SaClmHandleT handle = initialized(&callbacks);
    SaClmClusterNotificationT room[2];
    SaClmClusterNotificationBufferT buffer = {0, 2, room}, allocated = {0, 0, NULL};

    memset(room, 0xff, sizeof room);
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT, &buffer));
    CHECK(buffer.numberOfItems == 1 && room[0].clusterNode.member == SA_TRUE);
    CHECK(room[0].clusterChange == SA_CLM_NODE_NO_CHANGE);
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT, &allocated));
    CHECK(allocated.numberOfItems == 1 && allocated.notification != NULL);
    CHECK(allocated.viewNumber == buffer.viewNumber);
    CHECK(memcmp(allocated.notification, room, sizeof room[0]) == 0);
    GIVES(SA_AIS_OK, saClmClusterNotificationFree(handle, allocated.notification));

    tracked = 0;
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL));
    dispatch_one(handle, &tracked);
    CHECK(tracked == 1 && tracked_members == 1 && tracked_items == 1);
    GIVES(SA_AIS_OK, saClmClusterTrackStop(handle));
    GIVES(SA_AIS_ERR_NOT_EXIST, saClmClusterTrackStop(handle));
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CHANGES_ONLY, NULL));
    GIVES(SA_AIS_OK, saClmDispatch(handle, SA_DISPATCH_ALL));
    GIVES(SA_AIS_OK, saClmClusterTrackStop(handle));

    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT, NULL));
    finalize_in_callback = handle;
    dispatch_one(handle, &tracked);
    finalize_in_callback = 0;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmFinalize(handle));
}

static void version_3(void)
{
    static const SaClmCallbacksT_3 callbacks_3 = {on_node_get, on_track, on_eviction};
    SaClmHandleT handle = 0, first = initialized(&callbacks);
    SaVersionT asked = version('B', 3, 1);
    SaClmClusterNodeT node;

    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize_3(NULL, &callbacks_3, &asked));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmInitialize_3(&handle, &callbacks_3, NULL));
    RETRIED(saClmInitialize_3(&handle, &callbacks_3, &asked));
    CHECK(asked.majorVersion == 4 && asked.minorVersion == 1);
    RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    tracked = 0;
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL));
    dispatch_one(handle, &tracked);
    CHECK(last_node.nodeId == node.nodeId);
    GIVES(SA_AIS_ERR_NOT_EXIST, saClmResponse(handle, 1, SA_AIS_OK));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmResponse(handle, 1, 0));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmResponse(handle, 1, 999));
    GIVES(SA_AIS_ERR_VERSION, saClmResponse(first, 1, SA_AIS_OK));
    GIVES(SA_AIS_ERR_VERSION, saClmResponse_4(handle, 1, SA_CLM_CALLBACK_RESPONSE_OK));
    GIVES(SA_AIS_ERR_VERSION, saClmClusterTrack_4(handle, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_OK, saClmFinalize(first));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saClmResponse(handle, 1, SA_AIS_OK));
}

static void version_4(void)
{
    SaClmHandleT handle = 0;
    SaVersionT asked = version('B', 4, 1);
    SaClmClusterNodeT_4 node;
    SaClmClusterNodeT old;
    SaClmClusterNotificationBufferT_4 buffer = {0, 0, NULL};
    SaClmClusterNotificationT_4 room[1];
    SaClmClusterNotificationBufferT_4 given = {0, 1, room};

    RETRIED(saClmInitialize_4(&handle, &callbacks_4, &asked));
    CHECK(asked.majorVersion == 4 && asked.minorVersion == 1);
    RETRIED(saClmClusterNodeGet_4(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    CHECK(node.member == SA_TRUE && node.executionEnvironment.length == 0 && node.nodeName.length > 0);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterNodeGet_4(handle, 1, SA_TIME_ONE_SECOND, NULL));
    RETRIED(saClmClusterTrack_4(handle, SA_TRACK_CURRENT, &buffer));
    CHECK(buffer.numberOfItems == 1 && buffer.notification[0].clusterNode.nodeId == node.nodeId);
    GIVES(SA_AIS_OK, saClmClusterNotificationFree_4(handle, buffer.notification));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmClusterNotificationFree_4(handle, NULL));
    RETRIED(saClmClusterTrack_4(handle, SA_TRACK_CURRENT | SA_TRACK_LOCAL, &given));
    CHECK(given.numberOfItems == 1);
    GIVES(SA_AIS_ERR_BAD_FLAGS, saClmClusterTrack_4(handle, SA_TRACK_CURRENT | SA_TRACK_START_STEP, NULL));
    tracked = got = 0;
    RETRIED(saClmClusterTrack_4(
        handle,
        SA_TRACK_CURRENT | SA_TRACK_CHANGES | SA_TRACK_LOCAL | SA_TRACK_START_STEP | SA_TRACK_VALIDATE_STEP, NULL));
    dispatch_one(handle, &tracked);
    RETRIED(saClmClusterNodeGetAsync(handle, 5, SA_CLM_LOCAL_NODE_ID));
    dispatch_one(handle, &got);
    CHECK(last_invocation == 5);
    GIVES(SA_AIS_OK, saClmClusterTrackStop(handle));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saClmResponse_4(handle, 1, 9));
    GIVES(SA_AIS_ERR_NOT_EXIST, saClmResponse_4(handle, 1, SA_CLM_CALLBACK_RESPONSE_OK));
    GIVES(SA_AIS_ERR_VERSION, saClmClusterTrack(handle, SA_TRACK_CURRENT, NULL));
    GIVES(SA_AIS_ERR_VERSION, saClmClusterNodeGet(handle, 1, SA_TIME_ONE_SECOND, &old));
    GIVES(SA_AIS_ERR_VERSION, saClmClusterNotificationFree(handle, NULL));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void selection_object(void)
{
    SaClmHandleT handle = initialized(&callbacks);
    SaSelectionObjectT fd, again;
    fd_set set;
    struct timeval patience = {PATIENCE_S, 0};
    struct epoll_event event = {EPOLLIN, {0}};
    int epoll = epoll_create1(0);

    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &again));
    CHECK(fd == again && !is_readable(fd, 0));
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, (int)fd, &event) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    RETRIED(saClmClusterNodeGetAsync(handle, 1, SA_CLM_LOCAL_NODE_ID));
    CHECK(is_readable(fd, PATIENCE_S * 1000));
    CHECK(epoll_wait(epoll, &event, 1, PATIENCE_S * 1000) == 1);
    FD_ZERO(&set);
    FD_SET((int)fd, &set);
    CHECK(select((int)fd + 1, &set, NULL, NULL, &patience) == 1);
    got = 0;
    GIVES(SA_AIS_OK, saClmDispatch(handle, SA_DISPATCH_ALL));
    CHECK(got == 1 && !is_readable(fd, 0));
    close(epoll);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void *dispatch_blocking(void *handle)
{
    GIVES(SA_AIS_OK, saClmDispatch(*(SaClmHandleT *)handle, SA_DISPATCH_BLOCKING));
    return NULL;
}

static void *ask_often(void *handle)
{
    SaClmClusterNodeT node;
    for (int i = 0; i < 200; i++)
        RETRIED(saClmClusterNodeGet(*(SaClmHandleT *)handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    return NULL;
}

static void *own_handle(void *unused)
{
    for (int i = 0; i < 20; i++) {
        SaClmHandleT handle = initialized(&no_callbacks);
        SaClmClusterNodeT node;
        RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
        GIVES(SA_AIS_OK, saClmFinalize(handle));
    }
    return unused;
}

static void threads(void)
{
    SaClmHandleT handle = initialized(&callbacks);
    pthread_t blocked, asking[4], own[4];

    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    for (int i = 0; i < 4; i++)
        pthread_create(&asking[i], NULL, ask_often, &handle);
    for (int i = 0; i < 4; i++)
        pthread_create(&own[i], NULL, own_handle, NULL);
    for (int i = 0; i < 4; i++) {
        pthread_join(asking[i], NULL);
        pthread_join(own[i], NULL);
    }
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    pthread_join(blocked, NULL);
}

static void in_child(SaClmHandleT inherited)
{
    SaClmHandleT handle;
    SaClmClusterNodeT node;
    bad_handles(inherited);
    handle = initialized(&callbacks);
    RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    _exit(0);
}

static void forks(void)
{
    SaClmHandleT handle = initialized(&callbacks);
    SaSelectionObjectT fd;
    SaClmClusterNodeT node;
    pthread_t blocked, asking;
    int status;

    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    pthread_create(&asking, NULL, ask_often, &handle);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            in_child(handle);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        RETRIED(saClmClusterNodeGet(handle, SA_CLM_LOCAL_NODE_ID, SA_TIME_MAX, &node));
    }
    pthread_join(asking, NULL);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    pthread_join(blocked, NULL);
}

int main(void)
{
    double before = seconds_now();
    SaClmHandleT handle = initialized(&callbacks);

    printf("first initialize: %.1f ms\n", (seconds_now() - before) * 1000);
    GIVES(SA_AIS_OK, saClmFinalize(handle));
    versions();
    parameters();
    nodes();
    tracking();
    version_3();
    version_4();
    selection_object();
    threads();
    forks();
    puts("done");
    return 0;
}
