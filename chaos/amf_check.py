"""What AMF promises, held against what the components of a run wrote down."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chaos.evidence import Evidence
from chaos.workload import Verdict

OUTCOME: Final = "outcome.journal"
ASSIGNED_MAX_S: Final = 30.0
"""From the end of the last fault until everything is assigned again; of that some seconds are the fence."""


@dataclass(slots=True)
class Holding:
    """A component surely was active for an assignment from its first word of that to its last before it gave it up."""

    csi: str
    component: str
    shared: bool
    """Whether the model has several active at one time."""
    began: float
    ended: float
    given_up: float = math.inf
    """When it said so, if it did."""

    def __str__(self) -> str:
        return f"{self.component} from {self.began:.3f} to {self.ended:.3f}"


@dataclass(slots=True)
class Life:
    """A process that was a component."""

    component: str
    process_id: int
    conflicts: list[str] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)

    def active(self, at: float) -> list[str]:
        """What it was active for at a time, as far as it said."""
        return [each.csi for each in self.holdings if each.began <= at < each.given_up]


def check(evidence: Evidence) -> Verdict:
    """Judges a run."""
    lives = [
        _life(name, text) for name, text in evidence.journals.items() if name != OUTCOME and name.endswith(".journal")
    ]
    outcome = [line.split() for line in evidence.journals.get(OUTCOME, "").splitlines()]
    alone = [holding for life in lives for holding in life.holdings if not holding.shared]
    last_fault = max((fault.ended for fault in evidence.faults), default=0.0)
    violations = [
        *(each for life in lives for each in life.conflicts),
        *_overlaps(alone),
        *_outcome(outcome, last_fault),
        *_agreement(outcome, {(life.component, life.process_id): life for life in lives}),
    ]
    times = {words[0]: float(words[1]) for words in outcome}
    figures = {
        "lives of components": float(len(lives)),
        "times that one was active alone": float(len(alone)),
        "components in the end": float(sum(words[0] == "alive" for words in outcome)),
        "seconds to the first full assignment": round(times.get("began", 0.0) - times.get("applies", 0.0), 2),
        "seconds from the last fault to full assignment": round(times.get("assigned", 0.0) - last_fault, 2),
    }
    return Verdict(violations, figures)


def _life(name: str, text: str) -> Life:
    component, process_id, _ = name.rsplit(".", 2)
    life = Life(component, int(process_id))
    now: dict[str, Holding] = {}
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            break  # it was killed before it had written this
        word, time, *rest = line.split()
        at = float(time)
        if word in ("active", "shares", "conflict"):
            now[rest[0]] = Holding(rest[0], component, word == "shares", at, at)
            life.holdings.append(now[rest[0]])
        if word == "conflict":
            life.conflicts.append(f"{component} became active for {rest[0]} at {at} while another process still was")
        for holding in now.values():
            holding.ended = at
        if word == "passive" and rest[0] in now:
            now.pop(rest[0]).given_up = at
    return life


def _overlaps(holdings: list[Holding]) -> Iterator[str]:
    """Two that were active for one assignment at one time."""
    last: dict[str, Holding] = {}
    for each in sorted(holdings, key=lambda each: each.began):
        before = last.get(each.csi)
        if before is not None and each.began < before.ended:
            yield f"two were active for {each.csi}: {before}, and {each}"
        if before is None or each.ended > before.ended:
            last[each.csi] = each


def _outcome(outcome: list[list[str]], last_fault: float) -> Iterator[str]:
    words = {line[0]: line for line in outcome}
    if "assigned" not in words:
        yield f"not everything was assigned again: {' '.join(words.get('unassigned', ['nobody knows why'])[1:])}"
    elif (waited := float(words["assigned"][1]) - last_fault) > ASSIGNED_MAX_S:
        yield f"everything was assigned again {waited:.1f} s after the last fault, {ASSIGNED_MAX_S:.0f} s is the most"
    if "ended" not in words:
        yield "nobody looked for processes that are left"
    for line in outcome:
        if line[0] == "left":
            yield f"{line[2]}, process {line[3]}, still ran after all executives had ended"


def _agreement(outcome: list[list[str]], lives: dict[tuple[str, int], Life]) -> Iterator[str]:
    """What AMF says in the end is what there is, and what the components say."""
    named = {word: {(line[2], int(line[3])) for line in outcome if line[0] == word} for word in ("known", "alive")}
    for name, process_id in sorted(named["alive"] - named["known"]):
        yield f"process {process_id} of {name} is an orphan: AMF knows nothing of it"
    for name, process_id in sorted(named["known"] - named["alive"]):
        yield f"AMF believes in process {process_id} of {name}, which is gone"
    said = {(line[2], int(line[3]), line[4]) for line in outcome if line[0] == "holds" and line[5] == "active"}
    looked = max((float(line[1]) for line in outcome if line[0] == "looked"), default=0.0)
    does = {(*key, csi) for key in named["alive"] if key in lives for csi in lives[key].active(looked)}
    for name, process_id, csi in sorted(said ^ does):
        which = "AMF says so, and it does not" if (name, process_id, csi) in said else "it says so, and AMF does not"
        yield f"{name}, process {process_id}, is active for {csi}: {which}"
