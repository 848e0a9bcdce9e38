"""The state of AMF for people and tools, in JSON values."""

from __future__ import annotations

from typing import Any

from openais.services.amf.model import Component, Group, Instance, Model, Unit
from openais.services.amf.readiness import assignment_state, presence, readiness


def describe(model: Model) -> dict[str, Any]:
    """All entities with all their states."""
    return {
        "version": model.version,
        "quorate": model.quorate,
        "nodes": [
            {
                "name": node.name,
                "node_id": node_id,
                "member": node_id in model.members,
                "admin": _word(node.admin),
                "operational": _word(node.operational),
            }
            for node_id, node in model.nodes.items()
        ],
        "applications": {name: _word(admin) for name, admin in model.applications.items()},
        "groups": [_group(model, group) for group in model.groups.values()],
    }


def _word(value: Any) -> str:
    return str(value.name).lower().replace("_", "-")


def _group(model: Model, group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "model": _word(group.config.model),
        "application": group.config.application,
        "admin": _word(group.state.admin),
        "instances": [_instance(group, instance) for instance in group.instances.values()],
        "units": [_unit(model, unit) for unit in group.units.values()],
    }


def _instance(group: Group, instance: Instance) -> dict[str, Any]:
    return {
        "name": instance.name,
        "admin": _word(instance.state.admin),
        "assignment": _word(assignment_state(group, instance)),
        "wanted": {unit: _word(state) for unit, state in instance.state.wanted.items()},
    }


def _unit(model: Model, unit: Unit) -> dict[str, Any]:
    node = model.nodes.get(model.host(unit))
    return {
        "name": unit.name,
        "node": node.name if node else "",
        "admin": _word(unit.state.admin),
        "operational": _word(unit.state.operational),
        "readiness": _word(readiness(model, unit)),
        "presence": _word(presence(unit)),
        "worn_out": unit.state.worn_out,
        "fenced": unit.state.fenced,
        "leaving": unit.state.leaving,
        "components": [_component(component) for component in unit.components],
    }


def _component(component: Component) -> dict[str, Any]:
    state = component.state
    return {
        "name": component.name,
        "presence": _word(state.presence),
        "operational": _word(state.operational),
        "generation": state.generation,
        "process_id": state.process_id,
        "restarts": len(state.restarts),
        "assignments": {csi: _word(each) for csi, each in state.csis.items()},
        "pending": _word(state.pending.order) if state.pending else "",
        "proxy": state.proxy if state.connection else "",
    }
