"""Messages to packets and back: whole, in order for each priority, whatever their sizes and the packets'."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.totem.delivery import Delivery
from openais.totem.effects import Delivered, RingId
from openais.totem.packing import ENTRY, FIRST, FRAGMENT, LAST, SendQueues
from openais.totem.wire import SAFE, Packet, encode_data
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import SETTINGS

RING = RingId(1, NodeId(1))
SIZES = st.one_of(st.integers(0, 80), st.integers(0, 6000))
MESSAGES = st.lists(
    st.tuples(
        SIZES,
        st.sampled_from(Guarantee),
        st.sampled_from(Priority),
        st.lists(st.binary(min_size=1, max_size=9), max_size=3),
    ),
    max_size=25,
)


def queues(packet_size: int = 300, **changes: int) -> SendQueues:
    return SendQueues(dataclasses.replace(SETTINGS, packet_size=packet_size, **changes))


def pack_all(waiting: SendQueues) -> list[Packet]:
    """All packets that the queues give now."""
    packets = []
    while (packed := waiting.pack()) is not None:
        body, flags = packed
        packets.append(encode_data(0, NodeId(7), RING, len(packets) + 1, flags, *body))
    return packets


class Receiver:
    """What a member is given of packets."""

    def __init__(self, *groups: bytes, message_max: int = 1 << 20) -> None:
        self.messages: list[Delivered] = []
        self.causes: list[str] = []
        self.delivery = Delivery(message_max, self.messages.append, self.causes.append)
        self.delivery.groups.update(groups)

    def take(self, *packets: Packet) -> list[bytes]:
        for packet in packets:
            self.delivery.packet(packet)
        return [bytes(message.payload) for message in self.messages]

    def body(self, body: bytes, sender: int = 7) -> list[bytes]:
        """A packet with this body comes."""
        return self.take(encode_data(0, NodeId(sender), RING, 1, 0, body))


def put(
    waiting: SendQueues, payload: bytes, priority: Priority = Priority.MED, guarantee: Guarantee = Guarantee.AGREED
) -> bool:
    return waiting.put(payload, (), guarantee, priority)


@given(MESSAGES, st.integers(160, 1500))
def test_any_messages_come_out_whole_and_in_order_through_any_packet_size(
    messages: list[tuple[int, Guarantee, Priority, list[bytes]]], packet_size: int
) -> None:
    """All priorities, sizes, guarantees and groups at once; the receiver is a member of every group."""
    waiting = queues(packet_size)
    receiver = Receiver(*(name for *_, groups in messages for name in groups))
    for number, (size, guarantee, priority, groups) in enumerate(messages):
        assert waiting.put(bytes((number,)) * size, tuple(groups), guarantee, priority)
    packets = pack_all(waiting)
    receiver.take(*packets)
    for priority in Priority:
        sent = [
            (bytes((number,)) * size, guarantee, tuple(groups))
            for number, (size, guarantee, of, groups) in enumerate(messages)
            if of is priority
        ]
        got = [(bytes(m.payload), m.guarantee, m.groups) for m in receiver.messages if m.priority is priority]
        assert got == sent
    assert receiver.causes == []
    assert waiting.empty()
    assert waiting.backlog() == 0


@given(MESSAGES, st.integers(160, 1500))
def test_a_packet_never_grows_beyond_what_fits_into_another(
    messages: list[tuple[int, Guarantee, Priority, list[bytes]]], packet_size: int
) -> None:
    """In recovery a packet of the old ring travels inside one of the new."""
    waiting = queues(packet_size)
    for size, guarantee, priority, groups in messages:
        waiting.put(bytes(size), tuple(groups), guarantee, priority)
    for packet in pack_all(waiting):
        outer = encode_data(0, NodeId(7), RING, 1, 0, packet.raw)
        assert len(outer.raw) <= packet_size


def test_many_small_messages_share_a_packet() -> None:
    """Ten messages of ten bytes, and room for all."""
    waiting = queues()
    for number in range(10):
        put(waiting, bytes((number,)) * 10)
    assert len(pack_all(waiting)) == 1


def test_a_higher_priority_goes_first() -> None:
    """They were submitted lowest first."""
    waiting = queues()
    for priority in reversed(Priority):
        put(waiting, priority.name.encode(), priority)
    assert Receiver().take(*pack_all(waiting)) == [b"RECOVERY", b"HIGH", b"MED", b"LOW"]


def test_a_higher_priority_goes_between_the_fragments_of_a_lower() -> None:
    """A large message is under way when an urgent one is submitted."""
    waiting = queues()
    put(waiting, b"l" * 1000, Priority.LOW)
    first = waiting.pack()
    assert first is not None
    put(waiting, b"urgent", Priority.HIGH)
    receiver = Receiver()
    receiver.body(b"".join(first[0]))
    assert receiver.take(*pack_all(waiting)) == [b"urgent", b"l" * 1000]


def test_a_packet_with_a_part_of_a_safe_message_is_marked() -> None:
    """The packets with it wait for the safe line, others do not."""
    waiting = queues()
    put(waiting, b"a" * 200)
    put(waiting, b"s" * 300, guarantee=Guarantee.SAFE)
    put(waiting, b"a" * 220)
    flags = [packet.flags & SAFE for packet in pack_all(waiting)]
    assert flags == [0, SAFE, SAFE, 0]


def test_a_full_queue_refuses_and_the_others_do_not() -> None:
    """By count, and by bytes; one message always fits."""
    waiting = queues(queue_messages_max=2)
    assert [put(waiting, b"m") for _ in range(3)] == [True, True, False]
    assert not waiting.room(Priority.MED)
    assert put(waiting, b"m", Priority.HIGH)
    waiting = queues(queue_bytes_max=100)
    assert [put(waiting, bytes(1000)) for _ in range(2)] == [True, False]
    pack_all(waiting)
    assert waiting.room(Priority.MED)


def test_a_message_that_is_too_long_is_a_mistake_of_the_caller() -> None:
    """The limit is in the settings."""
    with pytest.raises(ValueError, match="message of 11 bytes, expected at most 10"):
        put(queues(message_max=10), bytes(11))


def test_while_plugged_only_high_and_recovery_flow() -> None:
    """MED and LOW wait until the plug is pulled."""
    waiting = queues()
    for priority in Priority:
        put(waiting, priority.name.encode(), priority)
    waiting.plugged = True
    receiver = Receiver()
    assert receiver.take(*pack_all(waiting)) == [b"RECOVERY", b"HIGH"]
    assert (waiting.backlog(), waiting.empty()) == (0, False)
    waiting.plugged = False
    assert receiver.take(*pack_all(waiting)) == [b"RECOVERY", b"HIGH", b"MED", b"LOW"]


def test_a_message_sent_in_part_begins_anew_after_a_restart() -> None:
    """The configuration changed between its fragments; those before are dropped by all."""
    waiting = queues()
    put(waiting, bytes(range(250)) * 4)
    backlog = waiting.backlog()
    first = waiting.pack()
    assert first is not None
    waiting.restart()
    assert waiting.backlog() == backlog
    receiver = Receiver()
    receiver.body(b"".join(first[0]))
    receiver.delivery.forget()
    assert receiver.take(*pack_all(waiting)) == [bytes(range(250)) * 4]


def test_a_message_cut_by_the_plug_goes_on_where_it_was() -> None:
    """The plug comes between two fragments; the configuration stays."""
    waiting = queues()
    receiver = Receiver()
    put(waiting, b"m" * 1000)
    first = waiting.pack()
    assert first is not None
    receiver.body(b"".join(first[0]))
    waiting.plugged = True
    put(waiting, b"urgent", Priority.HIGH)
    receiver.take(*pack_all(waiting))
    waiting.plugged = False
    assert receiver.take(*pack_all(waiting)) == [b"urgent", b"m" * 1000]


def test_the_backlog_is_what_waits_in_packets() -> None:
    """Rounded up, so that a member with anything to send gets a turn."""
    waiting = queues()
    assert waiting.backlog() == 0
    put(waiting, b"m")
    assert waiting.backlog() == 1
    put(waiting, bytes(1000))
    assert waiting.backlog() == len(pack_all(waiting))


# Delivery


def test_only_members_of_one_of_its_groups_are_given_a_message() -> None:
    """To nobody in particular, to a group of ours, to another."""
    waiting = queues()
    for groups in ((), (b"ours", b"other"), (b"other",)):
        waiting.put(b"".join(groups), groups, Guarantee.AGREED, Priority.MED)
    receiver = Receiver(b"ours")
    assert receiver.take(*pack_all(waiting)) == [b"", b"oursother"]
    assert receiver.messages[1].groups == (b"ours", b"other")


def test_messages_of_two_senders_do_not_mix() -> None:
    """Their fragments alternate."""
    one, two = queues(), queues()
    put(one, b"1" * 700)
    put(two, b"2" * 700)
    receiver = Receiver()
    while (first := one.pack()) is not None and (second := two.pack()) is not None:
        receiver.body(b"".join(first[0]), sender=1)
        receiver.body(b"".join(second[0]), sender=2)
    assert [(m.sender, bytes(m.payload)) for m in receiver.messages] == [(1, b"1" * 700), (2, b"2" * 700)]


def test_what_others_than_the_kept_began_is_forgotten() -> None:
    """Beyond a gap: node 1's parts are all here, some of node 2's may be lost."""
    receiver = Receiver()
    for sender in (1, 2):
        receiver.body(FRAGMENT.pack(FIRST, 1, 3) + b"\0", sender=sender)
    receiver.delivery.forget(kept=frozenset({NodeId(1)}))
    for sender in (1, 2):
        receiver.body(ENTRY.pack(LAST, 2) + b"ok", sender=sender)
    assert [(m.sender, bytes(m.payload)) for m in receiver.messages] == [(1, b"ok")]


def test_the_end_of_a_message_whose_begin_is_not_here_is_left_out() -> None:
    """It began before this processor came."""
    receiver = Receiver()
    receiver.body(ENTRY.pack(0, 2) + b"mi" + ENTRY.pack(LAST, 2) + b"ss" + ENTRY.pack(FIRST | LAST, 3) + b"\0ok")
    assert ([bytes(m.payload) for m in receiver.messages], receiver.causes) == ([b"ok"], [])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x03", id="less than an entry"),
        pytest.param(ENTRY.pack(FIRST | LAST, 9) + b"\0", id="less than its length"),
        pytest.param(ENTRY.pack(FIRST | LAST, 0), id="no groups"),
        pytest.param(ENTRY.pack(FIRST | LAST, 3) + b"\x01\x09x", id="a group name beyond the end"),
        pytest.param(ENTRY.pack(FIRST | LAST, 2) + b"\x02\x00", id="fewer groups than said"),
        pytest.param(FRAGMENT.pack(FIRST, 1, 1 << 31) + b"\0", id="longer than any message"),
        pytest.param(FRAGMENT.pack(FIRST, 2, 1) + b"\0\0", id="longer than it said"),
        pytest.param(FRAGMENT.pack(FIRST, 1, 3) + b"\0" + ENTRY.pack(LAST, 1) + b"x", id="shorter than it said"),
        pytest.param(
            FRAGMENT.pack(FIRST, 1, 3) + b"\0" + ENTRY.pack(0, 0),
            id="a part of nothing, which could be repeated for ever",
        ),
    ],
)
def test_a_malformed_entry_is_dropped_and_counted(body: bytes) -> None:
    """Whatever a hostile member puts into a packet; the next packet is read as always."""
    receiver = Receiver()
    receiver.body(body)
    assert receiver.causes == ["malformed_entry"]
    assert receiver.body(ENTRY.pack(FIRST | LAST, 3) + b"\0ok") == [b"ok"]


@given(st.binary(max_size=300))
def test_any_body_is_survived(body: bytes) -> None:
    """It is never raised."""
    Receiver(b"g").body(body)
