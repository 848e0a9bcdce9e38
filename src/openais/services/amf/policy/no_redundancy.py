"""No redundancy: each service instance has one unit, each unit at most one instance; a free unit is a spare."""

from __future__ import annotations

from openais.messages.amf_model import HaState
from openais.services.amf.policy.rooms import Rooms
from openais.services.amf.policy.spreading import Spread
from openais.services.amf.policy.view import Assignments, GroupView, ranked_instances, ranked_units


def no_redundancy(view: GroupView) -> Assignments:
    """The wanted assignments."""
    spread = Spread(view, ranked_units(view.units), HaState.ACTIVE, 1, Rooms(view.units))
    chosen = spread.one_each(ranked_instances(view.instances))
    return {name: {unit: HaState.ACTIVE} for name, unit in chosen.items()}
