"""The executive as a process: signals, readiness, logs, and the exit code."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from openais.client.heap import keep_freed_memory
from openais.config.problems import ConfigurationError
from openais.config.settings import Settings
from openais.runtime.driver import NodeDriver
from openais.runtime.errors import StartError
from openais.runtime.logs import Logs
from openais.runtime.notify import Notifier

if TYPE_CHECKING:
    from openais.runtime.metrics import MetricsEndpoint

EXIT_LEFT: Final = 0
"""The node left the ring in order."""
EXIT_FAILED: Final = 1
"""The node could not start, or not go on; the last line of the log says why."""
LOOP_VARIABLE: Final = "OPENAIS_EVENT_LOOP"
"""Environment variable: `uvloop` runs on uvloop, when that is installed."""
RELOADABLE: Final = ("totem.authkey", "totem.cipher", "totem.nodelist", "ipc.group", "logging.")
"""What SIGHUP changes in a running executive: keys, or all keys of a section."""
LONGEST_BLOCK: Final = 16 * 1024 * 1024
"""Bytes of the largest block of memory that is not given back at once (see `heap`)."""
GC_THRESHOLDS: Final = (50_000, 20, 100)
"""Collections are rare and seldom look at everything: a pause of the ring costs more than memory for a while."""

log = logging.getLogger(__name__)

Reload = Callable[[], Settings]


def run(settings: Settings, reload: Reload | None = None) -> int:
    """Runs an executive until it is told to end by SIGTERM or SIGINT, or cannot go on; the exit code.

    `reload` reads the configuration again, at SIGHUP; it may raise ConfigurationError.
    """
    logs = Logs(settings.logging)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_Daemon(settings, reload or (lambda: settings), logs).live())
    except StartError as error:
        log.critical("%s", error)
        return EXIT_FAILED
    finally:
        logs.close()


def keys_that_need_a_restart(old: Settings, new: Settings) -> list[str]:
    """The keys, as `section.key`, that differ and that SIGHUP cannot change."""
    differing = []
    for section in ("network", "logging", "totem", "ipc", "amf"):
        before, after = getattr(old, section), getattr(new, section)
        names = (field.name for field in fields(before))
        differing += [f"{section}.{name}" for name in names if getattr(before, name) != getattr(after, name)]
    return [name for name in differing if not name.startswith(RELOADABLE)]


class _Daemon:
    """One life of the process."""

    def __init__(self, settings: Settings, reload: Reload, logs: Logs) -> None:
        self._settings = settings
        self._reload = reload
        self._logs = logs
        self._notifier = Notifier()
        self._driver = NodeDriver(settings)

    async def live(self) -> int:
        """Starts, serves, and ends."""
        for warning in self._settings.warnings:
            log.warning("%s", warning)
        told_to_end = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_end.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_settings)
        await self._driver.start()
        endpoint = await self._start_metrics()
        if self._settings.totem.nice:
            _take_priority(self._settings.totem.nice)
        _spare_the_ring()
        self._notifier.ready(f"node {self._driver.node_id}")
        try:
            return await self._serve(told_to_end)
        finally:
            self._notifier.close()
            if endpoint is not None:
                endpoint.close()

    async def _start_metrics(self) -> MetricsEndpoint | None:
        address = self._settings.ipc.metrics
        if address is None:
            return None
        from openais.runtime.metrics import MetricsEndpoint  # imported by who wants it: it has a fifth of the start-up

        endpoint = MetricsEndpoint(self._driver)
        try:
            await endpoint.start(address)
        except StartError:
            await self._driver.leave()
            raise
        return endpoint

    async def _serve(self, told_to_end: asyncio.Event) -> int:
        ended = asyncio.ensure_future(self._driver.ended())
        told = asyncio.ensure_future(told_to_end.wait())
        await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        self._notifier.stopping()
        if ended.done():
            self._driver.abandon()
            return EXIT_FAILED
        await self._driver.leave()
        why = await ended
        if why:
            log.error("%s", why)
        return EXIT_FAILED if why else EXIT_LEFT

    def _reload_settings(self) -> None:
        self._notifier.reloading()
        try:
            settings = self._reload()
            self._driver.reload(settings)
        except (ConfigurationError, StartError) as error:
            log.error("nothing was reloaded: %s", error)
        else:
            self._logs.reconfigure(settings.logging)
            for name in keys_that_need_a_restart(self._settings, settings):
                log.warning("%s was changed: it takes effect after a restart", name)
            log.info("keys, node list, group and logging were read again")
        self._notifier.ready(f"node {self._driver.node_id}")


def _take_priority(nice: int) -> None:
    """Has the kernel prefer this thread to others, or not, as far as it may be asked to."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        log.info("the priority stays at nice %d: %d takes a privilege", os.getpriority(os.PRIO_PROCESS, 0), nice)


def _spare_the_ring() -> None:
    """Keeps the collector of cyclic garbage, and the giving back of memory to the kernel, from holding the ring up.

    What lives as long as the process is taken from the sight of the collector. Memory that batches and packets leave
    is kept for the next ones.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    keep_freed_memory(LONGEST_BLOCK)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if os.environ.get(LOOP_VARIABLE) != "uvloop":
        return None
    try:
        import uvloop
    except ImportError:
        log.warning("%s asks for uvloop, which is not installed: running on asyncio", LOOP_VARIABLE)
        return None
    return uvloop.new_event_loop
