"""The unix socket: one executive at a path, and only those are let in who may."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from openais.messages.base import Kind
from openais.messages.frame import FrameReader, pack
from openais.runtime.admission import Admission
from openais.runtime.library_socket import REFUSALS_MAX, LibrarySocket, LibrarySocketError
from openais.types import ErrorCode
from tests.runtime.library_host import RecordingHost
from tests.support.waiting import eventually

NOBODY = 65_534
GROUP = "daemon"

BECOME = """
import json, os, socket, sys
from openais.messages.frame import pack
from openais.messages.base import Kind
user, groups = json.loads(sys.argv[2])
os.setgroups(groups)
os.setgid(user)
os.setuid(user)
"""

STRANGER = """
library = socket.socket(socket.AF_UNIX)
library.connect(sys.argv[1])
library.sendall(pack(0, Kind.REQUEST, 77, b"whatever"))
while data := library.recv(4096):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path in a directory that every user may enter."""
    directory = Path(tempfile.mkdtemp(prefix="openais-test-"))
    directory.chmod(0o755)
    yield directory / "below" / "socket"
    shutil.rmtree(directory)


async def run_as(user: int, groups: list[int], program: str, path: Path) -> asyncio.subprocess.Process:
    """A process of another user that runs `program` with the path of the socket."""
    who = json.dumps([user, groups])
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", BECOME + program, str(path), who, stdout=subprocess.PIPE
    )


async def connect_as(path: Path, user: int, groups: list[int]) -> asyncio.subprocess.Process:
    """A process of another user that sends one request and prints what comes back."""
    return await run_as(user, groups, STRANGER, path)


def test_a_library_of_our_own_user_is_let_in(path: Path) -> None:
    async def scenario() -> None:
        host = RecordingHost(echo=True)
        listening = LibrarySocket(path, Admission(""), host.connections)
        listening.start()
        with socket.socket(socket.AF_UNIX) as library:
            library.setblocking(False)
            await asyncio.get_running_loop().sock_connect(library, str(path))
            await asyncio.get_running_loop().sock_sendall(library, b"hello")
            assert await asyncio.get_running_loop().sock_recv(library, 100) == b"hello"
        (credentials,) = host.opened.values()
        assert (credentials.process_id, credentials.user_id) == (os.getpid(), os.geteuid())
        await eventually(lambda: host.closed)
        listening.close()
        assert not path.exists()

    run(scenario)


@as_root
def test_a_stranger_is_told_why_he_may_not_connect(path: Path) -> None:
    async def scenario() -> None:
        host = RecordingHost()
        listening = LibrarySocket(path, Admission(GROUP), host.connections)
        listening.start()
        stranger = await connect_as(path, NOBODY, [])
        answer, _ = await stranger.communicate()
        reader = FrameReader()
        reader.feed(answer)
        (frame,) = reader.frames()
        assert (frame.kind, frame.call, frame.error) == (Kind.RESPONSE, 77, ErrorCode.ACCESS)
        assert f"user id {NOBODY}" in bytes(frame.body).decode()
        assert f"group {GROUP}" in bytes(frame.body).decode()
        assert not host.opened
        listening.close()

    run(scenario)


@as_root
def test_a_member_of_the_group_is_let_in(path: Path) -> None:
    async def scenario() -> None:
        host = RecordingHost()
        listening = LibrarySocket(path, Admission(GROUP), host.connections)
        listening.start()
        member = await connect_as(path, NOBODY, [grp.getgrnam(GROUP).gr_gid])
        await eventually(lambda: host.received.get(1) == pack(0, Kind.REQUEST, 77, b"whatever"))
        assert host.opened[1].user_id == NOBODY
        host.connections.close_all()
        await member.communicate()
        listening.close()

    run(scenario)


@as_root
def test_a_group_that_does_not_exist_lets_nobody_in(path: Path) -> None:
    async def scenario() -> None:
        host = RecordingHost()
        listening = LibrarySocket(path, Admission("no-such-group"), host.connections)
        listening.start()
        stranger = await connect_as(path, NOBODY, [])
        assert (await stranger.communicate())[0]
        assert not host.opened
        listening.close()

    run(scenario)


@as_root
def test_strangers_that_say_nothing_take_no_more_than_their_share(path: Path) -> None:
    """They connect and wait: beyond a number of them each further one is closed at once, and we still get in."""
    crowd = """
crowd = [socket.socket(socket.AF_UNIX) for _ in range(40)]
for each in crowd:
    each.connect(sys.argv[1])
for each in crowd:
    each.settimeout(60)
    each.recv(1)
"""

    async def scenario() -> None:
        host = RecordingHost()
        listening = LibrarySocket(path, Admission(""), host.connections)
        listening.start()
        before = len(os.listdir("/proc/self/fd"))
        strangers = await run_as(NOBODY, [], crowd, path)
        await eventually(lambda: len(os.listdir("/proc/self/fd")) >= before + REFUSALS_MAX)
        with socket.socket(socket.AF_UNIX) as library:
            library.setblocking(False)
            await asyncio.get_running_loop().sock_connect(library, str(path))
            await eventually(lambda: host.opened)
        listening.close()
        assert await strangers.wait() == 0
        host.connections.close_all()

    run(scenario)


def test_a_socket_file_that_a_dead_executive_left_is_taken_away(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()

    async def scenario() -> None:
        listening = LibrarySocket(path, Admission(""), RecordingHost().connections)
        listening.start()
        listening.close()

    run(scenario)
    assert not path.exists()


def test_a_path_on_which_another_executive_lives_is_refused(path: Path) -> None:
    async def scenario() -> None:
        host = RecordingHost()
        listening = LibrarySocket(path, Admission(""), host.connections)
        with pytest.raises(LibrarySocketError, match="another executive"):
            LibrarySocket(path, Admission(""), host.connections)
        assert path.exists()
        listening.close()

    run(scenario)


def test_a_path_on_which_something_else_listens_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(LibrarySocketError, match="in use"):
            LibrarySocket(path, Admission(""), RecordingHost().connections)


def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(LibrarySocketError, match="no socket"):
        LibrarySocket(path, Admission(""), RecordingHost().connections)
    assert path.read_text() == "precious"


def test_a_path_too_long_for_a_socket_is_refused(path: Path) -> None:
    with pytest.raises(LibrarySocketError, match="at most"):
        LibrarySocket(path.with_name("x" * 108), Admission(""), RecordingHost().connections)
