/*
 * Prints the sections of a checkpoint as they change, so many of them: checkpoint_watcher CHECKPOINT COUNT
 *
 * cc checkpoint_watcher.c -o checkpoint_watcher $(openais c-api --cflags --libs)
 */
#include <saCkpt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wanted;

static void on_track(SaCkptCheckpointHandleT checkpoint, SaCkptIOVectorElementT *changed, SaUint32T count)
{
    for (SaUint32T i = 0; i < count; i++, wanted--) {
        SaCkptSectionIdT section = changed[i].sectionId;

        if (saCkptCheckpointRead(checkpoint, &changed[i], 1, NULL) == SA_AIS_OK) {
            printf("%.*s: %.*s\n", section.idLen, (char *)section.id, (int)changed[i].readSize,
                   (char *)changed[i].dataBuffer);
            saCkptIOVectorElementDataFree(checkpoint, changed[i].dataBuffer);
        } else {
            printf("%.*s is gone\n", section.idLen, (char *)section.id);
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 2, 3};
    SaCkptCallbacksT_2 callbacks = {NULL, NULL, on_track};
    SaCkptCheckpointCreationAttributesT attributes = {
        SA_CKPT_WR_ALL_REPLICAS, 1000 * 1000, 5 * SA_TIME_ONE_MINUTE, 100, 10000, 100};
    SaCkptHandleT handle;
    SaCkptCheckpointHandleT checkpoint;
    SaNameT name;
    SaAisErrorT error;

    if (argc < 3 || strlen(argv[1]) > SA_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: checkpoint_watcher CHECKPOINT COUNT\n");
        return EXIT_FAILURE;
    }
    name.length = (SaUint16T)strlen(argv[1]);
    memcpy(name.value, argv[1], name.length);
    wanted = atoi(argv[2]);

    error = saCkptInitialize_2(&handle, &callbacks, &version);
    if (error == SA_AIS_OK)
        error = saCkptCheckpointOpen(handle, &name, &attributes, SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_CREATE,
                                     10 * SA_TIME_ONE_SECOND, &checkpoint);
    if (error == SA_AIS_OK)
        error = saCkptTrack(handle);
    if (error == SA_AIS_OK) {
        printf("watching\n");
        fflush(stdout);
    }
    while (error == SA_AIS_OK && wanted > 0)
        error = saCkptDispatch(handle, SA_DISPATCH_ONE);
    if (error != SA_AIS_OK) {
        fprintf(stderr, "checkpoint_watcher: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saCkptFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
