/* Every function, callback and error of saEvt.h against a cluster of one. */
#include <saEvt.h>

#include "check.h"

static int opened, delivered;
static SaInvocationT last_invocation;
static SaEvtChannelHandleT last_channel;
static SaAisErrorT last_error;
static SaEvtSubscriptionIdT last_subscription;
static SaEvtEventHandleT last_event;
static SaSizeT last_size;
static int free_events;

static void on_open(SaInvocationT invocation, SaEvtChannelHandleT channel, SaAisErrorT error)
{
    opened++;
    last_invocation = invocation;
    last_channel = channel;
    last_error = error;
}

static void on_deliver(SaEvtSubscriptionIdT subscription, SaEvtEventHandleT event, SaSizeT size)
{
    last_subscription = subscription;
    last_event = event;
    last_size = size;
    if (free_events)
        GIVES(SA_AIS_OK, saEvtEventFree(event));
    __atomic_add_fetch(&delivered, 1, __ATOMIC_SEQ_CST);
}

static const SaEvtCallbacksT callbacks = {on_open, on_deliver};
static const SaTimeT patience = SA_TIME_ONE_SECOND * PATIENCE_S;
static const SaUint8T everything = SA_EVT_CHANNEL_PUBLISHER | SA_EVT_CHANNEL_SUBSCRIBER | SA_EVT_CHANNEL_CREATE;

static SaEvtHandleT initialized(const SaEvtCallbacksT *with)
{
    SaEvtHandleT handle = 0;
    SaVersionT version = {'B', 1, 1};
    RETRIED(saEvtInitialize(&handle, with, &version));
    CHECK(version.releaseCode == 'B' && version.majorVersion == 3 && version.minorVersion == 1);
    return handle;
}

static SaNameT name_of(const char *text)
{
    SaNameT name;
    name.length = (SaUint16T)strlen(text);
    memcpy(name.value, text, name.length);
    return name;
}

static SaEvtChannelHandleT channel_of(SaEvtHandleT handle, const char *text, SaUint8T flags)
{
    SaNameT name = name_of(text);
    SaEvtChannelHandleT channel = 0;
    RETRIED(saEvtChannelOpen(handle, &name, flags, patience, &channel));
    return channel;
}

static void dispatch_one(SaEvtHandleT handle, int *counter)
{
    SaSelectionObjectT fd;
    int before = *counter;
    GIVES(SA_AIS_OK, saEvtSelectionObjectGet(handle, &fd));
    while (*counter == before) {
        struct pollfd polled = {(int)fd, POLLIN, 0};
        CHECK(poll(&polled, 1, PATIENCE_S * 1000) == 1);
        GIVES(SA_AIS_OK, saEvtDispatch(handle, SA_DISPATCH_ONE));
    }
}

static SaEvtEventPatternT pattern_of(char *text)
{
    SaEvtEventPatternT pattern = {0, strlen(text), (SaUint8T *)text};
    return pattern;
}

static void subscribe(SaEvtChannelHandleT channel, SaEvtEventFilterTypeT type, char *text, SaEvtSubscriptionIdT id)
{
    SaEvtEventFilterT filter = {type, pattern_of(text)};
    SaEvtEventFilterArrayT filters = {1, &filter};
    RETRIED(saEvtEventSubscribe(channel, &filters, id));
}

static void bad_event(SaEvtEventHandleT bad)
{
    SaEvtEventPatternArrayT array = {0, 0, NULL};
    SaNameT name = name_of("me");
    SaEvtEventIdT id;
    SaSizeT size = 0;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventFree(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventAttributesSet(bad, &array, 0, 0, &name));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventAttributesGet(bad, &array, NULL, NULL, NULL, NULL, &id));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventPatternFree(bad, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventDataGet(bad, NULL, &size));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventPublish(bad, "x", 1, &id));
}

static void bad_channel(SaEvtChannelHandleT bad)
{
    SaEvtEventFilterArrayT filters = {0, NULL};
    SaEvtEventHandleT event;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtChannelClose(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventAllocate(bad, &event));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventSubscribe(bad, &filters, 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventUnsubscribe(bad, 1));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventRetentionTimeClear(bad, 1));
}

