"""Processes of components: started in a group of their own, watched, heard, and ended with all of their group."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

READ_BYTES: Final = 64 * 1024
LINES_KEPT: Final = 50
"""Lines of output that are kept of each component."""
LINES_LOGGED_MAX: Final = 200
"""Lines of output of a process that are logged; the rest is only read, so that it does not wait."""
LINE_MAX: Final = 400

log = logging.getLogger(__name__)


class Process:
    """One process with its group. `ended` is called once, with how it ended."""

    def __init__(
        self,
        name: str,
        command: str,
        environment: Mapping[str, str],
        directory: str,
        ended: Callable[[Process], None] = lambda _: None,
    ) -> None:
        """Starts it. Raises OSError, ValueError when the command cannot be run."""
        self.name = name
        self._ended = ended
        self._popen = subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            cwd=directory or None,
            start_new_session=True,
        )
        self.lines: Final[deque[str]] = deque(maxlen=LINES_KEPT)
        self._logged = 0
        self._rest = b""
        self.over: Final[asyncio.Future[int]] = asyncio.get_running_loop().create_future()
        """Its exit code, once it has ended; negative: the signal that ended it."""
        assert self._popen.stdout is not None
        self._output = self._popen.stdout.fileno()
        os.set_blocking(self._output, False)
        self._pidfd = os.pidfd_open(self._popen.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output, self._read)
        loop.add_reader(self._pidfd, self._exited)

    @property
    def process_id(self) -> int:
        return self._popen.pid

    @property
    def how(self) -> str:
        """How it ended, in words."""
        code = self.over.result()
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        last = f": {self.lines[-1]}" if self.lines and code else ""
        return f"it ended with exit code {code}{last}"

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to all of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)

    def _exited(self) -> None:
        """It ended; what is left of its group is ended too."""
        loop = asyncio.get_running_loop()
        code = self._popen.wait()
        loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._read()
        self.signal(signal.SIGKILL)
        loop.remove_reader(self._output)
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        self.over.set_result(code)
        self._ended(self)

    def _read(self) -> None:
        try:
            data = os.read(self._output, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._output)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_MAX:]
        for line in lines[-LINES_KEPT:]:
            text = line[:LINE_MAX].decode(errors="backslashreplace")
            self.lines.append(text)
            self._logged += 1
            if self._logged <= LINES_LOGGED_MAX:
                log.info("%s says: %s", self.name, text)


class Guardian:
    """The process that ends what runs here when this process is gone. Started when it is first needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def runs(self, name: str, group: int, cleanup: str, environment: Mapping[str, str]) -> None:
        """A component runs in this process group."""
        self._say([name, group, shlex.split(cleanup), {**os.environ, **environment} if cleanup else {}])

    def gone(self, name: str) -> None:
        """It does not any more."""
        if self._process is not None:
            self._say([name, 0])

    def end(self) -> None:
        """Has it end what is left, and waits for that."""
        if self._process is not None:
            process, self._process = self._process, None
            with suppress(OSError):
                process.communicate(timeout=30.0)

    def _say(self, what: list[object]) -> None:
        if self._process is None:
            script = Path(__file__).with_name("guardian.py")
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            log.error("the guardian of the components was ended: if this executive dies now, they go on running")
            self._process = None
