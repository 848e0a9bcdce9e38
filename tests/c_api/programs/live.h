/* A handle of each kind, of all services. */
#ifndef LIVE_H
#define LIVE_H

#include <evs.h>
#include <saAmf.h>
#include <saCkpt.h>
#include <saClm.h>
#include <saEvt.h>

#include "check.h"

static const SaTimeT minute = SA_TIME_ONE_MINUTE;

static SaClmHandleT clm, clm_3, clm_4;
static SaCkptHandleT ckpt, ckpt_2;
static SaCkptCheckpointHandleT checkpoint, checkpoint_2;
static SaCkptSectionIterationHandleT iteration;
static SaEvtHandleT evt;
static SaEvtChannelHandleT channel;
static SaEvtEventHandleT event;
static SaAmfHandleT amf, amf_4;
static evs_handle_t evs;

static SaNameT name = {7, "hostile"};
static SaCkptCheckpointCreationAttributesT creation = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 10, 100, 10};
static SaCkptSectionIdT section = {1, (SaUint8T *)"s"};
static SaEvtEventFilterT filters[1] = {{SA_EVT_PASS_ALL_FILTER, {0, 0, NULL}}};
static SaEvtEventFilterArrayT passing = {1, filters};
static struct evs_group group = {"hostile"};
static struct iovec vector = {"data", 4};

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

/* A name that no other process has. */
static inline SaNameT own_name(void)
{
    SaNameT own;
    own.length = (SaUint16T)sprintf((char *)own.value, "live %d", (int)getpid());
    return own;
}

static inline void live_checkpoints(void)
{
    static const SaCkptCallbacksT opening = {on_checkpoint, NULL};
    static const SaCkptCallbacksT_2 tracking = {on_checkpoint, NULL, on_track};
    SaCkptSectionCreationAttributesT first = {&section, SA_TIME_END};
    SaNameT own = own_name();

    RETRIED(saCkptInitialize(&ckpt, &opening, version_of('B', 2, 2)));
    RETRIED(saCkptInitialize_2(&ckpt_2, &tracking, version_of('B', 2, 3)));
    RETRIED(saCkptCheckpointOpen(ckpt, &own, &creation, 7, minute, &checkpoint));
    RETRIED(saCkptCheckpointOpen(ckpt_2, &own, &creation, 7, minute, &checkpoint_2));
    RETRIED(saCkptSectionCreate(checkpoint, &first, "data", 4));
    RETRIED(saCkptSectionIterationInitialize(checkpoint, SA_CKPT_SECTIONS_ANY, 0, &iteration));
}

static inline void live_events(void)
{
    static const SaEvtCallbacksT callbacks = {on_channel, on_event};
    SaEvtEventHandleT sent;
    SaEvtEventIdT id;
    SaNameT own = own_name();

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

#endif
