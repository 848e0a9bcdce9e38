/*
 * Writes a section of a checkpoint: checkpoint_writer CHECKPOINT SECTION TEXT
 *
 * cc checkpoint_writer.c -o checkpoint_writer $(openais c-api --cflags --libs)
 */
#include <saCkpt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    SaVersionT version = {'B', 1, 1};
    SaCkptHandleT handle;
    SaCkptCheckpointHandleT checkpoint;
    SaCkptCheckpointCreationAttributesT attributes = {
        SA_CKPT_WR_ALL_REPLICAS, 1000 * 1000, 5 * SA_TIME_ONE_MINUTE, 100, 10000, 100};
    SaCkptSectionIdT section;
    SaCkptSectionCreationAttributesT made_with = {&section, SA_TIME_END};
    SaNameT name;
    SaAisErrorT error;

    if (argc < 4 || strlen(argv[1]) > SA_MAX_NAME_LENGTH) {
        fprintf(stderr, "usage: checkpoint_writer CHECKPOINT SECTION TEXT\n");
        return EXIT_FAILURE;
    }
    name.length = (SaUint16T)strlen(argv[1]);
    memcpy(name.value, argv[1], name.length);
    section.idLen = (SaUint16T)strlen(argv[2]);
    section.id = (SaUint8T *)argv[2];

    error = saCkptInitialize(&handle, NULL, &version);
    if (error == SA_AIS_OK)
        error = saCkptCheckpointOpen(handle, &name, &attributes,
                                     SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE,
                                     10 * SA_TIME_ONE_SECOND, &checkpoint);
    if (error == SA_AIS_OK) {
        while ((error = saCkptSectionCreate(checkpoint, &made_with, argv[3], strlen(argv[3]))) ==
               SA_AIS_ERR_TRY_AGAIN)
            usleep(10000);
        if (error == SA_AIS_ERR_EXIST)
            while ((error = saCkptSectionOverwrite(checkpoint, &section, argv[3], strlen(argv[3]))) ==
                   SA_AIS_ERR_TRY_AGAIN)
                usleep(10000);
    }
    if (error != SA_AIS_OK) {
        fprintf(stderr, "checkpoint_writer: error %d\n", error);
        return EXIT_FAILURE;
    }
    return saCkptFinalize(handle) == SA_AIS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
