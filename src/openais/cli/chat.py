"""The chat of `openais evs chat`.

A thread reads what the user types; the event loop sends it and prints what the group is given. In a terminal the line
being typed stays below what is printed. At the end of the input the chat leaves the group, and prints what was
delivered up to there, its own messages included.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from openais.cli.evs import Changes
from openais.cli.output import in_terminal, print_line
from openais.cli.words import Names
from openais.evs import AsyncEvs, EvsEvent, EvsOptions, Guarantee, MessageDelivered, Priority
from openais.types import TimeoutExpired

PROMPT: Final = "> "
READ_BYTES: Final = 65536
_CLEAR_LINE: Final = "\r\x1b[K"
_STANDARD_INPUT: Final = 0

Told = Callable[[bytes | None], None]
"""Takes a line of the input; None at its end."""


class Chat:
    """A chat in `group`, under `name`."""

    def __init__(self, group: str, name: str | None, guarantee: Guarantee, priority: Priority) -> None:
        self._group = group
        self._name = name or user_name()
        self._guarantee = guarantee
        self._priority = priority
        self._prompted = False
        self._interactive = in_terminal() and os.isatty(_STANDARD_INPUT)

    def run(self, socket: Path | None, timeout: float) -> None:
        """Chats until the end of the input. Raises AisError, LibraryError when the executive goes away meanwhile."""
        self._changes = Changes(Names(socket, timeout))
        with kept_terminal():
            asyncio.run(self._chat(socket, timeout))

    async def _chat(self, socket: Path | None, timeout: float) -> None:
        async with AsyncEvs.open(socket, options=EvsOptions(group_changes=True), timeout=timeout) as handle:
            await handle.join(self._group, retry=True)
            printing = asyncio.create_task(self._print_events(handle))
            sending = asyncio.create_task(self._send_lines(handle))
            try:
                await asyncio.wait((printing, sending), return_when=asyncio.FIRST_COMPLETED)
                if printing.done():
                    await printing
                await sending
            finally:
                printing.cancel()
                sending.cancel()
                await asyncio.gather(printing, sending, return_exceptions=True)
            await handle.leave(self._group, retry=True)
            await self._print_the_rest(handle)

    async def _send_lines(self, handle: AsyncEvs) -> None:
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def told(line: bytes | None) -> None:
            # The loop is gone when the chat ended while the user was typing.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(lines.put_nowait, line)

        reader = self._read_typed_lines if self._interactive else read_lines
        threading.Thread(target=reader, args=(told,), daemon=True).start()
        while (line := await lines.get()) is not None:
            if line:
                payload = f"{self._name}: ".encode() + line
                await handle.multicast_joined(payload, guarantee=self._guarantee, priority=self._priority, retry=True)

    async def _print_events(self, handle: AsyncEvs) -> None:
        while True:
            self._print(handle, await handle.receive())

    async def _print_the_rest(self, handle: AsyncEvs) -> None:
        """What was delivered before the group was left is there by now."""
        with suppress(TimeoutExpired):
            while True:
                self._print(handle, await handle.receive(0))

    def _print(self, handle: AsyncEvs, event: EvsEvent) -> None:
        if self._interactive:
            sys.stdout.write(_CLEAR_LINE)
        if isinstance(event, MessageDelivered):
            text = event.payload.decode(errors="backslashreplace")
            print_line(text, dim=handle.is_own(event.sender))
        else:
            print_line(self._changes.text(event), fg="yellow")
        if self._prompted:
            sys.stdout.write(PROMPT + typed_so_far())
            sys.stdout.flush()

    def _read_typed_lines(self, told: Told) -> None:
        """Reads lines from the terminal, with the editing that readline offers."""
        self._prompted = True
        with suppress(EOFError):
            while True:
                told(input(PROMPT).encode())
        told(None)


def user_name() -> str:
    """The name of the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def read_lines(told: Told) -> None:
    """Reads lines from standard input, below Python's file objects: the thread may be left waiting at the end."""
    rest = b""
    while data := os.read(_STANDARD_INPUT, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            told(line.removesuffix(b"\r"))
    if rest:
        told(rest)
    told(None)


def typed_so_far() -> str:
    """The line that the user is typing."""
    readline = sys.modules.get("readline")
    return readline.get_line_buffer() if readline is not None else ""


@contextmanager
def kept_terminal() -> Iterator[None]:
    """Leaves the terminal as it was, also when readline was interrupted in the middle of a line."""
    if not os.isatty(_STANDARD_INPUT):
        yield
        return
    with suppress(ImportError):
        import readline  # noqa: F401 - gives input() its editing
    import termios

    before = termios.tcgetattr(_STANDARD_INPUT)
    try:
        yield
    finally:
        termios.tcsetattr(_STANDARD_INPUT, termios.TCSADRAIN, before)
