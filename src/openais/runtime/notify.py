"""systemd's notification protocol (sd_notify(3)): ready, reloading, stopping, and alive for the watchdog."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
WATCHDOG_PROCESS_VARIABLE: Final = "WATCHDOG_PID"

log = logging.getLogger(__name__)


class Notifier:
    """Tells the service manager, if there is one. Every method may be called without."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._path = environment.get(SOCKET_VARIABLE, "")
        self._watchdog_s = _watchdog_s(environment) if self._path else 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str) -> None:
        """The executive serves. From here on the loop proves that it runs, twice in each watchdog interval."""
        self._send(f"READY=1\nSTATUS={status}")
        if self._watchdog_s:
            self._watchdog()

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """The executive leaves the ring."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Ends the proof of life."""
        if self._timer is not None:
            self._timer.cancel()

    def _watchdog(self) -> None:
        self.close()
        self._send("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self._watchdog_s / 2, self._watchdog)

    def _send(self, message: str) -> None:
        if not self._path:
            return
        address = f"\0{self._path[1:]}" if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.setblocking(False)
                notify.sendto(message.encode(), address)
        except OSError as error:
            log.warning("the service manager cannot be told: %s", error)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """The interval that the service manager asks for; 0 for none, or when it is meant for another process."""
    if environment.get(WATCHDOG_PROCESS_VARIABLE, str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError):
        return int(environment.get(WATCHDOG_VARIABLE, "0")) / 1_000_000
    return 0.0
