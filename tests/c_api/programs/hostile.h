/* What the generated program of hostile calls needs: a handle of each kind that is good, and one that was. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <evs.h>
#include <limits.h>
#include <saAmf.h>
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>

#include "check.h"

/* Tells of a call before it is made, so that it is known which was the last. */
#define TELL(function, parameter, value, call)                                                   \
    do {                                                                                         \
        memset(scratch, 0, sizeof scratch);                                                      \
        printf("%s|%s|%s|", function, parameter, value);                                         \
        fflush(stdout);                                                                          \
        printf("%d\n", (int)(call));                                                             \
    } while (0)

static SaUint64T scratch[512];
static const SaTimeT minute = SA_TIME_ONE_MINUTE;

static SaClmHandleT clm, clm_3, clm_4, stale_clm;
static SaCkptHandleT ckpt, ckpt_2, stale_ckpt;
static SaCkptCheckpointHandleT checkpoint, checkpoint_2, stale_checkpoint;
static SaCkptSectionIterationHandleT iteration, stale_iteration;
static SaEvtHandleT evt, stale_evt;
static SaEvtChannelHandleT channel, stale_channel;
static SaEvtEventHandleT event, stale_event;
static SaAmfHandleT amf, amf_4, stale_amf;
static evs_handle_t evs, stale_evs;

static SaNameT name = {7, "hostile"}, too_long = {257, "x"}, not_text = {2, "\xff\xfe"};
static SaCkptCheckpointCreationAttributesT creation = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 10, 100, 10};
static SaCkptCheckpointCreationAttributesT no_sections = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 0, 100, 10};
static SaCkptCheckpointCreationAttributesT bad_creation = {0xffff, 1000, 0, 10, 100, 10};
static SaCkptCheckpointCreationAttributesT no_time = {SA_CKPT_WR_ALL_REPLICAS, 1000, -1, 10, 100, 10};
static SaCkptSectionIdT section = {1, (SaUint8T *)"s"}, other = {1, (SaUint8T *)"t"}, no_id = {5, NULL};
static SaCkptSectionCreationAttributesT made_with = {&other, SA_TIME_END}, without_id = {NULL, SA_TIME_END};
static SaCkptSectionCreationAttributesT with_no_id = {&no_id, SA_TIME_END}, expired = {&other, -1};
static SaCkptIOVectorElementT element = {{1, (SaUint8T *)"s"}, "data", 4, 0, 0}, no_section = {{5, NULL}, "data", 4, 0, 0};
static char room[100];
static SaCkptIOVectorElementT read_into = {{1, (SaUint8T *)"s"}, room, 4, 0, 0};
static SaCkptIOVectorElementT far_away = {{1, (SaUint8T *)"s"}, "data", 4, ~0ULL, 0};
static SaEvtEventPatternT patterns[1] = {{1, 1, (SaUint8T *)"p"}}, no_pattern[1] = {{1, 1, NULL}};
static SaEvtEventPatternArrayT no_array = {1, 1, NULL}, of_no_pattern = {1, 1, no_pattern}, too_many = {~0ULL, ~0ULL, patterns};
static SaEvtEventFilterT filters[1] = {{SA_EVT_PASS_ALL_FILTER, {0, 0, NULL}}};
static SaEvtEventFilterT no_kind[1] = {{99, {0, 0, NULL}}}, no_filter[1] = {{SA_EVT_EXACT_FILTER, {1, 1, NULL}}};
static SaEvtEventFilterArrayT passing = {1, filters}, of_no_kind = {1, no_kind}, of_no_filter = {1, no_filter};
static SaEvtEventFilterArrayT no_filters = {1, NULL}, too_many_filters = {~0ULL, filters};
static SaAmfHealthcheckKeyT key = {"key", 3}, empty_key = {"key", 0}, long_key = {"key", 33};
static struct evs_group group = {"hostile"}, group_not_text = {"\xff\xfe"};
static struct iovec vector = {"data", 4}, no_vector = {NULL, 4}, long_vector = {"data", ~(size_t)0};

static inline SaVersionT *version_of(int release, int major, int minor)
{
    static SaVersionT version;
    version = (SaVersionT){(SaUint8T)release, (SaUint8T)major, (SaUint8T)minor};
    return &version;
}

static void on_event(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT delivered, SaSizeT size)
{
    (void)subscription, (void)size;
    event = delivered;
}

static void on_track(SaCkptCheckpointHandleT tracked, SaCkptIOVectorElementT *elements, SaUint32T count)
{
    (void)tracked, (void)elements, (void)count;
}

static void on_checkpoint(SaInvocationT invocation, SaCkptCheckpointHandleT asked, SaAisErrorT error)
{
    (void)invocation, (void)asked, (void)error;
}

