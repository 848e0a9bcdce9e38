"""The event service: channels, events, filters, retention, lost-event notices (SA Forum EVT)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from openais.messages.base import Message
from openais.messages.evs import batch_of, payloads_of
from openais.messages.evt import (
    CHANNELS_MAX,
    DATA_MAX,
    EVENT_ID_LOST,
    EVENT_ID_STEP,
    LOST_PATTERN,
    PATTERN_MAX,
    PATTERNS_MAX,
    RETENTION_MAX_NS,
    ChannelClosed,
    ChannelFlags,
    ChannelList,
    ChannelOpened,
    ChannelStatus,
    ChannelUnlinked,
    ClearRetention,
    CloseChannel,
    Deliver,
    Filter,
    FilterType,
    Limits,
    LimitsGet,
    ListChannels,
    Match,
    OpenAccepted,
    OpenCallback,
    OpenChannel,
    OpenChannelAsync,
    Publish,
    Published,
    PublishedRun,
    RetentionCleared,
    Run,
    Subscribe,
    Subscribed,
    Taken,
    TakenNoted,
    UnlinkChannel,
    Unsubscribe,
    Unsubscribed,
    cost_of,
    decode_run,
)
from openais.services.evt import RETAINED_BYTES_MAX, RETENTION_TIMER, Evt
from openais.services.evt_subscribers import SUBSCRIPTIONS_MAX
from openais.types import (
    AccessDenied,
    BadFlags,
    BadHandle,
    ErrorCode,
    Exists,
    InvalidParam,
    NoResources,
    NotExist,
    TimeNs,
    TooBig,
)
from tests.services.ordered_group import Library, OrderedGroup

BOTH = ChannelFlags.PUBLISHER | ChannelFlags.SUBSCRIBER
ALL = BOTH | ChannelFlags.CREATE
SECOND_NS = 1_000_000_000
WINDOW = 4096
HELD_MAX = 9000


def cluster(*node_ids: int, window: int = WINDOW) -> OrderedGroup:
    group = OrderedGroup(lambda local: Evt(local, window, HELD_MAX))
    group.start(*node_ids)
    group.configure(node_ids)
    return group


def opened(library: Library, name: str = "news", flags: ChannelFlags = ALL) -> int:
    """A channel of the library."""
    answer = library.call(OpenChannel(name, flags))
    assert isinstance(answer, ChannelOpened)
    return answer.channel


def subscriber(group: OrderedGroup, node_id: int, *filters: Filter, name: str = "news") -> tuple[Library, int]:
    """A library that has the channel open, and one subscription with these filters, number 7."""
    library = group.open(node_id)
    channel = opened(library, name)
    assert library.call(Subscribe(channel, 7, filters)) == Subscribed()
    return library, channel


def publish(
    channel: int,
    *data: bytes,
    patterns: tuple[bytes, ...] = (b"news",),
    priority: int = 3,
    retention_ns: int = 0,
    publisher: str = "tests",
) -> Publish:
    return Publish(channel, False, (Run(patterns, priority, retention_ns, publisher, batch_of(data)),))


def published(library: Library, request: Publish) -> int:
    """Publishes; the first id."""
    answer = library.call(request)
    assert isinstance(answer, Published)
    return answer.first_id


def runs(callbacks: Iterable[Message]) -> list[PublishedRun]:
    return [decode_run(each.run) for each in callbacks if isinstance(each, Deliver)]


def texts(callbacks: Iterable[Message]) -> list[bytes]:
    """The data of all events."""
    return [data for run in runs(callbacks) for data in payloads_of(run.payloads)]


def cost(library: Library) -> int:
    """What the callbacks that wait cost."""
    delivered = [each for each in library.callbacks if isinstance(each, Deliver)]
    return sum(cost_of(len(each.run), decode_run(each.run).count) * len(each.matches) for each in delivered)


def channels(library: Library) -> tuple[ChannelStatus, ...]:
    answer = library.call(ListChannels())
    assert isinstance(answer, ChannelList)
    return answer.channels


def names(library: Library) -> list[tuple[str, bool, dict[int, int]]]:
    """Each channel: its name, whether it is unlinked, how often it is open by node."""
    return [(each.name, each.unlinked, dict(each.opens)) for each in channels(library)]


def prefix(text: bytes) -> Filter:
    return Filter(FilterType.PREFIX, text)


def exact(text: bytes) -> Filter:
    return Filter(FilterType.EXACT, text)


def expire(group: OrderedGroup, node_id: int, after_ns: int) -> None:
    """So much time passes on a node, and its timer goes off."""
    service = group.service(node_id)
    service.node.wall_time_ns = TimeNs(service.node.wall_time_ns + after_ns)
    group.nodes[service.node.node_id].perform(service.timer(RETENTION_TIMER))
    group.deliver()


# saEvtChannelOpen, saEvtChannelOpenAsync


def test_a_channel_is_open_everywhere_when_the_open_is_answered() -> None:
    group = cluster(1, 2)
    library, other = group.open(1), group.open(2)
    call = library.send(OpenChannel("news", ALL))
    assert library.answers == {}
    group.deliver()
    assert isinstance(library.answer(call), ChannelOpened)
    assert names(other) == [("news", False, {1: 1})]


def test_a_channel_that_is_not_there_is_made_only_on_request() -> None:
    library = cluster(1).open(1)
    with pytest.raises(NotExist):
        library.call(OpenChannel("news", BOTH))
    opened(library)
    opened(library, flags=ChannelFlags.SUBSCRIBER)
    assert names(library) == [("news", False, {1: 2})]


@pytest.mark.parametrize("flags", [0, 8, 0x81])
def test_an_open_without_flags_or_with_unknown_ones_has_bad_flags(flags: int) -> None:
    with pytest.raises(BadFlags):
        cluster(1).open(1).call(OpenChannel("news", flags))


def test_no_more_channels_are_made_than_the_limit() -> None:
    library = cluster(1).open(1)
    for number in range(CHANNELS_MAX):
        opened(library, f"channel {number}")
    with pytest.raises(NoResources):
        library.call(OpenChannel("one more", ALL))
    opened(library, "channel 0")


def test_an_asynchronous_open_is_answered_by_a_callback() -> None:
    group = cluster(1, 2)
    library = group.open(1)
    assert library.call(OpenChannelAsync("news", ALL, 99)) == OpenAccepted()
    (told,) = library.take()
    assert isinstance(told, OpenCallback)
    assert (told.invocation, told.error) == (99, ErrorCode.OK)
    assert library.call(Subscribe(told.channel, 1, ())) == Subscribed()


def test_an_asynchronous_open_that_fails_is_told_by_a_callback_to_its_caller_alone() -> None:
    group = cluster(1, 2)
    library, other = group.open(1), group.open(2)
    assert library.call(OpenChannelAsync("news", BOTH, 99)) == OpenAccepted()
    (told,) = library.take()
    assert isinstance(told, OpenCallback)
    assert (told.invocation, told.error) == (99, ErrorCode.NOT_EXIST)
    assert other.take() == []


# saEvtChannelClose, saEvtChannelUnlink


def test_a_channel_stays_when_nobody_has_it_open() -> None:
    library = cluster(1).open(1)
    assert library.call(CloseChannel(opened(library))) == ChannelClosed()
    assert names(library) == [("news", False, {})]


def test_a_closed_channel_is_a_bad_handle() -> None:
    library = cluster(1).open(1)
    channel = opened(library)
    library.call(CloseChannel(channel))
    for request in (
        CloseChannel(channel),
        publish(channel, b"x"),
        Subscribe(channel, 1, ()),
        Unsubscribe(channel, 1),
        ClearRetention(channel, 5),
    ):
        with pytest.raises(BadHandle):
            library.call(request)


def test_the_channel_of_another_library_is_a_bad_handle() -> None:
    group = cluster(1)
    library, other = group.open(1), group.open(1)
    channel = opened(library)
    with pytest.raises(BadHandle):
        other.call(publish(channel, b"x"))


def test_an_unlinked_channel_that_nobody_has_open_is_gone() -> None:
    library = cluster(1).open(1)
    library.call(CloseChannel(opened(library)))
    assert library.call(UnlinkChannel("news")) == ChannelUnlinked()
    assert names(library) == []
    with pytest.raises(NotExist):
        library.call(UnlinkChannel("news"))


def test_an_unlinked_channel_lives_beside_a_new_one_of_its_name_until_the_last_close() -> None:
    group = cluster(1, 2)
    reader, channel = subscriber(group, 1)
    published(reader, publish(channel, b"kept", retention_ns=RETENTION_MAX_NS))
    assert group.open(2).call(UnlinkChannel("news")) == ChannelUnlinked()
    newer, _ = subscriber(group, 2)
    assert names(reader) == [("news", True, {1: 1}), ("news", False, {2: 1})]
    published(reader, publish(channel, b"old"))
    assert texts(reader.take()) == [b"kept", b"old"]
    assert texts(newer.take()) == []
    reader.call(CloseChannel(channel))
    assert [(each.unlinked, each.retained) for each in channels(reader)] == [(False, 0)]


def test_what_a_library_had_open_is_closed_with_its_connection() -> None:
    group = cluster(1, 2)
    library, other = group.open(1), group.open(2)
    opened(library)
    opened(library, "alarms")
    library.send(OpenChannel("late", ALL))
    library.close()
    group.deliver()
    assert names(other) == [("alarms", False, {}), ("late", False, {}), ("news", False, {})]


def test_what_a_node_had_open_is_closed_when_it_is_gone() -> None:
    group = cluster(1, 2, 3)
    library = group.open(1)
    opened(group.open(3))
    opened(library)
    opened(library, "alarms")
    library.call(UnlinkChannel("news"))
    group.crash(3)
    group.configure([1, 2])
    assert names(group.open(2)) == [("alarms", False, {1: 1}), ("news", True, {1: 1})]
    group.crash(1)
    group.configure([2])
    assert names(group.open(2)) == [("alarms", False, {})]


# saEvtEventPublish


def test_an_event_reaches_the_subscribers_on_all_nodes_with_its_attributes() -> None:
    group = cluster(1, 2)
    readers = [subscriber(group, node_id) for node_id in (1, 2)]
    sender = group.open(1)
    request = publish(opened(sender), b"one", b"two", patterns=(b"a", b""), priority=1, publisher="me")
    first_id = published(sender, request)
    for reader, channel in readers:
        (deliver,) = reader.take()
        assert isinstance(deliver, Deliver)
        assert deliver.matches == (Match(channel, 7),)
        run = decode_run(deliver.run)
        assert (run.patterns, run.priority, run.retention_ns, run.publisher) == ((b"a", b""), 1, 0, "me")
        assert (run.origin.node_id, run.first_id, run.count) == (1, first_id, 2)
        assert run.publish_time_ns == group.service(1).node.wall_time_ns
        assert payloads_of(run.payloads) == (b"one", b"two")


def test_ids_go_up_and_tell_the_nodes_apart() -> None:
    group = cluster(1, 2)
    one, two = group.open(1), group.open(2)
    mine, theirs = opened(one), opened(two)
    first = published(one, publish(mine, b"a", b"b"))
    second = published(one, publish(mine, b"c"))
    other = published(two, publish(theirs, b"d"))
    assert second == first + 2 * EVENT_ID_STEP
    assert other % EVENT_ID_STEP != first % EVENT_ID_STEP
    assert first > 1000, "ids up to 1000 have special meanings"


def test_runs_of_different_attributes_travel_together_in_their_order() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1, prefix(b"a"))
    request = Publish(
        channel,
        False,
        tuple(Run((name,), 0, 0, "", batch_of((name,))) for name in (b"a1", b"b1", b"a2")),
    )
    first_id = published(reader, request)
    delivered = runs(reader.take())
    assert [(run.patterns, run.first_id) for run in delivered] == [
        ((b"a1",), first_id),
        ((b"a2",), first_id + 2 * EVENT_ID_STEP),
    ]


def test_publishing_on_a_channel_that_is_open_to_subscribe_only_is_denied() -> None:
    library = cluster(1).open(1)
    channel = opened(library, flags=ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE)
    with pytest.raises(AccessDenied):
        library.call(publish(channel, b"x"))


def test_an_event_may_have_as_much_data_as_the_limit() -> None:
    group = cluster(1)
    library = group.open(1)
    channel = opened(library)
    published(library, publish(channel, bytes(DATA_MAX)))
    with pytest.raises(TooBig):
        library.call(publish(channel, bytes(DATA_MAX + 1)))


def test_what_is_no_batch_is_an_invalid_parameter() -> None:
    library = cluster(1).open(1)
    channel = opened(library)
    for payloads in (batch_of(()), batch_of(["text"])):  # type: ignore[list-item]
        with pytest.raises(InvalidParam):
            library.call(Publish(channel, False, (Run((), 0, 0, "", payloads),)))


def test_no_more_is_retained_than_the_limit() -> None:
    group = cluster(1)
    library = group.open(1)
    channel = opened(library)
    for _ in range(RETAINED_BYTES_MAX // (DATA_MAX + 1024)):
        published(library, publish(channel, bytes(DATA_MAX), retention_ns=SECOND_NS))
    with pytest.raises(NoResources):
        library.call(publish(channel, bytes(DATA_MAX), retention_ns=SECOND_NS))
    published(library, publish(channel, bytes(DATA_MAX)))


# saEvtEventSubscribe, saEvtEventUnsubscribe


def test_a_subscriber_is_given_what_its_filters_let_through() -> None:
    group = cluster(1, 2)
    reader, _ = subscriber(group, 1, prefix(b"sensor."), exact(b"hot"))
    sender = group.open(2)
    channel = opened(sender)
    for patterns in ((b"sensor.1", b"hot"), (b"sensor.1", b"cold"), (b"fan.1", b"hot"), (b"sensor.2", b"hot", b"x")):
        sender.send(publish(channel, patterns[0], patterns=patterns))
    group.deliver()
    assert texts(reader.take()) == [b"sensor.1", b"sensor.2"]


def test_an_event_that_passes_several_subscriptions_is_delivered_for_each() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1, prefix(b"n"))
    reader.call(Subscribe(channel, 8, ()))
    reader.call(Subscribe(channel, 9, (prefix(b"x"),)))
    published(reader, publish(channel, b"x"))
    (deliver,) = reader.take()
    assert isinstance(deliver, Deliver)
    assert set(deliver.matches) == {Match(channel, 7), Match(channel, 8)}


def test_subscribing_on_a_channel_that_is_open_to_publish_only_is_denied() -> None:
    library = cluster(1).open(1)
    channel = opened(library, flags=ChannelFlags.PUBLISHER | ChannelFlags.CREATE)
    with pytest.raises(AccessDenied):
        library.call(Subscribe(channel, 1, ()))


def test_a_subscription_number_is_used_once_on_a_channel() -> None:
    library, channel = subscriber(cluster(1), 1)
    with pytest.raises(Exists):
        library.call(Subscribe(channel, 7, ()))
    assert library.call(Subscribe(opened(library), 7, ())) == Subscribed()


def test_no_more_subscriptions_on_a_node_than_the_limit() -> None:
    library, channel = subscriber(cluster(1), 1)
    library.call(Unsubscribe(channel, 7))
    for number in range(SUBSCRIPTIONS_MAX):
        library.call(Subscribe(channel, number, ()))
    with pytest.raises(NoResources):
        library.call(Subscribe(channel, SUBSCRIPTIONS_MAX, ()))
    library.call(Unsubscribe(channel, 0))
    assert library.call(Subscribe(channel, SUBSCRIPTIONS_MAX, ())) == Subscribed()


def test_nothing_comes_after_the_end_of_a_subscription() -> None:
    library, channel = subscriber(cluster(1), 1)
    assert library.call(Unsubscribe(channel, 7)) == Unsubscribed()
    published(library, publish(channel, b"late"))
    assert library.take() == []
    with pytest.raises(NotExist):
        library.call(Unsubscribe(channel, 7))


# Order, priorities and lost events


def test_a_higher_priority_overtakes_what_waits_for_a_slow_subscriber() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1)
    for number in range(4):
        published(reader, publish(channel, bytes(2000) + b"low%d" % number, priority=3))
    published(reader, publish(channel, b"urgent", priority=0))
    assert [text[-4:] for text in texts(reader.callbacks)] == [b"low0", b"low1"]
    taken = cost(reader)
    reader.take()
    assert reader.call(Taken(taken)) == TakenNoted()
    assert [text[-6:] for text in texts(reader.take())] == [b"urgent", b"\0\0low2", b"\0\0low3"]


def test_a_subscriber_that_is_too_slow_loses_the_lowest_priority_first_and_is_told_once() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1)
    fast, _ = subscriber(group, 1)
    for number, priority in enumerate((3, 3, 3, 1, 3, 1, 2, 1, 1)):
        request = publish(channel, b"%d" % number + bytes(1900), priority=priority)
        published(reader, request)
        fast.call(Taken(cost_of(2000, 1)))
    assert len(texts(fast.take())) == 9
    given = texts(reader.callbacks)
    assert [text[:1] for text in given] == [b"0", b"1"]
    taken = cost(reader)
    reader.take()
    received: list[PublishedRun] = []
    while taken:
        reader.call(Taken(taken))
        taken = cost(reader)
        received += runs(reader.take())
    assert [(run.first_id == EVENT_ID_LOST, run.patterns, run.priority) for run in received] == [
        (True, (LOST_PATTERN,), 0),
        (False, (b"news",), 1),
        (False, (b"news",), 1),
        (False, (b"news",), 1),
        (False, (b"news",), 1),
    ]
    lost = received[0]
    assert (lost.retention_ns, lost.publisher, lost.origin.node_id, lost.count) == (0, "", 0, 1)
    assert payloads_of(lost.payloads) == (b"",)


def test_each_subscription_that_lost_something_is_told_and_no_other() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1, prefix(b"n"))
    reader.call(Subscribe(channel, 8, (prefix(b"x"),)))
    for _ in range(8):
        published(reader, publish(channel, bytes(1900)))
    taken = cost(reader)
    reader.take()
    reader.call(Taken(taken))
    notice = reader.take()[0]
    assert isinstance(notice, Deliver)
    assert decode_run(notice.run).first_id == EVENT_ID_LOST
    assert notice.matches == (Match(channel, 7),)


def test_what_waits_for_a_subscription_that_ends_is_dropped() -> None:
    group = cluster(1)
    reader, channel = subscriber(group, 1)
    reader.call(Subscribe(channel, 8, ()))
    for number in range(3):
        published(reader, publish(channel, b"%d" % number + bytes(2000)))
    taken = cost(reader)
    reader.take()
    reader.call(Unsubscribe(channel, 7))
    reader.call(Taken(taken))
    assert [each.matches for each in reader.take() if isinstance(each, Deliver)] == [(Match(channel, 8),)] * 2


def test_a_slow_subscriber_costs_the_others_nothing() -> None:
    group = cluster(1, 2)
    subscriber(group, 1)
    reader, channel = subscriber(group, 1)
    for number in range(50):
        published(reader, publish(channel, b"%d" % number))
        reader.call(Taken(cost_of(64, 1)))
    assert texts(reader.take()) == [b"%d" % number for number in range(50)]


# Retention


def test_a_retained_event_reaches_later_subscribers_that_it_passes_once_each() -> None:
    group = cluster(1, 2)
    sender = group.open(1)
    channel = opened(sender)
    first_id = published(sender, publish(channel, b"one", b"two", retention_ns=RETENTION_MAX_NS))
    published(sender, publish(channel, b"other", patterns=(b"other",), retention_ns=RETENTION_MAX_NS))
    reader, _ = subscriber(group, 2, prefix(b"new"))
    delivered = runs(reader.take())
    assert [run.first_id for run in delivered] == [first_id, first_id + EVENT_ID_STEP]
    published(sender, publish(channel, b"three"))
    assert texts(reader.take()) == [b"three"]


def test_a_retained_event_outlives_its_publisher_and_all_nodes_but_one() -> None:
    group = cluster(1, 2, 3)
    sender = group.open(1)
    published(sender, publish(opened(sender), b"last words", retention_ns=RETENTION_MAX_NS))
    group.crash(1)
    group.configure([2, 3])
    group.crash(2)
    group.configure([3])
    assert texts(subscriber(group, 3)[0].take()) == [b"last words"]


def test_a_node_that_joins_has_the_retained_events() -> None:
    group = cluster(1, window=10 * DATA_MAX)
    sender = group.open(1)
    data = bytes(range(256)) * 500
    published(sender, publish(opened(sender), data, b"", retention_ns=RETENTION_MAX_NS))
    group.start(2)
    group.configure([1, 2])
    assert texts(subscriber(group, 2)[0].take()) == [data, b""]


def test_an_event_expires_everywhere_by_the_word_of_the_lowest_node() -> None:
    group = cluster(1, 2)
    sender = group.open(2)
    channel = opened(sender)
    published(sender, publish(channel, b"short", retention_ns=2 * SECOND_NS))
    published(sender, publish(channel, b"long", retention_ns=20 * SECOND_NS))
    expire(group, 2, 5 * SECOND_NS)
    assert [each.retained for each in channels(sender)] == [2]
    expire(group, 1, 3 * SECOND_NS)
    assert [each.retained for each in channels(sender)] == [1]
    group.crash(1)
    group.configure([2])
    expire(group, 2, 50 * SECOND_NS)
    assert [each.retained for each in channels(sender)] == [0]


def test_a_retained_event_can_be_cleared_by_whoever_has_the_channel_open() -> None:
    group = cluster(1, 2)
    sender, other = group.open(1), group.open(2)
    event_id = published(sender, publish(opened(sender), b"x", retention_ns=RETENTION_MAX_NS))
    channel = opened(other, flags=ChannelFlags.SUBSCRIBER)
    assert other.call(ClearRetention(channel, event_id)) == RetentionCleared()
    with pytest.raises(NotExist):
        other.call(ClearRetention(channel, event_id))
    assert texts(subscriber(group, 1)[0].take()) == []


def test_an_event_is_cleared_on_its_own_channel_only() -> None:
    library = cluster(1).open(1)
    event_id = published(library, publish(opened(library), b"x", retention_ns=RETENTION_MAX_NS))
    with pytest.raises(NotExist):
        library.call(ClearRetention(opened(library, "alarms"), event_id))


# Partitions and merges


def test_a_merge_brings_subscribers_what_was_retained_on_the_other_side_once() -> None:
    group = cluster(1, 2)
    before = group.open(1)
    published(before, publish(opened(before), b"before", retention_ns=RETENTION_MAX_NS))
    (one, channel), (two, other) = subscriber(group, 1), subscriber(group, 2)
    group.configure([1], [2])
    published(one, publish(channel, b"one", retention_ns=RETENTION_MAX_NS))
    published(two, publish(other, b"two", retention_ns=RETENTION_MAX_NS))
    published(two, publish(other, b"not retained"))
    group.configure([1, 2])
    assert texts(one.take()) == [b"before", b"one", b"two"]
    assert texts(two.take()) == [b"before", b"two", b"not retained", b"one"]
    assert sorted(texts(subscriber(group, 2)[0].take())) == [b"before", b"one", b"two"]


def test_what_one_side_cleared_or_let_expire_is_not_brought_back() -> None:
    group = cluster(1, 2)
    one, two = group.open(1), group.open(2)
    channel, other = opened(one), opened(two)
    cleared = published(one, publish(channel, b"cleared", retention_ns=RETENTION_MAX_NS))
    published(one, publish(channel, b"expired", retention_ns=SECOND_NS))
    published(one, publish(channel, b"kept", retention_ns=RETENTION_MAX_NS))
    group.configure([1], [2])
    two.call(ClearRetention(other, cleared))
    expire(group, 1, 2 * SECOND_NS)
    group.configure([1, 2])
    assert texts(subscriber(group, 1)[0].take()) == [b"kept"]


def test_a_channel_made_on_both_sides_becomes_one() -> None:
    group = cluster(1, 2)
    group.configure([1], [2])
    (one, channel), (two, other) = subscriber(group, 1), subscriber(group, 2)
    published(one, publish(channel, b"one", retention_ns=RETENTION_MAX_NS))
    two.send(publish(other, b"sent before, delivered after"))
    group.configure([1, 2])
    group.deliver()
    assert names(one) == [("news", False, {1: 1, 2: 1})]
    published(one, publish(channel, b"after"))
    assert texts(two.take()) == [b"one", b"sent before, delivered after", b"after"]
    assert texts(one.take()) == [b"one", b"sent before, delivered after", b"after"]


def test_a_channel_that_was_unlinked_on_one_side_is_unlinked() -> None:
    group = cluster(1, 2)
    one, two = group.open(1), group.open(2)
    opened(two)
    group.configure([1], [2])
    one.call(UnlinkChannel("news"))
    opened(one)
    group.configure([1, 2])
    assert sorted(names(one)) == [("news", False, {1: 1}), ("news", True, {2: 1})]
    two.close()
    group.deliver()
    assert names(one) == [("news", False, {1: 1})]


def test_a_node_that_starts_again_alone_ends_nothing_that_it_made_before() -> None:
    group = cluster(1, 2)
    reader, _ = subscriber(group, 1)
    maker = group.open(2)
    published(maker, publish(opened(maker, "made by node 2"), b"kept", retention_ns=RETENTION_MAX_NS))
    group.crash(2)
    group.configure([1])
    group.start(2)
    group.configure([2])
    again = group.open(2)
    published(again, publish(opened(again, "other"), b"later", retention_ns=RETENTION_MAX_NS))
    group.configure([1, 2])
    assert [each[:2] for each in names(reader)] == [("made by node 2", False), ("news", False), ("other", False)]
    assert texts(subscriber(group, 1, name="made by node 2")[0].take()) == [b"kept"]


def test_ids_of_a_node_that_starts_again_with_its_clock_set_back_go_on() -> None:
    group = cluster(1, 2)
    library = group.open(2)
    before = published(library, publish(opened(library), b"x", retention_ns=RETENTION_MAX_NS))
    group.crash(2)
    group.configure([1])
    group.start(2)
    group.service(2).node.wall_time_ns = TimeNs(0)
    group.configure([1, 2])
    library = group.open(2)
    assert published(library, publish(opened(library), b"y")) > before


# saEvtLimitGet and the rest


def test_the_limits_are_told() -> None:
    limits = cluster(1).open(1).call(LimitsGet())
    assert limits == Limits(CHANNELS_MAX, DATA_MAX, PATTERN_MAX, PATTERNS_MAX, RETENTION_MAX_NS)


def test_describe_tells_of_channels_and_queues() -> None:
    group = cluster(1)
    library, channel = subscriber(group, 1)
    published(library, publish(channel, b"x", retention_ns=RETENTION_MAX_NS))
    described = group.service(1).describe()
    assert [(each["name"], each["retained"]) for each in described["channels"]] == [("news", 1)]
    assert described["subscriptions"] == 1
    (listed,) = described["channels"]
    opened = {"channel_id": listed["channel_id"], "flags": int(ALL)}
    assert described["libraries"][library.connection]["channels"] == {channel: opened}
