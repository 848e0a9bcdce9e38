"""Processes of components, as the executive sees them: what they say, and how they end. The guardian runs them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import deque
from contextlib import suppress
from typing import Final

READ_BYTES: Final = 64 * 1024
LINES_KEPT: Final = 50
"""Lines of output that are kept of each component."""
LINES_LOGGED_MAX: Final = 200
"""Lines of output of a process that are logged; the rest is only read, so that it does not wait."""
LINE_MAX: Final = 400
FLOOD_PAUSE_S: Final = 0.002
"""How long output is left unread after each piece, of a process that has said more than is logged."""

log = logging.getLogger(__name__)


class Process:
    """One process that was asked for. Its output is read to the end, which may come after its own."""

    def __init__(self, name: str, number: int, output: int) -> None:
        """`output` is the descriptor to read from, which does not block; it is closed here."""
        self.name: Final = name
        self.number: Final = number
        self.lines: Final[deque[str]] = deque(maxlen=LINES_KEPT)
        self.started: Final[asyncio.Future[int]] = asyncio.get_running_loop().create_future()
        """Its process id; raises OSError when it cannot be run."""
        self.over: Final[asyncio.Future[int]] = asyncio.get_running_loop().create_future()
        """Its exit code, once it has ended; negative: the signal that ended it."""
        self._logged = 0
        self._rest = b""
        self._output = output
        self._listen()

    @property
    def process_id(self) -> int:
        return self.started.result()

    @property
    def how(self) -> str:
        """How it ended, in words."""
        code = self.over.result()
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        last = f": {self.lines[-1]}" if self.lines and code else ""
        return f"it ended with exit code {code}{last}"

    def has_started(self, process_id: int) -> None:
        """It runs."""
        self.started.set_result(process_id)

    def was_refused(self, why: str) -> None:
        """It cannot be run."""
        self.started.set_exception(OSError(why))
        self.close()

    def has_ended(self, code: int) -> None:
        """It ended. What it said before is read first, so that its last words can be told."""
        if self._output >= 0:
            self._read()
        if not self.started.done():
            self.was_refused("its guardian was ended")
        elif not self.over.done():
            self.over.set_result(code)

    def close(self) -> None:
        """Hears it no more."""
        if self._output >= 0:
            with suppress(RuntimeError):  # the loop is closed already
                asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _listen(self) -> None:
        if self._output >= 0:
            asyncio.get_running_loop().add_reader(self._output, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._output, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        if self._logged > LINES_LOGGED_MAX:
            data = data[-LINE_MAX * LINES_KEPT :]
            asyncio.get_running_loop().remove_reader(self._output)
            asyncio.get_running_loop().call_later(FLOOD_PAUSE_S, self._listen)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_MAX:]
        for line in lines[-LINES_KEPT:]:
            text = line[:LINE_MAX].decode(errors="backslashreplace")
            self.lines.append(text)
            self._logged += 1
            if self._logged <= LINES_LOGGED_MAX:
                log.info("%s says: %s", self.name, text)
