"""The operations of the extended virtual synchrony library, for both faces, and their vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

import msgspec

from openais.client.operation import Backoff, Operation, ask, pause
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages.base import Message, ServiceId
from openais.messages.evs import (
    BATCH_MAX,
    GROUP_NAME_MAX,
    GROUPS_MAX,
    Accepted,
    Batch,
    ConfigurationChange,
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
    RingIdentity,
    SetOptions,
    batch_in_pieces,
    batch_of,
    payloads_of,
)
from openais.types import (
    Guarantee,
    InvalidParam,
    NameTooLong,
    NodeId,
    Priority,
    TooBig,
    TryAgain,
    Version,
)

VERSION_B: Final = Version("B", 1, 1)
VERSION_A: Final = Version("A", 1, 1)

BATCH_BYTES_MAX: Final = 1024 * 1024
"""Payload bytes that one request holds, unless a single payload is bigger."""
PAYLOAD_OVERHEAD: Final = 5
"""Bytes that a payload takes in a request besides itself."""
UNCOPIED_MIN: Final = 8 * 1024
"""Bytes of payloads, on average, from which on it costs less to write each from where it is than to copy it."""
REQUEST_OVERHEAD: Final = 64 + GROUPS_MAX * (GROUP_NAME_MAX + 4)
"""Bytes that a request takes besides its payloads."""

Payload: TypeAlias = bytes | bytearray | memoryview
GroupNames: TypeAlias = str | Sequence[str]


class MessageDelivered(msgspec.Struct, frozen=True, gc=False):
    """A message of a group that the handle is in, in its place of the total order (evs_deliver_fn)."""

    payload: bytes
    sender: GroupMember
    groups: tuple[str, ...]
    guarantee: Guarantee
    priority: Priority


class ConfigurationChanged(msgspec.Struct, frozen=True):
    """A configuration was installed, in its place among the messages (evs_confchg_fn).

    Transitional ones are told to those who asked: messages that follow one are delivered to its members only.
    """

    ring: RingIdentity
    transitional: bool
    members: tuple[NodeId, ...]
    left: tuple[NodeId, ...]
    joined: tuple[NodeId, ...]


class GroupChanged(msgspec.Struct, frozen=True):
    """Somebody joined or left a group that the handle is in, in its place among the messages; for who asked."""

    group: str
    members: tuple[GroupMember, ...]
    joined: tuple[GroupMember, ...]
    left: tuple[GroupMember, ...]


EvsEvent: TypeAlias = MessageDelivered | ConfigurationChanged | GroupChanged


class EvsCallbacks(NamedTuple):
    """The callbacks of an application, run by dispatch (evs_callbacks_t)."""

    deliver: Callable[[MessageDelivered], None] | None = None
    configuration_changed: Callable[[ConfigurationChanged], None] | None = None
    group_changed: Callable[[GroupChanged], None] | None = None

    def run(self, event: EvsEvent) -> None:
        """Runs the one for `event`, if it was given."""
        if isinstance(event, MessageDelivered):
            if self.deliver is not None:
                self.deliver(event)
        elif isinstance(event, ConfigurationChanged):
            if self.configuration_changed is not None:
                self.configuration_changed(event)
        elif self.group_changed is not None:
            self.group_changed(event)


NO_CALLBACKS: Final = EvsCallbacks()


class EvsOptions(NamedTuple):
    """What a handle is told of besides messages and regular configurations."""

    transitional: bool = False
    """Transitional configurations."""
    group_changes: bool = False
    """Who joins and leaves the groups that the handle is in."""


NO_OPTIONS: Final = EvsOptions()


class PartlySent(TryAgain):
    """The time for the call went by when the first `count` payloads of a batch had been accepted, and no more."""

    def __init__(self, explanation: str = "", count: int = 0) -> None:
        super().__init__(explanation)
        self.count = count


def join(groups: GroupNames, retry: bool) -> Operation[None]:
    """evs_join."""
    yield from ask(Join(named_groups(groups)), Joined, retry)


def leave(groups: GroupNames, retry: bool) -> Operation[None]:
    """evs_leave."""
    yield from ask(Leave(named_groups(groups)), Left, retry)


def membership(groups: GroupNames, retry: bool) -> Operation[Membership]:
    """evs_membership_get."""
    return (yield from ask(MembershipGet(group_names(groups)), Membership, retry))


def list_groups(retry: bool) -> Operation[dict[str, tuple[GroupMember, ...]]]:
    """All groups of the cluster with their members."""
    found = yield from ask(ListGroups(), GroupList, retry)
    return found.groups


def set_options(options: EvsOptions, retry: bool) -> Operation[None]:
    """What the handle is told of."""
    yield from ask(SetOptions(options.transitional, options.group_changes), OptionsSet, retry)


class Outgoing(NamedTuple):
    """How payloads are to be sent: to which groups (none: those joined), with what promise, on which queue."""

    groups: tuple[str, ...]
    guarantee: Guarantee
    priority: Priority


def to_joined(guarantee: Guarantee, priority: Priority) -> Outgoing:
    """To the groups that the handle is in. Raises InvalidParam."""
    return _outgoing((), guarantee, priority)


def to_groups(groups: GroupNames, guarantee: Guarantee, priority: Priority) -> Outgoing:
    """To the groups named. Raises InvalidParam, NameTooLong."""
    return _outgoing(named_groups(groups), guarantee, priority)


def multicast(outgoing: Outgoing, payloads: Payload | Iterable[Payload], retry: bool, body_max: int) -> Operation[int]:
    """evs_mcast_joined and evs_mcast_groups: sends the payloads in order, and gives how many were accepted.

    Without `retry` the first refusal ends it: TryAgain when nothing was accepted before. With it refused payloads are
    sent again until the call times out: then PartlySent, or TryAgain when nothing was accepted.
    """
    waiting = _payloads(payloads)
    total = len(waiting)
    sent = 0
    backoff = Backoff()
    for batch in _batches(waiting, body_max - REQUEST_OVERHEAD):
        while batch:
            try:
                count = yield from _send(outgoing, batch)
            except TryAgain as refusal:
                if not retry and sent:
                    return sent
                if not retry:
                    raise
                partly = PartlySent(f"{sent} of {total} payloads accepted: {refusal}", sent) if sent else refusal
                yield from pause(backoff, partly)
            else:
                backoff.accepted()
                sent += count
                batch = batch[count:]
    return sent


def group_names(groups: GroupNames) -> tuple[str, ...]:
    """The names as a tuple. Raises InvalidParam, NameTooLong."""
    names = (groups,) if isinstance(groups, str) else tuple(groups)
    if len(names) > GROUPS_MAX:
        raise InvalidParam(f"{len(names)} groups, at most {GROUPS_MAX}")
    for name in names:
        if not name:
            raise InvalidParam("the name of a group is empty")
        if len(name.encode()) > GROUP_NAME_MAX:
            raise NameTooLong(f"group {name!r}: {len(name.encode())} bytes, at most {GROUP_NAME_MAX}")
    return names


def named_groups(groups: GroupNames) -> tuple[str, ...]:
    """The names as a tuple, one at least. Raises InvalidParam, NameTooLong."""
    names = group_names(groups)
    if not names:
        raise InvalidParam("no group is named")
    return names


def _outgoing(groups: tuple[str, ...], guarantee: int, priority: int) -> Outgoing:
    try:
        return Outgoing(groups, Guarantee(guarantee), Priority(priority))
    except ValueError as error:
        raise InvalidParam(f"multicast: {error}") from None


def _send(outgoing: Outgoing, batch: list[Payload]) -> Operation[int]:
    """Sends what one request holds; how many the executive took, one at least. Raises TryAgain when none."""
    request = Multicast(*outgoing, False, batch_to_send(batch))
    accepted = yield from ask(request, Accepted)
    if not accepted.count:
        raise TryAgain
    return min(accepted.count, len(batch))


def batch_to_send(payloads: Sequence[Payload]) -> Batch:
    """The tail of a Multicast. Long payloads stay where they are until it is written, if they cannot change."""
    long = sum(map(len, payloads)) >= len(payloads) * UNCOPIED_MIN
    if long and all(type(payload) is bytes for payload in payloads):
        return batch_in_pieces(cast("Sequence[bytes]", payloads))
    return batch_of(payloads)


def _payloads(payloads: Payload | Iterable[Payload]) -> list[Payload]:
    if isinstance(payloads, bytes | bytearray | memoryview):
        payloads = (payloads,)
    return [payload if type(payload) is bytes else memoryview(payload).cast("B") for payload in payloads]


def _batches(payloads: list[Payload], payload_bytes_max: int) -> Iterator[list[Payload]]:
    """`payloads` in pieces that one request holds. Raises TooBig, before any, when one does not fit at all."""
    sizes = [len(payload) + PAYLOAD_OVERHEAD for payload in payloads]
    if sizes and max(sizes) > payload_bytes_max:
        raise TooBig(f"a payload of {max(sizes) - PAYLOAD_OVERHEAD} bytes; the executive accepts {payload_bytes_max}")
    batch_bytes_max = min(BATCH_BYTES_MAX, payload_bytes_max)
    if len(payloads) <= BATCH_MAX and sum(sizes) <= batch_bytes_max:
        yield payloads
        return
    first = held = 0
    for index, size in enumerate(sizes):
        if index > first and (held + size > batch_bytes_max or index - first == BATCH_MAX):
            yield payloads[first:index]
            first, held = index, 0
        held += size
    yield payloads[first:]


def _to_events(message: Message) -> Iterable[EvsEvent]:
    if isinstance(message, Deliver):
        sender, groups = message.sender, message.groups
        guarantee, priority = message.guarantee, message.priority
        payloads = payloads_of(message.payloads)
        return [MessageDelivered(payload, sender, groups, guarantee, priority) for payload in payloads]
    if isinstance(message, ConfigurationChange):
        view = message.configuration
        return (ConfigurationChanged(view.ring, view.transitional, view.members, view.left, view.joined),)
    assert isinstance(message, GroupChange)
    return (GroupChanged(message.group, message.members, message.joined, message.left),)


SETTINGS: Final = SessionSettings[EvsEvent](
    ServiceId.EVS, VersionDatabase((VERSION_B, VERSION_A)), _to_events, shares=True
)
"""The sessions of this library."""