static void bad_handle(SaEvtHandleT bad)
{
    SaSelectionObjectT fd;
    SaNameT name = name_of("a");
    SaEvtChannelHandleT channel;
    SaLimitValueT limit;
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtSelectionObjectGet(bad, &fd));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtDispatch(bad, SA_DISPATCH_ALL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtDispatch(bad, SA_DISPATCH_BLOCKING));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtFinalize(bad));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtChannelOpen(bad, &name, everything, patience, &channel));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtChannelOpenAsync(bad, 1, &name, everything));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtChannelUnlink(bad, &name));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtLimitGet(bad, SA_EVT_MAX_EVT_SIZE_ID, &limit));
}

static void bad_handles(void)
{
    SaEvtHandleT handle = initialized(&callbacks);
    SaEvtChannelHandleT channel = channel_of(handle, "handles", everything);
    SaEvtEventHandleT event, other;

    GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &event));
    GIVES(SA_AIS_OK, saEvtEventFree(event));
    bad_event(event);
    bad_event(channel);
    bad_channel(handle);
    bad_channel(event);
    bad_handle(channel);
    bad_handle(0);
    GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &event));
    GIVES(SA_AIS_OK, saEvtChannelClose(channel));
    bad_channel(channel);
    bad_event(event);
    channel = channel_of(handle, "handles", everything);
    GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &other));
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
    bad_handle(handle);
    bad_channel(channel);
    bad_event(other);
}

