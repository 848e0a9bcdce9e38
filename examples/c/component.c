/*
 * A component: registers, says what it is told, answers, and ends when it is told to.
 *
 * cc component.c -o component $(openais c-api --cflags --libs)
 *
 * Its name is that which the framework started it as, or its argument: six of these, component_a1 to component_b3, are
 * the sample of the seed (examples/amf/groups.conf).
 */
#include <saAmf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SaAmfHandleT handle;
static SaNameT self;

static void say(const char *what, const SaNameT *csi)
{
    printf("%.*s: %s %.*s\n", self.length, (char *)self.value, what, csi ? csi->length : 0,
           csi ? (const char *)csi->value : "");
    fflush(stdout);
}

static void on_healthcheck(SaInvocationT invocation, const SaNameT *component, SaAmfHealthcheckKeyT *key)
{
    (void)component, (void)key;
    saAmfResponse(handle, invocation, SA_AIS_OK);
}

static void on_terminate(SaInvocationT invocation, const SaNameT *component)
{
    (void)component;
    say("ends", NULL);
    saAmfResponse(handle, invocation, SA_AIS_OK);
    saAmfFinalize(handle);
}

static void
on_csi_set(SaInvocationT invocation, const SaNameT *component, SaAmfHAStateT state, SaAmfCSIDescriptorT descriptor)
{
    static const char *const names[] = {"", "active for", "standby for", "quiesced for", "quiescing for"};
    (void)component;
    say(state <= SA_AMF_HA_QUIESCING ? names[state] : "", &descriptor.csiName);
    for (SaUint32T i = 0; i < descriptor.csiAttr.number; i++)
        printf("  %s = %s\n", (char *)descriptor.csiAttr.attr[i].attrName,
               (char *)descriptor.csiAttr.attr[i].attrValue);
    fflush(stdout);
    saAmfResponse(handle, invocation, SA_AIS_OK);
    if (state == SA_AMF_HA_QUIESCING)
        saAmfCSIQuiescingComplete(handle, invocation, SA_AIS_OK);
}

static void
on_csi_remove(SaInvocationT invocation, const SaNameT *component, const SaNameT *csi, SaAmfCSIFlagsT flags)
{
    (void)component, (void)flags;
    say("gives up", csi);
    saAmfResponse(handle, invocation, SA_AIS_OK);
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaAmfCallbacksT callbacks = {on_healthcheck, on_terminate, on_csi_set, on_csi_remove, NULL, NULL, NULL};
    SaAisErrorT error = saAmfInitialize(&handle, &callbacks, &version);

    if (error == SA_AIS_OK && argc > 1) {
        self.length = (SaUint16T)strnlen(argv[1], SA_MAX_NAME_LENGTH);
        memcpy(self.value, argv[1], self.length);
    } else if (error == SA_AIS_OK)
        error = saAmfComponentNameGet(handle, &self);
    if (error == SA_AIS_OK)
        while ((error = saAmfComponentRegister(handle, &self, NULL)) == SA_AIS_ERR_TRY_AGAIN)
            usleep(10000);
    if (error == SA_AIS_OK) {
        say("is registered", NULL);
        error = saAmfDispatch(handle, SA_DISPATCH_BLOCKING);
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "component: error %d\n", error);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
