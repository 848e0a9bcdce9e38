"""The libraries of one node: what they have open, iterate, read and track. All of it is local."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from openais.messages.base import Source
from openais.messages.ckpt import Changed, Descriptor, ReadData
from openais.messages.ckpt_group import Identity
from openais.messages.ckpt_operations import ANSWER_BYTES_MAX, CHANGES_MAX, OpenFlags
from openais.services.base import Callback, Effects
from openais.services.ckpt.replica import Replica, Section
from openais.types import AccessDenied, BadHandle, NoResources, NotExist

ITERATIONS_MAX: Final = 64
"""Iterations of one library that may be under way."""
READS_MAX: Final = 4
"""Long reads of one library of which something is still to be fetched; the oldest ends for a new one."""
PENDING_MAX: Final = 4096
"""Changed sections that are remembered for a library that does not take its notices."""


@dataclass(slots=True)
class Tracking:
    """What a library was not told yet of a checkpoint that it tracks."""

    sections: dict[bytes, None] = field(default_factory=dict)
    all: bool = False
    outstanding: bool = False
    """A notice was sent and was not taken yet."""

    def add(self, sections: Iterable[bytes]) -> None:
        """These have changed."""
        if self.all:
            return
        self.sections.update(dict.fromkeys(sections))
        if len(self.sections) > PENDING_MAX:
            self.add_all()

    def add_all(self) -> None:
        """Any may have changed."""
        self.sections.clear()
        self.all = True

    def notice(self, number: int) -> Changed | None:
        """What is to be sent now, if anything."""
        if self.outstanding or not (self.sections or self.all):
            return None
        self.outstanding = True
        told = tuple(self.sections)[:CHANGES_MAX]
        for section in told:
            del self.sections[section]
        every, self.all = self.all, False
        return Changed(number, told, every)


@dataclass(slots=True, eq=False)
class Opened:
    """A checkpoint as one library has it open."""

    connection: int
    number: int
    checkpoint: Identity
    flags: OpenFlags
    tracking: Tracking | None = None

    def check(self, flag: OpenFlags, what: str) -> None:
        """Raises AccessDenied unless it was opened with `flag`."""
        if flag not in self.flags:
            raise AccessDenied(f"{what}: the checkpoint is not open to {flag.name.lower() if flag.name else flag}")


@dataclass(slots=True)
class Iteration:
    """Sections that an iteration has still to give."""

    checkpoint: Identity
    sections: Iterator[Section]

    def next(self, replica: Replica, count: int) -> tuple[Descriptor, ...]:
        """The next ones that are still there."""
        found: list[Descriptor] = []
        for section in self.sections:
            if replica.has(section):
                found.append(section.descriptor())
                if len(found) == count:
                    break
        return tuple(found)


@dataclass(slots=True)
class _Library:
    """One connection."""

    opened: dict[int, Opened] = field(default_factory=dict)
    iterations: dict[int, Iteration] = field(default_factory=dict)
    reads: dict[int, memoryview] = field(default_factory=dict)
    uploads: bool = False
    """It has sent parts."""


class Handles:
    """All libraries of this node, by connection."""

    def __init__(self) -> None:
        self._libraries: dict[int, _Library] = {}
        self._trackers: dict[Identity, list[Opened]] = {}
        """By the identity that the checkpoint had when it was opened."""

    def __contains__(self, connection: int) -> bool:
        return connection in self._libraries

    def add(self, connection: int) -> None:
        """A library opened a session."""
        self._libraries[connection] = _Library()

    def remove(self, connection: int) -> tuple[dict[Identity, int], bool]:
        """It is gone; how often it had checkpoints open, and whether it has sent parts."""
        counts: dict[Identity, int] = {}
        library = self._libraries.pop(connection)
        for opened in library.opened.values():
            self._end_tracking(opened)
            counts[opened.checkpoint] = counts.get(opened.checkpoint, 0) + 1
        return counts, library.uploads

    def uploads(self, connection: int) -> None:
        """A library sends parts."""
        self._libraries[connection].uploads = True

    def open(self, caller: Source, checkpoint: Identity, flags: OpenFlags) -> int:
        """A library has a checkpoint open; gives what stands for it."""
        number = caller.call
        self._libraries[caller.connection].opened[number] = Opened(caller.connection, number, checkpoint, flags)
        return number

    def opened(self, connection: int, number: int) -> Opened:
        """What `number` stands for. Raises BadHandle."""
        opened = self._libraries[connection].opened.get(number)
        if opened is None:
            raise BadHandle(f"checkpoint {number} is not open on this handle")
        return opened

    def close(self, opened: Opened) -> None:
        """It is closed; its iterations end."""
        library = self._libraries[opened.connection]
        del library.opened[opened.number]
        self._end_tracking(opened)
        left = {number: each for number, each in library.iterations.items() if each.checkpoint != opened.checkpoint}
        library.iterations = left

    # Iterations.

    def begin_iteration(self, caller: Source, opened: Opened, sections: list[Section]) -> int:
        """Gives what stands for the iteration. Raises NoResources."""
        iterations = self._libraries[caller.connection].iterations
        if len(iterations) >= ITERATIONS_MAX:
            raise NoResources(f"iteration: {ITERATIONS_MAX} are under way on this handle already")
        iterations[caller.call] = Iteration(opened.checkpoint, iter(sections))
        return caller.call

    def iteration(self, connection: int, number: int) -> Iteration:
        """What `number` stands for. Raises BadHandle."""
        iteration = self._libraries[connection].iterations.get(number)
        if iteration is None:
            raise BadHandle(f"iteration {number} is not under way on this handle")
        return iteration

    def end_iteration(self, connection: int, number: int) -> None:
        """It is over. Raises BadHandle."""
        self.iteration(connection, number)
        del self._libraries[connection].iterations[number]

    # Reads.

    def read(self, caller: Source, found: list[bytes]) -> ReadData:
        """The answer to a read; what is too much for it is kept to be fetched."""
        sizes = tuple(map(len, found))
        data = found[0] if len(found) == 1 else b"".join(found)
        if len(data) <= ANSWER_BYTES_MAX:
            return ReadData(sizes, 0, data)
        reads = self._libraries[caller.connection].reads
        while len(reads) >= READS_MAX:
            del reads[next(iter(reads))]
        reads[caller.call] = memoryview(data)[ANSWER_BYTES_MAX:]
        return ReadData(sizes, caller.call, data[:ANSWER_BYTES_MAX])

    def read_more(self, connection: int, number: int) -> bytes:
        """What follows. Raises BadHandle."""
        reads = self._libraries[connection].reads
        rest = reads.pop(number, None)
        if rest is None:
            raise BadHandle(f"read more: nothing is left of read {number}")
        if len(rest) > ANSWER_BYTES_MAX:
            reads[number] = rest[ANSWER_BYTES_MAX:]
        return bytes(rest[:ANSWER_BYTES_MAX])

    # Tracking.

    def track(self, opened: Opened) -> None:
        """Its changes are told from here on."""
        if opened.tracking is None:
            opened.tracking = Tracking()
            self._trackers.setdefault(opened.checkpoint, []).append(opened)

    def track_stop(self, opened: Opened) -> None:
        """They are not. Raises NotExist."""
        if opened.tracking is None:
            raise NotExist("track stop: the checkpoint is not tracked")
        self._end_tracking(opened)

    def taken(self, opened: Opened) -> Effects:
        """A notice was taken."""
        if opened.tracking is not None:
            opened.tracking.outstanding = False
            yield from _notify(opened, opened.tracking)

    def tracked(self, identities: Iterable[Identity]) -> bool:
        """Whether anybody tracks this checkpoint."""
        return bool(self._trackers) and any(identity in self._trackers for identity in identities)

    def changed(self, identities: Iterable[Identity], sections: Iterable[bytes] | None) -> Effects:
        """These sections of a checkpoint, or any when None, have changed."""
        for identity in identities:
            for opened in self._trackers.get(identity, ()):
                assert opened.tracking is not None
                if sections is None:
                    opened.tracking.add_all()
                else:
                    opened.tracking.add(sections)
                yield from _notify(opened, opened.tracking)

    def _end_tracking(self, opened: Opened) -> None:
        if opened.tracking is None:
            return
        opened.tracking = None
        trackers = self._trackers[opened.checkpoint]
        trackers.remove(opened)
        if not trackers:
            del self._trackers[opened.checkpoint]


def _notify(opened: Opened, tracking: Tracking) -> Effects:
    notice = tracking.notice(opened.number)
    if notice is not None:
        yield Callback((opened.connection,), notice)
