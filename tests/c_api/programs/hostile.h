/* What the generated program of hostile calls needs: handles that are good, some that were, and values that are wrong. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <limits.h>

#include "live.h"

/* Tells of a call before it is made, so that it is known which was the last. */
#define TELL(function, parameter, value, call)                                                   \
    do {                                                                                         \
        memset(scratch, 0, sizeof scratch);                                                      \
        printf("%s|%s|%s|", function, parameter, value);                                         \
        fflush(stdout);                                                                          \
        printf("%d\n", (int)(call));                                                             \
    } while (0)

static SaUint64T scratch[512];

static SaClmHandleT stale_clm;
static SaCkptHandleT stale_ckpt;
static SaCkptCheckpointHandleT stale_checkpoint;
static SaCkptSectionIterationHandleT stale_iteration;
static SaEvtHandleT stale_evt;
static SaEvtChannelHandleT stale_channel;
static SaEvtEventHandleT stale_event;
static SaAmfHandleT stale_amf;
static evs_handle_t stale_evs;

static SaNameT too_long = {257, "x"}, not_text = {2, "\xff\xfe"};
static SaCkptCheckpointCreationAttributesT no_sections = {SA_CKPT_WR_ALL_REPLICAS, 1000, 0, 0, 100, 10};
static SaCkptCheckpointCreationAttributesT bad_creation = {0xffff, 1000, 0, 10, 100, 10};
static SaCkptCheckpointCreationAttributesT no_time = {SA_CKPT_WR_ALL_REPLICAS, 1000, -1, 10, 100, 10};
static SaCkptSectionIdT other = {1, (SaUint8T *)"t"}, no_id = {5, NULL};
static SaCkptSectionCreationAttributesT made_with = {&other, SA_TIME_END}, without_id = {NULL, SA_TIME_END};
static SaCkptSectionCreationAttributesT with_no_id = {&no_id, SA_TIME_END}, expired = {&other, -1};
static SaCkptIOVectorElementT element = {{1, (SaUint8T *)"s"}, "data", 4, 0, 0}, no_section = {{5, NULL}, "data", 4, 0, 0};
static char room[100];
static SaCkptIOVectorElementT read_into = {{1, (SaUint8T *)"s"}, room, 4, 0, 0};
static SaCkptIOVectorElementT far_away = {{1, (SaUint8T *)"s"}, "data", 4, ~0ULL, 0};
static SaEvtEventPatternT patterns[1] = {{1, 1, (SaUint8T *)"p"}}, no_pattern[1] = {{1, 1, NULL}};
static SaEvtEventPatternArrayT no_array = {1, 1, NULL}, of_no_pattern = {1, 1, no_pattern}, too_many = {~0ULL, ~0ULL, patterns};
static SaEvtEventFilterT no_kind[1] = {{99, {0, 0, NULL}}}, no_filter[1] = {{SA_EVT_EXACT_FILTER, {1, 1, NULL}}};
static SaEvtEventFilterArrayT of_no_kind = {1, no_kind}, of_no_filter = {1, no_filter};
static SaEvtEventFilterArrayT no_filters = {1, NULL}, too_many_filters = {~0ULL, filters};
static SaAmfHealthcheckKeyT key = {"key", 3}, empty_key = {"key", 0}, long_key = {"key", 33};
static struct evs_group group_not_text = {"\xff\xfe"};
static struct iovec no_vector = {NULL, 4}, long_vector = {"data", ~(size_t)0};

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
