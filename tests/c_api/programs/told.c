/*
 * A component that says in the file $SAID what it is told, and does what lines in the named pipe $COMMANDS.NAME say.
 *
 * With $INTERFACE 4 it uses the functions of B.04.01, else those of B.01.01. With $HEALTH "asked" it is asked for its
 * health, with "confirms" it confirms it. As a proxy it registers whatever it is to instantiate.
 */
#include <fcntl.h>
#include <saAmf.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "check.h"

static SaAmfHandleT handle;
static SaNameT self, csi_name;
static int newest, commands, is_healthy = 1, is_over, confirms;
static SaAmfHealthcheckKeyT key = {"alive", 5};

static void say(const char *format, ...)
{
    char line[1024];
    int length = snprintf(line, sizeof line, "%.*s ", self.length, (const char *)self.value), said;
    va_list arguments;
    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    said = open(getenv("SAID"), O_WRONLY | O_APPEND | O_CREAT, 0644);
    CHECK(said >= 0 && write(said, line, (size_t)length) == length);
    close(said);
}

static void answer(SaInvocationT invocation, SaAisErrorT error)
{
    GIVES(SA_AIS_OK, newest ? saAmfResponse_4(handle, invocation, NULL, error) : saAmfResponse(handle, invocation, error));
}

static void on_healthcheck(SaInvocationT invocation, const SaNameT *component, SaAmfHealthcheckKeyT *asked)
{
    CHECK(component->length == self.length && asked->keyLen == key.keyLen);
    CHECK(memcmp(asked->key, key.key, key.keyLen) == 0);
    answer(invocation, is_healthy ? SA_AIS_OK : SA_AIS_ERR_FAILED_OPERATION);
}

static void on_terminate(SaInvocationT invocation, const SaNameT *component)
{
    say("terminate %.*s", component->length, (const char *)component->value);
    answer(invocation, SA_AIS_OK);
    is_over = component->length == self.length && memcmp(component->value, self.value, self.length) == 0;
}

static void
on_csi_set(SaInvocationT invocation, const SaNameT *component, SaAmfHAStateT state, SaAmfCSIDescriptorT descriptor)
{
    static const char *const names[] = {"", "active", "standby", "quiesced", "quiescing"};
    const SaAmfCSIStateDescriptorT *how = &descriptor.csiStateDescriptor;
    csi_name = descriptor.csiName;
    CHECK(descriptor.csiFlags == SA_AMF_CSI_ADD_ONE || descriptor.csiFlags == SA_AMF_CSI_TARGET_ONE);
    say("%s %.*s", names[state], component->length, (const char *)component->value);
    for (SaUint32T i = 0; i < descriptor.csiAttr.number; i++)
        say("%s=%s", (char *)descriptor.csiAttr.attr[i].attrName, (char *)descriptor.csiAttr.attr[i].attrValue);
    if (state == SA_AMF_HA_ACTIVE)
        say("after %d %.*s", how->activeDescriptor.transitionDescriptor, how->activeDescriptor.activeCompName.length,
            (const char *)how->activeDescriptor.activeCompName.value);
    if (state == SA_AMF_HA_STANDBY)
        say("behind %.*s", how->standbyDescriptor.activeCompName.length,
            (const char *)how->standbyDescriptor.activeCompName.value);
    answer(invocation, SA_AIS_OK);
    if (state == SA_AMF_HA_QUIESCING)
        GIVES(SA_AIS_OK, saAmfCSIQuiescingComplete(handle, invocation, SA_AIS_OK));
}

static void on_csi_remove(SaInvocationT invocation, const SaNameT *component, const SaNameT *csi, SaAmfCSIFlagsT flags)
{
    CHECK(flags == SA_AMF_CSI_TARGET_ONE);
    say("removed %.*s %.*s", component->length, (const char *)component->value, csi->length, (const char *)csi->value);
    answer(invocation, SA_AIS_OK);
}

static void
on_group(const SaNameT *csi, SaAmfProtectionGroupNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    CHECK(error == SA_AIS_OK && csi->length == csi_name.length);
    say("group of %u", members);
    for (SaUint32T i = 0; i < buffer->numberOfItems; i++)
        say("member %.*s %d %d", buffer->notification[i].member.compName.length,
            (const char *)buffer->notification[i].member.compName.value, buffer->notification[i].member.haState,
            buffer->notification[i].change);
}

static void
on_group_4(const SaNameT *csi, SaAmfProtectionGroupNotificationBufferT_4 *buffer, SaUint32T members, SaAisErrorT error)
{
    CHECK(error == SA_AIS_OK && csi->length == csi_name.length);
    say("group of %u", members);
    for (SaUint32T i = 0; i < buffer->numberOfItems; i++)
        say("member %.*s %d %d ready %d", buffer->notification[i].member.compName.length,
            (const char *)buffer->notification[i].member.compName.value, buffer->notification[i].member.haState,
            buffer->notification[i].change, buffer->notification[i].member.haReadinessState);
}

static void on_instantiate(SaInvocationT invocation, const SaNameT *component)
{
    say("instantiate %.*s", component->length, (const char *)component->value);
    RETRIED(saAmfComponentRegister(handle, component, &self));
    answer(invocation, SA_AIS_OK);
}

static void on_cleanup(SaInvocationT invocation, const SaNameT *component)
{
    say("cleanup %.*s", component->length, (const char *)component->value);
    answer(invocation, SA_AIS_OK);
}

