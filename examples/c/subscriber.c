/*
 * Prints events whose pattern begins with a prefix: subscriber CHANNEL PREFIX [COUNT]
 *
 * cc subscriber.c -o subscriber $(openais c-api --cflags --libs)
 */
#include <poll.h>
#include <saEvt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int received;

static void on_deliver(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    char *data = malloc(size + 1);
    SaNameT publisher;
    SaEvtEventIdT id;

    (void)subscription;
    if (data != NULL && saEvtEventDataGet(event, data, &size) == SA_AIS_OK &&
        saEvtEventAttributesGet(event, NULL, NULL, NULL, &publisher, NULL, &id) == SA_AIS_OK) {
        if (id == SA_EVT_EVENTID_LOST)
            printf("events were lost\n");
        else
            printf("%.*s: %.*s\n", publisher.length, (char *)publisher.value, (int)size, data);
        fflush(stdout);
        received++;
    }
    free(data);
    saEvtEventFree(event);
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaEvtCallbacksT callbacks = {NULL, on_deliver};
    SaEvtHandleT handle;
    SaEvtChannelHandleT channel;
    SaSelectionObjectT descriptor;
    SaNameT name;
    SaEvtEventFilterT filter = {SA_EVT_PREFIX_FILTER, {0, 0, NULL}};
    SaEvtEventFilterArrayT filters = {1, &filter};
    SaAisErrorT error;
    int wanted = argc > 3 ? atoi(argv[3]) : 0;

    if (argc < 3 || strlen(argv[1]) > SA_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: subscriber CHANNEL PREFIX [COUNT]\n");
        return EXIT_FAILURE;
    }
    name.length = (SaUint16T)strlen(argv[1]);
    memcpy(name.value, argv[1], name.length);
    filter.filter.allocatedSize = filter.filter.patternSize = strlen(argv[2]);
    filter.filter.pattern = (SaUint8T *)argv[2];

    error = saEvtInitialize(&handle, &callbacks, &version);
    if (error == SA_AIS_OK)
        error = saEvtSelectionObjectGet(handle, &descriptor);
    if (error == SA_AIS_OK)
        error = saEvtChannelOpen(handle, &name, SA_EVT_CHANNEL_SUBSCRIBER | SA_EVT_CHANNEL_CREATE,
                                 10 * SA_TIME_ONE_SECOND, &channel);
    if (error == SA_AIS_OK)
        error = saEvtEventSubscribe(channel, &filters, 1);
    if (error == SA_AIS_OK) {
        puts("subscribed");
        fflush(stdout);
    }
    while (error == SA_AIS_OK && (wanted == 0 || received < wanted)) {
        struct pollfd polled = {(int)descriptor, POLLIN, 0};
        poll(&polled, 1, -1);
        error = saEvtDispatch(handle, SA_DISPATCH_ONE);
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "subscriber: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saEvtFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
