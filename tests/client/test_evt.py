"""The event library and real executives, call by call (saEvtInitialize to saEvtFinalize)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.evt import (
    EVENT_ID_LOST,
    EVENT_ID_NONE,
    LOST_PATTERN,
    AsyncChannel,
    AsyncEvt,
    ChannelFlags,
    ChannelOpenResult,
    DispatchFlags,
    Event,
    Evt,
    EvtCallbacks,
    Exact,
    LimitId,
    PassAll,
    Prefix,
    Suffix,
    Version,
)
from openais.messages.evt import DATA_MAX, PATTERN_MAX, PATTERNS_MAX, RETENTION_MAX_NS
from openais.types import (
    AccessDenied,
    BadFlags,
    BadHandle,
    ErrorCode,
    Exists,
    InitError,
    InvalidParam,
    LibraryError,
    NameTooLong,
    NoSpace,
    NotExist,
    TimeoutExpired,
    TooBig,
    VersionError,
)
from tests.client.conftest import InThread
from tests.client.fake_executive import PATIENCE_S
from tests.client.test_with_executives import Cluster

PUBLISH = ChannelFlags.PUBLISHER | ChannelFlags.CREATE
SUBSCRIBE = ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two executives in one ring, for all tests that leave them as they were; no busy machine parts them."""
    made = Cluster(tmp_path_factory.mktemp("evt"), totem_token="5000")
    try:
        made.start(1, 2)
        yield made
    finally:
        made.close()


@pytest.fixture
def evt(cluster: Cluster) -> Iterator[Evt]:
    """A handle on node 1."""
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as handle:
        yield handle


