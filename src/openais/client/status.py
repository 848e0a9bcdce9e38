"""The library of the status service: the executive as people and tools see it. Read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from openais.client.blocking import Connection
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
from openais.client.library import Library
from openais.client.operation import Operation, ask
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages.base import ServiceId
from openais.messages.status import (
    EVENTS_MAX,
    REASONS_MAX,
    Counters,
    CountersGet,
    DescribeGet,
    Descriptions,
    EventRecord,
    Events,
    EventsGet,
    Reason,
    Reasons,
    Status,
    StatusGet,
    WhyGet,
)
from openais.types import Version

__all__ = ["EventRecord", "Reason", "Status", "StatusClient"]

VERSION_B: Final = Version("B", 1, 1)

_settings: Final = SessionSettings[None](ServiceId.STATUS, VersionDatabase((VERSION_B,)), lambda message: ())
_handles: Final = HandleDatabase[Connection[None]](Connection.close, Connection.abandon)


class StatusClient(Library[None]):
    """A handle of the status service of one executive. `timeout` is the seconds that a call may take."""

    def __init__(self, socket: str | Path | None = None, *, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """`socket` is the executive's, found by itself unless given. Raises LibraryError when there is none."""
        super().__init__(_settings, _handles, socket, VERSION_B, timeout)

    def status(self, *, timeout: float | None = None) -> Status:
        """How the executive is now."""
        return self._run(_status(), timeout)

    def counters(self, *, timeout: float | None = None) -> dict[str, int]:
        """All counters of the ring and the executive, by name."""
        return self._run(_counters(), timeout)

    def events(self, limit: int = 200, *, timeout: float | None = None) -> tuple[EventRecord, ...]:
        """The last `limit` events of the flight recorder, oldest first."""
        return self._run(_events(limit), timeout)

    def why(self, limit: int = 10, *, timeout: float | None = None) -> tuple[Reason, ...]:
        """Why the last `limit` configurations were installed, oldest first."""
        return self._run(_why(limit), timeout)

    def describe(self, part: str = "", *, timeout: float | None = None) -> dict[str, dict[str, Any]]:
        """The state of one part of the executive, or of all, by the name of the part. Raises NotExist."""
        return self._run(_describe(part), timeout)


def _status() -> Operation[Status]:
    return (yield from ask(StatusGet(), Status))


def _counters() -> Operation[dict[str, int]]:
    return (yield from ask(CountersGet(), Counters)).counters


def _events(limit: int) -> Operation[tuple[EventRecord, ...]]:
    return (yield from ask(EventsGet(min(max(limit, 1), EVENTS_MAX)), Events)).events


def _why(limit: int) -> Operation[tuple[Reason, ...]]:
    return (yield from ask(WhyGet(min(max(limit, 1), REASONS_MAX)), Reasons)).reasons


def _describe(part: str) -> Operation[dict[str, dict[str, Any]]]:
    return (yield from ask(DescribeGet(part), Descriptions)).parts
