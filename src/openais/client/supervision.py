"""The supervisor's side of AMF: a library of the runtime, over which a node is told what to start and to end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from socket import socket as Socket
from typing import Final, TypeAlias

from openais.client.aio import AsyncConnection
from openais.client.async_library import AsyncLibrary, Opening
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
from openais.client.operation import Operation, ask
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages.amf import Attach, Attached, Failfast, Keep, Report, Reported, Supervise
from openais.messages.amf_monitoring import AnswerTaken, DeathTaken, Died, Monitor, Monitored, Unmonitor
from openais.messages.base import Message, ServiceId
from openais.types import TIME_END, Version

VERSION: Final = Version("B", 4, 1)
SupervisionEvent: TypeAlias = Supervise | Keep | Monitor | Unmonitor | Failfast


def _to_events(message: Message) -> Iterable[SupervisionEvent]:
    return (message,) if isinstance(message, SupervisionEvent) else ()


_SETTINGS: Final = SessionSettings[SupervisionEvent](ServiceId.AMF, VersionDatabase((VERSION,)), _to_events)
_handles: Final = HandleDatabase[AsyncConnection[SupervisionEvent]](AsyncConnection.close)


class Supervision(AsyncLibrary[SupervisionEvent]):
    """A handle of AMF for the supervisor of a node."""

    @classmethod
    def open(cls, sock: Socket) -> Opening[Supervision]:
        """A session over a connection within the process of the executive."""
        return Opening(lambda: cls(_SETTINGS, _handles, "", VERSION, DEFAULT_TIMEOUT_S)._start(sock))

    async def attach(self, process_id: int) -> None:
        """Says that it is there, once the node has its state."""
        await self._run(_attach(process_id), TIME_END / 1e9)

    async def report(self, report: Report) -> None:
        """Tells what became of an order, or that a component ended."""
        await self._run(_report(report), TIME_END / 1e9)

    async def answer(self, answer: Monitored) -> None:
        """Tells what became of an order to monitor."""
        await self._run(_answer(answer), TIME_END / 1e9)

    async def died(self, death: Died) -> None:
        """Tells that a component failed by the end of a process."""
        await self._run(_died(death), TIME_END / 1e9)

    def __aiter__(self) -> AsyncIterator[SupervisionEvent]:
        return self._events()

    def _run_callback(self, event: SupervisionEvent) -> None:
        raise NotImplementedError


def _attach(process_id: int) -> Operation[None]:
    yield from ask(Attach(process_id), Attached, retry=True)


def _report(report: Report) -> Operation[None]:
    yield from ask(report, Reported, retry=True)


def _answer(answer: Monitored) -> Operation[None]:
    yield from ask(answer, AnswerTaken, retry=True)


def _died(death: Died) -> Operation[None]:
    yield from ask(death, DeathTaken, retry=True)
