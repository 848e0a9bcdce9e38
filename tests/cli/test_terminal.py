"""Commands in a terminal: colour, live views, a chat with the line being typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openais.cli.exits import ExitCode
from tests.cli.conftest import WAIT_S, openais

BOLD = b"\x1b[1m"
END_OF_INPUT = b"\x04"
INTERRUPT = b"\x03"


class Terminal:
    """A command with a terminal of its own for input and output."""

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self._ours = ours
        self.process = process
        self.written = b""

    def read_until(self, text: bytes) -> None:
        """Reads until `text` was written after what was read before."""
        start, deadline = len(self.written), time.monotonic() + WAIT_S
        while text not in self.written[start:]:
            assert self._read(deadline), f"ended, or took too long, after {self.written[-500:]!r}"

    def read_all(self) -> bytes:
        """Everything that was written, up to the end."""
        deadline = time.monotonic() + WAIT_S
        while self._read(deadline):
            pass
        return self.written

    def type(self, keys: bytes) -> None:
        """Presses keys."""
        os.write(self._ours, keys)

    def _read(self, deadline: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            # The way in which Linux tells that nobody has the other end open any more.
            return False
        self.written += data
        return bool(data)


@contextmanager
def terminal(*arguments: str | Path, **environment: str) -> Iterator[Terminal]:
    """Runs a command in a terminal, and leaves nothing of it behind."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "openais", *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm-256color", **environment},
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(1), os.O_RDWR)),
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait(WAIT_S)
        os.close(ours)


def test_colour_is_for_terminals_and_can_be_turned_off(tmp_path: Path) -> None:
    (tmp_path / "conf").touch()
    words = ("check", "--text-only", tmp_path / "conf")
    for colored, arguments, environment in (
        (True, words, {}),
        (False, (*words, "--no-color"), {}),
        (False, ("--no-color", *words), {}),
        (False, words, {"NO_COLOR": "1"}),
    ):
        with terminal(*arguments, **environment) as screen:
            assert (BOLD in screen.read_all()) is colored
    assert BOLD.decode() not in openais(*words).stdout


@pytest.mark.e2e
def test_top_draws_until_it_is_interrupted(socket: Path) -> None:
    with terminal("top", "--interval", "0.1", "--socket", socket) as screen:
        screen.read_until(b"solo (7)")
        screen.read_until(b"last change")
        screen.read_until(b"solo (7)")
        screen.type(INTERRUPT)
        screen.read_all()
        assert screen.process.wait(WAIT_S) == ExitCode.INTERRUPTED
        assert b"Traceback" not in screen.written


@pytest.mark.e2e
def test_the_line_being_typed_stays_below_what_comes(socket: Path) -> None:
    with terminal("evs", "chat", "talk", "--name", "ann", "--socket", socket) as screen:
        screen.read_until(b"> ")
        screen.type(b"hello\r")
        screen.read_until(b"ann: hello")
        screen.type(b"half a l")
        screen.read_until(b"half a l")
        assert openais("evs", "send", "talk", "from elsewhere", "--socket", socket).exit_code == ExitCode.OK
        screen.read_until(b"from elsewhere\r\n> half a l")
        screen.type(b"ine\r")
        screen.read_until(b"ann: half a line")
        screen.type(END_OF_INPUT)
        screen.read_all()
        assert screen.process.wait(WAIT_S) == ExitCode.OK


@pytest.mark.e2e
def test_a_table_is_drawn_in_a_terminal(socket: Path) -> None:
    with terminal("members", "--socket", socket) as screen:
        assert "─────".encode() in screen.read_all()
