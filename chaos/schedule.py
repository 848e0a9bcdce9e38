"""The faults of a run, by chance from a seed: the same seed plans the same faults."""

from __future__ import annotations

import enum
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PAUSE_S: Final = (0.3, 3.5)
"""From the beginning of one fault to that of the next."""
EXECUTIVES_DOWN_MAX: Final = 2
"""Of five: three are left to go on."""
PROGRAMS_AT_ONCE_MAX: Final = 5


class Kind(enum.StrEnum):
    """What is done."""

    KILL_EXECUTIVE = "kill-executive"
    """kill -9; it is started again."""
    STOP_EXECUTIVE = "stop-executive"
    """SIGSTOP and, later, SIGCONT."""
    PARTITION = "partition"
    LOSS = "loss"
    """Every node loses so many percent of the packets that come to it."""
    KILL_PROGRAM = "kill-program"
    STOP_PROGRAM = "stop-program"
    OWN = "own"
    """What only the workload knows to do; see `Workload.hurt`."""


LASTS_S: Final[Mapping[Kind, tuple[float, float]]] = {
    Kind.KILL_EXECUTIVE: (0.0, 5.0),
    Kind.STOP_EXECUTIVE: (0.2, 6.0),
    Kind.PARTITION: (0.5, 8.0),
    Kind.LOSS: (2.0, 8.0),
    Kind.KILL_PROGRAM: (0.0, 2.0),
    Kind.STOP_PROGRAM: (0.5, 8.0),
    Kind.OWN: (0.0, 0.0),
}
EXECUTIVE_KINDS: Final = (Kind.KILL_EXECUTIVE, Kind.STOP_EXECUTIVE)
PROGRAM_KINDS: Final = (Kind.KILL_PROGRAM, Kind.STOP_PROGRAM)
RING_KINDS: Final = (*EXECUTIVE_KINDS, Kind.PARTITION, Kind.LOSS)
"""Those that a ring notices."""
LOSS_PERCENT: Final = (1.0, 2.0, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: when it begins, in seconds from the beginning of the run, and how long it lasts."""

    at_s: float
    lasts_s: float
    kind: Kind
    nodes: tuple[int, ...] = ()
    programs: tuple[str, ...] = ()
    percent: float = 0.0

    @property
    def until_s(self) -> float:
        return self.at_s + self.lasts_s


@dataclass(slots=True)
class _Plan:
    """Faults so far."""

    chance: random.Random
    nodes: Sequence[int]
    programs: Sequence[str]
    faults: list[Planned] = field(default_factory=list)

    def busy(self, now_s: float) -> list[Planned]:
        """Those that last."""
        return [fault for fault in self.faults if fault.until_s > now_s]

    def targets(self, kind: Kind, now_s: float) -> Planned | None:
        """A fault of a kind that can begin now, to whom it can happen; None when it cannot."""
        busy, chance = self.busy(now_s), self.chance
        if kind in EXECUTIVE_KINDS:
            down = {node for fault in busy if fault.kind in EXECUTIVE_KINDS for node in fault.nodes}
            if len(down) >= EXECUTIVES_DOWN_MAX:
                return None
            return Planned(now_s, 0.0, kind, (chance.choice([node for node in self.nodes if node not in down]),))
        if kind in PROGRAM_KINDS:
            hurt = {name for fault in busy for name in fault.programs}
            left = [name for name in self.programs if name not in hurt]
            count = min(len(left), chance.randint(1, PROGRAMS_AT_ONCE_MAX))
            return Planned(now_s, 0.0, kind, programs=tuple(chance.sample(left, count))) if count else None
        if kind is Kind.OWN:
            return Planned(now_s, 0.0, kind)
        if any(fault.kind is kind for fault in busy):
            return None
        if kind is Kind.LOSS:
            return Planned(now_s, 0.0, kind, tuple(self.nodes), percent=chance.choice(LOSS_PERCENT))
        return Planned(
            now_s, 0.0, kind, tuple(sorted(chance.sample(self.nodes, chance.randint(1, len(self.nodes) // 2))))
        )


def schedule(
    seed: int,
    seconds: float,
    nodes: Sequence[int],
    programs: Sequence[str],
    kinds: Collection[Kind] = tuple(Kind),
    lasts_s: Mapping[Kind, tuple[float, float]] = LASTS_S,
) -> list[Planned]:
    """The faults of a run of so many seconds, in the order in which they begin; all have ended when it ends.

    `lasts_s`: how long faults of each kind last, from and to.
    """
    plan = _Plan(random.Random(seed), nodes, programs)
    kinds = sorted(kinds)
    now_s = 0.0
    while True:
        now_s += plan.chance.uniform(*PAUSE_S)
        if now_s >= seconds:
            return plan.faults
        kind = plan.chance.choice(kinds)
        lasting_s = min(plan.chance.uniform(*lasts_s[kind]), seconds - now_s)
        fault = plan.targets(kind, now_s)
        if fault is not None:
            plan.faults.append(Planned(now_s, lasting_s, kind, fault.nodes, fault.programs, fault.percent))
