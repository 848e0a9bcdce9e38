"""A cluster of AMF instances with supervisors and programs that do as they are told, one step after the other.

A step is a message that is delivered, or a callback that its receiver has done. `at_step` is called before each; that
is where tests let something fail.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

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
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.messages.amf_state import Order
from openais.messages.base import Message
from openais.services.amf.service import Amf
from openais.simulation.availability_checker import AvailabilityChecker
from openais.types import AisError, ErrorCode, NodeId, TimeNs
from tests.services.ordered_group import Library, Node, OrderedGroup

SA_AWARE = Capability.X_ACTIVE_AND_Y_STANDBY
STEPS_MAX = 3000


def component(name: str, sa_aware: bool = False, **keywords: object) -> ComponentConfig:
    """A program, or an SA-aware component."""
    capability = SA_AWARE if sa_aware else Capability.NON_PRE_INSTANTIABLE
    given = {"command": "program", "capability": capability, "recovery": Recovery.COMPONENT_FAILOVER, **keywords}
    return ComponentConfig(name, ("type",), sa_aware=sa_aware, **given)  # type: ignore[arg-type]


def group(
    name: str, nodes: Iterable[int], sa_aware: bool = False, instances: int = 1, **keywords: object
) -> GroupConfig:
    """A group with a unit of one component on each node."""
    own = {key: keywords.pop(key) for key in ComponentConfig.__struct_fields__ if key in keywords and key not in BOTH}
    units = tuple(
        UnitConfig(f"{name}-u{n}", (component(f"{name}-c{n}", sa_aware, **own),), rank=n, node=f"node{n}")
        for n in nodes
    )
    sis = tuple(InstanceConfig(f"{name}-si{n}", (csi(f"{name}-csi{n}", "type"),)) for n in range(1, instances + 1))
    return GroupConfig(name, units, sis, **keywords)  # type: ignore[arg-type]


BOTH = ("active_max", "standby_max")
"""Keys that groups have as well as components."""


def csi(name: str, kind: str, *depends: str) -> CsiConfig:
    """A component service instance whose programs can tell from their environment which it is."""
    return CsiConfig(name, kind, (("CSI", name),), depends)


@dataclass
class Cluster:
    """Nodes with an instance of the service each. All that is told to components is in `told`."""

    configuration: tuple[GroupConfig, ...]
    fence_s: float = 0.0
    startup_s: float = 0.0
    told: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Components that answer nothing, and whose orders the supervisor does not get done."""
    failing: set[str] = field(default_factory=set)
    """Components that cannot be instantiated."""
    proxied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By component service instance: what its active program registers as their proxy."""
    finishes: bool = True
    """Whether programs that are told to finish their work do so."""
    quiesces: ErrorCode = ErrorCode.OK
    """What programs say in the end when they were told to finish their work."""
    at_step: Callable[[int], None] = lambda _: None
    times_pass: bool = False
    """Whether timers expire, of orders too, when nothing else is left to do."""
    broken: list[str] = field(default_factory=list)
    """Promises that were broken, with the evidence."""
    steps: int = 0
    told_invocations: dict[str, int] = field(default_factory=dict)
    """The invocation of the callback that each program was given last."""

    def __post_init__(self) -> None:
        model = ModelConfig(1, self.configuration, startup_ns=int(self.startup_s * 1e9))
        self.group = OrderedGroup(lambda local: Amf(local, model, self.fence_s))
        self.supervisors: dict[NodeId, Library] = {}
        self.programs: dict[str, Library] = {}
        self.checker = AvailabilityChecker(self.configuration, self._broke)

    def _broke(self, what: str, why: str) -> None:
        self.broken.append(f"{what}: {why}")

    def copied(self) -> Cluster:
        """Another cluster in just this state."""
        shared = {id(each): each for each in _frozen(self.configuration)}
        return copy.deepcopy(self, shared)

    # What happens to nodes and programs

    def start(self, *numbers: int) -> None:
        """Starts nodes, in one configuration with those that are there."""
        self.boot(*numbers)
        self.settle()

    def boot(self, *numbers: int) -> None:
        """The same, and nothing is delivered yet."""
        self.group.start(*numbers)
        self.group.configure(self.group.nodes)
        for number in numbers:
            self.supervisors[NodeId(number)] = self.group.open(number)
            self.supervisors[NodeId(number)].send(messages.Attach(number))

    def crash(self, number: int) -> None:
        self.lose(number)
        self.settle()

    def lose(self, number: int) -> None:
        """A node crashes with all that runs on it, and the others notice."""
        self.group.crash(number)
        del self.supervisors[NodeId(number)]
        for name, library in list(self.programs.items()):
            if not library.open:
                del self.programs[name]
        for name, running in list(self.checker.running.items()):
            if running.node_id == number:
                self.checker.ended(name)
        if self.group.nodes:
            self.group.configure(self.group.nodes)

    def register(self, name: str, number: int) -> None:
        """Somebody starts the program of a component."""
        self.checker.started(name, NodeId(number))
        self.programs[name] = self.group.open(number)
        self.programs[name].send(messages.Register(name))
        self.settle()

    def kill(self, name: str, number: int) -> None:
        """The program of a component ends by itself."""
        self.end(name, number)
        self.settle()

    def end(self, name: str, number: int) -> None:
        """The same, and nothing is delivered yet. A program that does not run cannot end."""
        here = _components(self.group.service(number).describe())
        generation = next((int(str(each["generation"])) for each in here if each["name"] == name), 0)
        program = self.programs.pop(name, None)
        if program is not None:
            program.close()
        if name in self.checker.running:
            self.checker.ended(name)
            self.supervisors[NodeId(number)].send(messages.Report(name, generation, 0, False, "it was killed"))

    # Steps

    def settle(self) -> None:
        """Delivers all, and has everybody do as told, until nothing is left to do."""
        for _ in range(STEPS_MAX):
            if not self.step() and not self.expire():
                return
        raise AssertionError(f"no end: {self.told[-20:]}")

    def step(self) -> bool:
        """Delivers one message; or else lets one callback be done. Whether there was anything to do."""
        if not self._is_busy():
            return False
        self.steps += 1
        self.at_step(self.steps)
        if self.group.deliver_one():
            return True
        for library in self._libraries():
            if library.callbacks:
                self._called_back(library, library.callbacks.pop(0))
                return True
        return True

    def expire(self) -> bool:
        """Lets a timer expire, those for somebody who does not answer last; whether there was any."""
        waiting = [
            (name, node)
            for _, node in sorted(self.group.nodes.items())
            for name, after_s in node.timers.items()
            if after_s is not None and not name.startswith(("check/", "quiescing/"))
        ]
        if not self.times_pass or not waiting:
            return False
        name, node = min(waiting, key=lambda each: each[0].startswith("order/"))
        node.expire(name)
        return True

    def _is_busy(self) -> bool:
        waiting = any(node.outgoing for node in self.group.nodes.values())
        return waiting or any(library.callbacks for library in self._libraries())

    def _libraries(self) -> Iterator[Library]:
        yield from list(self.supervisors.values())
        yield from list(self.programs.values())

    def _called_back(self, library: Library, message: Message) -> None:
        if isinstance(message, messages.Supervise):
            self._supervise(library.node.node_id, library, message)
        elif isinstance(message, messages.Failfast):
            self.told.append(f"failfast node{library.node.node_id}")
            self.lose(library.node.node_id)
        elif isinstance(message, messages.Keep):
            here = [name for name, each in self.checker.running.items() if each.node_id == library.node.node_id]
            for name in here:
                if name not in message.components:
                    self._over(name)
        else:
            name = next(name for name, each in self.programs.items() if each is library)
            self._program(name, library, message)

    def _supervise(self, number: NodeId, library: Library, message: messages.Supervise) -> None:
        name = message.component.name
        self.told.append(f"{message.order.name.lower()} {name}")
        if name in self.silent:
            return
        works = not (message.order is Order.INSTANTIATE and name in self.failing)
        if message.order is not Order.INSTANTIATE:
            self._over(name)
        elif works:
            self.checker.started(name, number, dict(message.environment).get("CSI", ""))
            if message.component.sa_aware:
                self.programs[name] = self.group.open(number)
                self.programs[name].send(messages.Register(name))
        library.send(messages.Report(name, message.generation, message.invocation, works, "", 4711))

    def _over(self, name: str) -> None:
        self.checker.ended(name)
        program = self.programs.pop(name, None)
        if program is not None:
            program.close()

    def _program(self, name: str, library: Library, message: Message) -> None:
        invocation = getattr(message, "invocation", 0)
        self.told_invocations[name] = invocation
        if isinstance(message, messages.CsiSet):
            self.told.append(f"{message.state.name.lower()} {message.component} {message.csi}")
            if name not in self.silent:
                self.checker.took(message.component, message.csi, message.state)
        elif isinstance(message, messages.CsiRemove | messages.Terminate):
            self.told.append(f"{type(message).__name__.lower()} {message.component}")
        elif isinstance(message, ProxiedInstantiate | ProxiedCleanup):
            what = "instantiate" if isinstance(message, ProxiedInstantiate) else "cleanup"
            self.told.append(f"{what} {message.component} by {name}")
            if isinstance(message, ProxiedInstantiate) and name not in self.silent:
                library.send(messages.Register(message.component, name))
        if isinstance(message, messages.CsiRemove) and name not in self.silent:
            self.checker.gave_up(message.component, message.csi)
        if name not in self.silent and invocation:
            library.send(messages.Respond(invocation, ErrorCode.OK))
            if isinstance(message, messages.CsiSet) and message.state is HaState.QUIESCING and self.finishes:
                self.checker.took(name, message.csi, HaState.QUIESCED)
                library.send(messages.Respond(invocation, self.quiesces, quiesced=True))
            if isinstance(message, messages.CsiSet) and message.state is HaState.ACTIVE:
                for proxied in self.proxied.get(message.csi, ()):
                    library.send(messages.Register(proxied, name))

    # Administration

    def apply(self, *groups: GroupConfig) -> None:
        """Puts a configuration into force."""
        self.checker.configured(groups)
        library = self.group.open(min(self.group.nodes))
        library.call(messages.Apply(groups))
        library.close()
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

    def described(self) -> dict[str, Any]:
        """The state, which is the same on all nodes."""
        states = [node.service.describe() for node in self.group.nodes.values()]
        assert all(state == states[0] for state in states), "the nodes differ"
        return states[0]

    def unsettled(self) -> list[str]:
        """What is not as it should be, now that all has come to rest."""
        return [*self.broken, *self.checker.unsettled(self.described(), self.group.nodes)]

    def component(self, name: str) -> dict[str, object]:
        return next(each for each in _components(self.described()) if each["name"] == name)

    def units(self) -> list[dict[str, Any]]:
        return [unit for each in self.described()["groups"] for unit in each["units"]]

    def assigned(self) -> dict[str, str]:
        """`component csi` -> HA state."""
        return {
            f"{each['name']} {csi}": state
            for unit in self.units()
            for each in unit["components"]
            for csi, state in each["assignments"].items()
        }


def _components(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for group in state["groups"] for unit in group["units"] for each in unit["components"]]


def _frozen(configuration: Iterable[GroupConfig]) -> Iterator[object]:
    """What is configured, which never changes."""
    for each in configuration:
        yield each
        yield from each.instances
        for unit in each.units:
            yield unit
            yield from unit.components


TWO_N = RedundancyModel.TWO_N
NOW = TimeNs(0)
