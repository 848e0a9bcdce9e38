/*
 * Publishes events: publisher CHANNEL PATTERN TEXT...
 *
 * cc publisher.c -o publisher $(openais c-api --cflags --libs)
 */
#include <saEvt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static SaAisErrorT publish(SaEvtEventHandleT event, const char *text)
{
    SaEvtEventIdT id;
    SaAisErrorT error;

    while ((error = saEvtEventPublish(event, text, strlen(text), &id)) == SA_AIS_ERR_TRY_AGAIN)
        usleep(10000);
    if (error == SA_AIS_OK)
        printf("event %llu\n", (unsigned long long)id);
    return error;
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaEvtHandleT handle;
    SaEvtChannelHandleT channel;
    SaEvtEventHandleT event;
    SaNameT name, publisher = {9, "publisher"};
    SaEvtEventPatternT pattern;
    SaEvtEventPatternArrayT patterns = {0, 1, &pattern};
    SaAisErrorT error;

    if (argc < 4 || strlen(argv[1]) > SA_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: publisher CHANNEL PATTERN TEXT...\n");
        return EXIT_FAILURE;
    }
    name.length = (SaUint16T)strlen(argv[1]);
    memcpy(name.value, argv[1], name.length);
    pattern.allocatedSize = pattern.patternSize = strlen(argv[2]);
    pattern.pattern = (SaUint8T *)argv[2];

    error = saEvtInitialize(&handle, NULL, &version);
    if (error == SA_AIS_OK)
        error = saEvtChannelOpen(handle, &name, SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_CREATE,
                                 10 * SA_TIME_ONE_SECOND, &channel);
    if (error == SA_AIS_OK)
        error = saEvtEventAllocate(channel, &event);
    if (error == SA_AIS_OK)
        error = saEvtEventAttributesSet(event, &patterns, SA_EVT_LOWEST_PRIORITY, 0, &publisher);
    for (int i = 3; i < argc && error == SA_AIS_OK; i++)
        error = publish(event, argv[i]);
    if (error != SA_AIS_OK) {
        fprintf(stderr, "publisher: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saEvtFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
