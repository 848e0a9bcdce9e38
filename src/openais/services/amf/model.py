"""The entities of AMF with their states, found by name. Pure data: what follows from it is said in `readiness`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from openais.messages.amf_model import (
    FOR_EVER,
    Admin,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    HaState,
    InstanceConfig,
    ModelConfig,
    NodeConfig,
    Presence,
    UnitConfig,
)
from openais.messages.amf_state import (
    ComponentState,
    GroupState,
    Happened,
    InstanceState,
    NodeState,
    Order,
    Pending,
    UnitState,
)

HISTORY_MAX: Final = 1000
"""Lines of the history that are kept."""


@dataclass(slots=True)
class Component:
    """A component and the unit it is in."""

    config: ComponentConfig
    state: ComponentState
    unit: Unit = field(repr=False)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def lives_by_itself(self) -> bool:
        """Whether somebody else starts and ends it, as the programs of the seed: it is no component of a proxy."""
        return not self.config.is_run and not self.state.proxy

    @property
    def free(self) -> bool:
        """Whether it may be given an order."""
        unproxied = (
            self.config.is_proxied and self.state.presence is Presence.INSTANTIATED and not self.state.connection
        )
        return self.state.pending is None and not self.state.failed and not unproxied

    @property
    def load(self) -> int:
        """How many parts it has, or is being given."""
        pending = self.state.pending
        comes = pending is not None and bool(pending.csi) and pending.csi not in self.state.csis
        return len(self.state.csis) + comes

    def is_full(self, kind: str) -> bool:
        """Whether it has as many parts, or as many of a type, as it can be active for."""
        several = (Capability.X_ACTIVE_AND_Y_STANDBY, Capability.X_ACTIVE_OR_Y_STANDBY, Capability.X_ACTIVE)
        if self.load >= (self.config.active_max if self.config.capability in several else 1):
            return True
        limit = next((each.active_max for each in self.config.type_limits if each.type == kind), FOR_EVER)
        types = self.unit.group.types
        pending = self.state.pending
        parts = {*self.state.csis, pending.csi if pending is not None else ""}
        return limit < FOR_EVER and sum(types.get(name) == kind for name in parts) >= limit

    def becomes(self, presence: Presence) -> None:
        """Its presence state changes: one of the ways in `states.PRESENCE`."""
        self.state.presence = presence

    def takes(self, csi: str, state: HaState | None) -> None:
        """What it has of an assignment changes, None: it has it no more; one of the ways in `states.ASSIGNED`."""
        if state is None:
            self.state.csis.pop(csi, None)
        else:
            self.state.csis[csi] = state

    def gives_up_all(self) -> None:
        """Nothing of it is left that could have anything."""
        for csi in list(self.state.csis):
            self.takes(csi, None)

    def holds_active(self, csi: str) -> bool:
        """Whether it is active for a component service instance, or may be."""
        pending = self.state.pending
        becomes = pending is not None and pending.csi == csi and pending.state is HaState.ACTIVE
        return becomes or self.state.csis.get(csi) in (HaState.ACTIVE, HaState.QUIESCING)


@dataclass(slots=True)
class Unit:
    """A service unit and the group it is in."""

    config: UnitConfig
    state: UnitState
    group: Group = field(repr=False)
    components: list[Component] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.config.name

    def component_of(self, csi: CsiConfig) -> Component | None:
        """The component that has a component service instance, or the first that takes its type and has room."""
        for component in self.components:
            pending = component.state.pending
            if csi.name in component.state.csis or (pending is not None and pending.csi == csi.name):
                return component
        fitting = [component for component in self.components if csi.type in component.config.types]
        return min(fitting, key=lambda each: (each.is_full(csi.type), len(each.config.types), each.load), default=None)


@dataclass(slots=True)
class Instance:
    """A service instance."""

    config: InstanceConfig
    state: InstanceState

    @property
    def name(self) -> str:
        return self.config.name


class Group:
    """A service group with what is in it, by name, in the order of the configuration."""

    def __init__(self, config: GroupConfig, state: GroupState) -> None:
        self.state = state
        self.configure(config)

    def configure(self, config: GroupConfig) -> None:
        """Takes a configuration; what is in it and was there keeps its state."""
        state = self.state
        self.config = config
        self.units: dict[str, Unit] = {}
        self.components: dict[str, Component] = {}
        self.instances: dict[str, Instance] = {}
        units = {unit.name: unit for unit in state.units}
        components = {component.name: component for component in state.components}
        instances = {instance.name: instance for instance in state.instances}
        for unit_config in config.units:
            unit = Unit(unit_config, units.get(unit_config.name) or UnitState(unit_config.name), self)
            self.units[unit.name] = unit
            for each in unit_config.components:
                component = Component(each, components.get(each.name) or ComponentState(each.name), unit)
                unit.components.append(component)
                self.components[component.name] = component
        self.proxied = [each for each in self.components.values() if each.config.is_proxied]
        for each_config in config.instances:
            known = instances.get(each_config.name) or InstanceState(each_config.name)
            self.instances[each_config.name] = Instance(each_config, known)
        self.types = {csi.name: csi.type for instance in config.instances for csi in instance.csis}
        """Of component service instances."""
        self._keep()

    @property
    def name(self) -> str:
        return self.config.name

    def configured(self) -> GroupConfig | None:
        """The configuration as it will be once all that is leaving is gone; None: nothing is left then."""
        units = []
        for unit in self.units.values():
            config = unit.state.following if unit.state.leaving else unit.config
            if config is not None:
                units.append(config)
        if len(units) == len(self.units) and not any(unit.state.leaving for unit in self.units.values()):
            return self.config
        return msgspec.structs.replace(self.config, units=tuple(units)) if units else None

    def _keep(self) -> None:
        self.state.units = [unit.state for unit in self.units.values()]
        self.state.components = [component.state for component in self.components.values()]
        self.state.instances = [instance.state for instance in self.instances.values()]


class Model:
    """All of the replicated state."""

    def __init__(self) -> None:
        self.version = 0
        self.groups: dict[str, Group] = {}
        self.nodes: dict[int, NodeState] = {}
        """The nodes that ever said who they are, by id."""
        self.startup_ns = 0
        self.node_configs: dict[str, NodeConfig] = {}
        self.members: tuple[int, ...] = ()
        """The nodes that are there now."""
        self.quorate = False
        self.applications: dict[str, Admin] = {}
        """Those that are not unlocked."""
        self.invocation = 0
        self.time_ns = 0
        """The latest time that a message brought."""
        self.timeless = False
        """A configuration has changed, which brings no time that all agree on: what happens is later than `time_ns`."""
        self.history: deque[Happened] = deque(maxlen=HISTORY_MAX)
        self._components: dict[str, Component] = {}

    def replace(self, version: int, groups: Iterable[Group]) -> None:
        """Takes groups in the place of all."""
        self.version = version
        self.groups = {group.name: group for group in groups}
        self.find_components()

    def drop_empty_groups(self) -> None:
        """Groups that are not configured any more, and of which nothing is left."""
        self.groups = {name: group for name, group in self.groups.items() if group.units}

    def find_components(self) -> None:
        """What is in the groups has changed."""
        self._components = {name: each for group in self.groups.values() for name, each in group.components.items()}

    def component(self, name: str) -> Component | None:
        return self._components.get(name)

    def unit(self, name: str) -> Unit | None:
        return next((group.units[name] for group in self.groups.values() if name in group.units), None)

    def instance(self, name: str) -> tuple[Group, Instance] | None:
        """A service instance, and the group that protects it."""
        for group in self.groups.values():
            if name in group.instances:
                return group, group.instances[name]
        return None

    def units(self) -> Iterator[Unit]:
        for group in self.groups.values():
            yield from group.units.values()

    def host(self, unit: Unit) -> int:
        """The id of the node that hosts a unit and is there; 0 when there is none."""
        if unit.config.node:
            found = (node.node_id for node in self.nodes.values() if node.name == unit.config.node)
            return next((node_id for node_id in found if node_id in self.members), 0)
        return unit.state.node_id if unit.state.node_id in self.members else 0

    def node_config(self, node: NodeState) -> NodeConfig:
        """What is configured of a node, by default nothing in particular."""
        return self.node_configs.get(node.name) or NodeConfig(node.name)

    def new_pending(self, order: Order, csi: str = "", state: HaState | None = None) -> Pending:
        """An order with a number of its own."""
        self.invocation += 1
        return Pending(self.invocation, order, csi, state)

    def note(self, entity: str, what: str) -> None:
        """Adds a line to the history."""
        self.history.append(Happened(self.time_ns + self.timeless, entity, what))

    def at(self, time_ns: int) -> None:
        """A message brings the time, if it is later; also of what has happened since a configuration changed."""
        before, self.time_ns = self.time_ns, max(time_ns, self.time_ns + self.timeless)
        self.timeless = False
        for place in range(len(self.history) - 1, -1, -1):
            if self.history[place].time_ns <= before:
                break
            self.history[place] = msgspec.structs.replace(self.history[place], time_ns=self.time_ns)

    def configuration(self) -> ModelConfig:
        """What is configured, without what is only still there."""
        groups = (group.configured() for group in self.groups.values())
        nodes = tuple(self.node_configs.values())
        return ModelConfig(self.version, tuple(group for group in groups if group is not None), nodes, self.startup_ns)
