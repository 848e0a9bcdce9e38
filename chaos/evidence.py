"""What was written down in a run: faults, rings and lives by the run itself, and the journals of the programs.

All of it is in one folder, so that a run can be judged again without being run. All times are seconds of the one
monotonic clock that the processes of a machine share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import msgspec

from chaos.rings import CAUGHT_UP_S, Configured, Gone, RingEvent, Window, merged, together
from chaos.schedule import EXECUTIVE_KINDS, RING_KINDS, Kind

HISTORY: Final = "history.jsonl"


class Fault(msgspec.Struct, frozen=True, tag="fault"):
    """What was done to whom. A partition parts `nodes` from the others."""

    kind: Kind
    began: float
    ended: float
    nodes: tuple[int, ...]
    programs: tuple[str, ...] = ()
    percent: float = 0.0

    def troubles(self) -> Iterator[Window]:
        """When a ring had not caught up with this: at its beginning and its end, and as long as packets get lost."""
        if self.kind is Kind.LOSS:
            yield Window(self.began, self.ended + CAUGHT_UP_S)
        elif self.kind in RING_KINDS:
            yield Window(self.began, self.began + CAUGHT_UP_S)
            yield Window(self.ended, self.ended + CAUGHT_UP_S)

    def disturbs(self, name: str, node: int) -> bool:
        """Whether a program or the executive of its node was killed or stopped."""
        return name in self.programs or (self.kind in EXECUTIVE_KINDS and node in self.nodes)


class Life(msgspec.Struct, frozen=True, tag="life"):
    """A program from its start to its end. It was ended in order, or killed, unless it ended by itself."""

    name: str
    node: int
    run: int
    """Counts its lives, from 1 on."""
    began: float
    ended: float
    code: int
    """Its exit status; the number of a signal, negative."""

    @property
    def killed(self) -> bool:
        return self.code < 0

    @property
    def journal(self) -> str:
        """The name of its journal in the folder."""
        return f"{self.name}.{self.run}.journal"


class Sample(msgspec.Struct, frozen=True, tag="sample"):
    """The memory of an executive."""

    at: float
    node: int
    mib: float


class Remark(msgspec.Struct, frozen=True, tag="remark"):
    """Something that must not happen, whatever the workload."""

    at: float
    text: str


Entry: TypeAlias = Fault | Life | Configured | Gone | Sample | Remark
_decoder: Final = msgspec.json.Decoder(Entry)


class History:
    """Writes down what the run does and sees. A context manager that closes the file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = (folder / HISTORY).open("wb")

    def note(self, entry: Entry) -> None:
        """Appends an entry."""
        self._file.write(msgspec.json.encode(entry) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@dataclass
class Evidence:
    """All that is known of a run."""

    nodes: tuple[int, ...]
    faults: list[Fault] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    rings: dict[int, list[RingEvent]] = field(default_factory=dict)
    """What a program at each node was told of its ring, in order."""
    samples: list[Sample] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    journals: Mapping[str, str] = field(default_factory=dict)
    """Texts, by name."""

    @classmethod
    def read(cls, folder: Path) -> Evidence:
        """From the folder of a run."""
        entries = [_decoder.decode(line) for line in (folder / HISTORY).read_bytes().splitlines()]
        return cls.of(entries, {path.name: path.read_text() for path in folder.glob("*.journal")})

    @classmethod
    def of(cls, entries: Sequence[Entry], journals: Mapping[str, str]) -> Evidence:
        """From the entries of a history, and journals by name."""
        found = cls(tuple(sorted({entry.node for entry in entries if isinstance(entry, Configured)})))
        found.journals = journals
        for entry in entries:
            match entry:
                case Fault():
                    found.faults.append(entry)
                case Life():
                    found.lives.append(entry)
                case Configured() | Gone():
                    found.rings.setdefault(entry.node, []).append(entry)
                case Sample():
                    found.samples.append(entry)
                case Remark():
                    found.remarks.append(entry)
        return found

    def lines(self, life: Life) -> Iterator[list[str]]:
        """The words of each line that a program wrote in one life. One that was not written to its end is left out."""
        for line in self.journals.get(life.journal, "").splitlines(keepends=True):
            if line.endswith("\n"):
                yield line.split()

    @cached_property
    def windows(self) -> dict[tuple[int, int], list[Window]]:
        """For each two nodes, and each alone: when what one of them sends surely reaches the other; see `rings`."""
        troubles = merged(trouble for fault in self.faults for trouble in fault.troubles())
        return {
            (one, other): together(self.rings[one], self.rings[other], troubles)
            for one in self.nodes
            for other in self.nodes
        }

    @cached_property
    def all_together(self) -> list[Window]:
        """When all nodes surely were in one ring."""
        found = [Window(float("-inf"), float("inf"))]
        for windows in self.windows.values():
            found = [window for one in found for other in windows if (window := one & other)]
        return found