static void parameters(void)
{
    SaEvtHandleT handle = initialized(&callbacks), without = initialized(NULL);
    SaVersionT version = {'B', 9, 1};
    SaNameT name = name_of("parameters"), odd = {1, {0xff}}, empty = {0, {0}}, lengthy = name;
    SaEvtChannelHandleT channel, reader, mute;
    SaEvtEventHandleT event;
    SaEvtEventIdT id;
    SaEvtEventFilterT filter = {9, {0, 1, (SaUint8T *)"x"}};
    SaEvtEventFilterArrayT filters = {1, &filter}, missing = {1, NULL}, too_many = {1000000, &filter};
    SaEvtEventPatternT pattern = {0, 4, NULL};
    SaEvtEventPatternArrayT array = {0, 1, &pattern}, no_array = {0, 1, NULL}, no_patterns = {0, 0, NULL};
    SaLimitValueT limit;
    SaSizeT size = 0;

    lengthy.length = 257;
    GIVES(SA_AIS_ERR_VERSION, saEvtInitialize(&channel, &callbacks, &version));
    CHECK(version.majorVersion == 3);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtInitialize(NULL, &callbacks, &version));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtInitialize(&channel, &callbacks, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtSelectionObjectGet(handle, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtDispatch(handle, 9));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, NULL, everything, patience, &channel));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, &name, everything, patience, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, &odd, everything, patience, &channel));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, &empty, everything, patience, &channel));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, &lengthy, everything, patience, &channel));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpen(handle, &name, everything, -5, &channel));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saEvtChannelOpen(handle, &name, 0, patience, &channel));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saEvtChannelOpen(handle, &name, 0xf0, patience, &channel));
    GIVES(SA_AIS_ERR_NOT_EXIST, saEvtChannelOpen(handle, &name, SA_EVT_CHANNEL_PUBLISHER, patience, &channel));
    GIVES(SA_AIS_ERR_TIMEOUT, saEvtChannelOpen(handle, &name, everything, 0, &channel));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelOpenAsync(handle, 1, NULL, everything));
    GIVES(SA_AIS_ERR_BAD_FLAGS, saEvtChannelOpenAsync(handle, 1, &name, 0));
    GIVES(SA_AIS_ERR_INIT, saEvtChannelOpenAsync(without, 1, &name, everything));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtChannelUnlink(handle, NULL));

    channel = channel_of(handle, "parameters", everything);
    reader = channel_of(handle, "parameters", SA_EVT_CHANNEL_SUBSCRIBER);
    mute = channel_of(without, "parameters", everything);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAllocate(channel, NULL));
    GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &event));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, NULL, 0, 0, &name));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, &array, 0, 0, &name));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, &no_array, 0, 0, &name));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, &no_patterns, 4, 0, &name));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, &no_patterns, 0, -1, &name));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventAttributesSet(event, &no_patterns, 0, 0, &odd));
    GIVES(SA_AIS_OK, saEvtEventAttributesSet(event, &no_patterns, 0, 0, NULL));
    pattern.patternSize = 5000;
    GIVES(SA_AIS_ERR_TOO_BIG, saEvtEventAttributesSet(event, &array, 0, 0, &name));
    GIVES(SA_AIS_OK, saEvtEventAttributesGet(event, NULL, NULL, NULL, NULL, NULL, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventPatternFree(event, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventDataGet(event, &size, NULL));
    GIVES(SA_AIS_ERR_BAD_HANDLE, saEvtEventDataGet(event, NULL, &size));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventPublish(event, "x", 1, NULL));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventPublish(event, NULL, 1, &id));
    GIVES(SA_AIS_ERR_TOO_BIG, saEvtEventPublish(event, "x", (SaSizeT)1 << 40, &id));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventSubscribe(channel, NULL, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventSubscribe(channel, &missing, 1));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventSubscribe(channel, &filters, 1));
    GIVES(SA_AIS_ERR_TOO_BIG, saEvtEventSubscribe(channel, &too_many, 1));
    filter.filterType = SA_EVT_PASS_ALL_FILTER;
    GIVES(SA_AIS_ERR_INIT, saEvtEventSubscribe(mute, &filters, 1));
    RETRIED(saEvtEventSubscribe(channel, &filters, 1));
    GIVES(SA_AIS_ERR_EXIST, saEvtEventSubscribe(channel, &filters, 1));
    GIVES(SA_AIS_ERR_NOT_EXIST, saEvtEventUnsubscribe(channel, 2));
    GIVES(SA_AIS_ERR_NOT_EXIST, saEvtEventRetentionTimeClear(channel, 4711));
    GIVES(SA_AIS_OK, saEvtEventFree(event));
    GIVES(SA_AIS_OK, saEvtEventAllocate(reader, &event));
    GIVES(SA_AIS_ERR_ACCESS, saEvtEventPublish(event, "x", 1, &id));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtLimitGet(handle, 0, &limit));
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtLimitGet(handle, SA_EVT_MAX_EVT_SIZE_ID, NULL));
    RETRIED(saEvtLimitGet(handle, SA_EVT_MAX_EVT_SIZE_ID, &limit));
    CHECK(limit.uint64Value == 1024 * 1024);
    RETRIED(saEvtLimitGet(handle, SA_EVT_MAX_RETENTION_DURATION_ID, &limit));
    CHECK(limit.timeValue == SA_TIME_MAX);
    RETRIED(saEvtChannelUnlink(handle, &name));
    GIVES(SA_AIS_ERR_NOT_EXIST, saEvtChannelUnlink(handle, &name));
    GIVES(SA_AIS_OK, saEvtFinalize(without));
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
}

static void opening(void)
{
    SaEvtHandleT handle = initialized(&callbacks);
    SaNameT name = name_of("async"), absent = name_of("absent");
    SaEvtEventHandleT event;
    SaEvtEventIdT id;

    RETRIED(saEvtChannelOpenAsync(handle, 0xffffffffffffffff, &name, everything));
    dispatch_one(handle, &opened);
    CHECK(last_invocation == 0xffffffffffffffff && last_error == SA_AIS_OK && last_channel != 0);
    GIVES(SA_AIS_OK, saEvtEventAllocate(last_channel, &event));
    RETRIED(saEvtEventPublish(event, "x", 1, &id));
    GIVES(SA_AIS_OK, saEvtChannelClose(last_channel));
    RETRIED(saEvtChannelOpenAsync(handle, 7, &absent, SA_EVT_CHANNEL_SUBSCRIBER));
    dispatch_one(handle, &opened);
    CHECK(last_invocation == 7 && last_error == SA_AIS_ERR_NOT_EXIST && last_channel == 0);
    RETRIED(saEvtChannelUnlink(handle, &name));
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
}

