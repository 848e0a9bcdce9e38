/*
 * What saCkpt.h had otherwise in B.01.01, for programs that ask for symbols of that version.
 */
#include <string.h>

typedef struct {
    SaCkptCheckpointCreationAttributesT checkpointCreationAttributes;
    SaUint32T numberOfSections;
    SaUint32T memoryUsed;
} Descriptor;

static SaAisErrorT older_saCkptCheckpointStatusGet(
    SaCkptCheckpointHandleT checkpointHandle, SaCkptCheckpointDescriptorT *checkpointStatus)
{
    Descriptor *wanted = (Descriptor *)checkpointStatus;
    SaCkptCheckpointDescriptorT found;
    SaAisErrorT error;

    error = local_saCkptCheckpointStatusGet(checkpointHandle, wanted ? &found : NULL);
    if (error == SA_AIS_OK) {
        wanted->checkpointCreationAttributes = found.checkpointCreationAttributes;
        wanted->numberOfSections = found.numberOfSections;
        wanted->memoryUsed = found.memoryUsed > UINT32_MAX ? UINT32_MAX : (SaUint32T)found.memoryUsed;
    }
    return error;
}
