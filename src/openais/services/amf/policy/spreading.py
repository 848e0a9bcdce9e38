"""How service instances are spread over units: what is assigned stays, the rest goes where least is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from openais.messages.amf_model import HaState
from openais.services.amf.policy.view import GroupView, InstanceView, UnitView


class Spread:
    """Gives units, best first, instances in one state, at most `most` each."""

    def __init__(
        self,
        view: GroupView,
        units: Sequence[UnitView],
        state: HaState,
        most: int,
        allowed: Callable[[InstanceView, UnitView], bool] = lambda _, __: True,
    ) -> None:
        self._view = view
        self._units = units
        self._state = state
        self._most = most
        self._allowed = allowed
        self._load = {unit.name: 0 for unit in units}

    def one_each(self, instances: Sequence[InstanceView]) -> dict[str, str]:
        """A unit for each instance, as far as they suffice; more important instances are served first."""
        chosen: dict[str, str] = {}
        served = list(instances)[: self._room(instances)]
        for instance in served:
            if kept := self._kept(instance, ()):
                chosen[instance.name] = self.take(kept)
        for instance in served:
            if instance.name not in chosen and (found := self.best(instance, ())):
                chosen[instance.name] = self.take(found)
        return {instance.name: chosen[instance.name] for instance in instances if instance.name in chosen}

    def several(self, instance: InstanceView, count: int) -> list[str]:
        """Up to `count` units for one instance."""
        chosen: list[str] = []
        while len(chosen) < count and (unit := self._kept(instance, chosen) or self.best(instance, chosen)):
            chosen.append(self.take(unit))
        return chosen

    def take(self, unit: UnitView) -> str:
        """Counts one more for a unit."""
        self._load[unit.name] += 1
        return unit.name

    def best(self, instance: InstanceView, but: Collection[str]) -> UnitView | None:
        """The unit for an instance that has none: one that stands by for it, else the one that has the least."""
        free = [unit for unit in self._units if self._may(instance, unit, but)]
        if not free:
            return None
        stands_by = self._state is HaState.ACTIVE and not self._view.adjust
        return min(
            free,
            key=lambda unit: (
                stands_by and self._view.state(instance.name, unit.name) is not HaState.STANDBY,
                self._load[unit.name],
                self._units.index(unit),
            ),
        )

    def _kept(self, instance: InstanceView, but: Collection[str]) -> UnitView | None:
        if self._view.adjust:
            return None
        held = (unit for unit in self._units if self._view.state(instance.name, unit.name) is self._state)
        return next((unit for unit in held if self._may(instance, unit, but)), None)

    def _may(self, instance: InstanceView, unit: UnitView, but: Collection[str]) -> bool:
        return unit.name not in but and self._load[unit.name] < self._most and self._allowed(instance, unit)

    def _room(self, instances: Sequence[InstanceView]) -> int:
        return min(len(instances), len(self._units) * self._most)
