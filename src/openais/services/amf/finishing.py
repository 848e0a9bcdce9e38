"""When an administrative operation is finished, what it still waits for, and whether it has failed.

An operation that takes work away is finished when nothing of it is left; any other when the groups it concerns have
come to rest. What can only be repaired by an administrator is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

from openais.messages.amf_model import Admin, AdminOperation, Entity, HaState, Presence
from openais.services.amf.model import Component, Group, Model, Unit
from openais.services.amf.readiness import has
from openais.services.amf.replacing import is_down

Op = AdminOperation
FAILED = (Presence.INSTANTIATION_FAILED, Presence.TERMINATION_FAILED)


def concerned(model: Model, entity: Entity, name: str) -> list[Unit]:
    """The units that an entity has, or that it is in; of a service instance those of its group."""
    if entity is Entity.INSTANCE:
        found = model.instance(name)
        return list(found[0].units.values()) if found is not None else []
    return [unit for unit in model.units() if _concerns(model, unit, entity, name)]


def _concerns(model: Model, unit: Unit, entity: Entity, name: str) -> bool:
    if entity is Entity.COMPONENT:
        return any(component.name == name for component in unit.components)
    node = model.nodes.get(model.host(unit))
    names = {
        Entity.UNIT: unit.name,
        Entity.GROUP: unit.group.name,
        Entity.APPLICATION: unit.group.config.application,
        Entity.NODE: node.name if node is not None else "",
    }
    return names.get(entity) == name


def unfinished(model: Model, operation: AdminOperation, entity: Entity, name: str) -> list[str]:
    """What is still to happen, in words; nothing when the operation is finished."""
    units = concerned(model, entity, name)
    if operation in (Op.LOCK, Op.SHUTDOWN):
        return list(_assigned(model, units, entity, name))
    if operation is Op.LOCK_INSTANTIATION:
        return [f"{unit.name} is not terminated" for unit in units if not is_down(unit) and not _failed([unit])]
    groups = {unit.group.name: unit.group for unit in units}
    return [line for group in groups.values() for line in _restless(group)]


def failure(model: Model, operation: AdminOperation, entity: Entity, name: str, swapped_to: str) -> str:
    """Why an operation that is finished has failed; empty when it has not."""
    if operation is Op.SI_SWAP:
        found = model.instance(name)
        unit = found[0].units.get(swapped_to) if found is not None else None
        if found is None or unit is None or not has(unit, found[1], HaState.ACTIVE):
            return f"{swapped_to} did not become active for {name}"
        return ""
    whole = operation in (Op.LOCK, Op.SHUTDOWN, Op.LOCK_INSTANTIATION)
    if not whole and entity not in (Entity.UNIT, Entity.COMPONENT):
        return ""
    wrong = [
        each
        for each in _failed(concerned(model, entity, name))
        if not whole or each.state.presence is Presence.TERMINATION_FAILED
    ]
    return ", ".join(f"{each.name}: {each.state.presence.name.lower().replace('_', ' ')}" for each in wrong)


def _assigned(model: Model, units: list[Unit], entity: Entity, name: str) -> Iterator[str]:
    found = model.instance(name) if entity is Entity.INSTANCE else None
    parts = {csi.name for csi in found[1].config.csis} if found is not None else None
    for unit in units:
        for component in unit.components:
            if component.state.presence is Presence.TERMINATION_FAILED:
                continue
            pending = component.state.pending
            having = dict(component.state.csis)
            if pending is not None and pending.csi and pending.state is not None:
                having.setdefault(pending.csi, pending.state)
            for csi, state in having.items():
                if parts is None or csi in parts:
                    yield f"{component.name} is {state.name} for {csi}"


def _restless(group: Group) -> Iterator[str]:
    for component in group.components.values():
        state = component.state
        if state.presence is Presence.TERMINATION_FAILED:
            continue
        if state.pending is not None:
            yield f"{component.name} has not done {state.pending.order.name} {state.pending.csi}".rstrip()
        elif state.delayed:
            yield f"{component.name} waits before it is instantiated again"
        elif HaState.QUIESCING in state.csis.values():
            yield f"{component.name} is quiescing"
    yield from (f"{unit.name}: its node was lost" for unit in group.units.values() if unit.state.fenced)


def _failed(units: list[Unit]) -> list[Component]:
    return [component for unit in units for component in unit.components if component.state.presence in FAILED]


def end_shutdowns(model: Model) -> None:
    """A shutdown of a node or of an application is over, and has become a lock, when nothing is assigned there."""
    for node in model.nodes.values():
        if node.admin is Admin.SHUTTING_DOWN and not _holds(concerned(model, Entity.NODE, node.name)):
            node.admin = Admin.LOCKED
    for name, admin in model.applications.items():
        if admin is Admin.SHUTTING_DOWN and not _holds(concerned(model, Entity.APPLICATION, name)):
            model.applications[name] = Admin.LOCKED


def _holds(units: list[Unit]) -> bool:
    return any(component.state.csis or component.state.pending for unit in units for component in unit.components)
