"""What components take: the capability models (SA Forum AMF, 3.5), and the limits of component and CSI type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openais.messages.amf_model import FOR_EVER, Capability, ComponentConfig, HaReadiness, HaState
from openais.services.amf.model import Component, Unit
from openais.services.amf.policy.view import ComponentView, UnitView

_Limit = tuple[int, int]
MODELS: Final[Mapping[Capability, tuple[_Limit, bool]]] = {
    Capability.X_ACTIVE_AND_Y_STANDBY: ((FOR_EVER, FOR_EVER), True),
    Capability.X_ACTIVE_OR_Y_STANDBY: ((FOR_EVER, FOR_EVER), False),
    Capability.ONE_ACTIVE_OR_Y_STANDBY: ((1, FOR_EVER), False),
    Capability.ONE_ACTIVE_OR_ONE_STANDBY: ((1, 1), False),
    Capability.X_ACTIVE: ((FOR_EVER, 0), False),
    Capability.ONE_ACTIVE: ((1, 0), False),
    Capability.NON_PRE_INSTANTIABLE: ((1, FOR_EVER), True),
}
"""How many active and standby parts, and whether both at a time. What does not run may stand by for any number."""


def component_view(config: ComponentConfig) -> ComponentView:
    """What a component takes, for the policies."""
    (active, standby), mixes = MODELS[config.capability]
    known = {limit.type: (limit.active_max, limit.standby_max) for limit in config.type_limits}
    limits = {kind: known.get(kind, (FOR_EVER, FOR_EVER)) for kind in config.types}
    return ComponentView(limits, min(active, config.active_max), min(standby, config.standby_max), mixes)


def unit_view(unit: Unit) -> UnitView:
    """What a unit takes, for the policies."""
    views = tuple(component_view(component.config) for component in unit.components)
    return UnitView(
        unit.name,
        unit.config.rank,
        stands_by=all(each.standby_max > 0 for each in views),
        mixes=all(each.mixes for each in views),
        components=views,
        unready=_unready(unit),
    )


def _unready(unit: Unit) -> dict[str, HaReadiness]:
    """What the components of a unit say that they cannot be assigned: of each instance the worst of its parts."""
    if not any(component.state.ha_readiness for component in unit.components):
        return {}
    found: dict[str, HaReadiness] = {}
    for instance in unit.group.instances.values():
        for csi in instance.config.csis:
            component = unit.component_of(csi)
            said = component.state.ha_readiness.get(csi.name, HaReadiness.READY) if component else HaReadiness.READY
            if said > found.get(instance.name, HaReadiness.READY):
                found[instance.name] = said
    return found


def may_take(component: Component, csi: str, state: HaState, wanted: Mapping[str, HaState]) -> bool:
    """Whether a component may be given a part in a state now; `wanted` is what its unit is to have of each part.

    It waits until others are given up that it cannot have beside it. Several that it is to be active for while it
    stands by for them become active one after the other.
    """
    view = component_view(component.config)
    others = {name: each for name, each in component.state.csis.items() if name != csi}
    active = [name for name, each in others.items() if each in (HaState.ACTIVE, HaState.QUIESCING)]
    standby = [name for name, each in others.items() if each is HaState.STANDBY]
    if state is HaState.ACTIVE:
        blocks = not view.mixes and any(wanted.get(name) is not HaState.ACTIVE for name in standby)
        return len(active) < view.active_max and not blocks
    if state is HaState.STANDBY:
        return len(standby) < view.standby_max and (view.mixes or not active)
    return True