static void begin(void)
{
    SaVersionT version = {'B', 1, 1};
    SaAmfCallbacksT old = {on_healthcheck, on_terminate,   on_csi_set, on_csi_remove,
                           on_group,       on_instantiate, on_cleanup};
    SaAmfCallbacksT_4 new = {on_healthcheck, on_terminate,   on_csi_set, on_csi_remove, on_group_4,
                             on_instantiate, on_cleanup,     NULL,       NULL};
    const char *health = getenv("HEALTH");
    char pipe[1024];
    newest = getenv("INTERFACE") != NULL && getenv("INTERFACE")[0] == '4';
    RETRIED(newest ? saAmfInitialize_4(&handle, &new, &version) : saAmfInitialize(&handle, &old, &version));
    GIVES(SA_AIS_OK, saAmfComponentNameGet(handle, &self));
    snprintf(pipe, sizeof pipe, "%s.%.*s", getenv("COMMANDS"), self.length, (const char *)self.value);
    (void)mkfifo(pipe, 0600);
    commands = open(pipe, O_RDWR | O_NONBLOCK);
    CHECK(commands >= 0);
    RETRIED(saAmfComponentRegister(handle, &self, NULL));
    confirms = health != NULL && strcmp(health, "confirms") == 0;
    if (health != NULL)
        RETRIED(saAmfHealthcheckStart(
            handle, &self, &key,
            confirms ? SA_AMF_HEALTHCHECK_COMPONENT_INVOKED : SA_AMF_HEALTHCHECK_AMF_INVOKED,
            SA_AMF_COMPONENT_FAILOVER));
}

static SaAisErrorT do_as_told(const char *what, const char *with)
{
    SaInt64T number = atoll(with);
    const SaAmfPmErrorsT any = SA_AMF_PM_ZERO_EXIT | SA_AMF_PM_NON_ZERO_EXIT | SA_AMF_PM_ABNORMAL_END;
    SaNameT other = {(SaUint16T)strlen(with), {0}};
    SaAmfHAStateT state;
    SaAisErrorT error = SA_AIS_OK;
    memcpy(other.value, with, other.length);
    if (strcmp(what, "unhealthy") == 0)
        is_healthy = confirms = 0;
    else if (strcmp(what, "fail") == 0 || strcmp(what, "healthcheck-stop") == 0) {
        confirms = 0;
        error = *what == 'f' ? saAmfHealthcheckConfirm(handle, &self, &key, SA_AIS_ERR_FAILED_OPERATION)
                             : saAmfHealthcheckStop(handle, &self, &key);
    } else if (strcmp(what, "track") == 0)
        error = newest ? saAmfProtectionGroupTrack_4(handle, &csi_name, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL)
                       : saAmfProtectionGroupTrack(handle, &csi_name, SA_TRACK_CURRENT | SA_TRACK_CHANGES, NULL);
    else if (strcmp(what, "report") == 0)
        error = newest ? saAmfComponentErrorReport_4(handle, &other, 0, SA_AMF_COMPONENT_FAILOVER, NULL)
                       : saAmfComponentErrorReport(handle, &other, 0, SA_AMF_COMPONENT_FAILOVER, 0);
    else if (strcmp(what, "clear") == 0)
        error = newest ? saAmfComponentErrorClear_4(handle, &other, NULL) : saAmfComponentErrorClear(handle, &other, 0);
    else if (strcmp(what, "monitor") == 0)
        error = newest ? saAmfPmStart_3(handle, &self, (SaInt32T)number, -1, any, SA_AMF_COMPONENT_FAILOVER)
                       : saAmfPmStart(handle, &self, (SaUint64T)number, -1, any, SA_AMF_COMPONENT_FAILOVER);
    else if (strcmp(what, "monitor-no-more") == 0)
        error = saAmfPmStop(handle, &self, SA_AMF_PM_PROC_AND_DESCENDENTS, number, any);
    else if (strcmp(what, "ready") == 0)
        error = saAmfHAReadinessStateSet(handle, &self, &csi_name, (SaAmfHAReadinessStateT)number, NULL);
    else if (strcmp(what, "state") == 0 && (error = saAmfHAStateGet(handle, &self, &csi_name, &state)) == SA_AIS_OK)
        say("state %d", state);
    return error;
}

static void hear(void)
{
    char lines[4096], *line, *next = lines;
    ssize_t length = read(commands, lines, sizeof lines - 1);
    CHECK(length > 0);
    lines[length] = '\0';
    while ((line = strsep(&next, "\n")) != NULL && *line != '\0') {
        char *with = strchr(line, ' ');
        if (with != NULL)
            *with++ = '\0';
        say("%s gives %d", line, do_as_told(line, with ? with : ""));
    }
}

int main(void)
{
    SaSelectionObjectT object;
    begin();
    GIVES(SA_AIS_OK, saAmfSelectionObjectGet(handle, &object));
    while (!is_over) {
        struct pollfd polled[] = {{(int)object, POLLIN, 0}, {commands, POLLIN, 0}};
        CHECK(poll(polled, 2, confirms ? 100 : -1) >= 0);
        if (confirms)
            GIVES(SA_AIS_OK, saAmfHealthcheckConfirm(handle, &self, &key, SA_AIS_OK));
        if (polled[1].revents & POLLIN)
            hear();
        if (polled[0].revents)
            GIVES(SA_AIS_OK, saAmfDispatch(handle, SA_DISPATCH_ALL));
    }
    GIVES(SA_AIS_OK, saAmfFinalize(handle));
    return 0;
}
