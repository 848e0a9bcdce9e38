"""N-way active: each service instance has several active units, and none stands by."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.spreading import Spread
from openais.services.amf.policy.view import Assignments, GroupView, assigned_units, ranked_instances


def n_way_active(view: GroupView) -> Assignments:
    """The wanted assignments."""
    units = assigned_units(view)
    spread = Spread(view, units, HaState.ACTIVE, view.active_max, Rooms(units))
    wanted: Assignments = {}
    for instance in ranked_instances(view.instances):
        count = instance.active_assignments or len(units)
        if chosen := spread.several(instance, count):
            wanted[instance.name] = dict.fromkeys(chosen, HaState.ACTIVE)
    return wanted
