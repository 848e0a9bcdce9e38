"""N+M: up to N units are active only, up to M stand by only; each service instance has one of each."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.spreading import Spread
from openais.services.amf.policy.view import Assignments, GroupView, UnitView, ranked_instances, ranked_units


def n_plus_m(view: GroupView) -> Assignments:
    """The wanted assignments."""
    active, standby = _roles(view)
    wanted: Assignments = {}
    rooms = Rooms(view.units)
    _assign(view, wanted, active, HaState.ACTIVE, view.active_max, rooms)
    _assign(view, wanted, standby, HaState.STANDBY, view.standby_max, rooms)
    return wanted


def _roles(view: GroupView) -> tuple[list[UnitView], list[UnitView]]:
    """The active and the standby units. With few units there are less standby ones, then less active ones."""
    units = ranked_units(view.units)
    if not view.adjust:
        units.sort(key=lambda unit: _fitness(view, unit), reverse=True)
    able = [unit for unit in units if any(unit.may_have(each.name, HaState.ACTIVE) for each in view.instances)]
    active = able[: max(1, view.active_units)]
    rest = [unit for unit in units if unit not in active and unit.stands_by]
    if not view.adjust:
        rest.sort(key=lambda unit: -view.load(unit.name, HaState.STANDBY))
    return active, rest[: view.standby_units]


def _fitness(view: GroupView, unit: UnitView) -> tuple[bool, bool, int, bool]:
    """Who is active stays so; who stands by takes over what nobody is active for, and else goes on standing by."""
    names = {each.name for each in view.units}
    orphans = 0
    for instance in view.instances:
        states = view.current.get(instance.name, {})
        if not any(state is HaState.ACTIVE and name in names for name, state in states.items()):
            orphans += states.get(unit.name) is HaState.STANDBY
    return (
        view.load(unit.name, HaState.ACTIVE) > 0,
        unit.name == view.pinned,
        orphans,
        not view.load(unit.name, HaState.STANDBY),
    )


def _assign(
    view: GroupView, wanted: Assignments, units: list[UnitView], state: HaState, most: int, rooms: Rooms
) -> None:
    instances = ranked_instances(view.instances)
    share = -(-len(instances) // len(units)) if view.balance and units else most
    spread = Spread(view, units, state, min(most, share), rooms)
    if state is HaState.STANDBY:
        instances = [instance for instance in instances if wanted.get(instance.name)]
    for name, chosen in spread.one_each(instances).items():
        wanted.setdefault(name, {})[chosen] = state
