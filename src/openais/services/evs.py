"""The extended virtual synchrony service: groups of library connections, and messages to them (evs_overview(8)).

The replicated state is the directory: which connections of which nodes are in which groups. It changes

* when a GroupJoin or a GroupLeave is delivered, which answers the call that made it;
* at a regular configuration: members on nodes that did not come along from the configuration before are dropped;
* at the merge of the components' states: the members of the other components are added.

Joins and leaves go at MED, so that a state transfer, which holds MED back, never has one in its middle. Messages of
applications may go at any priority: they change no replicated state, and so may arrive in the middle of a transfer.

A group has a ring group of its own, and the ring gives this node only messages of those it has joined. The node joins
the ring group before the join of its first connection is multicast, and leaves it when no connection is in the group
or on its way into it. What arrives too early or too late is held back by the directory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final

from openais.messages.base import Message, ServiceId, Source
from openais.messages.evs import (
    GROUP_NAME_MAX,
    GROUPS_MAX,
    Accepted,
    Batch,
    ConfigurationChange,
    ConfigurationView,
    Deliver,
    GroupChange,
    GroupDirectory,
    GroupJoin,
    GroupLeave,
    GroupList,
    GroupMember,
    GroupMulticast,
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
    batch_of,
)
from openais.services import base
from openais.services.base import (
    Callback,
    ComponentState,
    Effects,
    JoinGroup,
    LeaveGroup,
    LibraryConnection,
    LocalNode,
    Refuse,
    Reply,
    Service,
    ToGroup,
    executive,
    library,
)
from openais.services.evs_directory import Change, Directory
from openais.services.payloads import checked
from openais.totem.effects import Configuration
from openais.types import (
    ErrorCode,
    InvalidParam,
    NameTooLong,
    NodeId,
    NoResources,
    NotExist,
    Priority,
    TooBig,
    TryAgain,
    Version,
)

MESSAGE_MAX: Final = 1024 * 1024 + 64 * 1024
"""Bytes of the largest group message, unless the ring is configured otherwise."""
MULTICAST_OVERHEAD_MAX: Final = 8 * 1024
"""Bytes of a group message that are not payload: sender, group names here and on the ring."""
PAYLOAD_HEADER_MAX: Final = 5
"""Bytes that encoding adds to one payload."""
MEMBERS_IN_DIRECTORY: Final = 512
"""Group members in one message of the state transfer, so that it stays below 64 KiB with the longest names."""


@dataclass(slots=True)
class _Library:
    """One connection on this node."""

    member: GroupMember
    transitional: bool = False
    group_changes: bool = False
    joined: tuple[str, ...] = ()
    """The groups that it is in."""
    interest: Counter[str] = field(default_factory=Counter)
    """By group: 1 for being in it, and 1 for each join that is on its way."""

    def lose_interest(self, groups: Iterable[str]) -> None:
        self.interest.subtract(groups)
        self.interest = +self.interest


class Evs(Service):
    """Totally ordered messages and configuration changes for groups of applications."""

    service_id = ServiceId.EVS
    versions = (Version("B", 1, 1), Version("A", 1, 1))

    def __init__(self, node: LocalNode, message_max: int = MESSAGE_MAX) -> None:
        """`message_max`: bytes of the largest group message that the ring takes."""
        super().__init__(node)
        assert message_max > MULTICAST_OVERHEAD_MAX
        self._payloads_max = message_max - MULTICAST_OVERHEAD_MAX
        self._directory = Directory()
        self._configuration: ConfigurationView | None = None
        """The last regular one."""
        self._going_on: tuple[NodeId, ...] = (node.node_id,)
        """The members of the last transitional configuration."""
        self._gone: tuple[NodeId, ...] = ()
        """Those that left with it; who is not told of transitional configurations hears of them at the regular one."""
        self._libraries: dict[int, _Library] = {}
        self._receivers: dict[str, tuple[int, ...]] = {}
        """By group: the connections of this node that are in it."""

    # Configuration changes and state transfer.

    def configuration_changed(self, change: base.ConfigurationChange) -> Effects:
        view = _view(change.configuration)
        asked = tuple(number for number, each in self._libraries.items() if each.transitional)
        if view.transitional:
            self._going_on, self._gone = view.members, view.left
            yield from _callback(asked, ConfigurationChange(view))
            return
        self._configuration = view
        yield from _callback(asked, ConfigurationChange(view))
        whole = ConfigurationView(view.ring, False, view.members, (*self._gone, *view.left), view.joined)
        self._gone = ()
        others = tuple(number for number, each in self._libraries.items() if not each.transitional)
        yield from _callback(others, ConfigurationChange(whole))
        yield from self._tell(self._directory.keep_nodes(self._going_on))

    def state_to_transfer(self) -> Iterator[Message]:
        return (GroupDirectory(part) for part in self._directory.parts(MEMBERS_IN_DIRECTORY))

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        entries = [
            (group, member)
            for state in states
            for part in state.messages
            if isinstance(part, GroupDirectory)
            for group, members in part.groups.items()
            for member in members
            if member.node_id in state.members
        ]
        return self._tell(self._directory.replace(entries))

    # Libraries come and go.

    def library_opened(self, connection: LibraryConnection) -> Effects:
        number = connection.connection
        member = GroupMember(self.node.node_id, connection.process_id, number)
        self._libraries[number] = _Library(member)
        if self._configuration is not None:
            start = ConfigurationView(self._configuration.ring, False, self._configuration.members, (), ())
            yield Callback((number,), ConfigurationChange(start))

    def library_closed(self, connection: int) -> Effects:
        closed = self._libraries.pop(connection)
        for group in closed.joined:
            self._stop_receiving(group, connection)
        if closed.interest:
            yield from self._leave_unwanted(closed.interest)
            yield ToGroup(GroupLeave(closed.member, (), call=0), Priority.MED)

    # Requests of libraries.

    @library(Join, sends=Priority.MED)
    def join(self, caller: Source, request: Join) -> Effects:
        groups = _group_names(request.groups)
        joiner = self._libraries[caller.connection]
        if len(joiner.interest.keys() | set(groups)) > GROUPS_MAX:
            raise NoResources(f"join: a connection may be in {GROUPS_MAX} groups")
        for group in groups:
            if not self._wanted(group):
                yield JoinGroup(_ring_group(group))
        joiner.interest.update(groups)
        yield ToGroup(GroupJoin(joiner.member, groups, caller.call), Priority.MED)

    @library(Leave, sends=Priority.MED)
    def leave(self, caller: Source, request: Leave) -> Effects:
        groups = _group_names(request.groups)
        yield ToGroup(GroupLeave(self._libraries[caller.connection].member, groups, caller.call), Priority.MED)

    @library(Multicast, sends=attrgetter("priority"), waits=attrgetter("wait"))
    def multicast(self, caller: Source, request: Multicast) -> Effects:
        sender = self._libraries[caller.connection]
        groups = _group_names(request.groups) if request.groups else sender.joined
        if not groups:
            raise NotExist("multicast to the joined groups: this connection is in no group")
        count, payloads = self._fitting(request.payloads)
        message = GroupMulticast(sender.member, groups, request.guarantee, request.priority, payloads)
        to_group = ToGroup(message, request.priority, request.guarantee, tuple(map(_ring_group, groups)))
        return to_group, Reply(caller, Accepted(count))

    @library(MembershipGet)
    def membership_get(self, caller: Source, request: MembershipGet) -> Effects:
        if self._configuration is None:
            raise TryAgain("membership get: this node is not in a configuration yet")
        groups = request.groups or self._libraries[caller.connection].joined
        members = {group: self._directory.members(group) for group in groups}
        yield Reply(caller, Membership(self.node.node_id, self._configuration, members))

    @library(SetOptions)
    def set_options(self, caller: Source, request: SetOptions) -> Effects:
        asking = self._libraries[caller.connection]
        asking.transitional, asking.group_changes = request.transitional, request.group_changes
        yield Reply(caller, OptionsSet())

    @library(ListGroups)
    def list_groups(self, caller: Source, request: ListGroups) -> Effects:
        yield Reply(caller, GroupList(dict(sorted(self._directory.groups.items()))))

    # Group messages.

    @executive(GroupMulticast)
    def group_multicast(self, origin: NodeId, message: GroupMulticast) -> Effects:
        deliver = Deliver(message.sender, message.groups, message.guarantee, message.priority, message.payloads)
        return _callback(self._receivers_of(message.groups), deliver)

    @executive(GroupJoin)
    def group_join(self, origin: NodeId, message: GroupJoin) -> Effects:
        changes = self._directory.join(message.member, message.groups)
        joined = [change.group for change in changes]
        joiner = self._local(message.member)
        if joiner is not None:
            joiner.joined += tuple(joined)
            joiner.lose_interest(group for group in message.groups if group not in joined)
            for group in joined:
                self._receivers[group] = (*self._receivers.get(group, ()), message.member.connection)
        yield Reply(_caller(message), Joined())
        yield from self._tell(changes)

    @executive(GroupLeave)
    def group_leave(self, origin: NodeId, message: GroupLeave) -> Effects:
        for group in message.groups:
            if message.member not in self._directory.members(group):
                yield Refuse(_caller(message), ErrorCode.NOT_EXIST, f"leave: not in the group {group!r}")
                return
        leaving = message.groups or self._directory.groups_of(message.member)
        changes = self._directory.leave(message.member, leaving)
        leaver = self._local(message.member)
        if leaver is not None:
            yield from self._leave_here(leaver, leaving)
        if message.groups:
            yield Reply(_caller(message), Left())
        yield from self._tell(changes)

    def describe(self) -> dict[str, Any]:
        return {
            "members": list(self._configuration.members) if self._configuration else [],
            "groups": {
                group: [[member.node_id, member.process_id, member.connection] for member in members]
                for group, members in sorted(self._directory.groups.items())
            },
            "libraries": {number: list(each.joined) for number, each in self._libraries.items()},
        }

    # Helpers.

    def _local(self, member: GroupMember) -> _Library | None:
        """The connection of this node that is `member`, unless it was closed."""
        return self._libraries.get(member.connection) if member.node_id == self.node.node_id else None

    def _leave_here(self, leaver: _Library, groups: tuple[str, ...]) -> Effects:
        """A connection of this node is out of `groups`."""
        leaver.joined = tuple(group for group in leaver.joined if group not in groups)
        leaver.lose_interest(groups)
        for group in groups:
            self._stop_receiving(group, leaver.member.connection)
        return self._leave_unwanted(groups)

    def _stop_receiving(self, group: str, connection: int) -> None:
        receivers = tuple(number for number in self._receivers.pop(group) if number != connection)
        if receivers:
            self._receivers[group] = receivers

    def _wanted(self, group: str) -> bool:
        """Whether a connection of this node is in `group` or on its way into it."""
        return any(group in each.interest for each in self._libraries.values())

    def _leave_unwanted(self, groups: Iterable[str]) -> Effects:
        return [LeaveGroup(_ring_group(group)) for group in groups if not self._wanted(group)]

    def _receivers_of(self, groups: tuple[str, ...]) -> tuple[int, ...]:
        """The connections of this node that are in one of `groups`, each once."""
        if len(groups) == 1:
            return self._receivers.get(groups[0], ())
        return tuple(dict.fromkeys(number for group in groups for number in self._receivers.get(group, ())))

    def _tell(self, changes: list[Change]) -> Effects:
        """GroupChange to those connections in the groups that asked for it."""
        for group, joined, left in changes:
            receivers = self._receivers.get(group, ())
            asked = tuple(number for number in receivers if self._libraries[number].group_changes)
            yield from _callback(asked, GroupChange(group, self._directory.members(group), joined, left))

    def _fitting(self, batch: Batch) -> tuple[int, Batch]:
        """The first payloads of `batch` that fit in one group message together, and how many they are.

        Raises TooBig when not even one does, InvalidParam when it is no batch.
        """
        payloads = checked(batch, "multicast")
        if len(batch) <= self._payloads_max:
            return len(payloads), batch
        sizes = accumulate(len(payload) + PAYLOAD_HEADER_MAX for payload in payloads)
        count = sum(size <= self._payloads_max for size in sizes)
        if not count:
            raise TooBig(f"multicast: {len(payloads[0])} bytes, expected {self._payloads_max} at most")
        return count, batch if count == len(payloads) else batch_of(payloads[:count])


def _callback(connections: tuple[int, ...], message: Message) -> Effects:
    return (Callback(connections, message),) if connections else ()


def _caller(message: GroupJoin | GroupLeave) -> Source:
    """The call that made the group message."""
    return Source(message.member.node_id, message.member.connection, message.call)


def _group_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once. Raises InvalidParam when there is none, NameTooLong."""
    if not names:
        raise InvalidParam("groups: none given, expected at least one")
    for name in names:
        if len(name.encode()) > GROUP_NAME_MAX:
            raise NameTooLong(f"group {name!r}: {len(name.encode())} bytes, expected at most {GROUP_NAME_MAX}")
    return tuple(dict.fromkeys(names))


def _ring_group(group: str) -> bytes:
    return b"evs:" + group.encode()


def _view(configuration: Configuration) -> ConfigurationView:
    ring = RingIdentity(configuration.ring_id.sequence, configuration.ring_id.representative)
    return ConfigurationView(
        ring, configuration.transitional, configuration.members, configuration.left, configuration.joined
    )
