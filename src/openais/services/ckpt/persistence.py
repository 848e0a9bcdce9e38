"""What is on disk of the checkpoints: a log of everything that happens to those that this node has all of.

A log begins with a snapshot, which is made as a fill is (`fill`): in parts, while updates go on and are logged among
them. Once its last part is written the log is complete, and takes the place of the one before. So nothing is ever
changed on disk, and a node that ends at any moment finds a complete log when it starts, perhaps with a torn end. It
has then a state that was, and its history tells it from what came later: a merge brings it up to date.

A new log is begun when the old one has grown; both are written until it is complete. It is begun as well at the start,
and when sections came otherwise than by updates, by a fill or in a merge: then the old log cannot go on, and nothing is
durable here until the new one is complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from openais.messages.base import Malformed, Message, Source, decode_group, encode_group
from openais.messages.ckpt_group import (
    CheckpointState,
    FillPart,
    GroupUpdate,
    HistoryState,
    Identity,
    LoggedRemoval,
    LoggedSnapshot,
    LoggedUpdate,
    Place,
)
from openais.services.base import Effects, Log
from openais.services.ckpt.checkpoints import Checkpoint, Checkpoints
from openais.services.ckpt.fill import Receiving, Sending, operations_of
from openais.services.ckpt.replica import Replica
from openais.types import NodeId, TimeNs

PIECE_BYTES: Final = 512 * 1024
"""Bytes of a snapshot that are written at a time."""
GROWTH_MIN: Final = 64 * 1024 * 1024
"""A log is not begun anew before so much was added to its snapshot, and as much as that has."""


class Persistence:
    """Makes the log of one node. Does nothing when it is not `wanted`."""

    def __init__(self, node: NodeId, checkpoints: Checkpoints, wanted: bool) -> None:
        self.wanted: Final = wanted
        self._node: Final = node
        self._checkpoints: Final = checkpoints
        self._records: list[bytes] = []
        self._begins = wanted
        """A new log is to be begun."""
        self._replaces = wanted
        """The old one cannot go on, and no new one is complete yet."""
        self._sending: dict[Identity, Sending] = {}
        """The snapshot, as far as it is still to be made."""
        self._positions: dict[Identity, int] = {}
        self._growth = 0
        self._snapshot_bytes = 0
        self._tokens: deque[tuple[int, int, bool]] = deque()
        """Of what was handed over and is not stored yet: token, the highest stamp in it, whether it completes a log."""
        self._last_token = 0
        self.durable = 0
        """Everything up to this stamp is on disk."""

    def begin_anew(self, replaces: bool = True) -> None:
        """A new log is to be begun; if it `replaces`, since sections came otherwise than by updates."""
        if self._sending and not replaces:
            return  # one has been begun
        self._begins = self.wanted
        self._replaces = self._replaces or (self.wanted and replaces)

    def changed(self, checkpoint: Checkpoint) -> None:
        """Something besides its sections has changed."""
        if self.wanted:
            self._add(checkpoint.state())

    def updated(self, checkpoint: Checkpoint, place: Place, update: GroupUpdate, refused: Iterable[int]) -> None:
        """An update was applied here."""
        if not self.wanted:
            return
        identity = checkpoint.identity
        sending = self._sending.get(identity)
        if sending is not None:
            self._positions[identity] += 1
            for operation in refused:
                sending.refused(self._positions[identity], operation)
        self._add(LoggedUpdate(place, identity, not update.caller.connection, update.operations))

    def configured(self) -> None:
        """A new stretch of the history begins."""
        if self.wanted:
            self._add(self._history())

    def flush(self) -> Effects:
        """Hands over what is to be written. To be called when a handler is done."""
        if not self.wanted:
            return
        for identity in self._checkpoints.removed:
            self._add(LoggedRemoval(identity))
        self._checkpoints.removed.clear()
        if self._begins:
            yield from self._begin()
        elif self._records:
            yield self._log()
        if self._sending and not self._tokens:
            yield from self._continue()

    def stored(self, token: int) -> Effects:
        """What was handed over is written, up to this token."""
        durable = 0
        while self._tokens and self._tokens[0][0] <= token:
            _, durable, completes = self._tokens.popleft()
            if completes and not self._begins:
                self._replaces = False
        if not self._replaces:
            self.durable = max(self.durable, durable)
        if self._growth > max(GROWTH_MIN, self._snapshot_bytes) and not self._sending:
            self.begin_anew(replaces=False)
        yield from self.flush()

    def _add(self, message: Message) -> None:
        record = encode_group(message)
        self._records.append(record)
        self._growth += len(record)

    def _history(self) -> HistoryState:
        history = self._checkpoints.history
        return HistoryState(history.clock, self._checkpoints.quorate_ring, history.state())

    def _begin(self) -> Effects:
        """Begins a new log."""
        self._begins = False
        before, self._records = tuple(self._records), []
        every = self._checkpoints.all()
        had = [each for each in every if self._node in each.sources]
        self._sending = {each.identity: Sending(each.replica) for each in had}
        self._positions = {each.identity: 0 for each in had}
        self._add(self._history())
        for each in every:
            self._add(each.state())
        self._add(LoggedSnapshot(tuple(self._sending)))
        self._growth = self._snapshot_bytes = 0
        snapshot, self._records = tuple(self._records), []
        yield self._log(before, snapshot, begins=True, completes=not self._sending)

    def _continue(self) -> Effects:
        """The next piece of the snapshot."""
        parts: list[bytes] = []
        size = 0
        while self._sending and size < PIECE_BYTES:
            identity, sending = next(iter(self._sending.items()))
            part = encode_group(sending.next_part(identity, 0, self._positions[identity]))
            parts.append(part)
            size += len(part)
            if sending.done:
                del self._sending[identity], self._positions[identity]
        self._snapshot_bytes += size
        yield self._log((), tuple(parts), completes=not self._sending)

    def _log(
        self,
        records: tuple[bytes, ...] | None = None,
        snapshot: tuple[bytes, ...] = (),
        *,
        begins: bool = False,
        completes: bool = False,
    ) -> Log:
        """What is to be written now; unless given, the records that wait."""
        if records is None:
            records, self._records = tuple(self._records), []
        self._last_token += 1
        self._tokens.append((self._last_token, self._checkpoints.history.clock, completes))
        return Log(self._last_token, records, snapshot, begins, begins and self._replaces, completes)


def restore(records: Iterable[bytes], node: NodeId, checkpoints: Checkpoints) -> int:
    """Makes the state of a log; answers how many records it had. Nobody has anything open, and this node has it all."""
    receiving: dict[Identity, Receiving] = {}
    positions: dict[Identity, int] = {}
    had: set[Identity] = set()
    count = 0
    for record in records:
        count += 1
        try:
            message = decode_group(record)
        except Malformed:  # of another version
            continue
        match message:
            case HistoryState():
                checkpoints.history.restore(message.clock, message.history)
                checkpoints.quorate_ring = message.quorate_ring
            case CheckpointState():
                _restore_checkpoint(message, node, checkpoints, had)
            case LoggedSnapshot():
                for identity in message.checkpoints:
                    replica = checkpoints.by_identity[identity].replica = Replica(
                        checkpoints.by_identity[identity].attributes
                    )
                    receiving[identity], positions[identity] = Receiving(replica), 0
            case FillPart(checkpoint=identity) if identity in receiving:
                receiving[identity].part(message)
                if message.last and identity in checkpoints.by_identity:
                    for stamp, update in receiving.pop(identity).rest():
                        _apply(checkpoints.by_identity[identity], stamp, update)
            case LoggedUpdate(checkpoint=identity) if identity in checkpoints.by_identity:
                _restore_update(message, checkpoints, receiving, positions)
            case LoggedRemoval(checkpoint=identity) if identity in checkpoints.by_identity:
                checkpoints.remove(checkpoints.by_identity[identity])
                had.discard(identity)
    for checkpoint in checkpoints.all():
        checkpoint.opens, checkpoint.fallbacks = {}, ()
        checkpoint.sources = (node,) if checkpoint.identity in had else ()
        checkpoint.active = None if checkpoint.collocated else node
        checkpoint.closed = checkpoint.closed or max(1, checkpoints.history.clock)
    checkpoints.replace([each for each in checkpoints.all() if not each.unlinked])
    checkpoints.removed.clear()
    return count


def _restore_checkpoint(state: CheckpointState, node: NodeId, checkpoints: Checkpoints, had: set[Identity]) -> None:
    known = checkpoints.by_identity.get(state.identities[0])
    checkpoint = Checkpoint(
        state.name, state.identities, state.attributes, state.created, state.changed, state.unlinked,
        closed=state.closed, sources=state.sources, gap=state.gap,
    )  # fmt: skip
    if known is None:
        checkpoint.replica = Replica.new(state.attributes, state.created.stamp)
    else:
        checkpoints.remove(known)
        checkpoint.replica = known.replica
        checkpoint.replica.attributes = state.attributes
    checkpoints.add(checkpoint)
    checkpoints.history.restore(state.changed.stamp, (state.changed,))
    if node in state.sources:
        had.add(checkpoint.identity)


def _restore_update(
    update: LoggedUpdate,
    checkpoints: Checkpoints,
    receiving: dict[Identity, Receiving],
    positions: dict[Identity, int],
) -> None:
    checkpoint = checkpoints.by_identity[update.checkpoint]
    checkpoint.changed = update.place
    checkpoints.history.restore(update.place.stamp, (update.place,))
    source = Source(NodeId(0), 0 if update.by_executive else 1, 0)
    as_delivered = GroupUpdate(source, TimeNs(0), update.checkpoint, update.operations)
    if update.checkpoint in receiving:
        positions[update.checkpoint] += 1
        receiving[update.checkpoint].update(positions[update.checkpoint], update.place.stamp, as_delivered)
    else:
        _apply(checkpoint, update.place.stamp, as_delivered)


def _apply(checkpoint: Checkpoint, stamp: int, update: GroupUpdate) -> None:
    checkpoint.replica.apply(operations_of(update), stamp, not update.caller.connection)
