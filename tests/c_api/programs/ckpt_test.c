/* Every function, callback and error of saCkpt.h against a cluster of one. */
#include <saCkpt.h>

#include "check.h"

static int opened, synchronized;
static SaInvocationT last_invocation;
static SaCkptCheckpointHandleT last_checkpoint;
static SaAisErrorT last_error;

static void on_open(SaInvocationT invocation, SaCkptCheckpointHandleT checkpoint, SaAisErrorT error)
{
    opened++;
    last_invocation = invocation;
    last_checkpoint = checkpoint;
    last_error = error;
}

static void on_synchronize(SaInvocationT invocation, SaAisErrorT error)
{
    synchronized++;
    last_invocation = invocation;
    last_error = error;
}

static const SaCkptCallbacksT callbacks = {on_open, on_synchronize};
static const SaTimeT patience = SA_TIME_ONE_SECOND * PATIENCE_S;
static const SaUint32T everything =
    SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE;
static const SaUint32T read_write = SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE;
static SaCkptCheckpointCreationAttributesT attributes = {
    SA_CKPT_WR_ALL_REPLICAS, 100000, SA_TIME_ONE_HOUR, 10, 10000, 20};
static SaCkptCheckpointCreationAttributesT collocated = {
    SA_CKPT_WR_ACTIVE_REPLICA | SA_CKPT_CHECKPOINT_COLLOCATED, 100000, SA_TIME_ONE_HOUR, 10, 10000, 20};

static SaCkptHandleT initialized(const SaCkptCallbacksT *with)
{
    SaCkptHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    RETRIED(saCkptInitialize(&handle, with, &version));
    CHECK(version.releaseCode == 'B' && version.majorVersion == 2 && version.minorVersion == 2);
    return handle;
}

static SaNameT name_of(const char *text)
{
    SaNameT name;
    name.length = (SaUint16T)strlen(text);
    memcpy(name.value, text, name.length);
    return name;
}

static SaCkptCheckpointHandleT
checkpoint_of(SaCkptHandleT handle, const char *text, const SaCkptCheckpointCreationAttributesT *made_with)
{
    SaNameT name = name_of(text);
    SaCkptCheckpointHandleT checkpoint = 0;
    RETRIED(saCkptCheckpointOpen(handle, &name, made_with, everything, patience, &checkpoint));
    return checkpoint;
}

static SaCkptSectionIdT id_of(char *text)
{
    SaCkptSectionIdT id = {(SaUint16T)strlen(text), (SaUint8T *)text};
    return id;
}

static void create(SaCkptCheckpointHandleT checkpoint, char *text, const char *data)
{
    SaCkptSectionIdT id = id_of(text);
    SaCkptSectionCreationAttributesT made_with = {&id, SA_TIME_END};
    RETRIED(saCkptSectionCreate(checkpoint, &made_with, data, strlen(data)));
    CHECK(id.id == (SaUint8T *)text);
}

static void holds(SaCkptCheckpointHandleT checkpoint, char *text, const char *data)
{
    char buffer[64];
    SaCkptIOVectorElementT element = {id_of(text), buffer, sizeof buffer, 0, 77};
    RETRIED(saCkptCheckpointRead(checkpoint, &element, 1, NULL));
    CHECK(element.readSize == strlen(data) && memcmp(buffer, data, element.readSize) == 0);
}

static void dispatch_one(SaCkptHandleT handle, int *counter)
{
    SaSelectionObjectT fd;
    int before = *counter;
    GIVES(SA_AIS_OK, saCkptSelectionObjectGet(handle, &fd));
    while (*counter == before) {
        struct pollfd polled = {(int)fd, POLLIN, 0};
        CHECK(poll(&polled, 1, PATIENCE_S * 1000) == 1);
        GIVES(SA_AIS_OK, saCkptDispatch(handle, SA_DISPATCH_ONE));
    }
}

