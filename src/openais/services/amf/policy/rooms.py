"""What units have room for: how many parts, of which types, each of their components takes in each HA state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from openais.messages.amf_model import HaState
from openais.services.amf.policy.view import ComponentView, InstanceView, UnitView

Places = list[tuple["_Taken", str]]


@dataclass(slots=True)
class _Taken:
    """A component, and what it has so far."""

    view: ComponentView
    types: Counter[tuple[str, HaState]] = field(default_factory=Counter)
    states: Counter[HaState] = field(default_factory=Counter)

    def fits(self, kind: str, state: HaState) -> bool:
        """Whether it takes one more of a type in a state."""
        limits = self.view.limits.get(kind)
        if limits is None:
            return False
        other = HaState.STANDBY if state is HaState.ACTIVE else HaState.ACTIVE
        if not self.view.mixes and self.states[other]:
            return False
        active = state is HaState.ACTIVE
        most = self.view.active_max if active else self.view.standby_max
        return self.states[state] < most and self.types[kind, state] < limits[0 if active else 1]

    def add(self, kind: str, state: HaState, count: int) -> None:
        self.types[kind, state] += count
        self.states[state] += count


class Rooms:
    """Counts what is given to the components of units. Units without components take all."""

    def __init__(self, units: Iterable[UnitView]) -> None:
        units = list(units)
        self._views = {unit.name: unit for unit in units}
        self._units = {unit.name: [_Taken(each) for each in unit.components] for unit in units}
        self._places: dict[tuple[str, str, HaState], Places] = {}

    def take(self, unit: str, instance: InstanceView, state: HaState) -> bool:
        """Gives a unit an instance, if it is ready for it and every part finds a component; answers whether it did."""
        if not self._views[unit].may_have(instance.name, state):
            return False
        components = self._units.get(unit, [])
        places: Places = []
        for kind in _rarest_first(instance.types, components) if components else ():
            fitting = [each for each in components if each.fits(kind, state)]
            if not fitting:
                _undo(places, state)
                return False
            chosen = min(fitting, key=lambda each: (len(each.view.limits), sum(each.states.values())))
            chosen.add(kind, state, 1)
            places.append((chosen, kind))
        self._places[unit, instance.name, state] = places
        return True

    def give_back(self, unit: str, instance: InstanceView, state: HaState) -> None:
        """It has it no more."""
        _undo(self._places.pop((unit, instance.name, state)), state)


def _undo(places: Places, state: HaState) -> None:
    for component, kind in places:
        component.add(kind, state, -1)


def _rarest_first(types: Sequence[str], components: Sequence[_Taken]) -> list[str]:
    return sorted(types, key=lambda kind: sum(kind in each.view.limits for each in components))
