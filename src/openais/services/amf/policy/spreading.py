"""How service instances are spread over units: what is assigned stays, the rest goes where least is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.view import GroupView, InstanceView, UnitView


class Spread:
    """Gives units, best first, instances in one state: at most `most` each, and what their components have room for."""

    def __init__(
        self,
        view: GroupView,
        units: Sequence[UnitView],
        state: HaState,
        most: int,
        rooms: Rooms,
        allowed: Callable[[InstanceView, UnitView], bool] = lambda _, __: True,
    ) -> None:
        self._view = view
        self._units = units
        self._state = state
        self._most = most
        self._rooms = rooms
        self._allowed = allowed
        self._load = {unit.name: 0 for unit in units}

    def one_each(self, instances: Sequence[InstanceView]) -> dict[str, str]:
        """A unit for each instance, as far as they suffice; more important instances displace less important ones."""
        chosen: dict[str, str] = {}
        for instance in instances:
            if kept := self._kept(instance, ()):
                chosen[instance.name] = kept
        for index, instance in enumerate(instances):
            if instance.name not in chosen:
                if found := self.best(instance, ()):
                    chosen[instance.name] = found
                else:
                    self._displace(instance, instances[index + 1 :], chosen)
        return {instance.name: chosen[instance.name] for instance in instances if instance.name in chosen}

    def several(self, instance: InstanceView, count: int) -> list[str]:
        """Up to `count` units for one instance."""
        chosen: list[str] = []
        while len(chosen) < count and (unit := self._kept(instance, chosen) or self.best(instance, chosen)):
            chosen.append(unit)
        return chosen

    def best(self, instance: InstanceView, but: Collection[str]) -> str | None:
        """Gives it to the unit that stands by for it, else to the one that has the least."""
        stands_by = self._state is HaState.ACTIVE and not self._view.adjust
        by_preference = sorted(
            self._units,
            key=lambda unit: (
                self._state is HaState.ACTIVE and unit.is_degraded(instance.name),
                stands_by and self._view.state(instance.name, unit.name) is not HaState.STANDBY,
                self._load[unit.name],
                self._units.index(unit),
            ),
        )
        return next((unit.name for unit in by_preference if self._take(instance, unit, but)), None)

    def _kept(self, instance: InstanceView, but: Collection[str]) -> str | None:
        if self._view.adjust:
            return None
        held = (unit for unit in self._units if self._view.state(instance.name, unit.name) is self._state)
        return next((unit.name for unit in held if self._take(instance, unit, but)), None)

    def _displace(self, instance: InstanceView, less: Sequence[InstanceView], chosen: dict[str, str]) -> None:
        for victim in reversed(less):
            if victim.name in chosen:
                name = chosen.pop(victim.name)
                self._give_back(victim, name)
                unit = next(each for each in self._units if each.name == name)
                if self._take(instance, unit, ()):
                    chosen[instance.name] = name
                    return
                self._take(victim, unit, ())
                chosen[victim.name] = name

    def _take(self, instance: InstanceView, unit: UnitView, but: Collection[str]) -> bool:
        """Gives an instance to a unit, if it may have it."""
        if unit.name in but or self._load[unit.name] >= self._most or not self._allowed(instance, unit):
            return False
        if not self._rooms.take(unit.name, instance, self._state):
            return False
        self._load[unit.name] += 1
        return True

    def _give_back(self, instance: InstanceView, unit: str) -> None:
        self._load[unit] -= 1
        self._rooms.give_back(unit, instance, self._state)
