"""The extended virtual synchrony service: groups, messages, configuration changes (evs_overview(8))."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from openais.messages.base import Message
from openais.messages.evs import (
    BATCH_MAX,
    GROUPS_MAX,
    Accepted,
    Batch,
    ConfigurationChange,
    ConfigurationView,
    Deliver,
    GroupChange,
    GroupList,
    GroupMember,
    Join,
    Joined,
    Leave,
    Left,
    ListGroups,
    Membership,
    MembershipGet,
    Multicast,
    OptionsSet,
    SetOptions,
    batch_of,
    payloads_of,
)
from openais.services.base import Callback, ToGroup
from openais.services.evs import Evs
from openais.types import (
    AisError,
    Guarantee,
    InvalidParam,
    NameTooLong,
    NoResources,
    NotExist,
    Priority,
    TooBig,
    TryAgain,
)
from tests.services.ordered_group import Library, OrderedGroup

MIB = 1024 * 1024


def cluster(*node_ids: int) -> OrderedGroup:
    group = OrderedGroup(Evs)
    group.start(*node_ids)
    group.configure(node_ids)
    return group


def opened(group: OrderedGroup, node_id: int, *names: str) -> Library:
    """A library that is in the groups `names` and has taken the callbacks of that."""
    library = group.open(node_id)
    if names:
        assert library.call(Join(names)) == Joined()
    library.take()
    return library


def watching(group: OrderedGroup, node_id: int, *names: str) -> Library:
    """Like `opened`, and asks for group changes and transitional configurations."""
    library = group.open(node_id)
    assert library.call(SetOptions(transitional=True, group_changes=True)) == OptionsSet()
    library.call(Join(names))
    library.take()
    return library


def multicast(
    *payloads: bytes,
    groups: tuple[str, ...] = (),
    guarantee: Guarantee = Guarantee.AGREED,
    priority: Priority = Priority.MED,
) -> Multicast:
    return Multicast(groups, guarantee, priority, False, batch_of(payloads))


def member(library: Library) -> GroupMember:
    return GroupMember(library.node.node_id, 1000 + library.connection, library.connection)


def texts(callbacks: Iterable[Message]) -> list[bytes]:
    """The payloads of all that was delivered."""
    return [payload for each in callbacks if isinstance(each, Deliver) for payload in payloads_of(each.payloads)]


def group_changes(callbacks: Iterable[Message]) -> list[GroupChange]:
    return [each for each in callbacks if isinstance(each, GroupChange)]


def configurations(callbacks: Iterable[Message]) -> list[ConfigurationView]:
    return [each.configuration for each in callbacks if isinstance(each, ConfigurationChange)]


def list_groups(library: Library) -> dict[str, tuple[GroupMember, ...]]:
    answer = library.call(ListGroups())
    assert isinstance(answer, GroupList)
    return answer.groups


# evs_join, evs_leave


def test_a_join_is_answered_when_it_is_delivered() -> None:
    group = cluster(1, 2)
    library = group.open(1)
    call = library.send(Join(("chat",)))
    assert library.answers == {}
    group.deliver()
    assert library.answer(call) == Joined()


def test_a_member_is_given_what_comes_after_its_join_and_nothing_before() -> None:
    group = cluster(1, 2)
    sender, joiner = opened(group, 1), opened(group, 1)
    sender.send(multicast(b"before", groups=("chat",)))
    joiner.send(Join(("chat",)))
    sender.send(multicast(b"after", groups=("chat",)))
    group.deliver()
    assert texts(joiner.take()) == [b"after"]


def test_a_member_is_given_nothing_after_its_leave() -> None:
    group = cluster(1, 2)
    sender, leaver = opened(group, 1), opened(group, 1, "chat")
    sender.send(multicast(b"before", groups=("chat",)))
    call = leaver.send(Leave(("chat",)))
    sender.send(multicast(b"after", groups=("chat",)))
    group.deliver()
    assert leaver.answer(call) == Left()
    assert texts(leaver.take()) == [b"before"]


def test_joining_again_changes_nothing() -> None:
    group = cluster(1, 2)
    library = watching(group, 1, "chat")
    assert library.call(Join(("chat", "chat"))) == Joined()
    assert library.take() == []
    library.call(multicast(b"once"))
    assert texts(library.take()) == [b"once"]


def test_leaving_a_group_that_one_is_not_in_does_not_exist_and_leaves_none() -> None:
    group = cluster(1, 2)
    library = opened(group, 1, "chat")
    with pytest.raises(NotExist):
        library.call(Leave(("chat", "news")))
    assert list_groups(library) == {"chat": (member(library),)}


def test_joining_or_leaving_no_group_is_an_invalid_parameter() -> None:
    library = opened(cluster(1), 1)
    for request in (Join(()), Leave(())):
        with pytest.raises(InvalidParam):
            library.call(request)


def test_a_connection_may_be_in_as_many_groups_as_the_limit() -> None:
    group = cluster(1)
    names = tuple(f"group{number}" for number in range(GROUPS_MAX))
    library = opened(group, 1, *names)
    assert library.call(Join(names[:3])) == Joined()
    with pytest.raises(NoResources):
        library.call(Join(("one more",)))


def test_joins_on_their_way_count_against_the_limit() -> None:
    group = cluster(1)
    library = opened(group, 1)
    library.send(Join(tuple(f"group{number}" for number in range(GROUPS_MAX))))
    call = library.send(Join(("one more",)))
    with pytest.raises(NoResources):
        library.answer(call)


def test_a_group_name_longer_in_bytes_than_the_limit_is_refused() -> None:
    library = opened(cluster(1), 1)
    library.call(Join(("ü" * 32,)))
    with pytest.raises(NameTooLong):
        library.call(Join(("ü" * 33,)))


def test_leaving_and_joining_again_without_waiting_ends_in_the_group() -> None:
    group = cluster(1, 2)
    library, sender = opened(group, 1), opened(group, 2)
    library.send(Join(("chat",)))
    library.send(Leave(("chat",)))
    library.send(Join(("chat",)))
    sender.send(multicast(b"hello", groups=("chat",)))
    group.deliver()
    assert texts(library.take()) == [b"hello"]


def test_the_node_leaves_the_ring_group_when_its_last_connection_closes() -> None:
    group = cluster(1)
    library = opened(group, 1, "chat", "news")
    library.close()
    assert library.node.ring_groups == set()


def test_the_node_stays_in_the_ring_group_while_one_of_its_connections_is_in_the_group() -> None:
    group = cluster(1, 2)
    first, second = opened(group, 1, "chat"), opened(group, 1, "chat")
    first.call(Leave(("chat",)))
    assert group.nodes[first.node.node_id].ring_groups == {b"evs:chat"}
    second.call(Join(("chat",)))
    second.call(Leave(("chat",)))
    assert group.nodes[first.node.node_id].ring_groups == set()


# evs_mcast_joined, evs_mcast_groups


def test_a_message_reaches_every_member_of_the_group_in_one_order_the_sender_included() -> None:
    group = cluster(1, 2, 3)
    members = [opened(group, node_id, "chat") for node_id in (1, 2, 3)]
    for number, each in enumerate(members):
        each.send(multicast(b"%d" % number))
    group.deliver()
    assert [texts(each.take()) for each in members] == [[b"0", b"1", b"2"]] * 3


def test_a_delivery_tells_sender_groups_guarantee_and_priority() -> None:
    group = cluster(1, 2)
    sender, receiver = opened(group, 1), opened(group, 2, "chat")
    sender.call(multicast(b"x", groups=("chat", "news"), guarantee=Guarantee.SAFE, priority=Priority.LOW))
    assert receiver.take() == [
        Deliver(member(sender), ("chat", "news"), Guarantee.SAFE, Priority.LOW, batch_of([b"x"]))
    ]


def test_a_message_without_groups_goes_to_those_that_the_sender_is_in() -> None:
    group = cluster(1, 2)
    sender = opened(group, 1, "chat", "news")
    chat, news, other = opened(group, 2, "chat"), opened(group, 2, "news"), opened(group, 2, "other")
    sender.call(multicast(b"x"))
    assert [texts(each.take()) for each in (chat, news, other)] == [[b"x"], [b"x"], []]


def test_a_connection_in_several_of_the_groups_is_given_a_message_once() -> None:
    group = cluster(1, 2)
    receiver = opened(group, 2, "chat", "news")
    opened(group, 1).call(multicast(b"x", groups=("news", "chat")))
    assert texts(receiver.take()) == [b"x"]


def test_one_who_is_no_member_may_multicast_to_named_groups() -> None:
    group = cluster(1, 2)
    outsider, receiver = opened(group, 1), opened(group, 2, "chat")
    assert outsider.call(multicast(b"x", groups=("chat",))) == Accepted(1)
    assert texts(receiver.take()) == [b"x"]
    assert texts(outsider.take()) == []


def test_multicasting_to_the_joined_groups_while_in_none_does_not_exist() -> None:
    group = cluster(1)
    library = opened(group, 1, "chat")
    library.call(Leave(("chat",)))
    with pytest.raises(NotExist):
        library.call(multicast(b"x"))


def test_payloads_of_one_request_arrive_together_in_their_order() -> None:
    group = cluster(1, 2)
    receiver = opened(group, 2, "chat")
    payloads = [b"%d" % number for number in range(BATCH_MAX)]
    assert opened(group, 1).call(multicast(*payloads, groups=("chat",))) == Accepted(BATCH_MAX)
    (deliver,) = receiver.take()
    assert texts([deliver]) == payloads


@pytest.mark.parametrize("size", [0, 1, 5000, MIB])
def test_payloads_of_any_size_arrive_whole(size: int) -> None:
    group = cluster(1, 2)
    receiver = opened(group, 2, "chat")
    payload = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    opened(group, 1).call(multicast(payload, groups=("chat",)))
    assert texts(receiver.take()) == [payload]


def test_of_payloads_too_many_for_one_group_message_the_first_are_accepted() -> None:
    group = cluster(1, 2)
    receiver = opened(group, 2, "chat")
    payloads = [bytes([number]) * (MIB // 2) for number in range(4)]
    assert opened(group, 1).call(multicast(*payloads, groups=("chat",))) == Accepted(2)
    assert texts(receiver.take()) == payloads[:2]


def test_a_payload_that_no_group_message_holds_is_too_big() -> None:
    library = opened(cluster(1), 1)
    with pytest.raises(TooBig):
        library.call(multicast(bytes(2 * MIB), groups=("chat",)))


def test_a_larger_ring_message_takes_a_larger_payload() -> None:
    group = OrderedGroup(lambda node: Evs(node, message_max=3 * MIB))
    group.start(1)
    group.configure([1])
    assert opened(group, 1).call(multicast(bytes(2 * MIB), groups=("chat",))) == Accepted(1)


@pytest.mark.parametrize("guarantee", list(Guarantee))
@pytest.mark.parametrize("priority", list(Priority))
def test_a_message_is_sent_with_its_guarantee_and_priority(guarantee: Guarantee, priority: Priority) -> None:
    group = cluster(1, 2)
    library = opened(group, 1)
    library.send(multicast(b"x", groups=("chat",), guarantee=guarantee, priority=priority))
    (sent,) = library.node.outgoing
    assert isinstance(sent, ToGroup)
    assert (sent.guarantee, sent.priority, sent.groups) == (guarantee, priority, (b"evs:chat",))


def test_all_connections_of_a_node_share_one_callback() -> None:
    group = cluster(1)
    libraries = [opened(group, 1, "chat") for _ in range(5)]
    libraries[0].send(multicast(b"x"))
    (sent,) = libraries[0].node.outgoing
    service = group.service(1)
    assert isinstance(service, Evs)
    (effect,) = service.group_multicast(libraries[0].node.node_id, sent.message)  # type: ignore[arg-type]
    assert isinstance(effect, Callback)
    assert effect.connections == tuple(each.connection for each in libraries)


def test_a_batch_is_handed_on_as_it_is() -> None:
    group = cluster(1)
    library = opened(group, 1, "chat")
    service = group.service(1)
    assert isinstance(service, Evs)
    library.send(multicast(b"x" * 1000))
    (sent,) = library.node.outgoing
    (effect,) = service.group_multicast(library.node.node_id, sent.message)  # type: ignore[arg-type]
    assert isinstance(effect, Callback)
    assert isinstance(effect.message, Deliver)
    assert effect.message.payloads is sent.message.payloads  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "batch", [b"\xc0", b"\x90", b"\x91\xa1x", b"\x91\x01", b"\x80", batch_of([b""] * (BATCH_MAX + 1))]
)
def test_what_is_no_batch_is_refused_before_anybody_is_given_it(batch: bytes) -> None:
    library = opened(cluster(1), 1, "chat")
    with pytest.raises(InvalidParam, match="payloads"):
        library.call(Multicast((), Guarantee.AGREED, Priority.MED, False, Batch(batch)))
    assert library.node.outgoing == []


# Group changes


def test_those_who_asked_are_told_who_joins_and_leaves_a_group_they_are_in() -> None:
    group = cluster(1, 2)
    watcher, other = watching(group, 1, "chat"), watching(group, 1, "news")
    joiner = opened(group, 2, "chat")
    joiner.call(Leave(("chat",)))
    both, alone = (member(watcher), member(joiner)), (member(watcher),)
    assert watcher.take() == [
        GroupChange("chat", both, joined=(member(joiner),), left=()),
        GroupChange("chat", alone, joined=(), left=(member(joiner),)),
    ]
    assert other.take() == []


def test_a_member_that_joins_is_told_of_itself_after_its_answer() -> None:
    group = cluster(1)
    library = group.open(1)
    library.call(SetOptions(transitional=False, group_changes=True))
    library.take()
    assert library.call(Join(("chat",))) == Joined()
    assert library.take() == [GroupChange("chat", (member(library),), (member(library),), ())]


def test_those_who_did_not_ask_are_not_told_of_group_changes() -> None:
    group = cluster(1, 2)
    library = opened(group, 1, "chat")
    opened(group, 2, "chat")
    assert library.take() == []


def test_a_closed_connection_leaves_its_groups_everywhere() -> None:
    group = cluster(1, 2)
    watcher, closed = watching(group, 1, "chat"), opened(group, 2, "chat", "news")
    watcher.take()
    closed.close()
    group.deliver()
    assert watcher.take() == [GroupChange("chat", (member(watcher),), (), (member(closed),))]
    assert list_groups(watcher) == {"chat": (member(watcher),)}


def test_a_connection_closed_while_its_join_is_on_its_way_leaves_nothing_behind() -> None:
    group = cluster(1, 2)
    closed, other = opened(group, 1), opened(group, 2)
    closed.send(Join(("chat",)))
    closed.close()
    group.deliver()
    assert list_groups(other) == {}
    assert closed.node.ring_groups == set()


def test_a_connection_that_never_joined_multicasts_nothing_when_it_closes() -> None:
    group = cluster(1)
    library = opened(group, 1)
    library.close()
    assert library.node.outgoing == []


# Configuration changes


def test_a_connection_is_told_first_of_the_configuration_that_it_starts_in() -> None:
    group = cluster(1, 2)
    (start,) = configurations(group.open(1).take())
    assert (start.members, start.joined, start.left, start.transitional) == ((1, 2), (), (), False)


def test_every_connection_is_told_of_a_regular_configuration() -> None:
    group = cluster(1, 2, 3)
    libraries = [opened(group, 1), opened(group, 1, "chat"), opened(group, 2)]
    group.crash(3)
    group.configure([1, 2])
    for library in libraries:
        (view,) = configurations(library.take())
        assert (view.members, view.transitional, view.ring.sequence) == ((1, 2), False, 2)


def test_those_who_asked_are_told_of_the_transitional_configuration_before() -> None:
    group = cluster(1, 2, 3)
    library = watching(group, 1, "chat")
    group.start(4)
    group.crash(3)
    group.configure([1, 2, 4])
    transitional, regular = configurations(library.take())
    assert (transitional.transitional, transitional.members) == (True, (1, 2))
    assert (regular.transitional, regular.members) == (False, (1, 2, 4))
    assert (transitional.left, regular.left, regular.joined) == ((3,), (), (4,))


def test_those_who_did_not_ask_are_told_who_left_with_the_regular_configuration() -> None:
    group = cluster(1, 2, 3)
    library = opened(group, 1, "chat")
    library.take()
    group.start(4)
    group.crash(3)
    group.configure([1, 2, 4])
    (regular,) = configurations(library.take())
    assert (regular.members, regular.left, regular.joined) == ((1, 2, 4), (3,), (4,))
    group.crash(4)
    group.configure([1, 2])
    (regular,) = configurations(library.take())
    assert (regular.left, regular.joined) == ((4,), ())


def test_members_on_nodes_that_left_are_dropped_after_the_configuration_change() -> None:
    group = cluster(1, 2, 3)
    watcher, gone = watching(group, 1, "chat"), opened(group, 3, "chat", "news")
    watcher.take()
    group.crash(3)
    group.configure([1, 2])
    *changes, last = watcher.take()
    assert len(configurations(changes)) == len(changes) == 2
    assert last == GroupChange("chat", (member(watcher),), (), (member(gone),))
    assert list_groups(watcher) == {"chat": (member(watcher),)}


def test_a_restarted_node_has_no_members() -> None:
    group = cluster(1, 2)
    watcher, gone = watching(group, 1, "chat"), opened(group, 2, "chat")
    watcher.take()
    group.crash(2)
    group.start(2)
    group.configure([1, 2])
    assert group_changes(watcher.take()) == [GroupChange("chat", (member(watcher),), (), (member(gone),))]


def test_a_new_node_has_the_directory_of_the_cluster() -> None:
    group = cluster(1, 2)
    first, second = opened(group, 1, "chat"), opened(group, 2, "chat", "news")
    group.start(3)
    group.configure([1, 2, 3])
    expected = {"chat": (member(first), member(second)), "news": (member(second),)}
    assert list_groups(group.open(3)) == expected


def test_when_partitions_merge_each_side_is_told_of_the_members_of_the_other() -> None:
    group = cluster(1, 2)
    one, two = watching(group, 1, "chat"), watching(group, 2, "chat")
    group.configure([1], [2])
    one.take(), two.take()
    group.configure([1, 2])
    both = (member(one), member(two))
    assert group_changes(one.take()) == [GroupChange("chat", both, (member(two),), ())]
    assert group_changes(two.take()) == [GroupChange("chat", both, (member(one),), ())]


def test_messages_reach_the_members_of_both_sides_after_a_merge() -> None:
    group = cluster(1, 2)
    one, two = opened(group, 1, "chat"), opened(group, 2, "chat")
    group.configure([1], [2])
    one.call(multicast(b"alone"))
    group.configure([1, 2])
    one.call(multicast(b"together"))
    assert [texts(each.take()) for each in (one, two)] == [[b"alone", b"together"], [b"together"]]


def test_messages_of_high_priority_in_the_middle_of_an_exchange_change_no_state() -> None:
    group = cluster(1, 2)
    one, two = opened(group, 1, "chat"), opened(group, 2, "chat")
    group.start(3)
    group.configure([1, 2, 3], interrupted=True)
    one.send(multicast(b"recovery", priority=Priority.RECOVERY))
    one.send(multicast(b"high", priority=Priority.HIGH))
    one.send(multicast(b"med"))
    call = one.send(Join(("news",)))
    group.deliver()
    assert texts(two.take()) == [b"recovery", b"high"]
    assert call not in one.answers
    group.configure([1, 2, 3])
    group.deliver()
    assert one.answer(call) == Joined()
    assert texts(two.take()) == [b"med"]
    assert list_groups(group.open(3)) == {"chat": (member(one), member(two)), "news": (member(one),)}


def test_a_directory_of_thousands_of_members_is_transferred_in_parts() -> None:
    group = cluster(1)
    names = tuple(f"{number:02}{'ü' * 31}" for number in range(GROUPS_MAX))
    for _ in range(100):
        group.open(1).send(Join(names))
    group.deliver()
    group.start(2)
    group.configure([1, 2])
    assert [len(members) for members in list_groups(group.open(2)).values()] == [100] * GROUPS_MAX


# evs_membership_get


def test_membership_get_tells_the_configuration_and_who_is_in_the_groups_joined() -> None:
    group = cluster(1, 2)
    library, other = opened(group, 1, "chat"), opened(group, 2, "chat", "news")
    answer = library.call(MembershipGet())
    assert isinstance(answer, Membership)
    assert (answer.local_node_id, answer.configuration.members) == (1, (1, 2))
    assert answer.groups == {"chat": (member(library), member(other))}


def test_membership_get_tells_of_the_groups_asked_for() -> None:
    group = cluster(1, 2)
    library, other = opened(group, 1, "chat"), opened(group, 2, "news")
    answer = library.call(MembershipGet(("news", "nobody")))
    assert isinstance(answer, Membership)
    assert answer.groups == {"news": (member(other),), "nobody": ()}


def test_membership_get_before_the_first_configuration_is_to_be_tried_again() -> None:
    group = OrderedGroup(Evs)
    group.start(1)
    with pytest.raises(TryAgain):
        group.open(1).call(MembershipGet())


def test_describe_shows_groups_and_libraries() -> None:
    group = cluster(1, 2)
    library = opened(group, 1, "chat")
    described = group.service(1).describe()
    assert described["groups"] == {"chat": [[1, member(library).process_id, library.connection]]}
    assert described["libraries"] == {library.connection: ["chat"]}
    assert described["members"] == [1, 2]


def test_an_error_of_the_service_is_the_answer_of_one_call_only() -> None:
    library = opened(cluster(1), 1)
    with pytest.raises(AisError):
        library.call(multicast(b"x"))
    assert library.call(multicast(b"x", groups=("chat",))) == Accepted(1)
