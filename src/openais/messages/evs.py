"""The messages of the extended virtual synchrony service (the seed's evs_overview(8)).

Payloads travel in batches, which nobody on their way takes apart: a batch is encoded by the library that sends, checked
by its executive, and decoded by the libraries that receive.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import msgspec

from openais.messages.base import Malformed, Message, Request, ServiceId, callback, group_message, in_pieces, request
from openais.types import Guarantee, NodeId, Priority

GROUP_NAME_MAX: Final = 64
"""Bytes of a group name, as UTF-8."""
GROUPS_MAX: Final = 32
"""Groups that one connection may be in, and that one message may name."""
BATCH_MAX: Final = 8192
"""Messages in one multicast request."""

GroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=GROUP_NAME_MAX)]
Groups = Annotated[tuple[GroupName, ...], msgspec.Meta(max_length=GROUPS_MAX)]


Batch: TypeAlias = msgspec.Raw
"""Payloads, one to BATCH_MAX of them: a MessagePack array of byte strings that is not decoded (see `payloads_of`)."""

_FEW, _FEW_MAX = 0x90, 15
_MANY: Final = struct.Struct(">BH")
_BIN: Final = (
    (0xFF, 0xC4, struct.Struct(">BB")),
    (0xFFFF, 0xC5, struct.Struct(">BH")),
    (0xFFFF_FFFF, 0xC6, struct.Struct(">BI")),
)
"""How MessagePack begins arrays and byte strings."""
_encoder: Final = msgspec.msgpack.Encoder()
_payloads: Final[msgspec.msgpack.Decoder[tuple[bytes, ...]]] = msgspec.msgpack.Decoder(
    Annotated[tuple[bytes, ...], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]
)
_views: Final[msgspec.msgpack.Decoder[tuple[memoryview, ...]]] = msgspec.msgpack.Decoder(
    Annotated[tuple[memoryview, ...], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]
)


def batch_of(payloads: Sequence[bytes | bytearray | memoryview]) -> Batch:
    """A batch of these payloads."""
    return Batch(_encoder.encode(payloads))


def batch_in_pieces(payloads: Sequence[bytes]) -> Batch:
    """A batch of long payloads to be written, none of which is copied: the tail of a message only (see `in_pieces`)."""
    count = len(payloads)
    pieces = [bytes((_FEW | count,)) if count <= _FEW_MAX else _MANY.pack(0xDC, count)]
    for payload in payloads:
        length = len(payload)
        kind, head = next((kind, head) for most, kind, head in _BIN if length <= most)
        pieces += (head.pack(kind, length), payload)
    return in_pieces(pieces)


def payloads_of(batch: Batch) -> tuple[bytes, ...]:
    """The payloads in a batch. Raises Malformed."""
    try:
        return _payloads.decode(batch)
    except ValueError as error:
        raise Malformed(f"payloads: {error}") from None


def payload_views_of(batch: Batch) -> tuple[memoryview, ...]:
    """The payloads in a batch, not copied. Raises Malformed."""
    try:
        return _views.decode(batch)
    except ValueError as error:
        raise Malformed(f"payloads: {error}") from None


class RingIdentity(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A ring id as applications see it."""

    sequence: int
    representative: NodeId


class Joined(Message, frozen=True):
    """The connection is in the groups asked for, at this place of the total order."""


@request(ServiceId.EVS, 1, response=Joined)
class Join(Request, frozen=True):
    """evs_join: the connection is given messages of these groups from its place in the total order on.

    INVALID_PARAM when `groups` is empty, NO_RESOURCES beyond GROUPS_MAX groups. Joining again changes nothing.
    """

    groups: Groups


class Left(Message, frozen=True):
    """The connection is out of the groups."""


@request(ServiceId.EVS, 2, response=Left)
class Leave(Request, frozen=True):
    """evs_leave. INVALID_PARAM when `groups` is empty; NOT_EXIST when it is not in one of them, and it leaves none."""

    groups: Groups


class Accepted(Message, frozen=True):
    """How many of the payloads, from the first, were queued for the ring; the rest did not fit: send them again."""

    count: int