static void bad_checkpoint(SaCkptCheckpointHandleT bad)
{
    SaCkptSectionIdT id = id_of("a");
    SaCkptSectionCreationAttributesT made_with = {&id, SA_TIME_END};
    SaCkptIOVectorElementT element = {id, "x", 1, 0, 0};
    SaCkptCheckpointDescriptorT status;
    SaCkptSectionIterationHandleT iteration;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointClose(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointRetentionDurationSet(bad, 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptActiveReplicaSet(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointStatusGet(bad, &status));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionCreate(bad, &made_with, "x", 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionDelete(bad, &id));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionIdFree(bad, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionExpirationTimeSet(bad, &id, 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionIterationInitialize(bad, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointWrite(bad, &element, 1, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionOverwrite(bad, &id, "x", 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointRead(bad, &element, 1, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptIOVectorElementDataFree(bad, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointSynchronize(bad, patience));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointSynchronizeAsync(bad, 1));
}

static void bad_handle(SaCkptHandleT bad)
{
    SaSelectionObjectT fd;
    SaNameT name = name_of("a");
    SaCkptCheckpointHandleT checkpoint;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSelectionObjectGet(bad, &fd));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptDispatch(bad, SA_DISPATCH_ALL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptDispatch(bad, SA_DISPATCH_BLOCKING));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptFinalize(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointOpen(bad, &name, &attributes, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointOpenAsync(bad, 1, &name, &attributes, everything));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointUnlink(bad, &name));
}

static void bad_iteration(SaCkptSectionIterationHandleT bad)
{
    SaCkptSectionDescriptorT section;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionIterationNext(bad, &section));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptSectionIterationFinalize(bad));
}

static void bad_handles(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "handles", &attributes);
    SaCkptSectionIterationHandleT iteration;

    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    bad_handle(checkpoint);
    bad_handle(0);
    bad_checkpoint(handle);
    bad_checkpoint(iteration);
    bad_checkpoint(0);
    bad_iteration(checkpoint);
    GIVES(SA_AIS_OK, saCkptCheckpointClose(checkpoint));
    bad_checkpoint(checkpoint);
    bad_iteration(iteration);
    checkpoint = checkpoint_of(handle, "handles", &attributes);
    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
    bad_handle(handle);
    bad_checkpoint(checkpoint);
    bad_iteration(iteration);
}

static void parameters_of_opening(SaCkptHandleT handle)
{
    SaVersionT version = {'B', 3, 1};
    SaNameT name = name_of("parameters"), odd = {1, {0xff}}, empty = {0, {0}}, late = name_of("late");
    SaCkptCheckpointHandleT checkpoint;
    SaCkptCheckpointCreationAttributesT wrong = attributes;
    SaCkptHandleT without = initialized(NULL);

    GIVES(SA_AIS_ERR_VERSION, saCkptInitialize(&checkpoint, &callbacks, &version));
    CHECK(version.majorVersion == 2 && version.minorVersion == 2);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptInitialize(NULL, &callbacks, &version));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptInitialize(&checkpoint, &callbacks, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSelectionObjectGet(handle, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptDispatch(handle, 9));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, NULL, &wrong, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, NULL, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, read_write, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &odd, &wrong, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &empty, &wrong, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, -1, &checkpoint));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saCkptCheckpointOpen(handle, &name, NULL, 0, patience, &checkpoint));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saCkptCheckpointOpen(handle, &name, NULL, 0xf0, patience, &checkpoint));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointOpen(handle, &name, NULL, read_write, patience, &checkpoint));
    GIVES(SA_AIS_ERR_TIMEOUT, saCkptCheckpointOpen(handle, &late, &wrong, everything, 0, &checkpoint));
    wrong.maxSections = 0;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, &checkpoint));
    wrong = attributes;
    wrong.retentionDuration = -1;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, &checkpoint));
    wrong = attributes;
    wrong.creationFlags = 0x7;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, &checkpoint));
    checkpoint_of(handle, "parameters", &attributes);
    wrong = attributes;
    wrong.checkpointSize++;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, &checkpoint));
    wrong.checkpointSize -= 2;
    GIVES(SA_AIS_ERR_EXIST, saCkptCheckpointOpen(handle, &name, &wrong, everything, patience, &checkpoint));
    GIVES(SA_AIS_ERR_INIT, saCkptCheckpointOpenAsync(without, 1, &name, &attributes, everything));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointOpenAsync(handle, 1, NULL, &attributes, everything));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointUnlink(handle, NULL));
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(without));
}

