"""What the requests and the messages of the checkpoint service work on: its state, and its configuration changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openais.messages.base import Message, Request, ServiceId, Source
from openais.messages.ckpt import (
    CheckpointOpened,
    OpenCallback,
    Read,
    ReadConsistent,
)
from openais.messages.ckpt_group import (
    GroupClose,
    GroupDurable,
    GroupMark,
    GroupOpen,
    GroupUpdate,
    Identity,
    Where,
)
from openais.messages.ckpt_operations import Attributes, CreationFlags, OpenFlags
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effect,
    Effects,
    LibraryConnection,
    LocalNode,
    Note,
    Refuse,
    Reply,
    Service,
    ToGroup,
)
from openais.services.ckpt.checkpoints import Checkpoint, Checkpoints, described
from openais.services.ckpt.contents import Contents
from openais.services.ckpt.durability import Durability
from openais.services.ckpt.expiry import Expiry
from openais.services.ckpt.handles import Handles, Opened
from openais.services.ckpt.history import History
from openais.services.ckpt.merging import components_of, merge
from openais.services.ckpt.opening import check_open
from openais.services.ckpt.parking import Handler, Parking
from openais.services.ckpt.persistence import Persistence, restore
from openais.services.ckpt.replica import Refusal
from openais.services.ckpt.uploads import Uploads
from openais.types import (
    BadOperation,
    ErrorCode,
    Guarantee,
    NodeId,
    NotExist,
    Priority,
    TryAgain,
    Version,
)

VERSION_B: Final = Version("B", 2, 2)
VERSION_A: Final = Version("A", 1, 1)

NOT_KNOWN: Final = "it is not known whether it was done: "


@dataclass(slots=True, frozen=True)
class CkptSettings:
    """How the service behaves in a cluster; all members must have the same."""

    has_quorum: bool = False
    """Whether there is a quorum rule, so that it means something which side of a partition was quorate."""
    refuse_without_quorum: bool = False
    """Whether nothing is written, and not read consistently, without quorum."""
    persist: bool = False
    """Whether what happens is logged on disk."""
    durable: bool = False
    """Whether a write of WR_ALL_REPLICAS is answered only when all replicas have it on disk."""
    keep_losers: bool = False
    """Whether a replica that loses in a merge after both sides were changed is kept under a name made from its own."""


class CkptState(Service):
    """The state of the service at this node. The handlers of its requests and messages are in subclasses."""

    service_id = ServiceId.CKPT
    versions = (VERSION_B, VERSION_A)

    def __init__(self, node: LocalNode, settings: CkptSettings = CkptSettings(), stored: Iterable[bytes] = ()) -> None:
        """`stored`: the records of the log that is on disk."""
        super().__init__(node)
        self._settings: Final = settings
        self._history: Final = History(node.node_id, node.incarnation)
        self._checkpoints: Final = Checkpoints(self._history)
        self._contents: Final = Contents(node.node_id, self._checkpoints)
        self._expiry: Final = Expiry(node, self._checkpoints)
        self._handles: Final = Handles()
        self._uploads: Final = Uploads()
        self._together: tuple[NodeId, ...] = (node.node_id,)
        """Those who are given the same as this node."""
        self._going_on: tuple[NodeId, ...] = (node.node_id,)
        """The members of the last transitional configuration."""
        self._quorate = True
        self._changing = False
        """The membership is changing: between a transitional configuration and the complete state of the next one."""
        self._held_answers: list[Effect] = []
        self._numbers = 0
        self._marks: dict[tuple[int, int], Callable[[], Effects]] = {}
        """By connection and call: what is done where its mark is in the order."""
        self._parking: Final = Parking()
        self._persistence: Final = Persistence(node.node_id, self._checkpoints, settings.persist)
        self._durability: Final = Durability()
        self._told_stored = 0
        """Up to which stamp the others were told that everything is on disk here."""
        restore(stored, node.node_id, self._checkpoints)

    # Configuration changes and state transfer.

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        configuration = change.configuration
        ring = configuration.ring_id
        if configuration.transitional:
            self._going_on = self._together = configuration.members
            self._changing = True
            self._history.go_on(Where(ring.sequence, ring.representative, min(configuration.members)))
            return
        self._changing = True
        self._uploads.clear()
        self._checkpoints.keep_nodes(self._going_on, self._history.tick(0).stamp)
        lost = tuple(self._contents.members_left())
        if lost:
            self._persistence.begin_anew()
        yield from lost
        yield from self._persistence.flush()

    def state_to_transfer(self) -> Iterator[Message]:
        return self._checkpoints.state()

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        components = components_of(states)
        outcome = merge(components, self._settings.keep_losers)
        for merged in outcome.merged:
            self._contents.merged(merged)
        self._checkpoints.replace(merged.checkpoint for merged in outcome.merged)
        self._persistence.begin_anew()
        self._checkpoints.quorate_ring = max(component.quorate_ring for component in components)
        self._history.merge((component.clock, component.stretches) for component in components)
        for conflict in outcome.conflicts:
            yield Note(str(conflict))

    def synchronized(self, change: ConfigurationChange) -> Effects:
        configuration = change.configuration
        ring = configuration.ring_id
        self._together = configuration.members
        self._changing = False
        self._quorate = change.quorate
        self._history.go_on(Where(ring.sequence, ring.representative, 0))
        fill_number = self._history.tick(0).stamp
        if self._settings.has_quorum and change.quorate:
            self._checkpoints.quorate_ring = ring.sequence
        yield from self._release_answers()
        yield from self._contents.start_fills(configuration.members, fill_number)
        yield from self._parking.serve(self._waits)
        for checkpoint in self._checkpoints.all():
            self._expiry.look_at(checkpoint)
        yield from self._expiry.arm()
        self._persistence.configured()
        yield from self._persistence.flush()
        yield from self._release_durable()
        if self._settings.durable:  # who has joined knows of nothing yet
            yield ToGroup(GroupDurable(self._persistence.durable), Priority.MED)

    # Libraries come and go.

    def library_opened(self, connection: LibraryConnection) -> Effects:
        self._handles.add(connection.connection)
        return ()

    def library_closed(self, connection: int) -> Effects:
        counts, uploads = self._handles.remove(connection)
        self._parking.forget(connection)
        if counts or uploads:
            caller = Source(self.node.node_id, connection, 0)
            yield ToGroup(GroupClose(caller, self.node.wall_time_ns, tuple(sorted(counts.items()))), Priority.MED)

    def timer(self, name: str) -> Effects:
        return self._expiry.timer(self._together)

    def stored(self, token: int) -> Effects:
        yield from self._persistence.stored(token)
        durable = self._persistence.durable
        if self._settings.durable and durable > self._told_stored:
            self._told_stored = durable
            yield ToGroup(GroupDurable(durable), Priority.MED)

    def describe(self) -> dict[str, Any]:
        every = self._checkpoints.all()
        return {
            "checkpoints": [described(each.status(self.node.node_id)) for each in every],
            "used": sum(each.replica.used for each in every),
            "filling": [each.name for each in every if each.fill is not None],
            "waiting": len(self._parking),
        }

    def begin_log_anew(self, replaces: bool) -> None:
        """The next that is logged begins a new log; as if the old one could not go on if `replaces`."""
        self._persistence.begin_anew(replaces)

    def contents(self) -> dict[tuple[str, Identity], dict[bytes, tuple[object, ...]]]:
        """All sections that this node has, by checkpoint, for those who compare replicas."""
        return {
            (checkpoint.name, checkpoint.identity): {
                section.section_id: (section.number, bytes(section.data), section.descriptor())
                for section in checkpoint.replica.sections.values()
            }
            for checkpoint in self._checkpoints.all()
            if self._contents.has(checkpoint)
        }

    # Helpers: opening.

    def _group_open(
        self, caller: Source, name: str, flags: int, attributes: Attributes | None, invocation: int | None
    ) -> GroupOpen:
        check_open(flags, attributes)
        self._numbers += 1
        identity = Identity(self.node.node_id, self.node.incarnation, self._numbers)
        return GroupOpen(caller, self.node.wall_time_ns, name, flags, attributes, identity, invocation)

    def _opened_here(self, message: GroupOpen, checkpoint: Checkpoint) -> Effects:
        caller = message.caller
        if caller.connection not in self._handles:
            closed = GroupClose(
                Source(caller.node_id, caller.connection, 0), self.node.wall_time_ns, ((checkpoint.identity, 1),)
            )
            yield ToGroup(closed, Priority.MED)
            return
        number = self._handles.open(caller, checkpoint.identity, OpenFlags(message.flags))
        if message.invocation is None:
            yield Reply(caller, CheckpointOpened(number))
        else:
            opened = OpenCallback(message.invocation, message.name, number, ErrorCode.OK)
            yield Callback((caller.connection,), opened)

    def _refuse_open(self, message: GroupOpen, code: ErrorCode, explanation: str) -> Effects:
        caller = message.caller
        if message.invocation is None:
            yield Refuse(caller, code, explanation)
        elif caller.node_id == self.node.node_id and caller.connection in self._handles:
            yield Callback((caller.connection,), OpenCallback(message.invocation, message.name, 0, code, explanation))

    # Helpers: requests.

    def _checkpoint(self, opened: Opened) -> Checkpoint:
        """What a library has open. Raises NotExist when it is gone."""
        checkpoint = self._checkpoints.by_identity.get(opened.checkpoint)
        if checkpoint is None or not checkpoint.sources:
            raise NotExist("the checkpoint is gone: all nodes with a replica of it are lost")
        return checkpoint

    def _park(self, opened: Opened, caller: Source, request: Request, handler: Handler) -> bool:
        """Whether a request has to wait for the sections of its checkpoint. Raises NotExist, TryAgain."""
        checkpoint = self._checkpoint(opened)
        if self._contents.has(checkpoint):
            return False
        self._parking.add(opened.checkpoint, caller, request, handler)
        return True

    def _waits(self, identity: Identity) -> bool:
        """Whether the sections of a checkpoint are on their way to this node."""
        checkpoint = self._checkpoints.by_identity.get(identity)
        return checkpoint is not None and bool(checkpoint.sources) and not self._contents.has(checkpoint)

    def _write_guarantee(self, opened: Opened) -> Guarantee:
        """How a write to this checkpoint is sent. Raises AccessDenied, NotExist, TryAgain."""
        opened.check(OpenFlags.WRITE, "write")
        checkpoint = self._checkpoint(opened)
        self._check_quorum("write")
        flags = checkpoint.attributes.flags
        if flags & CreationFlags.WR_ALL_REPLICAS:
            return Guarantee.SAFE
        if checkpoint.active is None:
            raise NotExist("write: no replica is the active one")
        if flags & CreationFlags.WR_ACTIVE_REPLICA and checkpoint.active != self.node.node_id:
            return Guarantee.SAFE
        return Guarantee.AGREED

    def _check_quorum(self, what: str) -> None:
        if self._settings.refuse_without_quorum and not self._quorate:
            raise TryAgain(f"{what}: this side has no quorum")

    def _read(self, caller: Source, opened: Opened, request: Read | ReadConsistent) -> Effect:
        try:
            found = self._checkpoint(opened).replica.read(request.elements)
        except Refusal as refusal:
            return Refuse(caller, refusal.code, refusal.explanation)
        return Reply(caller, self._handles.read(caller, found))

    def _read_durable(self, caller: Source, opened: Opened, request: Read | ReadConsistent) -> Effects:
        """Reads; what could still be lost is not told."""
        answer, checkpoint = self._read(caller, opened, request), self._checkpoint(opened)
        if isinstance(answer, Reply):
            yield from self._when_durable(checkpoint, checkpoint.changed.stamp, answer)
        else:
            yield answer

    def _read_parked(self, caller: Source, request: ReadConsistent) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        yield from self._read_durable(caller, opened, request)

    def _synchronizable(self, caller: Source, number: int) -> Opened:
        opened = self._handles.opened(caller.connection, number)
        opened.check(OpenFlags.WRITE, "synchronize")
        if not self._checkpoint(opened).has_active_replica:
            raise BadOperation("synchronize: the replicas of a WR_ALL_REPLICAS checkpoint are always synchronized")
        return opened

    def _mark(self, caller: Source, opened: Opened, at_mark: Callable[[], Effects]) -> Effect:
        self._marks[caller.connection, caller.call] = at_mark
        return ToGroup(GroupMark(caller, opened.checkpoint), Priority.MED, Guarantee.SAFE)

    # Helpers: answers.

    def _answer_refused(self, message: GroupUpdate, code: ErrorCode, explanation: str) -> Effects:
        if message.caller.connection and message.caller.node_id == self.node.node_id:
            yield from self._when_decided(Refuse(message.caller, code, explanation))

    def _when_decided(self, answer: Reply | Refuse) -> Effects:
        """The answer to a write; it waits while it is open whether this side has quorum, if that matters."""
        if self._settings.refuse_without_quorum and self._changing:
            self._held_answers.append(answer)
        else:
            yield answer

    def _when_durable(self, checkpoint: Checkpoint, stamp: int, answer: Reply) -> Effects:
        """The answer to a write or a consistent read; it waits until what it tells is on disk, if that is promised."""
        if self._settings.durable and not checkpoint.has_active_replica:
            self._durability.hold(stamp, checkpoint.sources, answer)
            yield from self._release_durable()
        else:
            yield from self._when_decided(answer)

    def _release_durable(self) -> Effects:
        for answer in self._durability.release(self._together):
            yield from self._when_decided(answer)

    def _release_answers(self) -> Effects:
        held, self._held_answers = self._held_answers, []
        for answer in held:
            if isinstance(answer, Reply) and not self._quorate:
                explanation = f"update: {NOT_KNOWN}this side has lost quorum"
                yield Refuse(answer.to, ErrorCode.TIMEOUT, explanation)
            else:
                yield answer
