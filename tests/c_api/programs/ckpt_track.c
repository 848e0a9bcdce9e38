/* Tracking of checkpoints, whole handles and single ones; and the ids of iterations of B.01.01, which are not freed. */
#include <saCkpt_B_02_03.h>

#include "check.h"

#define MANY 5000

static int told, elements;
static SaCkptCheckpointHandleT last_checkpoint;
static char last_section[21], last_data[100];
static SaSizeT last_size;
static SaCkptCheckpointHandleT close_in_callback, opened;

static void on_open(SaInvocationT invocation, SaCkptCheckpointHandleT checkpoint, SaAisErrorT error)
{
    CHECK(invocation == 7 && error == SA_AIS_OK);
    opened = checkpoint;
}

static void on_track(SaCkptCheckpointHandleT checkpoint, SaCkptIOVectorElementT *vector, SaUint32T count)
{
    SaUint32T index;
    told++;
    elements += (int)count;
    last_checkpoint = checkpoint;
    CHECK(count > 0 && vector[0].dataBuffer == NULL && vector[0].dataOffset == 0 && vector[0].dataSize == 50);
    snprintf(last_section, sizeof last_section, "%.*s", vector[0].sectionId.idLen, (char *)vector[0].sectionId.id);
    vector[0].dataBuffer = last_data;
    if (saCkptCheckpointRead(checkpoint, vector, 1, &index) == SA_AIS_OK)
        last_size = vector[0].readSize;
    if (checkpoint == close_in_callback)
        GIVES(SA_AIS_OK, saCkptCheckpointClose(checkpoint));
}

static const SaCkptCallbacksT_2 callbacks = {on_open, NULL, on_track};
static const SaTimeT patience = SA_TIME_ONE_SECOND * PATIENCE_S;
static const SaUint32T everything =
    SA_CKPT_CHECKPOINT_READ | SA_CKPT_CHECKPOINT_WRITE | SA_CKPT_CHECKPOINT_CREATE;
static const SaCkptCheckpointCreationAttributesT attributes = {
    SA_CKPT_WR_ALL_REPLICAS, 100 * MANY, SA_TIME_ONE_HOUR, 2 * MANY, 50, 20};

static SaCkptHandleT initialized(const SaCkptCallbacksT_2 *with)
{
    SaCkptHandleT handle = 0;
    SaVersionT version = {'B', 2, 3};
    RETRIED(saCkptInitialize_2(&handle, with, &version));
    CHECK(version.releaseCode == 'B' && version.majorVersion == 2 && version.minorVersion == 3);
    return handle;
}

static SaNameT name_of(const char *text)
{
    SaNameT name;
    name.length = (SaUint16T)strlen(text);
    memcpy(name.value, text, name.length);
    return name;
}

static SaCkptCheckpointHandleT checkpoint_of(SaCkptHandleT handle, const char *text)
{
    SaNameT name = name_of(text);
    SaCkptCheckpointHandleT checkpoint = 0;
    RETRIED(saCkptCheckpointOpen(handle, &name, &attributes, everything, patience, &checkpoint));
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
    SaCkptSectionCreationAttributesT section = {&id, SA_TIME_END};
    RETRIED(saCkptSectionCreate(checkpoint, &section, data, strlen(data)));
}

/* Dispatches until `wanted` elements were told; what was told at once may come in one call or in many. */
static void until_told(SaCkptHandleT handle, int wanted)
{
    SaSelectionObjectT fd;
    GIVES(SA_AIS_OK, saCkptSelectionObjectGet(handle, &fd));
    while (elements < wanted) {
        struct pollfd polled = {(int)fd, POLLIN, 0};
        CHECK(poll(&polled, 1, PATIENCE_S * 1000) == 1);
        GIVES(SA_AIS_OK, saCkptDispatch(handle, SA_DISPATCH_ALL));
    }
}