static void parameters_of_sections(SaCkptHandleT handle)
{
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "parameters-2", &attributes), reader;
    SaNameT name = name_of("parameters-2");
    SaCkptSectionIdT id = id_of("a"), missing = {3, NULL}, lengthy = {400, (SaUint8T *)calloc(1, 400)};
    SaCkptSectionCreationAttributesT made_with = {&id, SA_TIME_END}, wrong = {NULL, SA_TIME_END},
                                     negative = {&id, -1}, no_id = {&missing, SA_TIME_END};
    SaCkptIOVectorElementT vector[2] = {{id, "x", 1, 0, 0}, {id, NULL, 1, 0, 0}};
    SaCkptSectionIterationHandleT iteration;
    SaUint32T index = 99;
    char byte = 0;

    RETRIED(saCkptCheckpointOpen(handle, &name, NULL, SA_CKPT_CHECKPOINT_READ, patience, &reader));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointStatusGet(checkpoint, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointRetentionDurationSet(checkpoint, -1));
    GIVES(SA_AIS_ERR_BAD_OPERATION, saCkptActiveReplicaSet(checkpoint));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionCreate(checkpoint, NULL, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionCreate(checkpoint, &wrong, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionCreate(checkpoint, &negative, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionCreate(checkpoint, &no_id, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionCreate(checkpoint, &made_with, NULL, 1));
    GIVES(SA_AIS_ERR_ACCESS, saCkptSectionCreate(reader, &made_with, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionDelete(checkpoint, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionDelete(checkpoint, &missing));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionDelete(checkpoint, &lengthy));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptSectionDelete(checkpoint, &id));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionIdFree(checkpoint, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionExpirationTimeSet(checkpoint, NULL, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionExpirationTimeSet(checkpoint, &id, -1));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptSectionExpirationTimeSet(checkpoint, &id, SA_TIME_END));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionOverwrite(checkpoint, NULL, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionOverwrite(checkpoint, &id, NULL, 1));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptSectionOverwrite(checkpoint, &id, "x", 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionIterationInitialize(checkpoint, 0, 0, &iteration));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointWrite(checkpoint, NULL, 1, &index));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointWrite(checkpoint, vector, 0, &index));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointWrite(checkpoint, vector, 0xffffffff, &index));
    CHECK(index == 99);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointWrite(checkpoint, vector, 2, &index));
    CHECK(index == 1);
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointWrite(checkpoint, vector, 1, &index));
    CHECK(index == 0);
    create(checkpoint, "a", "abc");
    vector[1].sectionId = id_of("b");
    vector[1].dataBuffer = &byte;
    index = 99;
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointWrite(checkpoint, vector, 2, &index));
    CHECK(index == 1);
    vector[0].dataBuffer = &byte;
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointRead(checkpoint, vector, 2, &index));
    CHECK(index == 1);
    vector[0].dataOffset = 100;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointRead(checkpoint, vector, 1, &index));
    vector[0].dataOffset = ~(SaOffsetT)0;
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointRead(checkpoint, vector, 1, &index));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointRead(checkpoint, NULL, 1, &index));
    GIVES(SA_AIS_ERR_ACCESS, saCkptSectionDelete(reader, &id));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptIOVectorElementDataFree(checkpoint, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptCheckpointSynchronize(checkpoint, -1));
    free(lengthy.id);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
}

