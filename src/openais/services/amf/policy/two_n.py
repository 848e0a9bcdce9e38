"""2N: one unit is active for all service instances, one stands by for all, the others are spares."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.view import Assignments, GroupView, UnitView, ranked_instances, ranked_units


def two_n(view: GroupView) -> Assignments:
    """The wanted assignments."""
    units = ranked_units(view.units)
    if not units:
        return {}
    active = _choose(view, units, (HaState.ACTIVE, HaState.STANDBY))
    spares = [unit for unit in units if unit is not active and unit.stands_by]
    standby = _choose(view, spares, (HaState.STANDBY, HaState.ACTIVE)) if spares else None
    wanted: Assignments = {}
    rooms = Rooms(units)
    for instance in ranked_instances(view.instances):
        if rooms.take(active.name, instance, HaState.ACTIVE):
            wanted[instance.name] = {active.name: HaState.ACTIVE}
            if standby is not None and rooms.take(standby.name, instance, HaState.STANDBY):
                wanted[instance.name][standby.name] = HaState.STANDBY
    return wanted


def _choose(view: GroupView, units: list[UnitView], prefer: tuple[HaState, ...]) -> UnitView:
    """The one that was swapped in, or has the most of what is preferred, or the best ranked."""
    for unit in units:
        if unit.name == view.pinned:
            return unit
    if view.adjust:
        return units[0]
    return max(units, key=lambda unit: tuple(view.load(unit.name, state) for state in prefer))