static void versions(void)
{
    SaCkptHandleT handle;
    SaVersionT asked = {'B', 2, 2};

    GIVES(SA_AIS_ERR_VERSION, saCkptInitialize_2(&handle, &callbacks, &asked));
    CHECK(asked.releaseCode == 'B' && asked.majorVersion == 2 && asked.minorVersion == 3);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptInitialize_2(NULL, &callbacks, &asked));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saCkptInitialize_2(&handle, &callbacks, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptTrack(4711));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptTrackStop(4711));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointTrack(4711));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointTrackStop(4711));
    GIVES(SA_AIS_OK, saCkptInitialize(&handle, NULL, &asked));
    GIVES(SA_AIS_ERR_VERSION, saCkptTrack(handle));
    GIVES(SA_AIS_ERR_VERSION, saCkptTrackStop(handle));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
    handle = initialized(NULL);
    GIVES(SA_AIS_ERR_INIT, saCkptTrack(handle));
    GIVES(SA_AIS_ERR_INIT, saCkptTrackStop(handle));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void whole_handles(void)
{
    SaCkptHandleT handle = initialized(&callbacks), other = initialized(NULL);
    SaCkptCheckpointHandleT first = checkpoint_of(handle, "tracked 1"), later, only_written, writer;
    SaNameT names[3] = {name_of("tracked 1"), name_of("tracked 2"), name_of("tracked 3")};
    SaCkptSectionIdT a = id_of("a");

    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptTrackStop(handle));
    RETRIED(saCkptCheckpointOpen(handle, &names[0], NULL, SA_CKPT_CHECKPOINT_WRITE, patience, &only_written));
    RETRIED(saCkptTrack(handle));
    RETRIED(saCkptTrack(handle));
    writer = checkpoint_of(other, "tracked 1");
    create(writer, "a", "first");
    until_told(handle, 1);
    CHECK(last_checkpoint == first && strcmp(last_section, "a") == 0);
    CHECK(last_size == 5 && memcmp(last_data, "first", 5) == 0);

    later = checkpoint_of(handle, "tracked 2");
    create(later, "b", "second");
    until_told(handle, 2);
    CHECK(last_checkpoint == later && last_size == 6);

    RETRIED(saCkptCheckpointOpenAsync(handle, 7, &names[2], &attributes, everything));
    while (!opened)
        GIVES(SA_AIS_OK, saCkptDispatch(handle, SA_DISPATCH_ONE));
    create(opened, "c", "third");
    until_told(handle, 3);
    CHECK(last_checkpoint == opened);

    RETRIED(saCkptSectionDelete(writer, &a));
    until_told(handle, 4);
    CHECK(last_checkpoint == first && strcmp(last_section, "a") == 0);

    RETRIED(saCkptTrackStop(handle));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptTrackStop(handle));
    create(writer, "d", "untold");
    RETRIED(saCkptTrack(handle));
    create(writer, "e", "told");
    until_told(handle, 5);
    CHECK(strcmp(last_section, "e") == 0 && elements == 5);
    for (int i = 0; i < 3; i++)
        RETRIED(saCkptCheckpointUnlink(handle, &names[i]));
    GIVES(SA_AIS_OK, saCkptFinalize(other));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void single_checkpoints(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT one = checkpoint_of(handle, "one"), other = checkpoint_of(handle, "other"), only_written;
    SaNameT names[2] = {name_of("one"), name_of("other")};

    elements = 0;
    RETRIED(saCkptCheckpointOpen(handle, &names[0], NULL, SA_CKPT_CHECKPOINT_WRITE, patience, &only_written));
    GIVES(SA_AIS_ERR_ACCESS, saCkptCheckpointTrack(only_written));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointTrackStop(one));
    RETRIED(saCkptCheckpointTrack(one));
    create(other, "a", "untold");
    create(one, "b", "told");
    until_told(handle, 1);
    CHECK(last_checkpoint == one && elements == 1);
    RETRIED(saCkptCheckpointTrackStop(one));
    GIVES(SA_AIS_ERR_NOT_EXIST, saCkptCheckpointTrackStop(one));
    create(one, "c", "untold");
    RETRIED(saCkptCheckpointTrack(other));
    close_in_callback = other;
    create(other, "d", "closes");
    until_told(handle, 2);
    CHECK(last_checkpoint == other);
    GIVES(SA_AIS_ERR_BAD_HANDLE, saCkptCheckpointTrack(other));
    for (int i = 0; i < 2; i++)
        RETRIED(saCkptCheckpointUnlink(handle, &names[i]));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void create_many(SaCkptCheckpointHandleT checkpoint, int count)
{
    for (int i = 0; i < count; i++) {
        char text[20];
        snprintf(text, sizeof text, "section %d", i);
        create(checkpoint, text, "data");
    }
}

/* A program that takes no notices has more changes wait than can be remembered: it is told of every section then. */
static void more_than_is_remembered(void)
{
    SaCkptHandleT handle = initialized(&callbacks);
    SaCkptCheckpointHandleT checkpoint = checkpoint_of(handle, "many");
    SaNameT name = name_of("many");

    elements = 0;
    RETRIED(saCkptTrack(handle));
    create_many(checkpoint, MANY);
    until_told(handle, MANY);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void iterate(SaCkptCheckpointHandleT checkpoint, int free_ids)
{
    SaCkptSectionIterationHandleT iteration;
    SaCkptSectionDescriptorT section;
    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    while (saCkptSectionIterationNext(iteration, &section) == SA_AIS_OK) {
        CHECK(memcmp(section.sectionId.id, "section ", 8) == 0);
        if (free_ids)
            GIVES(SA_AIS_OK, saCkptSectionIdFree(checkpoint, section.sectionId.id));
    }
    if (free_ids < 2)
        GIVES(SA_AIS_OK, saCkptSectionIterationFinalize(iteration));
}

static void ids_of_old_iterations(void)
{
    SaCkptHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    SaCkptCheckpointHandleT checkpoint;
    SaNameT name = name_of("old");
    long before;

    RETRIED(saCkptInitialize(&handle, NULL, &version));
    checkpoint = checkpoint_of(handle, "old");
    create_many(checkpoint, 100);
    for (int i = 0; i < 50; i++)
        iterate(checkpoint, i % 2);
    before = resident_kb();
    for (int i = 0; i < 1000; i++)
        iterate(checkpoint, 0);
    printf("%ld kB more\n", resident_kb() - before);
    CHECK(resident_kb() - before < 1024);
    iterate(checkpoint, 2);
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

int main(void)
{
    versions();
    whole_handles();
    single_checkpoints();
    more_than_is_remembered();
    ids_of_old_iterations();
    puts("done");
    return 0;
}