static void opening(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaNameT name = name_of("async"), absent = name_of("absent");

    RETRIED(saCkptCheckpointOpenAsync(handle, 0xffffffffffffffff, &name, &attributes, everything));
    dispatch_one(handle, &opened);
    CHECK(last_invocation == 0xffffffffffffffff && last_error == SA_AIS_OK);
    create(last_checkpoint, "a", "abc");
    holds(last_checkpoint, "a", "abc");
    GIVES(SA_AIS_OK, saCkptCheckpointClose(last_checkpoint));
    RETRIED(saCkptCheckpointOpenAsync(handle, 7, &absent, NULL, read_write));
    dispatch_one(handle, &opened);
    CHECK(last_invocation == 7 && last_error == SA_AIS_ERR_NOT_EXIST && last_checkpoint == 0);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void sections(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "sections", &attributes);
    SaNameT name = name_of("sections");
    SaCkptSectionIdT a = id_of("a"), generated = SA_CKPT_GENERATED_SECTION_ID;
    SaCkptSectionCreationAttributesT again = {&a, SA_TIME_END}, made_with = {&generated, SA_TIME_END};
    SaCkptIOVectorElementT vector[2] = {{id_of("a"), "XY", 2, 1, 0}, {id_of("b"), "Z", 1, 3, 0}};
    SaCkptIOVectorElementT whole = {id_of("a"), NULL, 0, 2, 0};
    SaCkptCheckpointDescriptorT status;
    SaUint32T index;

    create(checkpoint, "a", "abcd");
    create(checkpoint, "b", "");
    GIVES(SA_AIS_ERR_EXIST, saCkptSectionCreate(checkpoint, &again, "x", 1));
    RETRIED(saCkptSectionCreate(checkpoint, &made_with, NULL, 0));
    CHECK(generated.idLen > 0 && generated.id != NULL);
    RETRIED(saCkptSectionDelete(checkpoint, &generated));
    GIVES(SA_AIS_OK, saCkptSectionIdFree(checkpoint, generated.id));
    RETRIED(saCkptCheckpointWrite(checkpoint, vector, 2, &index));
    holds(checkpoint, "a", "aXYd");
    RETRIED(saCkptCheckpointRead(checkpoint, &whole, 1, NULL));
    CHECK(whole.readSize == 2 && memcmp(whole.dataBuffer, "Yd", 2) == 0);
    GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer));
    RETRIED(saCkptSectionOverwrite(checkpoint, &a, "new", 3));
    holds(checkpoint, "a", "new");
    RETRIED(saCkptCheckpointRetentionDurationSet(checkpoint, SA_TIME_ONE_MINUTE));
    RETRIED(saCkptCheckpointStatusGet(checkpoint, &status));
    CHECK(status.numberOfSections == 2 && status.memoryUsed == 7);
    CHECK(status.checkpointCreationAttributes.creationFlags == SA_CKPT_WR_ALL_REPLICAS);
    CHECK(status.checkpointCreationAttributes.checkpointSize == 100000);
    CHECK(status.checkpointCreationAttributes.retentionDuration == SA_TIME_ONE_MINUTE);
    CHECK(status.checkpointCreationAttributes.maxSections == 10);
    CHECK(status.checkpointCreationAttributes.maxSectionSize == 10000);
    CHECK(status.checkpointCreationAttributes.maxSectionIdSize == 20);
    RETRIED(saCkptSectionDelete(checkpoint, &a));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptSectionDelete(checkpoint, &a));
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static int iterated(SaCkptCheckpointHandleT checkpoint, SaCkptSectionsChosenT chosen, SaTimeT time)
{
    SaCkptSectionIterationHandleT iteration;
    SaCkptSectionDescriptorT section;
    int count = 0;
    RETRIED(saCkptSectionIterationInitialize(checkpoint, chosen, time, &iteration));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionIterationNext(iteration, NULL));
    while (saCkptSectionIterationNext(iteration, &section) == SA_AIS_OK) {
        CHECK(section.sectionId.idLen == 1 && section.sectionState == SA_CKPT_SECTION_VALID);
        CHECK(section.sectionSize == 3 && section.lastUpdate > 0);
        GIVES(SA_AIS_OK, saCkptSectionIdFree(checkpoint, section.sectionId.id));
        count++;
    }
    GIVES(SA_AIS_ERR_NO_SECTIONS, saCkptSectionIterationNext(iteration, &section));
    GIVES(SA_AIS_OK, saCkptSectionIterationFinalize(iteration));
    bad_iteration(iteration);
    return count;
}

