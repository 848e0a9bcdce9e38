/*
 * Rounds of initialize, all that allocates, and finalize, after which nothing is left behind: no memory, no descriptors,
 * no threads. What is left open in a round is closed by its finalize. rounds SERVICE|all COUNT WARM: it does COUNT, after
 * those that warm it up.
 */
#include <evs.h>
#include <saAmf.h>
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>

#include "check.h"

static int told;
static SaNameT name = {6, "rounds"};
static SaEvtEventHandleT delivered;

static void on_track(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)error;
    told++;
}

static void on_changes(SaCkptCheckpointHandleT checkpoint, SaCkptIOVectorElementT *elements, SaUint32T count)
{
    (void)checkpoint, (void)elements, (void)count;
    told++;
}

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    (void)subscription, (void)size;
    delivered = event;
    told++;
}

static void on_message(struct in_addr source, void *message, int length)
{
    (void)source, (void)message, (void)length;
    told++;
}

static void clm(void)
{
    static const SaClmCallbacksT callbacks = {NULL, on_track};
    SaClmHandleT handle, handle_4;
    SaSelectionObjectT fd;
    SaVersionT version = {'B', 1, 1};
    SaClmClusterNotificationBufferT buffer = {0, 0, NULL};
    SaClmClusterNotificationBufferT_4 buffer_4 = {0, 0, NULL};

    RETRIED(saClmInitialize(&handle, &callbacks, &version));
    GIVES(SA_AIS_OK, saClmSelectionObjectGet(handle, &fd));
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT | SA_TRACK_CHANGES, &buffer));
    GIVES(SA_AIS_OK, saClmClusterNotificationFree(handle, buffer.notification));
    RETRIED(saClmClusterTrack(handle, SA_TRACK_CURRENT, NULL));
    while (!told)
        GIVES(SA_AIS_OK, saClmDispatch(handle, SA_DISPATCH_ONE));
    RETRIED(saClmInitialize_4(&handle_4, NULL, &version));
    RETRIED(saClmClusterTrack_4(handle_4, SA_TRACK_CURRENT, &buffer_4));
    GIVES(SA_AIS_OK, saClmClusterNotificationFree_4(handle_4, buffer_4.notification));
    GIVES(SA_AIS_OK, saClmFinalize(handle_4));
    GIVES(SA_AIS_OK, saClmFinalize(handle));
}

static void iterate(SaCkptCheckpointHandleT checkpoint, int old)
{
    SaCkptSectionIterationHandleT iteration;
    SaCkptSectionDescriptorT section;

    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
    while (saCkptSectionIterationNext(iteration, &section) == SA_AIS_OK)
        if (!old)
            GIVES(SA_AIS_OK, saCkptSectionIdFree(checkpoint, section.sectionId.id));
}

static void ckpt(void)
{
    static const SaCkptCallbacksT_2 callbacks = {NULL, NULL, on_changes};
    SaCkptCheckpointCreationAttributesT attributes = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 10, 100, 10};
    SaCkptHandleT handle, old;
    SaCkptCheckpointHandleT checkpoint, same;
    SaSelectionObjectT fd;
    SaVersionT version = {'B', 2, 3}, first = {'B', 1, 1};
    SaCkptSectionIdT generated = SA_CKPT_GENERATED_SECTION_ID;
    SaCkptSectionCreationAttributesT made_with = {&generated, SA_TIME_END};
    SaCkptIOVectorElementT whole = {{0, NULL}, NULL, 0, 0, 0};

    RETRIED(saCkptInitialize_2(&handle, &callbacks, &version));
    RETRIED(saCkptInitialize(&old, NULL, &first));
    GIVES(SA_AIS_OK, saCkptSelectionObjectGet(handle, &fd));
    RETRIED(saCkptTrack(handle));
    RETRIED(saCkptCheckpointOpen(handle, &name, &attributes, 7, SA_TIME_ONE_MINUTE, &checkpoint));
    RETRIED(saCkptCheckpointOpen(old, &name, NULL, 3, SA_TIME_ONE_MINUTE, &same));
    RETRIED(saCkptSectionCreate(checkpoint, &made_with, "data", 4));
    while (!told)
        GIVES(SA_AIS_OK, saCkptDispatch(handle, SA_DISPATCH_ONE));
    whole.sectionId = generated;
    RETRIED(saCkptCheckpointRead(checkpoint, &whole, 1, NULL));
    CHECK(whole.readSize == 4);
    GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer));
    iterate(checkpoint, 0);
    iterate(same, 1);
    RETRIED(saCkptSectionDelete(checkpoint, &generated));
    GIVES(SA_AIS_OK, saCkptSectionIdFree(checkpoint, generated.id));
    RETRIED(saCkptCheckpointUnlink(handle, &name));
    GIVES(SA_AIS_OK, saCkptFinalize(old));
    GIVES(SA_AIS_OK, saCkptFinalize(handle));
}

