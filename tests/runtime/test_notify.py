"""systemd's notification protocol, with a service manager's socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.runtime.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(20)
        yield receiver


def test_readiness_and_the_end_are_told(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("node 1")
    notifier.reloading()
    notifier.status("3 members")
    notifier.stopping()
    assert manager.recv(100) == b"READY=1\nSTATUS=node 1"
    assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert manager.recv(100) == b"STATUS=3 members"
    assert manager.recv(100) == b"STOPPING=1"


def test_an_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0openais-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@openais-test-{os.getpid()}"}).stopping()
        assert receiver.recv(100) == b"STOPPING=1"


def test_the_watchdog_is_fed_while_the_loop_runs(manager: socket.socket) -> None:
    manager.setblocking(False)

    async def scenario() -> None:
        notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"})
        notifier.ready("")
        received: list[bytes] = []
        async with asyncio.timeout(20):
            while received.count(b"WATCHDOG=1") < 3:
                received.append(await asyncio.get_running_loop().sock_recv(manager, 100))
        notifier.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("variables", [{"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, {}])
def test_no_watchdog_is_fed_that_is_not_ours(manager: socket.socket, variables: dict[str, str]) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), **variables})
    notifier.ready("x")
    notifier.stopping()
    assert [manager.recv(100), manager.recv(100)] == [b"READY=1\nSTATUS=x", b"STOPPING=1"]


def test_without_a_service_manager_nothing_is_said() -> None:
    notifier = Notifier({})
    notifier.ready("x")
    notifier.stopping()
    notifier.close()


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).stopping()
