"""What a run is made of: a workload says which programs live on the nodes, and judges what they wrote down.

A new workload is one class, and the programs that it names:

    class Counting(Workload):
        name = "counting"

        def programs(self, node: int) -> Iterable[Program]:
            yield Program(f"counter-{node}", ("-m", "chaos.counter"))

        def check(self, evidence: Evidence) -> Verdict:
            lines = [line for life in evidence.lives for line in evidence.lines(life)]
            return Verdict([] if lines else ["nobody counted"], {"counted": len(lines)})

It is named in `WORKLOADS` of `chaos.__main__`. A program uses `chaos.program` to find its executive and its journal. It
is killed, stopped and started again at any moment, and so is its executive; it ends at SIGTERM. What it does it writes
down before it does it, and what it is told as soon as it knows: between the two it may have been killed. Faults begin
when all programs have opened their journals.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from chaos.evidence import Evidence
from chaos.schedule import Kind


@dataclass(frozen=True, slots=True)
class Program:
    """A process that lives on a node: `python ARGUMENTS`. The name tells it from all others of the run."""

    name: str
    arguments: tuple[str, ...]


@dataclass(slots=True)
class Verdict:
    """What was wrong, one sentence each with its evidence, and figures by name."""

    violations: list[str]
    figures: dict[str, float] = field(default_factory=dict)


class Site(Protocol):
    """What a workload may do to the cluster."""

    nodes: tuple[int, ...]
    folder: Path
    """Where everything is written down. All that ends in `.journal` in it comes into the evidence."""

    def socket(self, node: int) -> Path:
        """Where the executive of a node serves libraries, also to who is outside of the laboratory."""

    def start(self, program: Program, node: int) -> None:
        """Has a program live on a node, from now on until it is ended."""

    async def end(self, *names: str) -> None:
        """Has these programs end, with SIGTERM, and waits for it; they are not started again."""

    async def said(self, name: str, word: str) -> None:
        """Waits until a program has written a line that begins with `word`. Raises TimeoutError."""

    async def quiet(self) -> None:
        """Waits until no program writes anything down any more. Raises TimeoutError."""


class Workload(ABC):
    """One kind of use that must survive everything. The methods are called in this order, all but `hurt` once."""

    name: ClassVar[str]
    token_ms: ClassVar[int] = 500
    """`totem.token` of the executives, unless it is given."""
    lasts_s: ClassVar[Mapping[Kind, tuple[float, float]]] = {}
    """How long faults of some kinds last, from and to, where that is not what `chaos.schedule` says."""

    def __init__(self, small: bool = False) -> None:
        """`small`: with fewer programs, for a short run."""
        self.small = small

    def totem(self, nodes: int) -> Mapping[str, str]:
        """Keys of the section totem that the executives of so many nodes get besides their own."""
        return {}

    def configuration(self, site: Site, node: int) -> str:
        """Sections that the openais.conf of a node gets besides its own. Nothing is started yet."""
        return ""

    async def start(self, site: Site) -> None:  # noqa: B027
        """The executives are in one ring, and no program lives yet."""

    @abstractmethod
    def programs(self, node: int) -> Iterable[Program]:
        """What lives on a node all the time. Any of it may be killed, and is started again."""

    async def hurt(self, site: Site, chance: random.Random) -> None:  # noqa: B027
        """A fault of its own, for what only it knows: done now and then beside the others if this is overridden."""

    async def after_faults(self, site: Site) -> None:  # noqa: B027
        """All is mended, all executives are in one ring, all programs live: returns when there is no more to come."""

    async def ended(self, site: Site) -> None:  # noqa: B027
        """All programs and all executives have ended."""

    @abstractmethod
    def check(self, evidence: Evidence) -> Verdict:
        """Judges a run by what was written down, and by nothing else."""