static void attributes_of_allocated(SaEvtEventHandleT event)
{
    SaEvtEventPatternArrayT array = {0, 0, NULL};
    SaEvtEventPriorityT priority;
    SaTimeT retention, published;
    SaNameT publisher;
    SaEvtEventIdT id;

    GIVES(SA_AIS_OK, saEvtEventAttributesGet(event, &array, &priority, &retention, &publisher, &published, &id));
    CHECK(array.patternsNumber == 0 && priority == SA_EVT_LOWEST_PRIORITY && retention == 0);
    CHECK(publisher.length == 0 && published == SA_TIME_UNKNOWN && id == SA_EVT_EVENTID_NONE);
    GIVES(SA_AIS_OK, saEvtEventPatternFree(event, array.patterns));
}

static void attributes_of_received(SaEvtEventIdT sent)
{
    SaUint8T first[16], second[16];
    SaEvtEventPatternT room[2] = {{sizeof first, 0, first}, {2, 0, second}};
    SaEvtEventPatternArrayT array = {0, 0, NULL}, given = {2, 0, room};
    SaEvtEventPriorityT priority;
    SaTimeT retention, published;
    SaNameT publisher;
    SaEvtEventIdT id;

    GIVES(SA_AIS_OK, saEvtEventAttributesGet(last_event, &array, &priority, &retention, &publisher, &published, &id));
    CHECK(id == sent && priority == 1 && retention == SA_TIME_ONE_HOUR && published > SA_TIME_ONE_DAY);
    CHECK(publisher.length == 2 && memcmp(publisher.value, "me", 2) == 0 && array.patternsNumber == 2);
    CHECK(array.patterns[0].patternSize == 8 && memcmp(array.patterns[0].pattern, "sensor.7", 8) == 0);
    CHECK(array.patterns[1].patternSize == 4 && memcmp(array.patterns[1].pattern, "heat", 4) == 0);
    GIVES(SA_AIS_OK, saEvtEventPatternFree(last_event, array.patterns));
    GIVES(SA_AIS_ERR_NO_SPACE, saEvtEventAttributesGet(last_event, &given, NULL, NULL, NULL, NULL, NULL));
    CHECK(given.patternsNumber == 2 && room[0].patternSize == 8 && room[1].patternSize == 4);
    room[1].allocatedSize = sizeof second;
    GIVES(SA_AIS_OK, saEvtEventAttributesGet(last_event, &given, NULL, NULL, NULL, NULL, NULL));
    CHECK(memcmp(first, "sensor.7", 8) == 0 && memcmp(second, "heat", 4) == 0);
    given.allocatedNumber = 1;
    GIVES(SA_AIS_ERR_NO_SPACE, saEvtEventAttributesGet(last_event, &given, NULL, NULL, NULL, NULL, NULL));
    CHECK(given.patternsNumber == 2);
}

static void data_of_received(void)
{
    char data[16];
    SaSizeT size = sizeof data;

    CHECK(last_size == 5);
    GIVES(SA_AIS_OK, saEvtEventDataGet(last_event, data, &size));
    CHECK(size == 5 && memcmp(data, "hello", 5) == 0);
    size = 3;
    GIVES(SA_AIS_ERR_NO_SPACE, saEvtEventDataGet(last_event, data, &size));
    CHECK(size == 5);
    GIVES(SA_AIS_ERR_INVALID_PARAM, saEvtEventDataGet(last_event, NULL, &size));
}

