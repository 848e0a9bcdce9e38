"""What a policy sees of a service group, and what it answers.

A policy is a pure function from a GroupView to the wanted assignments. It keeps what is assigned already as far as it
may (minimal movement), prefers what stands by over what is idle, and what is ranked better over the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from openais.messages.amf_model import FOR_EVER, HaReadiness, HaState

Assignments: TypeAlias = dict[str, dict[str, HaState]]
"""By service instance: the units that are to be ACTIVE or STANDBY for it."""

UNRANKED: Final = FOR_EVER


@dataclass(slots=True, frozen=True)
class InstanceView:
    """A service instance that is to be assigned; rank 0 comes last."""

    name: str
    rank: int = 0
    active_assignments: int = 0
    standby_assignments: int = 1
    types: tuple[str, ...] = ()
    """Those of its parts."""


@dataclass(slots=True, frozen=True)
class ComponentView:
    """What a component takes: of each type at most so many active and standby parts, and so many in all."""

    limits: Mapping[str, tuple[int, int]]
    active_max: int = FOR_EVER
    standby_max: int = FOR_EVER
    mixes: bool = True
    """Whether it can have active and standby parts at a time."""


@dataclass(slots=True, frozen=True)
class UnitView:
    """A unit that is in service; rank 0 comes last."""

    name: str
    rank: int = 0
    stands_by: bool = True
    """Whether its components can be standby."""
    mixes: bool = True
    """Whether its components can be active for one instance and standby for another at a time."""
    components: tuple[ComponentView, ...] = ()
    """What they have room for; none: for all."""
    unready: Mapping[str, HaReadiness] = field(default_factory=dict)
    """By service instance: what it says that it can be assigned, unless all."""

    def may_have(self, instance: str, state: HaState) -> bool:
        """Whether its components say that they can be assigned an instance in a state."""
        readiness = self.unready.get(instance, HaReadiness.READY)
        least = HaReadiness.NOT_READY_FOR_ACTIVE if state is HaState.ACTIVE else HaReadiness.NOT_READY
        return readiness < least

    def is_degraded(self, instance: str) -> bool:
        """Whether others are to be preferred to be active for an instance."""
        return self.unready.get(instance) is HaReadiness.READY_FOR_ACTIVE_DEGRADED


@dataclass(slots=True, frozen=True)
class GroupView:
    """A service group: units in service, unlocked instances, limits, and what is assigned now."""

    units: tuple[UnitView, ...]
    instances: tuple[InstanceView, ...]
    current: Mapping[str, Mapping[str, HaState]]
    active_units: int = 1
    standby_units: int = 1
    assigned_units: int = FOR_EVER
    active_max: int = FOR_EVER
    standby_max: int = FOR_EVER
    adjust: bool = False
    """Whether rank wins over minimal movement."""
    balance: bool = False
    """Whether, in N+M, instances move to active units that have less."""
    pinned: str = ""
    """The unit that a swap has chosen to be active."""

    def state(self, instance: str, unit: str) -> HaState | None:
        """What a unit has of an instance now."""
        return self.current.get(instance, {}).get(unit)

    def load(self, unit: str, state: HaState) -> int:
        """How many of the instances it has in this state now."""
        return sum(self.state(instance.name, unit) is state for instance in self.instances)


def assigned_units(view: GroupView) -> list[UnitView]:
    """The units that may have assignments, best first: those that have some go before spares, unless ranks win."""
    units = ranked_units(view.units)
    chosen = units
    if not view.adjust:
        loads = {
            unit.name: bool(view.load(unit.name, HaState.ACTIVE) or view.load(unit.name, HaState.STANDBY))
            for unit in units
        }
        chosen = sorted(units, key=lambda unit: not loads[unit.name])
    names = {unit.name for unit in chosen[: view.assigned_units]}
    return [unit for unit in units if unit.name in names]


def ranked_units(units: Iterable[UnitView]) -> list[UnitView]:
    """Best first; equal ranks by name."""
    return sorted(units, key=lambda unit: (unit.rank or UNRANKED, unit.name))


def ranked_instances(instances: Iterable[InstanceView]) -> list[InstanceView]:
    """Most important first; equal ranks by name."""
    return sorted(instances, key=lambda instance: (instance.rank or UNRANKED, instance.name))
