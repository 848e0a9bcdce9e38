/*
 * Prints all sections of a checkpoint: checkpoint_reader CHECKPOINT
 *
 * cc checkpoint_reader.c -o checkpoint_reader $(openais c-api --cflags --libs)
 */
#include <saCkpt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SaAisErrorT print(SaCkptCheckpointHandleT checkpoint, SaCkptSectionIdT section)
{
    SaCkptIOVectorElementT whole = {section, NULL, 0, 0, 0};
    SaAisErrorT error = saCkptCheckpointRead(checkpoint, &whole, 1, NULL);

    if (error == SA_AIS_OK) {
        printf("%.*s: %.*s\n", section.idLen, (char *)section.id, (int)whole.readSize, (char *)whole.dataBuffer);
        error = saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer);
    }
    return error;
}

static SaAisErrorT print_all(SaCkptCheckpointHandleT checkpoint)
{
    SaCkptSectionIterationHandleT iteration;
    SaCkptSectionDescriptorT found;
    SaAisErrorT error = saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration);

    if (error != SA_AIS_OK)
        return error;
    while ((error = saCkptSectionIterationNext(iteration, &found)) == SA_AIS_OK) {
        error = print(checkpoint, found.sectionId);
        if (found.sectionId.id != NULL)
            saCkptSectionIdFree(checkpoint, found.sectionId.id);
        if (error != SA_AIS_OK)
            break;
    }
    saCkptSectionIterationFinalize(iteration);
    return error == SA_AIS_ERR_NO_SECTIONS ? SA_AIS_OK : error;
}

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaCkptHandleT handle;
    SaCkptCheckpointHandleT checkpoint;
    SaNameT name;
    SaAisErrorT error;

    if (argc < 2 || strlen(argv[1]) > SA_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: checkpoint_reader CHECKPOINT\n");
        return EXIT_FAILURE;
    }
    name.length = (SaUint16T)strlen(argv[1]);
    memcpy(name.value, argv[1], name.length);

    error = saCkptInitialize(&handle, NULL, &version);
    if (error == SA_AIS_OK)
        error = saCkptCheckpointOpen(handle, &name, NULL, SA_CKPT_CHECKPOINT_READ, 10 * SA_TIME_ONE_SECOND,
                                     &checkpoint);
    if (error == SA_AIS_OK)
        error = print_all(checkpoint);
    if (error != SA_AIS_OK) {
        fprintf(stderr, "checkpoint_reader: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saCkptFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