static void events(void)
{
    SaEvtHandleT handle = initialized(&callbacks);
    SaEvtChannelHandleT channel = channel_of(handle, "events", everything);
    SaEvtEventPatternT patterns[2] = {pattern_of("sensor.7"), pattern_of("heat")}, prefix = pattern_of("sensor.");
    SaEvtEventPatternArrayT array = {0, 2, patterns};
    SaEvtEventFilterT filter[2] = {{SA_EVT_PREFIX_FILTER, prefix}, {SA_EVT_PASS_ALL_FILTER, {0, 0, NULL}}};
    SaEvtEventFilterArrayT filters = {2, filter};
    SaNameT me = name_of("me"), name = name_of("events");
    SaEvtEventHandleT event, received;
    SaEvtEventIdT id, again;

    RETRIED(saEvtEventSubscribe(channel, &filters, 0xfffffff0));
    GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &event));
    attributes_of_allocated(event);
    GIVES(SA_AIS_OK, saEvtEventAttributesSet(event, &array, 1, SA_TIME_ONE_HOUR, &me));
    RETRIED(saEvtEventPublish(event, "hello", 5, &id));
    CHECK(id > 1000);
    dispatch_one(handle, &delivered);
    CHECK(last_subscription == 0xfffffff0);
    attributes_of_received(id);
    data_of_received();
    received = last_event;
    RETRIED(saEvtEventPublish(received, "again", 5, &again));
    CHECK(again != id);
    dispatch_one(handle, &delivered);
    CHECK(last_event != received);
    GIVES(SA_AIS_OK, saEvtEventFree(last_event));
    last_event = received;
    data_of_received();
    RETRIED(saEvtEventRetentionTimeClear(channel, again));
    RETRIED(saEvtEventUnsubscribe(channel, 0xfffffff0));

    subscribe(channel, SA_EVT_EXACT_FILTER, "sensor.7", 1);
    GIVES(SA_AIS_OK, saEvtDispatch(handle, SA_DISPATCH_ALL));
    RETRIED(saEvtEventUnsubscribe(channel, 1));
    RETRIED(saEvtEventSubscribe(channel, &filters, 2));
    dispatch_one(handle, &delivered);
    CHECK(last_subscription == 2);
    data_of_received();
    RETRIED(saEvtEventRetentionTimeClear(channel, id));
    GIVES(SA_AIS_ERR_NOT_EXIST, saEvtEventRetentionTimeClear(channel, id));
    RETRIED(saEvtEventPublish(event, NULL, 0, &id));
    dispatch_one(handle, &delivered);
    CHECK(last_size == 0);
    RETRIED(saEvtEventRetentionTimeClear(channel, id));
    RETRIED(saEvtChannelUnlink(handle, &name));
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
    bad_event(received);
}

static void *dispatch_blocking(void *handle)
{
    GIVES(SA_AIS_OK, saEvtDispatch(*(SaEvtHandleT *)handle, SA_DISPATCH_BLOCKING));
    return NULL;
}

static void *publish_many(void *channel)
{
    SaEvtEventHandleT event;
    SaEvtEventPatternT pattern = pattern_of("t");
    SaEvtEventPatternArrayT array = {0, 1, &pattern};
    SaEvtEventIdT id;
    GIVES(SA_AIS_OK, saEvtEventAllocate(*(SaEvtChannelHandleT *)channel, &event));
    GIVES(SA_AIS_OK, saEvtEventAttributesSet(event, &array, 3, 0, NULL));
    for (int i = 0; i < 250; i++)
        RETRIED(saEvtEventPublish(event, &i, sizeof i, &id));
    GIVES(SA_AIS_OK, saEvtEventFree(event));
    return NULL;
}

static void threads(void)
{
    SaEvtHandleT handle = initialized(&callbacks);
    SaEvtChannelHandleT channel = channel_of(handle, "threads", everything);
    pthread_t blocked, publishing[4];
    int before = delivered;

    free_events = 1;
    subscribe(channel, SA_EVT_PREFIX_FILTER, "", 1);
    pthread_create(&blocked, NULL, dispatch_blocking, &handle);
    for (int i = 0; i < 4; i++)
        pthread_create(&publishing[i], NULL, publish_many, &channel);
    for (int i = 0; i < 4; i++)
        pthread_join(publishing[i], NULL);
    for (int i = 0; i < PATIENCE_S * 100 && __atomic_load_n(&delivered, __ATOMIC_SEQ_CST) < before + 1000; i++)
        usleep(10000);
    CHECK(delivered == before + 1000);
    GIVES(SA_AIS_OK, saEvtFinalize(handle));
    pthread_join(blocked, NULL);
}

static void rounds(int count)
{
    for (int i = 0; i < count; i++) {
        SaEvtHandleT handle = initialized(&callbacks);
        SaEvtChannelHandleT channel = channel_of(handle, "rounds", everything);
        SaEvtEventHandleT event;
        GIVES(SA_AIS_OK, saEvtEventAllocate(channel, &event));
        GIVES(SA_AIS_OK, saEvtFinalize(handle));
    }
}

int main(void)
{
    int open_before;
    long before;

    bad_handles();
    parameters();
    opening();
    events();
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