static void evt(void)
{
    static const SaEvtCallbacksT callbacks = {NULL, on_event};
    SaEvtEventFilterT all = {SA_EVT_PASS_ALL_FILTER, {0, 0, NULL}};
    SaEvtEventFilterArrayT filters = {1, &all};
    SaEvtEventPatternT pattern = {1, 1, (SaUint8T *)"p"};
    SaEvtEventPatternArrayT patterns = {1, 1, &pattern}, found = {0, 0, NULL};
    SaEvtHandleT handle;
    SaEvtChannelHandleT channel;
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    SaVersionT version = {'B', 3, 1};

    RETRIED(saEvtInitialize(&handle, &callbacks, &version));
    RETRIED(saEvtChannelOpen(handle, &name, 7, SA_TIME_ONE_MINUTE, &channel));
    RETRIED(saEvtEventSubscribe(channel, &filters, 1));
    RETRIED(saEvtEventAllocate(channel, &event));
    GIVES(SA_AIS_OK, saEvtEventAttributesSet(event, &patterns, SA_EVT_LOWEST_PRIORITY, 0, &name));
    RETRIED(saEvtEventPublish(event, "data", 4, &id));
    while (!told)
        GIVES(SA_AIS_OK, saEvtDispatch(handle, SA_DISPATCH_ONE));
    GIVES(SA_AIS_OK, saEvtEventAttributesGet(delivered, &found, NULL, NULL, NULL, NULL, NULL));
    GIVES(SA_AIS_OK, saEvtEventPatternFree(delivered, found.patterns));
    RETRIED(saEvtChannelUnlink(handle, &name));
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
}

static void amf(void)
{
    SaAmfHandleT handle, handle_4;
    SaVersionT version = {'B', 1, 1};
    SaSelectionObjectT fd;
    SaAmfProtectionGroupNotificationBufferT buffer = {0, NULL};

    RETRIED(saAmfInitialize(&handle, NULL, &version));
    RETRIED(saAmfInitialize_4(&handle_4, NULL, &version));
    GIVES(SA_AIS_OK, saAmfSelectionObjectGet(handle, &fd));
    GIVES(SA_AIS_ERR_NOT_EXIST, saAmfProtectionGroupTrack(handle, &name, SA_TRACK_CURRENT, &buffer));
    GIVES(SA_AIS_OK, saAmfFinalize(handle_4));
    GIVES(SA_AIS_OK, saAmfFinalize(handle));
}

static void evs(void)
{
    static evs_callbacks_t callbacks = {on_message, NULL};
    struct evs_group group = {"rounds"};
    struct iovec vector = {"data", 4};
    evs_handle_t handle;
    int fd;

    RETRIED(evs_initialize(&handle, &callbacks));
    GIVES(EVS_OK, evs_fd_get(handle, &fd));
    RETRIED(evs_join(handle, &group, 1));
    RETRIED(evs_mcast_joined(handle, EVS_TYPE_AGREED, &vector, 1));
    while (!told)
        GIVES(EVS_OK, evs_dispatch(handle, EVS_DISPATCH_ONE));
    GIVES(EVS_OK, evs_finalize(handle));
}

static const struct {
    const char *name;
    void (*round)(void);
} services[] = {{"clm", clm}, {"ckpt", ckpt}, {"evt", evt}, {"amf", amf}, {"evs", evs}};

static void rounds(void (*round)(void), int count)
{
    for (int i = 0; i < count; i++) {
        told = 0;
        round();
    }
}

static int threads(void)
{
    int count = 0;
    char line[200];
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "Threads: %d", &count);
    fclose(file);
    return count;
}

static void measure(const char *name_of_service, void (*round)(void), int count, int warm)
{
    int open_before, threads_before;
    long before;

    rounds(round, warm);
    open_before = descriptors(), threads_before = threads(), before = resident_kb();
    rounds(round, count);
    printf("%s: %d rounds, %ld kB, %d descriptors, %d threads more\n", name_of_service, count, resident_kb() - before,
           descriptors() - open_before, threads() - threads_before);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (strcmp(argv[1], services[i].name) == 0 || strcmp(argv[1], "all") == 0)
            measure(services[i].name, services[i].round, atoi(argv[2]), atoi(argv[3]));
    return 0;
}
