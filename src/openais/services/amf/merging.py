"""How the states of components of the cluster become one (the merge rule of AMF).

The configuration is that of the highest version; of equal ones that of the component that has lived, then of most
members, then of the lowest node id. The same order decides whose service groups, and wanted assignments, go on. What
runs on a node is known best by the component that the node was in: units are taken from there; those of nodes that are
not there from one that knows that such a node may not have given up (`fenced`). So when partitions
meet that were both active, the wanted assignments of one go on, and the units of the other are told to quiesce and to
stand by, or to give up, by the ordinary callbacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from openais.messages.amf_model import Admin, GroupConfig
from openais.messages.amf_state import GroupState, Happened, NodeState, UnitState
from openais.messages.amf_transfer import ClusterState, HistoryState, ServiceGroupState
from openais.messages.base import Message, decode, encode
from openais.services.amf.model import Group, Model
from openais.services.amf.replacing import leave
from openais.services.base import ComponentState

HISTORY_IN_STATE: Final = 100
"""Lines of the history in one message of the state transfer."""


def transferred(model: Model) -> Iterator[Message]:
    """The state, as the messages that `merge` reads."""
    applications = tuple((name, int(admin)) for name, admin in model.applications.items())
    nodes = tuple(model.nodes.values())
    configs = tuple(model.node_configs.values())
    yield ClusterState(model.version, model.invocation, model.time_ns, nodes, applications, configs, model.startup_ns)
    for group in model.groups.values():
        yield ServiceGroupState(group.config, group.state)
    lines = tuple(model.history)
    for first in range(0, len(lines), HISTORY_IN_STATE):
        yield HistoryState(lines[first : first + HISTORY_IN_STATE])


class _Side:
    """What one component brings."""

    def __init__(self, state: ComponentState) -> None:
        self.members = state.members
        self.cluster = ClusterState(0, 0, 0, (), ())
        self.groups: dict[str, ServiceGroupState] = {}
        self.history: list[Happened] = []
        for shared in state.messages:
            message = decode(type(shared), encode(shared))  # what changes in place must be of this node alone
            if isinstance(message, ClusterState):
                self.cluster = message
            elif isinstance(message, ServiceGroupState):
                self.groups[message.config.name] = message
            elif isinstance(message, HistoryState):
                self.history += message.lines
        self.units = {unit.name: unit for group in self.groups.values() for unit in group.state.units}
        self.configs = {unit.name: unit for group in self.groups.values() for unit in group.config.units}
        self.components = {each.name: each for group in self.groups.values() for each in group.state.components}

    @property
    def claim(self) -> tuple[int, bool, int, int]:
        return self.cluster.version, self.cluster.invocation > 0, len(self.members), -min(self.members)

    def hosts(self, name: str, node: str) -> bool:
        """Whether one of its members hosts a unit."""
        if node:
            return any(each.name == node and each.node_id in self.members for each in self.cluster.nodes)
        unit = self.units.get(name)
        return unit is not None and unit.node_id in self.members


def merge(model: Model, states: Sequence[ComponentState]) -> None:
    """Replaces the state of `model` by the merge of all."""
    sides = sorted((_Side(state) for state in states), key=lambda side: side.claim, reverse=True)
    first = sides[0]
    model.invocation = max(side.cluster.invocation for side in sides)
    model.time_ns = max(side.cluster.time_ns for side in sides)
    model.applications = {name: Admin(admin) for name, admin in first.cluster.applications}
    model.nodes = _nodes(sides)
    model.startup_ns = first.cluster.startup_ns
    model.node_configs = {node.name: node for node in first.cluster.node_configs}
    model.replace(first.cluster.version, [_group(each, sides) for each in first.groups.values()])
    lines = {line for side in sides for line in side.history}
    model.history.clear()
    model.history.extend(sorted(lines, key=lambda line: (line.time_ns, line.entity, line.what)))


def _nodes(sides: list[_Side]) -> dict[int, NodeState]:
    """The nodes, as the side that each is in knows it; the administrative state as the first side has it."""
    nodes: dict[int, NodeState] = {}
    for side in sides:
        for node in side.cluster.nodes:
            known = nodes.setdefault(node.node_id, node)
            if node.node_id in side.members:
                node.admin = known.admin
                nodes[node.node_id] = node
    return {node_id: nodes[node_id] for node_id in sorted(nodes)}


def _is_back(name: str, sides: list[_Side]) -> bool:
    """Whether the node of this name is a member, started anew: nothing that it had before is left."""
    members = {each for side in sides for each in side.members}
    return any(each.name == name and each.node_id in members for side in sides for each in side.cluster.nodes)


def _group(first: ServiceGroupState, sides: list[_Side]) -> Group:
    config: GroupConfig = first.config
    state = GroupState(first.state.name, first.state.admin, first.state.pinned)
    state.started = any(
        first.config.name in side.groups and side.groups[first.config.name].state.started for side in sides
    )
    state.ready, state.probation, state.proven = first.state.ready, first.state.probation, first.state.proven
    state.instances = list(first.state.instances)
    before = {unit.name: unit for unit in first.state.units}
    units = []
    for unit in config.units:
        side = next((side for side in sides if side.hosts(unit.name, unit.node)), None)
        fenced = side is None and not _is_back(unit.node, sides)
        if fenced:
            side = next((each for each in sides if unit.name in each.units and each.units[unit.name].fenced), None)
        known = side.units.get(unit.name) if side is not None else None
        mine = before.get(unit.name) or UnitState(unit.name)
        if side is None or known is None:
            known = UnitState(unit.name)
        else:
            here = (side.components.get(component.name) for component in unit.components)
            state.components += [each for each in here if each is not None]
        known.admin, known.fenced = mine.admin, fenced and side is not None
        known.leaving, known.following = mine.leaving, mine.following
        state.units.append(known)
        theirs = side.configs.get(unit.name) if side is not None else None
        units.append(unit if theirs is None or known.leaving else leave(known, theirs, unit))
    return Group(msgspec.structs.replace(config, units=tuple(units)), state)
