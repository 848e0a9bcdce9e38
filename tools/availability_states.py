"""The state machines of AMF as diagrams and tables, from the tables and the functions that the service runs by."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any

from openais.messages.amf_model import (
    Admin,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    HaState,
    InstanceConfig,
    Operational,
    Presence,
    RedundancyModel,
    UnitConfig,
)
from openais.messages.amf_state import ComponentState, GroupState, NodeState, UnitState
from openais.services.amf.administration import TRANSITIONS
from openais.services.amf.model import Group, Model
from openais.services.amf.readiness import assignment_state, readiness
from openais.services.amf.states import ASSIGNED, OPERATIONAL, PRESENCE

HEAD = """# States of AMF

Generated from `services/amf/`: do not edit. What they are for is told in [docs/availability.md](../availability.md).

## Administrative states

Groups, units, service instances, nodes and applications have one.
"""
PRESENCE_TEXT = (
    "Components have one. The tests check every change against this diagram, and that every one of it happens."
)
ASSIGNED_TEXT = "What a component has of a component service instance."
READINESS_TEXT = """It follows from the other states of a unit, of what it is in, and of its node."""
ASSIGNMENT_TEXT = (
    """It follows from the units that are active for all of a service instance, and those that it is to have."""
)


def availability_states() -> str:
    """The document."""
    admin = {
        (before, after): _word(operation) for operation, ways in TRANSITIONS.items() for before, after in ways.items()
    }
    admin[Admin.SHUTTING_DOWN, Admin.LOCKED] += ", or nothing is assigned any more"
    parts = [
        HEAD,
        _diagram(admin, Admin.UNLOCKED),
        "## Presence states",
        PRESENCE_TEXT,
        _diagram(PRESENCE, Presence.UNINSTANTIATED),
        "## HA states",
        ASSIGNED_TEXT,
        _diagram(ASSIGNED, None),
        "## Operational states",
        "Units and nodes have one.",
        _diagram(OPERATIONAL, Operational.ENABLED),
        "## Readiness states",
        READINESS_TEXT,
        "\n".join(_readiness()),
        "## Assignment states",
        ASSIGNMENT_TEXT,
        "\n".join(_assignment()),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _diagram(ways: Mapping[tuple[Any, Any], str], first: enum.Enum | None) -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    if first is not None:
        lines.append(f"    [*] --> {first.name}")
    lines += [f"    {_name(before)} --> {_name(after)}: {why}" for (before, after), why in ways.items()]
    return "\n".join([*lines, "```", "", *_table(("from", "to", "when"), _rows(ways))])


def _rows(ways: Mapping[tuple[Any, Any], str]) -> Iterable[tuple[str, ...]]:
    return ((_plain(before), _plain(after), why) for (before, after), why in ways.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(line)} |" for line in (head, *rows)]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


def _name(state: enum.Enum | None) -> str:
    return state.name if state is not None else "[*]"


def _plain(state: enum.Enum | None) -> str:
    return state.name if state is not None else "not assigned"


def _word(operation: enum.Enum) -> str:
    return operation.name.lower().replace("_", " ")


def _readiness() -> list[str]:
    """What the function says of every combination; those that differ in nothing are one line."""
    rows = []
    for operational in Operational:
        for admin in Admin:
            for up in (True, False):
                if operational is Operational.DISABLED and (admin is not Admin.UNLOCKED or not up):
                    continue
                state = Presence.INSTANTIATED if up else Presence.UNINSTANTIATED
                model = _model(ComponentState("c", state), UnitState("u", 1, admin, operational))
                found = readiness(model, model.groups["g"].units["u"])
                anything = operational is Operational.DISABLED
                rows.append(
                    (
                        operational.name,
                        "any" if anything else admin.name,
                        "any" if anything else "yes" if up else "no",
                        found.name,
                    )
                )
    return _table(("operational", "administrative", "components instantiated", "readiness"), rows)


def _assignment() -> list[str]:
    rows = []
    for wanted, active, partly in ((1, 1, 0), (1, 0, 1), (1, 0, 0), (2, 2, 0), (2, 1, 0), (2, 0, 0)):
        configs = tuple(UnitConfig(f"u{n}", (_component(f"c{n}", "t", "s"),)) for n in (1, 2))
        parts = (CsiConfig("p", "t"), CsiConfig("q", "s"))
        instance = InstanceConfig("i", parts, active_assignments=wanted)
        states = [ComponentState(f"c{n}", Presence.INSTANTIATED) for n in (1, 2)]
        for n, state in enumerate(states, 1):
            if n <= active:
                state.csis = {"p": HaState.ACTIVE, "q": HaState.ACTIVE}
            elif n <= active + partly:
                state.csis = {"p": HaState.ACTIVE}
        config = GroupConfig("g", configs, (instance,), RedundancyModel.N_WAY_ACTIVE)
        group = Group(config, GroupState("g", components=states))
        found = assignment_state(group, group.instances["i"])
        rows.append((str(wanted), f"{active}{', and one for a part of it' if partly else ''}", found.name))
    return _table(("units that are to be active", "that are", "assignment"), rows)


def _component(name: str, *types: str) -> ComponentConfig:
    return ComponentConfig(name, types, Capability.X_ACTIVE_AND_Y_STANDBY, sa_aware=True, command="program")


def _model(component: ComponentState, unit: UnitState) -> Model:
    model = Model()
    model.members, model.quorate = (1,), True
    model.nodes = {1: NodeState(1, "n")}
    config = GroupConfig("g", (UnitConfig("u", (_component("c", "t"),), node="n"),), ())
    model.replace(1, [Group(config, GroupState("g", units=[unit], components=[component]))])
    return model
