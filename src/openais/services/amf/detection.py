"""How failures are noticed on a node: healthchecks, passive monitoring, error reports.

What a process is to do in order to be monitored is nothing: the supervisor watches it, and tells of its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from openais.messages import amf as messages
from openais.messages import amf_monitoring as monitoring
from openais.messages.amf_model import PmErrors, PmStop, Presence, Recovery
from openais.messages.base import Message, Source
from openais.services.amf.local import Check, Local
from openais.services.amf.model import Component, Model
from openais.services.base import Callback, Effects, LocalNode, Refuse, Reply, Service, ToGroup, library
from openais.types import AccessDenied, ErrorCode, Exists, NotExist, Priority, TryAgain

GONE = (Presence.UNINSTANTIATED, Presence.INSTANTIATION_FAILED)


@dataclass(slots=True, frozen=True)
class Asked:
    """A call that the supervisor was asked to carry out."""

    caller: Source
    request: monitoring.PmStart | monitoring.PmEnd


class Detection(Service):
    """The part of the framework that notices failures. All of it is local."""

    _local: Local
    _model: Model

    def __init__(self, node: LocalNode) -> None:
        super().__init__(node)
        self._asked: dict[int, Asked] = {}
        self._monitored: dict[str, dict[int, Recovery]] = {}
        """What is to be done when a process dies that is monitored itself, by component and process id."""
        self._number = 0

    # Healthchecks

    @library(messages.HealthcheckStart)
    def healthcheck_start(self, caller: Source, request: messages.HealthcheckStart) -> Effects:
        component = self._local.registered(caller, request.component)
        config = next((each for each in component.config.healthchecks if each.key == request.key), None)
        if config is None:
            raise NotExist(f"{request.component} has no healthcheck {request.key!r}")
        if (request.component, request.key) in self._local.checks:
            raise Exists(f"healthcheck {request.key!r} of {request.component} was started already")
        yield Reply(caller, messages.HealthcheckStarted())
        check = Check(request.component, caller.connection, config, request.by_component, request.recovery)
        yield from self._local.start_check(check)

    @library(messages.HealthcheckStop)
    def healthcheck_stop(self, caller: Source, request: messages.HealthcheckStop) -> Effects:
        self._local.check(caller, request.component, request.key)
        yield from self._local.stop_check(request.component, request.key)
        yield Reply(caller, messages.HealthcheckStopped())

    @library(messages.HealthcheckConfirm, sends=Priority.HIGH)
    def healthcheck_confirm(self, caller: Source, request: messages.HealthcheckConfirm) -> Effects:
        check = self._local.check(caller, request.component, request.key)
        yield from self._local.confirmed(check, request.error)
        yield Reply(caller, messages.Confirmed())

    # Passive monitoring

    @library(monitoring.PmStart)
    def pm_start(self, caller: Source, request: monitoring.PmStart) -> Effects:
        component = self._running_here(request.component)
        number = self._ask(caller, request)
        yield self._to_supervisor(monitoring.Monitor(number, component.state.generation, request))

    @library(monitoring.PmEnd)
    def pm_stop(self, caller: Source, request: monitoring.PmEnd) -> Effects:
        self._running_here(request.component)
        number = self._ask(caller, request)
        yield self._to_supervisor(monitoring.Unmonitor(number, request))

    @library(monitoring.Monitored)
    def monitored(self, caller: Source, request: monitoring.Monitored) -> Effects:
        """The supervisor has done what a library asked for, or could not."""
        self._check_supervisor(caller)
        yield Reply(caller, monitoring.AnswerTaken())
        asked = self._asked.pop(request.order, None)
        if asked is None:
            return
        if request.error != ErrorCode.OK:
            yield Refuse(asked.caller, ErrorCode(request.error), request.text)
            return
        self._remember(asked.request)
        started = isinstance(asked.request, monitoring.PmStart)
        yield Reply(asked.caller, monitoring.MonitoringStarted() if started else monitoring.MonitoringStopped())

    @library(monitoring.Died, sends=Priority.HIGH)
    def died(self, caller: Source, request: monitoring.Died) -> Effects:
        """A process that was monitored died."""
        self._check_supervisor(caller)
        self._monitored.pop(request.component, None)
        yield Reply(caller, monitoring.DeathTaken())
        yield ToGroup(
            messages.GroupFailed(
                request.component,
                request.generation,
                request.text,
                request.recovery,
                False,
                self.node.wall_time_ns,
            ),
            Priority.HIGH,
        )

    def monitored_closed(self, connection: int) -> Effects:
        """A component closed its connection, which is seen before its process has ended: what its monitoring says
        is done."""
        for component in self._local.own_components():
            if component.state.connection == connection:
                recovery = self._monitored.pop(component.name, {}).get(component.state.process_id)
                if recovery is not None:
                    why = f"it closed its connection, and process {component.state.process_id} is monitored"
                    yield self._local.fails(component, why, recovery)

    # Error reports

    @library(messages.ErrorReport, sends=Priority.HIGH)
    def error_report(self, caller: Source, request: messages.ErrorReport) -> Effects:
        component = self._local.component(request.component)
        stays = self._local.is_seed(caller.connection) and request.recovery is Recovery.NO_RECOMMENDATION
        yield self._local.fails(component, "an error was reported", request.recovery, stays)
        yield Reply(caller, messages.ErrorReported())

    # Small helpers

    def _running_here(self, name: str) -> Component:
        component = self._local.component(name)
        here = self._model.host(component.unit) == self.node.node_id
        if not here or component.state.presence in GONE:
            raise NotExist(f"{name} does not run on this node")
        return component

    def _ask(self, caller: Source, request: monitoring.PmStart | monitoring.PmEnd) -> int:
        if not self._local.supervisor:
            raise TryAgain("this node has no supervisor yet")
        self._number += 1
        self._asked[self._number] = Asked(caller, request)
        return self._number

    def _to_supervisor(self, message: Message) -> Callback:
        return Callback((self._local.supervisor,), message)

    def _check_supervisor(self, caller: Source) -> None:
        if caller.connection != self._local.supervisor:
            raise AccessDenied("for the supervisor of this node")

    def _remember(self, request: monitoring.PmStart | monitoring.PmEnd) -> None:
        known = self._monitored.setdefault(request.component, {})
        if isinstance(request, monitoring.PmStart):
            if request.errors & (PmErrors.NON_ZERO_EXIT | PmErrors.ABNORMAL_END):
                known[request.process_id] = request.recovery
        elif request.qualifier is PmStop.ALL_PROCESSES:
            known.clear()
        else:
            known.pop(request.process_id, None)