static void iterations(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "iterations", &attributes);
    SaNameT name = name_of("iterations");
    SaTimeT late = 4000000000 * SA_TIME_ONE_SECOND;
    SaCkptSectionIdT b = id_of("b");

    create(checkpoint, "a", "abc");
    create(checkpoint, "b", "abc");
    create(checkpoint, "c", "abc");
    RETRIED(saCkptSectionExpirationTimeSet(checkpoint, &b, late));
    CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_ANY, 0) == 3);
    CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_FOREVER, 0) == 2);
    CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_LEQ_EXPIRATION_TIME, late + SA_TIME_ONE_SECOND) == 1);
    CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_GEQ_EXPIRATION_TIME, late - SA_TIME_ONE_SECOND) >= 1);
    CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_CORRUPTED, 0) == 0);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void replicas(void)
{
    SaCkptHandleT handle = initialized(&callbacks), without = initialized(NULL);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "replicas", &collocated), mute;
    SaNameT name = name_of("replicas");

    RETRIED(saCkptActiveReplicaSet(checkpoint));
    create(checkpoint, "a", "abc");
    RETRIED(saCkptCheckpointSynchronize(checkpoint, patience));
    RETRIED(saCkptCheckpointSynchronizeAsync(checkpoint, 12));
    dispatch_one(handle, &synchronized);
    CHECK(last_invocation == 12 && last_error == SA_AIS_OK);
    mute = checkpoint_of(without, "replicas", &collocated);
    GIVES(SA_AIS_ERR_INIT, saCkptCheckpointSynchronizeAsync(mute, 1));
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(without));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void default_section(void)
{
    static SaCkptCheckpointCreationAttributesT one = {SA_CKPT_WR_ALL_REPLICAS, 5000000, 0, 1, 5000000, 0};
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "default", &one);
    SaCkptSectionIdT id = SA_CKPT_DEFAULT_SECTION_ID;
    SaSizeT size = 3000000;
    SaUint8T *data = malloc(size);
    SaCkptIOVectorElementT element = {id, data, size, 0, 0}, whole = {id, NULL, 0, 0, 0};

    for (SaSizeT i = 0; i < size; i++)
        data[i] = (SaUint8T)(i * 7 + i / 256);
    RETRIED(saCkptCheckpointWrite(checkpoint, &element, 1, NULL));
    RETRIED(saCkptCheckpointRead(checkpoint, &whole, 1, NULL));
    CHECK(whole.readSize == size && memcmp(whole.dataBuffer, data, size) == 0);
    GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptSectionDelete(checkpoint, &id));
    free(data);
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static SaCkptCheckpointHandleT shared;

static void *write_many(void *section)
{
    SaCkptIOVectorElementT element = {id_of(section), section, 1, 0, 0};
    for (int i = 0; i < 200; i++) {
        element.dataOffset = (SaOffsetT)i;
        RETRIED(saCkptCheckpointWrite(shared, &element, 1, NULL));
    }
    return NULL;
}

static void *dispatch_blocking(void *handle)
{
    GIVES(SA_AIS_OK, saCkptDispatch(*(SaCkptHandleT *)handle, SA_DISPATCH_BLOCKING));
    return NULL;
}

static void threads(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    static char *names[4] = {"a", "b", "c", "d"};
    SaNameT name = name_of("threads");
    pthread_t blocked, writing[4];

    shared = checkpoint_of(handle, "threads", &attributes);
    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    for (int i = 0; i < 4; i++) {
        create(shared, names[i], "");
        pthread_create(&writing[i], NULL, write_many, names[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(writing[i], NULL);
    for (int i = 0; i < 4; i++) {
        SaCkptIOVectorElementT whole = {id_of(names[i]), NULL, 0, 0, 0};
        RETRIED(saCkptCheckpointRead(shared, &whole, 1, NULL));
        CHECK(whole.readSize == 200 && *(char *)whole.dataBuffer == *names[i]);
        GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(shared, whole.dataBuffer));
    }
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
    pthread_join(blocked, NULL);
}

static void rounds(int count)
{
    for (int i = 0; i < count; i++) {
        SaCkptHandleT handle = initialized(&callbacks);
        SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "rounds", &attributes);
        CHECK(iterated(checkpoint, SA_CKPT_SECTIONS_ANY, 0) == 0);
        GIVES(SA_AIS_OK, saCkptFinalize(handle));
    }
}

int main(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    int open_before;
    long before;

    bad_handles();
    parameters_of_opening(handle);
    parameters_of_sections(handle);
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
    opening();
    sections();
    iterations();
    replicas();
    default_section();
    threads();
    rounds(200);
    open_before = descriptors();
    before = resident_kb();
    rounds(1000);
    CHECK(descriptors() == open_before);
    CHECK(resident_kb() - before < 2048);
    puts("done");
    return 0;
}
