"""Supervisors, components and operators of simulated nodes.

A supervisor starts and ends programs as it is told, some of them late or not at all. A component that is SA-aware has a
connection of its own, does what its callbacks say a moment later, and now and then crashes, hangs, fails or reports an
error. An operator locks and unlocks. All of them tell the checker what they do, before they tell the executive.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from openais.executive.executive import Executive
from openais.messages import amf
from openais.messages.amf_model import AdminOperation, GroupConfig, HaState, Recovery
from openais.messages.amf_state import Order
from openais.messages.base import Message, ServiceId
from openais.simulation.availability_checker import AvailabilityChecker
from openais.simulation.libraries import Program
from openais.simulation.library_checker import LibraryChecker
from openais.simulation.node import Node
from openais.simulation.schedule import Scheduler
from openais.types import ErrorCode, NodeId, TimeNs

WORK_US: Final = (1_000, 40_000)
"""What a life cycle command or a callback takes."""
FAILS: Final = 0.05
"""How often, during the noise, a program cannot be instantiated or answers that it could not do as it was told."""
RECOVERIES: Final = (
    Recovery.NO_RECOMMENDATION,
    Recovery.COMPONENT_RESTART,
    Recovery.COMPONENT_FAILOVER,
    Recovery.NODE_SWITCHOVER,
    Recovery.NODE_FAILOVER,
    Recovery.NODE_FAILFAST,
    Recovery.APPLICATION_RESTART,
)


class Troubles:
    """Chance, and whether programs misbehave now."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.noisy = False

    def fails(self) -> bool:
        """Whether something goes wrong."""
        return self.noisy and self.chance.random() < FAILS

    def work_us(self) -> int:
        """What something takes."""
        return self.chance.randint(*WORK_US)


class AmfProgram(Program):
    """A program that uses AMF. What is refused because the model has moved on is no mistake."""

    service = ServiceId.AMF

    def __init__(
        self,
        number: int,
        node: Node[Executive],
        checker: LibraryChecker,
        scheduler: Scheduler,
        availability: AvailabilityChecker,
        troubles: Troubles,
    ) -> None:
        self._availability = availability
        self._troubles = troubles
        super().__init__(number, node, checker, scheduler)

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        expected = (ErrorCode.TRY_AGAIN, ErrorCode.NOT_EXIST, ErrorCode.BAD_OPERATION, ErrorCode.EXIST)
        if code not in (*expected, ErrorCode.NO_OP, ErrorCode.NOT_SUPPORTED):
            super().refused(request, code, explanation)


class ComponentProgram(AmfProgram):
    """An SA-aware component."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name = name
        self.hangs = False
        super().__init__(*arguments)

    def opened(self) -> None:
        self.call(amf.Register(self.name), lambda _: None)

    def called_back(self, message: Message) -> None:
        if isinstance(message, amf.CsiSet | amf.CsiRemove | amf.Terminate) and not self.hangs:
            told = message
            self._scheduler.after(self._troubles.work_us(), lambda: self._do(told))

    def report_error(self) -> None:
        """It has noticed that it does not work."""
        recovery = self._troubles.chance.choice(RECOVERIES)
        self.call(amf.ErrorReport(self.name, TimeNs(0), recovery), lambda _: None)

    def _do(self, message: amf.CsiSet | amf.CsiRemove | amf.Terminate) -> None:
        if self.closed or self.hangs:
            return
        error = ErrorCode.OK
        if self._troubles.fails():
            error = ErrorCode.FAILED_OPERATION
        elif isinstance(message, amf.CsiSet):
            self._availability.took(self.name, message.csi, message.state)
            if message.state is HaState.QUIESCING:
                self._scheduler.after(self._troubles.work_us(), lambda: self._quiesced(message))
        elif isinstance(message, amf.CsiRemove):
            self._availability.gave_up(self.name, message.csi)
        self.call(amf.Respond(message.invocation, int(error)), lambda _: None)

    def _quiesced(self, message: amf.CsiSet) -> None:
        if not self.closed and not self.hangs:
            self._availability.took(self.name, message.csi, HaState.QUIESCED)
            self.call(amf.Respond(message.invocation, int(ErrorCode.OK), quiesced=True), lambda _: None)


Launch = Callable[[NodeId, str], ComponentProgram]


class SupervisorProgram(AmfProgram):
    """The supervisor of a node, and the guardian of what it runs."""

    def __init__(self, launch: Launch, failfast: Callable[[NodeId], None], *arguments: Any) -> None:
        self._launch = launch
        self._failfast = failfast
        self._generations: dict[str, int] = {}
        """Of what runs here."""
        self._programs: dict[str, ComponentProgram] = {}
        super().__init__(*arguments)

    def opened(self) -> None:
        self.call(amf.Attach(self.number), lambda _: None)

    def called_back(self, message: Message) -> None:
        if isinstance(message, amf.Supervise):
            order = message
            self._scheduler.after(self._troubles.work_us(), lambda: self._carry_out(order))
        elif isinstance(message, amf.Failfast):
            self._failfast(self.node_id)
        elif isinstance(message, amf.Keep):
            for name in [name for name in self._generations if name not in message.components]:
                self._end(name)

    def disturb_component(self) -> None:
        """One of the programs of this node crashes, hangs, or reports an error."""
        if not self._generations or self.closed:
            return
        chance = self._troubles.chance
        name = chance.choice(sorted(self._generations))
        program = self._programs.get(name)
        what = chance.random()
        if program is not None and what < 0.25:
            program.hangs = True
        elif program is not None and what < 0.5:
            program.report_error()
        else:
            generation = self._generations[name]
            self._end(name)
            self.call(amf.Report(name, generation, 0, False, "it crashed"), lambda _: None)

    def lost(self) -> None:
        super().lost()
        for name in list(self._generations):
            self._end(name)

    def _carry_out(self, order: amf.Supervise) -> None:
        if self.closed:
            return
        name = order.component.name
        works = True
        if order.order is not Order.INSTANTIATE:
            self._end(name)
        elif self._troubles.fails():
            works = False
        else:
            self._end(name)
            self._generations[name] = order.generation
            self._availability.started(name, self.node_id, dict(order.environment).get("CSI", ""))
            if order.component.sa_aware:
                self._programs[name] = self._launch(self.node_id, name)
        self.call(amf.Report(name, order.generation, order.invocation, works, "" if works else "failed"), _ignore)

    def _end(self, name: str) -> None:
        if self._generations.pop(name, None) is not None:
            self._availability.ended(name)
        program = self._programs.pop(name, None)
        if program is not None and not program.closed:
            program.disconnect()


class OperatorProgram(AmfProgram):
    """Somebody who locks, unlocks, swaps and changes the configuration."""

    def operate(self, operation: AdminOperation, name: str) -> None:
        """Asks for an administrative operation."""
        self.call(amf.Administrate(operation, name), _ignore)

    def apply(self, groups: tuple[GroupConfig, ...]) -> None:
        """Puts a configuration into force."""
        self._availability.configured(groups)
        self.call(amf.Apply(groups), _ignore)

    def ask_what_is_in_force(self) -> None:
        """Tells the checker which configuration came out of all that was applied."""
        self.call(amf.ModelGet(), lambda found: self._availability.configured(found.model.groups))


def _ignore(_: Message) -> None:
    """For answers that nothing depends on."""