static void on_channel(SaInvocationT invocation, SaEvtChannelHandleT asked, SaAisErrorT error)
{
    (void)invocation, (void)asked, (void)error;
}

static void on_members(const SaClmClusterNotificationBufferT *buffer, SaUint32T members, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)error;
}

static void on_members_4(
    const SaClmClusterNotificationBufferT_4 *buffer, SaUint32T members, SaInvocationT invocation, const SaNameT *cause,
    const SaNtfCorrelationIdsT *ids, SaClmChangeStepT step, SaTimeT supervision, SaAisErrorT error)
{
    (void)buffer, (void)members, (void)invocation, (void)cause, (void)ids, (void)step, (void)supervision, (void)error;
}

static void on_healthcheck(SaInvocationT invocation, const SaNameT *component, SaAmfHealthcheckKeyT *asked)
{
    (void)invocation, (void)component, (void)asked;
}

static inline void live_checkpoints(void)
{
    static const SaCkptCallbacksT opening = {on_checkpoint, NULL};
    static const SaCkptCallbacksT_2 tracking = {on_checkpoint, NULL, on_track};
    SaNameT own = {5, "other"};

    RETRIED(saCkptInitialize(&ckpt, &opening, version_of('B', 2, 2)));
    RETRIED(saCkptInitialize_2(&ckpt_2, &tracking, version_of('B', 2, 3)));
    RETRIED(saCkptCheckpointOpen(ckpt, &own, &creation, 7, minute, &checkpoint));
    RETRIED(saCkptCheckpointOpen(ckpt_2, &own, &creation, 7, minute, &checkpoint_2));
    made_with.sectionId = &section;
    RETRIED(saCkptSectionCreate(checkpoint, &made_with, "data", 4));
    made_with.sectionId = &other;
    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
}

static inline void live_events(void)
{
    static const SaEvtCallbacksT callbacks = {on_channel, on_event};
    SaEvtEventHandleT sent;
    SaEvtEventIdT id;
    SaNameT own = {5, "other"};

    RETRIED(saEvtInitialize(&evt, &callbacks, version_of('B', 1, 1)));
    RETRIED(saEvtChannelOpen(evt, &own, 7, minute, &channel));
    RETRIED(saEvtEventSubscribe(channel, &passing, 1));
    RETRIED(saEvtEventAllocate(channel, &sent));
    RETRIED(saEvtEventPublish(sent, "data", 4, &id));
    GIVES(SA_AIS_OK, saEvtEventFree(sent));
    while (!event)
        GIVES(SA_AIS_OK, saEvtDispatch(evt, SA_DISPATCH_ONE));
    RETRIED(saEvtEventUnsubscribe(channel, 1));
}

static inline void live(void)
{
    static const SaClmCallbacksT members = {NULL, on_members};
    static const SaClmCallbacksT_4 members_4 = {NULL, on_members_4};
    static SaAmfCallbacksT healthcheck;
    static SaAmfCallbacksT_4 healthcheck_4;

    healthcheck.saAmfHealthcheckCallback = on_healthcheck;
    healthcheck_4.saAmfHealthcheckCallback = on_healthcheck;
    RETRIED(saClmInitialize(&clm, &members, version_of('B', 1, 1)));
    RETRIED(saClmInitialize_3(&clm_3, NULL, version_of('B', 3, 1)));
    RETRIED(saClmInitialize_4(&clm_4, &members_4, version_of('B', 4, 1)));
    live_checkpoints();
    live_events();
    RETRIED(saAmfInitialize(&amf, &healthcheck, version_of('B', 1, 1)));
    RETRIED(saAmfInitialize_4(&amf_4, &healthcheck_4, version_of('B', 4, 1)));
    RETRIED(evs_initialize(&evs, NULL));
    RETRIED(evs_join(evs, &group, 1));
}

/* Makes all of them, keeps their numbers, and makes them anew. */
static inline void prepare(void)
{
    live();
    stale_clm = clm, stale_ckpt = ckpt, stale_checkpoint = checkpoint, stale_iteration = iteration, stale_evt = evt;
    stale_channel = channel, stale_event = event, stale_amf = amf, stale_evs = evs;
    event = 0;
    GIVES(SA_AIS_OK, saClmFinalize(clm));
    GIVES(SA_AIS_OK, saCkptFinalize(ckpt));
    GIVES(SA_AIS_OK, saCkptFinalize(ckpt_2));
    GIVES(SA_AIS_OK, saEvtFinalize(evt));
    GIVES(SA_AIS_OK, saAmfFinalize(amf));
    GIVES(EVS_OK, evs_finalize(evs));
    live();
}

#endif
