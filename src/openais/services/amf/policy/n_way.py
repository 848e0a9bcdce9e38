"""N-way: each service instance has one active unit and some that stand by; a unit may be both, for different ones."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.spreading import Spread
from openais.services.amf.policy.view import Assignments, GroupView, assigned_units, ranked_instances


def n_way(view: GroupView) -> Assignments:
    """The wanted assignments."""
    units, instances = assigned_units(view), ranked_instances(view.instances)
    rooms = Rooms(units)
    active = Spread(view, units, HaState.ACTIVE, view.active_max, rooms).one_each(instances)
    wanted: Assignments = {name: {unit: HaState.ACTIVE} for name, unit in active.items()}
    busy = set(active.values())
    standby = Spread(
        view,
        [unit for unit in units if unit.stands_by and (unit.mixes or unit.name not in busy)],
        HaState.STANDBY,
        view.standby_max,
        rooms,
        lambda instance, unit: active[instance.name] != unit.name,
    )
    for instance in instances:
        if instance.name in wanted:
            for unit in standby.several(instance, instance.standby_assignments):
                wanted[instance.name][unit] = HaState.STANDBY
    return wanted