@pytest.fixture
def other(cluster: Cluster) -> Iterator[Evt]:
    """A handle on node 2."""
    with Evt(cluster.socket(2), timeout=PATIENCE_S) as handle:
        yield handle


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A channel that no other test uses."""
    return request.node.name[:200]


# saEvtInitialize, saEvtDispatch, saEvtFinalize


def test_the_versions_of_the_service_and_of_the_seed(cluster: Cluster) -> None:
    with Evt(cluster.socket(1)) as latest, Evt(cluster.socket(1), version=Version("A", 1, 1)) as seed:
        assert (latest.version, seed.version) == (Version("B", 3, 1), Version("A", 1, 1))
    with pytest.raises(VersionError):
        Evt(cluster.socket(1), version=Version("C", 1, 1))


def test_a_finalized_handle_is_a_bad_handle(cluster: Cluster, name: str) -> None:
    evt = Evt(cluster.socket(1))
    channel = evt.open_channel(name, retry=True)
    subscription = channel.subscribe()
    event = channel.event_allocate()
    evt.finalize()
    calls = (
        evt.channels,
        evt.dispatch,
        evt.fileno,
        evt.finalize,
        channel.close,
        channel.subscribe,
        subscription.receive,
        event.publish,
    )
    for call in calls:
        with pytest.raises(BadHandle):
            call()


def test_callbacks_are_run_by_dispatch_in_the_order_of_priority(cluster: Cluster, name: str) -> None:
    given: list[Event] = []
    with Evt(cluster.socket(1), callbacks=EvtCallbacks(deliver=given.append), timeout=PATIENCE_S) as evt:
        channel = evt.open_channel(name, retry=True)
        channel.event_subscribe([Prefix("a")], 77)
        fast = channel.subscribe()
        for number, priority in enumerate((3, 3, 0, 2)):
            channel.publish(b"%d" % number, "a", priority=priority)
        assert [fast.receive().data for _ in range(4)]
        evt.dispatch(DispatchFlags.ONE)
        evt.dispatch(DispatchFlags.ALL)
    assert [event.data for event in given] == [b"2", b"3", b"0", b"1"]
    assert {(event.channel, event.subscription) for event in given} == {(channel.number, 77)}


def test_a_dispatch_that_blocks_ends_when_the_handle_is_finalized(
    cluster: Cluster, name: str, in_thread: InThread
) -> None:
    evt = Evt(cluster.socket(1), callbacks=EvtCallbacks(deliver=lambda _: evt.finalize()), timeout=PATIENCE_S)
    channel = evt.open_channel(name, retry=True)
    channel.event_subscribe([], 1)
    dispatching = in_thread(evt.dispatch, DispatchFlags.BLOCKING)
    channel.publish(b"end")
    dispatching.result(PATIENCE_S)


# saEvtChannelOpen, saEvtChannelOpenAsync, saEvtChannelClose, saEvtChannelUnlink


def test_a_channel_is_found_by_its_name_on_every_node(evt: Evt, other: Evt, name: str) -> None:
    with pytest.raises(NotExist):
        evt.open_channel(name, ChannelFlags.PUBLISHER, retry=True)
    evt.open_channel(name)
    other.open_channel(name, ChannelFlags.SUBSCRIBER)
    (status,) = [each for each in other.channels() if each.name == name]
    assert (status.opens, status.unlinked, status.retained) == ({1: 1, 2: 1}, False, 0)


@pytest.mark.parametrize("length", [1, 255, 256])
def test_channel_names_of_any_length_that_is_allowed(evt: Evt, length: int) -> None:
    with evt.open_channel("n" * length, retry=True) as channel, channel.subscribe() as subscription:
        channel.publish(b"x")
        assert subscription.receive(PATIENCE_S).data == b"x"


def test_channel_names_that_are_not_allowed_are_refused(evt: Evt) -> None:
    for call in (evt.open_channel, evt.unlink):
        with pytest.raises(InvalidParam):
            call("")
        with pytest.raises(NameTooLong):
            call("n" * 257)
        with pytest.raises(NameTooLong):
            call("ü" * 129)


@pytest.mark.parametrize("flags", [0, 8])
def test_flags_that_are_not_allowed_are_refused(evt: Evt, name: str, flags: int) -> None:
    with pytest.raises(BadFlags):
        evt.open_channel(name, ChannelFlags(flags))


def test_an_asynchronous_open_is_answered_by_a_callback(cluster: Cluster, name: str) -> None:
    results: list[ChannelOpenResult] = []
    with Evt(cluster.socket(1), callbacks=EvtCallbacks(channel_open=results.append), timeout=PATIENCE_S) as evt:
        evt.open_channel_async(5, name, ChannelFlags.SUBSCRIBER, retry=True)
        evt.open_channel_async(6, name, retry=True)
        evt.channels()
        while len(results) < 2:
            evt.dispatch(DispatchFlags.ALL)
        refused, opened = results
        assert (refused.invocation, refused.error) == (5, ErrorCode.NOT_EXIST)
        with pytest.raises(NotExist):
            evt.opened(refused)
        assert (opened.invocation, opened.error) == (6, ErrorCode.OK)
        channel = evt.opened(opened)
        subscription = channel.subscribe()
        channel.publish(b"x")
        assert subscription.receive(PATIENCE_S).data == b"x"
        with pytest.raises(InvalidParam):
            evt.open_channel_async(2**64, name)


def test_calls_whose_callback_was_not_given(evt: Evt, name: str) -> None:
    with pytest.raises(InitError):
        evt.open_channel_async(1, name)
    with pytest.raises(InitError):
        evt.open_channel(name, retry=True).event_subscribe([], 1)


def test_a_closed_channel_is_a_bad_handle_and_so_is_all_of_it(evt: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    event = channel.event_allocate()
    subscription = channel.subscribe()
    channel.close()
    for call in (channel.close, channel.publish, channel.subscribe, channel.event_allocate, subscription.receive):
        with pytest.raises(BadHandle):
            call()
    for call in (event.publish, event.free, event.attributes_get):
        with pytest.raises(BadHandle):
            call()


def test_an_iteration_ends_when_its_channel_is_closed(evt: Evt, name: str, in_thread: InThread) -> None:
    channel = evt.open_channel(name, retry=True)
    first, second = channel.subscribe(), channel.subscribe()
    listening = [in_thread(lambda s=each: [event.data for event in s]) for each in (first, second)]
    channel.publish(b"x")
    first.close()
    listening[0].result(PATIENCE_S)
    channel.close()
    assert listening[1].result(PATIENCE_S) in ([b"x"], [])


def test_an_unlinked_channel_is_gone_with_the_last_who_has_it_open(evt: Evt, other: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    other.unlink(name)
    with pytest.raises(NotExist):
        other.unlink(name)
    with pytest.raises(NotExist):
        other.open_channel(name, ChannelFlags.SUBSCRIBER)
    subscription = channel.subscribe()
    channel.publish(b"still here")
    assert subscription.receive(PATIENCE_S).data == b"still here"
    channel.close()
    assert name not in [each.name for each in other.channels()]


# saEvtEventAllocate, Free, AttributesSet, AttributesGet, DataGet, Publish


def test_an_event_that_is_allocated_filled_in_and_published(evt: Evt, other: Evt, name: str) -> None:
    channel = evt.open_channel(name, PUBLISH, retry=True)
    with other.open_channel(name, SUBSCRIBE).subscribe() as subscription:
        outgoing = channel.event_allocate()
        assert (outgoing.attributes_get(), outgoing.event_id) == (((), 3, 0, ""), EVENT_ID_NONE)
        outgoing.attributes_set(["sensor.7", b"\x00\xff"], 1, 0, "tests")
        event_id = outgoing.publish(b"on fire")
        assert outgoing.event_id == event_id > 1000
        event = subscription.receive(PATIENCE_S)
    assert (event.patterns, event.priority, event.retention_ns) == ((b"sensor.7", b"\x00\xff"), 1, 0)
    assert (event.publisher, event.node_id, event.event_id, event.lost) == ("tests", 1, event_id, False)
    assert (event.data, event.data_get()) == (b"on fire", 7)
    assert event.publish_time_ns > 0
    outgoing.free()
    for call in (outgoing.free, outgoing.publish, outgoing.attributes_set, outgoing.attributes_get):
        with pytest.raises(BadHandle):
            call()


def test_data_that_do_not_fit_in_the_buffer_are_cut(evt: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    with channel.subscribe() as subscription:
        channel.publish(b"0123456789")
        event = subscription.receive(PATIENCE_S)
    buffer = bytearray(12)
    assert event.data_get(buffer) == 10
    assert buffer == b"0123456789\0\0"
    small = bytearray(4)
    with pytest.raises(NoSpace):
        event.data_get(small)
    assert small == b"0123"


def test_attributes_over_the_limits_are_refused(evt: Evt, name: str) -> None:
    outgoing = evt.open_channel(name, retry=True).event_allocate()
    outgoing.attributes_set([b"p" * PATTERN_MAX] * PATTERNS_MAX, 0, RETENTION_MAX_NS, "n" * 256)
    for patterns in ([b"p"] * (PATTERNS_MAX + 1), [b"p" * (PATTERN_MAX + 1)]):
        with pytest.raises(TooBig):
            outgoing.attributes_set(patterns)
    for priority in (-1, 4):
        with pytest.raises(InvalidParam):
            outgoing.attributes_set(priority=priority)
    for retention_ns in (-1, 2**63):
        with pytest.raises(InvalidParam):
            outgoing.attributes_set(retention_ns=retention_ns)
    with pytest.raises(NameTooLong):
        outgoing.attributes_set(publisher="n" * 257)
    with pytest.raises(InvalidParam):
        evt.open_channel(name).publish(b"x", retention=math.nan)


def test_events_of_any_size_up_to_the_limit(evt: Evt, other: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    with other.open_channel(name).subscribe() as subscription:
        for size in (0, 1, DATA_MAX):
            channel.publish(bytes(size), *[b"p" * PATTERN_MAX] * PATTERNS_MAX, retry=True)
            assert subscription.receive(PATIENCE_S).data == bytes(size)
    with pytest.raises(TooBig):
        channel.publish(bytes(DATA_MAX + 1))


def test_many_events_in_one_call_keep_their_order_and_have_ids_of_their_own(evt: Evt, other: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    data = [b"%d" % number + bytes(number % 50) for number in range(20_000)]
    with other.open_channel(name).subscribe("many") as subscription:
        event_ids = channel.publish_many(data, "many", retry=True)
        events = [subscription.receive(PATIENCE_S) for _ in data]
    assert [event.data for event in events] == data
    assert [event.event_id for event in events] == event_ids == sorted(set(event_ids))
    assert channel.publish_many([]) == []


def test_access_is_what_the_channel_was_opened_for(evt: Evt, name: str) -> None:
    with pytest.raises(AccessDenied):
        evt.open_channel(name, SUBSCRIBE, retry=True).publish(b"x")
    with pytest.raises(AccessDenied):
        evt.open_channel(name, PUBLISH, retry=True).subscribe()


# saEvtEventSubscribe, saEvtEventUnsubscribe


def test_each_filter_lets_its_own_events_pass(evt: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    subscriptions = {
        "prefix": channel.subscribe(Prefix("sensor.")),
        "suffix": channel.subscribe(Suffix(".hot")),
        "exact": channel.subscribe("sensor.7.hot"),
        "second": channel.subscribe(PassAll(), Exact(b"x")),
        "all": channel.subscribe(),
    }
    for patterns in (("sensor.7.hot",), ("sensor.8.cold", "x"), ("fan.hot", "x", "y"), ()):
        channel.publish(",".join(patterns).encode(), *patterns)
    channel.publish(b"end", "sensor.7.hot", "x")
    given = {kind: list(iter(lambda s=s: s.receive(PATIENCE_S).data, b"end")) for kind, s in subscriptions.items()}
    assert given == {
        "prefix": [b"sensor.7.hot", b"sensor.8.cold,x"],
        "suffix": [b"sensor.7.hot", b"fan.hot,x,y"],
        "exact": [b"sensor.7.hot"],
        "second": [b"sensor.8.cold,x", b"fan.hot,x,y"],
        "all": [b"sensor.7.hot", b"sensor.8.cold,x", b"fan.hot,x,y", b""],
    }


def test_filters_over_the_limits_are_refused(evt: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    for filters in ([PassAll()] * (PATTERNS_MAX + 1), [Prefix(b"p" * (PATTERN_MAX + 1))]):
        with pytest.raises(TooBig):
            channel.subscribe(*filters)


def test_subscription_numbers_are_the_callers_own(cluster: Cluster, name: str) -> None:
    given: list[Event] = []
    with Evt(cluster.socket(1), callbacks=EvtCallbacks(deliver=given.append), timeout=PATIENCE_S) as evt:
        channel = evt.open_channel(name, retry=True)
        channel.event_subscribe([], 2**32 - 1)
        with pytest.raises(Exists):
            channel.event_subscribe([], 2**32 - 1)
        with pytest.raises(InvalidParam):
            channel.event_subscribe([], 2**32)
        with pytest.raises(NotExist):
            channel.event_unsubscribe(1)
        fast = channel.subscribe()
        channel.publish(b"queued")
        assert fast.receive(PATIENCE_S).data == b"queued"
        channel.event_unsubscribe(2**32 - 1)
        evt.dispatch(DispatchFlags.ALL)
    assert given == [], "events that were queued for a subscription go with it"


def test_a_subscription_that_is_given_nothing_times_out(evt: Evt, name: str) -> None:
    with evt.open_channel(name, retry=True).subscribe() as subscription, pytest.raises(TimeoutExpired):
        subscription.receive(0.01)


def test_a_subscriber_that_does_not_take_its_events_is_told_that_it_lost_some(
    cluster: Cluster, evt: Evt, other: Evt, name: str
) -> None:
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as sleeper:
        lose_events(sleeper, evt, other, name)


def lose_events(sleeper: Evt, evt: Evt, other: Evt, name: str) -> None:
    slow = sleeper.open_channel(name, retry=True).subscribe()
    fast = evt.open_channel(name).subscribe()
    channel = other.open_channel(name)
    taken = 0
    for _ in range(24):
        channel.publish_many([bytes(1024)] * 512, retry=True)
        assert not any(fast.receive(PATIENCE_S).lost for _ in range(512))
        taken += 512
    channel.publish(b"end", priority=0, retry=True)
    received: list[Event] = []
    while not received or received[-1].data != b"end":
        received.append(slow.receive(PATIENCE_S))
    (lost,) = [event for event in received if event.lost]
    assert (lost.event_id, lost.patterns, lost.priority, lost.data) == (EVENT_ID_LOST, (LOST_PATTERN,), 0, b"")
    assert (lost.publisher, lost.retention_ns) == ("", 0)
    assert len(received) < taken


# Retention


def test_a_retained_event_reaches_who_comes_later_until_it_is_cleared(evt: Evt, other: Evt, name: str) -> None:
    channel = evt.open_channel(name, retry=True)
    event_id = channel.publish(b"kept", "alarm", retention=math.inf)
    channel.publish(b"other", "news", retention=math.inf)
    late = other.open_channel(name)
    with late.subscribe("alarm") as subscription:
        event = subscription.receive(PATIENCE_S)
        assert (event.data, event.event_id, event.retention_ns) == (b"kept", event_id, RETENTION_MAX_NS)
    late.retention_time_clear(event_id)
    with pytest.raises(NotExist):
        channel.retention_time_clear(event_id)
    with pytest.raises(InvalidParam):
        channel.retention_time_clear(2**64)
    with late.subscribe("alarm") as subscription, pytest.raises(TimeoutExpired):
        subscription.receive(0.01)
    evt.unlink(name)


def test_a_retained_event_expires(evt: Evt, other: Evt, name: str) -> None:
    other.open_channel(name, retry=True).publish(b"short", retention=0.05)

    def retained() -> list[int]:
        return [each.retained for each in evt.channels() if each.name == name]

    while retained() != [0]:
        pass


# saEvtLimitGet


def test_limits_are_told_one_by_one_and_together(evt: Evt) -> None:
    limits = evt.limits()
    assert evt.limit_get(LimitId.MAX_NUM_CHANNELS) == limits.channels_max == 1024
    assert evt.limit_get(LimitId.MAX_EVT_SIZE) == limits.data_max == DATA_MAX
    assert evt.limit_get(LimitId.MAX_PATTERN_SIZE) == limits.pattern_max == PATTERN_MAX
    assert evt.limit_get(LimitId.MAX_NUM_PATTERNS) == limits.patterns_max == PATTERNS_MAX
    assert evt.limit_get(LimitId.MAX_RETENTION_DURATION) == limits.retention_max_ns == RETENTION_MAX_NS
    with pytest.raises(InvalidParam):
        evt.limit_get(6)


# Faults


def test_what_was_retained_outlives_its_node_and_comes_to_one_that_joins(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        cluster.start(1, 2)
        with Evt(cluster.socket(1), timeout=PATIENCE_S) as evt, Evt(cluster.socket(2), timeout=PATIENCE_S) as other:
            channel = evt.open_channel("alarms", retry=True)
            listening = other.open_channel("alarms", retry=True).subscribe()
            channel.publish(b"last words", "alarm", retention=math.inf, retry=True)
            assert listening.receive(PATIENCE_S).data == b"last words"
            cluster.crash(1)
            with pytest.raises(LibraryError):
                channel.publish(b"too late")
            cluster.start(1)
            evt.reconnect(PATIENCE_S)
            with pytest.raises(BadHandle):
                channel.publish(b"of the session before")
            again = evt.open_channel("alarms", retry=True).subscribe("alarm")
            assert again.receive(PATIENCE_S).data == b"last words"
            with pytest.raises(TimeoutExpired):
                listening.receive(0.01)
    finally:
        cluster.close()


# asyncio


def test_the_asyncio_face_does_what_the_blocking_one_does(cluster: Cluster, name: str) -> None:
    async def use() -> list[bytes]:
        async with AsyncEvt.open(cluster.socket(1)) as evt, await evt.open_channel(name, retry=True) as channel:
            subscription = await channel.subscribe(Prefix("a"))
            await channel.publish(b"one", "a1", retention=math.inf)
            assert len(await channel.publish_many([b"two", b"three"], "a2")) == 2
            outgoing = channel.event_allocate()
            outgoing.attributes_set(["a3"])
            event_id = await outgoing.publish(b"four")
            async with channel.sender("a4", priority=2) as sender:
                for number in range(3000):
                    sender.send(b"%d" % number)
            heard = [event.data async for event in _first(3004, subscription)]
            assert event_id == outgoing.event_id
            assert await evt.limit_get(LimitId.MAX_EVT_SIZE) == DATA_MAX
            assert name in [each.name for each in await evt.channels()]
            await subscription.close()
            with pytest.raises(BadHandle):
                await subscription.receive(1.0)
            late = await channel.subscribe()
            kept = await late.receive(PATIENCE_S)
            await channel.retention_time_clear(kept.event_id)
            await evt.unlink(name)
            return heard

    heard = asyncio.run(asyncio.wait_for(use(), PATIENCE_S))
    assert sorted(heard) == sorted([b"one", b"two", b"three", b"four", *(b"%d" % n for n in range(3000))])
    assert [each for each in heard if each.isdigit()] == [b"%d" % number for number in range(3000)]


def test_the_asyncio_face_with_callbacks(cluster: Cluster, name: str) -> None:
    results: list[ChannelOpenResult] = []
    given: list[Event] = []

    async def use() -> None:
        callbacks = EvtCallbacks(given.append, results.append)
        async with AsyncEvt.open(cluster.socket(1), callbacks=callbacks) as evt:
            await evt.open_channel_async(5, name, retry=True)
            while not results:
                await evt.dispatch(DispatchFlags.ALL)
                await evt.channels()
            channel: AsyncChannel = evt.opened(results[0])
            await channel.event_subscribe([PassAll()], 9)
            await channel.publish(b"x")
            while not given:
                await evt.dispatch(DispatchFlags.ALL)
                await evt.channels()
            await channel.event_unsubscribe(9)
            await channel.close()

    asyncio.run(asyncio.wait_for(use(), PATIENCE_S))
    assert [(event.data, event.subscription) for event in given] == [(b"x", 9)]


def test_an_asyncio_iteration_ends_when_its_subscription_is_closed(cluster: Cluster, name: str) -> None:
    async def use() -> list[bytes]:
        async with AsyncEvt.open(cluster.socket(1)) as evt:
            channel = await evt.open_channel(name, retry=True)
            subscription = await channel.subscribe()

            async def listen() -> list[bytes]:
                return [event.data async for event in subscription]

            listening = asyncio.ensure_future(listen())
            await asyncio.sleep(0)
            await subscription.close()
            return await listening

    assert asyncio.run(asyncio.wait_for(use(), PATIENCE_S)) == []


async def _first(count: int, subscription):  # type: ignore[no-untyped-def]
    """The first events of a subscription."""
    for _ in range(count):
        yield await subscription.receive(PATIENCE_S)
