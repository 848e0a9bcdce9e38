"""What follows from the states: who is to run, who is in service, what is assigned (SA Forum AMF, 3.2)."""

from __future__ import annotations

from openais.messages.amf_model import (
    Admin,
    AssignmentState,
    HaState,
    Operational,
    Presence,
    Readiness,
    RedundancyModel,
)
from openais.services.amf.model import Component, Group, Instance, Model, Unit


def admin_states(model: Model, unit: Unit) -> tuple[Admin, ...]:
    """The administrative states that a unit is under: its own, and those of group, application and node."""
    node = model.nodes.get(model.host(unit))
    application = model.applications.get(unit.group.config.application, Admin.UNLOCKED)
    if unit.state.leaving:
        return (Admin.LOCKED_INSTANTIATION,)
    return unit.state.admin, unit.group.state.admin, application, node.admin if node else Admin.UNLOCKED


def may_run(model: Model, unit: Unit) -> bool:
    """Whether the components of a unit may run."""
    host = model.host(unit)
    if not host or unit.state.operational is Operational.DISABLED or unit.state.fenced:
        return False
    node = model.nodes.get(host)
    if node is not None and node.operational is Operational.DISABLED:
        return False
    return Admin.LOCKED_INSTANTIATION not in admin_states(model, unit)


def is_up(unit: Unit) -> bool:
    """Whether its pre-instantiable components are instantiated, or being restarted in their place."""
    up = (Presence.INSTANTIATED, Presence.RESTARTING)
    if any(_is_unknown(each) for each in unit.components if each.config.runs_when_active):
        return False
    return all(each.state.presence in up for each in unit.components if each.config.pre_instantiable)


def _is_unknown(component: Component) -> bool:
    """Whether nobody has registered a proxied component that does not run."""
    return not component.state.connection and component.state.presence is not Presence.INSTANTIATED


def readiness(model: Model, unit: Unit) -> Readiness:
    """The readiness state of a unit, and of its components."""
    states = admin_states(model, unit)
    if not may_run(model, unit) or not is_up(unit) or Admin.LOCKED in states:
        return Readiness.OUT_OF_SERVICE
    return Readiness.STOPPING if Admin.SHUTTING_DOWN in states else Readiness.IN_SERVICE


def presence(unit: Unit) -> Presence:
    """The presence state of a unit: of its components the worst failure, else the most that is true of all."""
    states = [each.state.presence for each in unit.components]
    for one in (Presence.TERMINATION_FAILED, Presence.INSTANTIATION_FAILED, Presence.TERMINATING):
        if one in states:
            return one
    relevant = [each.state.presence for each in unit.components if each.config.pre_instantiable] or states
    if all(each is Presence.UNINSTANTIATED for each in relevant):
        return Presence.UNINSTANTIATED
    if all(each is Presence.INSTANTIATED for each in relevant):
        return Presence.INSTANTIATED
    return Presence.RESTARTING if Presence.RESTARTING in states else Presence.INSTANTIATING


def has(unit: Unit, instance: Instance, *states: HaState) -> bool:
    """Whether a unit has all of a service instance, each part of it confirmed in one of these states."""
    for csi in instance.config.csis:
        component = unit.component_of(csi)
        if component is None or component.state.failed or component.state.csis.get(csi.name) not in states:
            return False
    return True


def has_any(unit: Unit, instance: Instance) -> bool:
    """Whether a unit has any part of a service instance, or is being given one."""
    names = {csi.name for csi in instance.config.csis}
    for component in unit.components:
        pending = component.state.pending
        if names & component.state.csis.keys() or (pending is not None and pending.csi in names):
            return True
    return False


def holds_active(unit: Unit, instance: Instance) -> bool:
    """Whether a unit is, or may be, active for any part of a service instance."""
    return any(component.holds_active(csi.name) for csi in instance.config.csis for component in unit.components)


def active_unit(group: Group, instance: Instance) -> Unit | None:
    """A unit that is active for all of a service instance."""
    return next((unit for unit in group.units.values() if has(unit, instance, HaState.ACTIVE)), None)


def assignment_state(group: Group, instance: Instance) -> AssignmentState:
    """The assignment state of a service instance."""
    count = sum(has(unit, instance, HaState.ACTIVE) for unit in group.units.values())
    wanted = 1
    if group.config.model is RedundancyModel.N_WAY_ACTIVE:
        wanted = instance.config.active_assignments or len(group.units)
    if count >= wanted:
        return AssignmentState.FULLY_ASSIGNED
    partly = count or any(holds_active(unit, instance) for unit in group.units.values())
    return AssignmentState.PARTIALLY_ASSIGNED if partly else AssignmentState.UNASSIGNED
