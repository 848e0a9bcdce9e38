"""Supervisors of simulated nodes, with programs that start, end and crash; and what AMF promises about them.

Of a service instance with one active unit at most one component runs in the whole cluster at any time, partitions
included, as long as quorum is required and no machine stands still for longer than the fence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from openais.executive.executive import Executive
from openais.messages import amf
from openais.messages.amf_model import ComponentConfig, CsiConfig, GroupConfig, InstanceConfig, Recovery, UnitConfig
from openais.messages.amf_state import Order
from openais.messages.base import Message, ServiceId
from openais.simulation.checker import Checker
from openais.simulation.libraries import Program
from openais.simulation.library_checker import LibraryChecker
from openais.simulation.node import Node
from openais.simulation.schedule import Scheduler
from openais.types import ErrorCode, NodeId

WORK_US: Final = 20_000
"""What a life cycle command takes."""


def pair_groups(nodes: int, groups: int) -> tuple[GroupConfig, ...]:
    """2N groups of a plain program on every node; every second one restarts where it is first."""
    recoveries = (Recovery.COMPONENT_FAILOVER, Recovery.COMPONENT_RESTART)
    return tuple(
        GroupConfig(
            f"g{group}",
            tuple(
                UnitConfig(
                    f"g{group}-u{number}",
                    (ComponentConfig(f"g{group}/c{number}", ("t",), command="p", recovery=recoveries[group % 2]),),
                    node=f"node-{number}",
                )
                for number in range(1, nodes + 1)
            ),
            (InstanceConfig(f"g{group}-si", (CsiConfig(f"g{group}-csi", "t"),)),),
            failover_max=1_000_000,
        )
        for group in range(1, groups + 1)
    )


class AvailabilityChecker:
    """Which components run, on which node."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self.running: dict[str, NodeId] = {}
        self.starts = 0

    def started(self, component: str, node_id: NodeId) -> None:
        """A component runs."""
        self.starts += 1
        group = component.partition("/")[0]
        others = [f"{name} on node {at}" for name, at in self.running.items() if name.partition("/")[0] == group]
        others = [each for each in others if not each.startswith(f"{component} ")]
        if others:
            self._checker.report("one active", [f"{component} starts on node {node_id} while there runs {others}"])
        self.running[component] = node_id

    def ended(self, component: str) -> None:
        """It does not any more."""
        self.running.pop(component, None)

    def missing(self, groups: int) -> Iterator[str]:
        """After the last fault: one component of each group runs."""
        running = {name.partition("/")[0] for name in self.running}
        yield from (
            f"nothing of group g{number} runs" for number in range(1, groups + 1) if f"g{number}" not in running
        )


class SupervisorProgram(Program):
    """The supervisor of a node."""

    service = ServiceId.AMF

    def __init__(
        self,
        number: int,
        node: Node[Executive],
        checker: LibraryChecker,
        scheduler: Scheduler,
        availability: AvailabilityChecker,
    ) -> None:
        self._availability = availability
        self._generations: dict[str, int] = {}
        """Of what runs here."""
        super().__init__(number, node, checker, scheduler)

    def opened(self) -> None:
        self.call(amf.Attach(self.number), lambda _: None)

    def called_back(self, message: Message) -> None:
        if isinstance(message, amf.Supervise):
            order = message
            self._scheduler.after(WORK_US, lambda: self._carry_out(order))
        elif isinstance(message, amf.Keep):
            for name in [name for name in self._generations if name not in message.components]:
                self._end(name)

    def crash_component(self, choose: Callable[[list[str]], str]) -> None:
        """A program of this node ends by itself."""
        if self._generations and not self.closed:
            name = choose(sorted(self._generations))
            generation = self._generations[name]
            self._end(name)
            self.call(amf.Report(name, generation, 0, False, "it crashed"), lambda _: None)

    def lost(self) -> None:
        super().lost()
        for name in list(self._generations):
            self._end(name)

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        if code is not ErrorCode.TRY_AGAIN:
            super().refused(request, code, explanation)

    def _carry_out(self, message: amf.Supervise) -> None:
        if self.closed:
            return
        name = message.component.name
        if message.order is Order.INSTANTIATE:
            self._generations[name] = message.generation
            self._availability.started(name, self.node_id)
        else:
            self._end(name)
        self.call(amf.Report(name, message.generation, message.invocation, True, ""), lambda _: None)

    def _end(self, name: str) -> None:
        if self._generations.pop(name, None) is not None:
            self._availability.ended(name)