@request(ServiceId.EVS, 3, response=Accepted)
class Multicast(Request, frozen=True):
    """evs_mcast_joined (`groups` empty: the groups the connection is in) and evs_mcast_groups.

    All payloads have one guarantee and priority and are delivered in this order. As many as one group message holds
    (about 1 MiB in all) are taken. TRY_AGAIN when none found room, unless it is to `wait` for it, with all requests of
    the connection behind it. NOT_EXIST when `groups` is empty and the connection is in no group, TOO_BIG when the first
    payload alone does not fit.
    """

    raw_tail = True
    groups: Groups
    guarantee: Guarantee
    priority: Priority
    wait: bool
    payloads: Batch


class GroupMember(msgspec.Struct, array_like=True, frozen=True, order=True):
    """One connection that is in a group."""

    node_id: NodeId
    process_id: int
    connection: int


class ConfigurationView(msgspec.Struct, array_like=True, frozen=True):
    """One configuration, as evs_confchg_fn is told of it.

    Who left is told with the transitional configuration to those who asked for these, to others with the regular one.
    """

    ring: RingIdentity
    transitional: bool
    members: tuple[NodeId, ...]
    left: tuple[NodeId, ...]
    joined: tuple[NodeId, ...]


class Membership(Message, frozen=True):
    """The regular configuration now, and who is in the groups the connection asked for."""

    local_node_id: NodeId
    configuration: ConfigurationView
    groups: dict[str, tuple[GroupMember, ...]]


@request(ServiceId.EVS, 4, response=Membership)
class MembershipGet(Request, frozen=True):
    """evs_membership_get. `groups` empty: those the connection is in."""

    groups: Groups = ()


class OptionsSet(Message, frozen=True):
    """The options are in force."""


@request(ServiceId.EVS, 5, response=OptionsSet)
class SetOptions(Request, frozen=True):
    """What the connection wants to be told of besides messages and regular configurations."""

    transitional: bool
    group_changes: bool


class GroupList(Message, frozen=True):
    """Every group that anybody in the cluster is in."""

    groups: dict[str, tuple[GroupMember, ...]]


@request(ServiceId.EVS, 6, response=GroupList)
class ListGroups(Request, frozen=True):
    """All groups of the cluster with their members."""


@callback(ServiceId.EVS, 1)
class Deliver(Message, frozen=True):
    """evs_deliver_fn: messages of one sender, sent together, in order."""

    raw_tail = True
    sender: GroupMember
    groups: Groups
    guarantee: Guarantee
    priority: Priority
    payloads: Batch


@callback(ServiceId.EVS, 2)
class ConfigurationChange(Message, frozen=True):
    """evs_confchg_fn, in its place among the messages. The first callback of a connection tells where it starts."""

    configuration: ConfigurationView


@callback(ServiceId.EVS, 3)
class GroupChange(Message, frozen=True):
    """Somebody joined or left a group the connection is in, in its place among the messages.

    A member that joins is told of itself. Members of nodes that left or merged follow the configuration change.
    """

    group: str
    members: tuple[GroupMember, ...]
    joined: tuple[GroupMember, ...]
    left: tuple[GroupMember, ...]


@group_message(ServiceId.EVS, 1)
class GroupMulticast(Message, frozen=True):
    """The payloads of one Multicast, on their way to the members of the groups."""

    raw_tail = True
    sender: GroupMember
    groups: Groups
    guarantee: Guarantee
    priority: Priority
    payloads: Batch


@group_message(ServiceId.EVS, 2)
class GroupJoin(Message, frozen=True):
    """`member` joins `groups`; call is answered when it is delivered."""

    member: GroupMember
    groups: Groups
    call: int


@group_message(ServiceId.EVS, 3)
class GroupLeave(Message, frozen=True):
    """`member` leaves `groups`, or all when empty (its connection closed; call 0)."""

    member: GroupMember
    groups: Groups
    call: int


@group_message(ServiceId.EVS, 4)
class GroupDirectory(Message, frozen=True):
    """State transfer: some of the members of groups on the nodes of one component, which sends one or more of these."""

    groups: dict[str, tuple[GroupMember, ...]]
