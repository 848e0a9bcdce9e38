"""A cluster of AMF instances with supervisors and programs that do as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from openais.messages import amf as messages
from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    HaState,
    InstanceConfig,
    ModelConfig,
    Recovery,
    RedundancyModel,
    UnitConfig,
)
from openais.messages.amf_state import Order
from openais.messages.base import Message
from openais.services.amf.service import Amf
from openais.types import AisError, ErrorCode, NodeId, TimeNs
from tests.services.ordered_group import Library, Node, OrderedGroup

SA_AWARE = Capability.X_ACTIVE_AND_Y_STANDBY


def component(name: str, sa_aware: bool = False, **keywords: object) -> ComponentConfig:
    """A program, or an SA-aware component."""
    capability = SA_AWARE if sa_aware else Capability.NON_PRE_INSTANTIABLE
    given = {"command": "program", "capability": capability, "recovery": Recovery.COMPONENT_FAILOVER, **keywords}
    return ComponentConfig(name, ("type",), sa_aware=sa_aware, **given)  # type: ignore[arg-type]


def group(
    name: str, nodes: Iterable[int], sa_aware: bool = False, instances: int = 1, **keywords: object
) -> GroupConfig:
    """A group with a unit of one component on each node."""
    own = {key: keywords.pop(key) for key in ("recovery", "cleanup", "command") if key in keywords}
    units = tuple(
        UnitConfig(f"{name}-u{n}", (component(f"{name}-c{n}", sa_aware, **own),), rank=n, node=f"node{n}")
        for n in nodes
    )
    sis = tuple(
        InstanceConfig(f"{name}-si{n}", (CsiConfig(f"{name}-csi{n}", "type"),)) for n in range(1, instances + 1)
    )
    return GroupConfig(name, units, sis, **keywords)  # type: ignore[arg-type]


@dataclass
class Cluster:
    """Nodes with an instance of the service each. All that is told to components is in `told`."""

    configuration: tuple[GroupConfig, ...]
    fence_s: float = 0.0
    told: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Components that answer nothing, and whose orders the supervisor does not get done."""
    failing: set[str] = field(default_factory=set)
    """Components that cannot be instantiated."""

    def __post_init__(self) -> None:
        self.group = OrderedGroup(lambda local: Amf(local, ModelConfig(1, self.configuration), self.fence_s))
        self.supervisors: dict[NodeId, Library] = {}
        self.programs: dict[str, Library] = {}

    def start(self, *numbers: int) -> None:
        """Starts nodes, in one configuration with those that are there."""
        self.group.start(*numbers)
        self.group.configure(self.group.nodes)
        for number in numbers:
            self.supervisors[NodeId(number)] = self.group.open(number)
            self.supervisors[NodeId(number)].call(messages.Attach(number))
        self.settle()

    def crash(self, number: int) -> None:
        self.group.crash(number)
        del self.supervisors[NodeId(number)]
        for name, library in list(self.programs.items()):
            if not library.open:
                del self.programs[name]
        self.group.configure(self.group.nodes)
        self.settle()

    def settle(self) -> None:
        """Delivers all, and has everybody do as told, until nothing is left to do."""
        for _ in range(200):
            self.group.deliver()
            if not self._step():
                return
        raise AssertionError(f"no end: {self.told[-20:]}")

    def _step(self) -> bool:
        busy = False
        for number, library in list(self.supervisors.items()):
            for message in library.take():
                busy = True
                if isinstance(message, messages.Supervise):
                    self._supervise(number, library, message)
        for name, library in list(self.programs.items()):
            for message in library.take():
                busy = True
                self._program(name, library, message)
        return busy

    def _supervise(self, number: NodeId, library: Library, message: messages.Supervise) -> None:
        name = message.component.name
        self.told.append(f"{message.order.name.lower()} {name}")
        if name in self.silent:
            return
        works = not (message.order is Order.INSTANTIATE and name in self.failing)
        if message.order is Order.INSTANTIATE and works and message.component.sa_aware:
            self.programs[name] = self.group.open(number)
            self.programs[name].send(messages.Register(name))
        elif message.order is Order.CLEANUP:
            self.programs.pop(name, None)
        library.send(messages.Report(name, message.generation, message.invocation, works, "", 4711))

    def _program(self, name: str, library: Library, message: Message) -> None:
        invocation = getattr(message, "invocation", 0)
        if isinstance(message, messages.CsiSet):
            self.told.append(f"{message.state.name.lower()} {name} {message.csi}")
        elif isinstance(message, messages.CsiRemove | messages.Terminate):
            self.told.append(f"{type(message).__name__.lower()} {name}")
        if name not in self.silent and invocation:
            library.send(messages.Respond(invocation, ErrorCode.OK))
            if isinstance(message, messages.CsiSet) and message.state is HaState.QUIESCING:
                self.group.deliver()
                library.send(messages.Respond(invocation, ErrorCode.OK, quiesced=True))

    def kill(self, name: str, number: int) -> None:
        """The program of a component ends by itself."""
        generation = self.component(name)["generation"]
        program = self.programs.pop(name, None)
        if program is not None:
            program.close()
        self.supervisors[NodeId(number)].send(messages.Report(name, int(str(generation)), 0, False, "it was killed"))
        self.settle()

    def administrate(self, operation: AdminOperation, name: str) -> ErrorCode:
        """The answer to an administrative operation."""
        library = self.group.open(min(self.group.nodes))
        try:
            library.call(messages.Administrate(operation, name))
        except AisError as error:
            return error.code
        finally:
            library.close()
        self.settle()
        return ErrorCode.OK

    def node(self, number: int) -> Node:
        return self.group.nodes[NodeId(number)]

    def take(self) -> list[str]:
        """What was told since the last time."""
        told, self.told = self.told, []
        return told

    # What is

    def described(self) -> dict[str, object]:
        """The state, which is the same on all nodes."""
        states = [node.service.describe() for node in self.group.nodes.values()]
        assert all(state == states[0] for state in states), "the nodes differ"
        return states[0]

    def component(self, name: str) -> dict[str, object]:
        return next(each for unit in self.units() for each in unit["components"] if each["name"] == name)  # type: ignore[attr-defined]

    def units(self) -> list[dict[str, object]]:
        groups: list[dict[str, list[dict[str, object]]]] = self.described()["groups"]  # type: ignore[assignment]
        return [unit for each in groups for unit in each["units"]]

    def assigned(self) -> dict[str, str]:
        """`component csi` -> HA state."""
        return {
            f"{each['name']} {csi}": state
            for unit in self.units()
            for each in unit["components"]  # type: ignore[attr-defined]
            for csi, state in each["assignments"].items()
        }


TWO_N = RedundancyModel.TWO_N
NOW = TimeNs(0)
