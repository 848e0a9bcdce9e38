"""The supervisor: the hands of AMF on a node. It runs life cycle commands, watches processes, and reports.

It is a library of its own executive. Each order is a task, one for each component; a new order for a component ends
the task of the one before. All is run by the guardian, a process that ends it when this one is gone; what belongs to a
component is its job there, and is ended as a whole.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from socket import socket as Socket
from typing import Final

from openais.client.supervision import Supervision
from openais.messages.amf import TEXT_MAX, Failfast, Keep, Report, Supervise
from openais.messages.amf_model import SECOND_NS, ComponentConfig
from openais.messages.amf_monitoring import Died, Monitor, Monitored, Unmonitor
from openais.messages.amf_state import Order
from openais.runtime.guarding import Guard
from openais.runtime.monitoring import Monitors
from openais.runtime.processes import Process
from openais.types import AisError, ErrorCode

STOP_S: Final = 30.0
"""How long the components of a node that leaves may take to end."""

log = logging.getLogger(__name__)


class CommandFailed(Exception):
    """A life cycle command could not be run, failed, or took too long; the text says which and how."""


@dataclass(slots=True)
class Running:
    """A component that was instantiated here."""

    config: ComponentConfig
    generation: int
    environment: dict[str, str]
    process: Process
    """The program, or the command that started it."""
    watched: bool
    """Whether its end is the end of the component."""


class Supervisor:
    """The supervisor of one node.

    `connect` gives the library's end of a connection to the executive; `environment` is what all components are given.
    `failfast` ends the node, as if it had crashed.
    """

    def __init__(
        self, connect: Callable[[], Socket], environment: Mapping[str, str], failfast: Callable[[str], None]
    ) -> None:
        self._connect = connect
        self._failfast = failfast
        self._environment = dict(environment)
        self._running: Final[dict[str, Running]] = {}
        self._tasks: Final[dict[str, asyncio.Task[None]]] = {}
        self._reports: Final[set[asyncio.Task[None]]] = set()
        self._guard: Final = Guard()
        self._monitors: Final = Monitors(self._guard, self._died)
        self._serving: asyncio.Task[None] | None = None
        self._library: Supervision | None = None
        self._stopping = False

    def start(self) -> None:
        """Begins to serve, in the running loop."""
        self._serving = asyncio.get_running_loop().create_task(self._serve())

    async def stop(self) -> None:
        """Ends all components in order, and reports nothing any more."""
        self._stopping = True
        await _cancel(self._serving)
        for task in [*self._tasks.values(), *self._reports]:
            await _cancel(task)
        endings = [self._end(running) for running in list(self._running.values())]
        if endings:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await asyncio.gather(*endings, return_exceptions=True)
        self._close()

    def kill(self) -> None:
        """Ends all components at once."""
        self._stopping = True
        for task in (self._serving, *self._tasks.values(), *self._reports):
            if task is not None:
                task.cancel()
        self._close()

    def _close(self) -> None:
        if self._library is not None:
            with suppress(AisError):
                self._library.finalize()
            self._library = None
        self._guard.end()

    async def _serve(self) -> None:
        try:
            async with Supervision.open(self._connect()) as library:
                self._library = library
                await library.attach(os.getpid())
                async for event in library:
                    match event:
                        case Keep():
                            self._keep(frozenset(event.components))
                        case Monitor() | Unmonitor():
                            self._start_task(self._monitor(event))
                        case Failfast():
                            self._failfast(event.why)
                        case _:
                            self._take(event)
        except AisError as error:
            if not self._stopping:
                log.debug("the supervisor ends: %s", error)

    # Orders

    def _take(self, order: Supervise) -> None:
        name = order.component.name
        before = self._tasks.get(name)
        task = asyncio.get_running_loop().create_task(self._carry_out(order, before))
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._forget(name, done))

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]

    async def _carry_out(self, order: Supervise, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await _cancel(before)
        name = order.component.name
        text, process_id = "", 0
        try:
            if order.order is Order.INSTANTIATE:
                process_id = await self._instantiate(order)
            elif order.order is Order.TERMINATE:
                await self._terminate(order)
            else:
                await self._clean_up(order)
        except CommandFailed as error:
            text = str(error)
            log.warning("%s: %s", name, text)
        report = Report(name, order.generation, order.invocation, not text, text[:TEXT_MAX], process_id)
        await self._report(report)

    async def _report(self, report: Report) -> None:
        if self._library is not None and not self._stopping:
            with suppress(AisError):
                await self._library.report(report)

    async def _instantiate(self, order: Supervise) -> int:
        config, environment = order.component, self._environment | dict(order.environment)
        self._running.pop(config.name, None)
        await self._sweep(config.name)
        self._guard.keep(config.name, config.cleanup, environment)
        process = await self._run(config, config.command or config.instantiate, environment)
        running = Running(config, order.generation, environment, process, bool(config.command))
        self._running[config.name] = running
        if running.watched:
            process.over.add_done_callback(lambda _: self._exited(running))
        else:
            await self._ends_well("INSTANTIATE", process, config.instantiate_limit_ns)
        if config.am_start:
            await self._command(config, "AM_START", config.am_start, environment, config.instantiate_limit_ns)
        return process.process_id

    async def _terminate(self, order: Supervise) -> None:
        config, environment = order.component, self._environment | dict(order.environment)
        running = self._running.get(config.name)
        if running is not None:
            environment = running.environment
            running.watched = False
            with suppress(CommandFailed):
                await self._end_gently(running)
        await self._wipe(config, environment)

    async def _end_gently(self, running: Running) -> None:
        """AM_STOP and TERMINATE, or a SIGTERM, and the time to follow them. Raises CommandFailed."""
        config = running.config
        if config.am_stop:
            await self._command(config, "AM_STOP", config.am_stop, running.environment, config.terminate_limit_ns)
        if config.terminate:
            await self._command(config, "TERMINATE", config.terminate, running.environment, config.terminate_limit_ns)
        else:
            self._guard.signal(running.process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(config.terminate_limit_ns / SECOND_NS):
                await asyncio.shield(running.process.over)

    async def _clean_up(self, order: Supervise) -> None:
        running = self._running.get(order.component.name)
        if running is not None:
            running.watched = False
        elif order.process_id and not order.component.is_run:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(order.process_id, signal.SIGKILL)
        environment = running.environment if running is not None else self._environment | dict(order.environment)
        await self._wipe(order.component, environment)

    async def _wipe(self, config: ComponentConfig, environment: dict[str, str]) -> None:
        """Nothing of a component is left afterwards. Raises CommandFailed."""
        self._running.pop(config.name, None)
        await self._sweep(config.name)
        if config.cleanup:
            await self._command(config, "CLEANUP", config.cleanup, environment, config.cleanup_limit_ns)
            await self._sweep(config.name)
        self._guard.forget(config.name)

    async def _sweep(self, name: str) -> None:
        """Kills all that was run for a component, and what that forked. Raises CommandFailed."""
        self._monitors.forget(name)
        if left := await self._guard.sweep(name):
            raise CommandFailed(f"killed, and still there: process {', '.join(map(str, left))}")

    async def _end(self, running: Running) -> None:
        """Ends a component of a node that leaves."""
        running.watched = False
        with suppress(CommandFailed):
            await self._end_gently(running)
        with suppress(CommandFailed):
            await self._wipe(running.config, running.environment)

    def _keep(self, names: frozenset[str]) -> None:
        """Ends what the model does not know any more."""
        for name in [name for name in self._running if name not in names]:
            if name not in self._tasks:
                log.warning("%s is ended: it is not to run here any more", name)
                running = self._running[name]
                self._start_task(self._end(running))

    # Passive monitoring

    async def _monitor(self, order: Monitor | Unmonitor) -> None:
        """Begins or ends to monitor a process, and says what became of it."""
        error, text = ErrorCode.OK, ""
        try:
            if isinstance(order, Monitor):
                await self._monitors.start(order)
            else:
                self._monitors.stop(order.wanted)
        except AisError as refused:
            error, text = refused.code, str(refused)
        if self._library is not None:
            with suppress(AisError):
                await self._library.answer(Monitored(order.order, error, text[:TEXT_MAX]))

    def _died(self, order: Monitor, text: str) -> None:
        """The end of a monitored process is a failure."""
        log.warning("%s: %s", order.wanted.component, text)
        self._start_task(self._tell_death(Died(order.wanted.component, order.generation, text, order.wanted.recovery)))

    async def _tell_death(self, death: Died) -> None:
        if self._library is not None and not self._stopping:
            with suppress(AisError):
                await self._library.died(death)

    # Processes

    def _exited(self, running: Running) -> None:
        """A program ended by itself."""
        name = running.config.name
        if self._running.get(name) is running and running.watched:
            del self._running[name]
            self._start_task(self._report_end(running))

    async def _report_end(self, running: Running) -> None:
        """Nothing of it is left when its end is told, or else it is told as a failure, to be cleaned up."""
        config, how = running.config, running.process.how
        log.warning("%s: %s", config.name, how)
        self._monitors.forget(config.name)
        if await self._guard.sweep(config.name):
            await self._tell_death(Died(config.name, running.generation, f"{how}, but not all that it forked"))
            return
        if not config.cleanup:
            self._guard.forget(config.name)
        await self._report(Report(config.name, running.generation, 0, False, how[:TEXT_MAX]))

    def _start_task(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _run(self, config: ComponentConfig, command: str, environment: dict[str, str]) -> Process:
        try:
            return await self._guard.run(config.name, command, environment, config.directory)
        except (OSError, ValueError) as error:
            raise CommandFailed(f"{command!r} cannot be run: {error}") from None

    async def _command(
        self, config: ComponentConfig, what: str, command: str, environment: dict[str, str], limit_ns: int
    ) -> None:
        """Runs a life cycle command to its end. Raises CommandFailed."""
        await self._ends_well(what, await self._run(config, command, environment), limit_ns)

    async def _ends_well(self, what: str, process: Process, limit_ns: int) -> None:
        """Waits for the end of a command, with success, within its time. Raises CommandFailed."""
        try:
            async with asyncio.timeout(limit_ns / SECOND_NS):
                code = await asyncio.shield(process.over)
        except TimeoutError:
            raise CommandFailed(f"{what} did not end within {limit_ns / SECOND_NS:g} s") from None
        finally:
            if not process.over.done():
                self._guard.signal(process, signal.SIGKILL)
        if code:
            raise CommandFailed(f"{what}: {process.how}")


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None and not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
