"""2N: one unit is active for all service instances, one stands by for all, the others are spares."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.view import Assignments, GroupView, UnitView, ranked_instances, ranked_units


def two_n(view: GroupView) -> Assignments:
    """The wanted assignments."""
    everybody = ranked_units(view.units)
    units = _with_room(view, everybody, HaState.ACTIVE)
    if not units:
        return {}
    able = [unit for unit in units if all(unit.may_have(each.name, HaState.ACTIVE) for each in view.instances)]
    best = [unit for unit in able if not any(unit.is_degraded(each.name) for each in view.instances)]
    holds = any(view.load(unit.name, HaState.ACTIVE) for unit in able)
    active = _choose(view, (best if best and not holds else able) or units, (HaState.ACTIVE, HaState.STANDBY))
    spares = [unit for unit in everybody if unit is not active and unit.stands_by]
    spares = _with_room(view, spares, HaState.STANDBY)
    spares = [unit for unit in spares if all(unit.may_have(each.name, HaState.STANDBY) for each in view.instances)]
    standby = _choose(view, spares, (HaState.STANDBY, HaState.ACTIVE)) if spares else None
    wanted: Assignments = {}
    rooms = Rooms(everybody)
    for instance in ranked_instances(view.instances):
        if rooms.take(active.name, instance, HaState.ACTIVE):
            wanted[instance.name] = {active.name: HaState.ACTIVE}
            if standby is not None and rooms.take(standby.name, instance, HaState.STANDBY):
                wanted[instance.name][standby.name] = HaState.STANDBY
    return wanted


def _with_room(view: GroupView, units: list[UnitView], state: HaState) -> list[UnitView]:
    """The units that take any of the instances; all, when there are no instances."""
    if not view.instances:
        return units
    return [unit for unit in units if any(Rooms((unit,)).take(unit.name, each, state) for each in view.instances)]


def _choose(view: GroupView, units: list[UnitView], prefer: tuple[HaState, ...]) -> UnitView:
    """The one that was swapped in, or has the most of what is preferred, or the best ranked."""
    for unit in units:
        if unit.name == view.pinned:
            return unit
    if view.adjust:
        return units[0]
    return max(units, key=lambda unit: tuple(view.load(unit.name, state) for state in prefer))
