"""The executive's side of its guardian: asks for processes, and is told what becomes of them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from socket import AF_UNIX, SOCK_SEQPACKET, send_fds, socketpair
from socket import socket as Socket
from typing import Any, Final, TypeAlias

from openais.runtime.processes import Process

PACKET_BYTES: Final = 256 * 1024
READS_MAX: Final = 64
"""Packets that are read before others get their turn."""
END_S: Final = 30.0
"""How long the guardian may take to end what is left."""
JOB_BITS: Final = 20

Death: TypeAlias = Callable[[int, int | None, int, int], None]
"""A watched process died: its id, its exit code (negative: the signal; None: nobody knows), how far it descends from
the one that was named, and how many are still watched."""

log = logging.getLogger(__name__)


class Guard:
    """The guardian of one executive. It is started when it is first needed, and anew when somebody ends it.

    A job is a name; all that is run for it, and all that this forks, is ended together.
    """

    def __init__(self) -> None:
        self._base: Final = secrets.randbits(40) << JOB_BITS
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Socket | None = None
        self._unsent: Final[deque[tuple[bytes, int]]] = deque()
        self._ended = False
        self._numbers = 0
        self._jobs: Final[dict[str, int]] = {}
        self._processes: Final[dict[int, Process]] = {}
        self._swept: Final[dict[int, asyncio.Future[list[int]]]] = {}
        self._kept: Final[dict[int, list[object]]] = {}
        self._watched: Final[dict[int, tuple[asyncio.Future[bool], Death]]] = {}

    async def run(self, job: str, command: str, environment: Mapping[str, str], directory: str) -> Process:
        """A process that runs `command`. Raises OSError, ValueError when it cannot be run."""
        argv = shlex.split(command)
        if not argv or self._ended:
            raise ValueError("there is no command in it" if not argv else "the node ends")
        output, other_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(output, False)
        self._numbers += 1
        process = self._processes[self._numbers] = Process(job, self._numbers, output)
        self._say(["spawn", process.number, self._job(job), argv, dict(environment), directory], other_end)
        try:
            await asyncio.shield(process.started)
        except asyncio.CancelledError:
            process.started.add_done_callback(lambda done: done.exception())
            raise
        return process

    def signal(self, process: Process, number: Signals) -> None:
        """Sends a signal to a process and its group, if it has not ended."""
        self._say(["signal", process.number, number])

    async def sweep(self, job: str) -> Sequence[int]:
        """Kills all that belongs to a job; gives the ids of processes that could not be ended."""
        if job not in self._jobs or self._ended:
            return ()
        number = self._jobs[job]
        waiting = self._swept.get(number)
        if waiting is None:
            waiting = self._swept[number] = asyncio.get_running_loop().create_future()
        self._say(["sweep", number])
        return await asyncio.shield(waiting)

    def keep(self, job: str, cleanup: str, environment: Mapping[str, str]) -> None:
        """What is to be run for a job when the executive is gone."""
        if cleanup:
            number = self._job(job)
            self._kept[number] = ["keep", number, shlex.split(cleanup), dict(environment)]
            self._say(self._kept[number])

    def forget(self, job: str) -> None:
        """Nothing is to be run for it any more."""
        number = self._jobs.get(job)
        if number is not None and self._kept.pop(number, []):
            self._say(["forget", number])

    async def watch(self, process_id: int, depth: int, death: Death) -> int:
        """Has `death` called when a process, or a descendant within `depth`, dies; a number, or 0: there is none."""
        self._numbers += 1
        number = self._numbers
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._watched[number] = (answer, death)
        self._say(["watch", number, process_id, depth])
        return number if await answer else 0

    def unwatch(self, number: int) -> None:
        """Ends a watch."""
        if self._watched.pop(number, None):
            self._say(["unwatch", number])

    def end(self) -> None:
        """Has it end what is left, and waits for that."""
        self._ended = True
        process, self._process = self._process, None
        if process is None:
            return
        self._disconnect()
        for each in self._processes.values():
            each.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_S)

    def _job(self, name: str) -> int:
        if name not in self._jobs:
            self._jobs[name] = len(self._jobs) % (1 << JOB_BITS)
        return self._jobs[name]

    # The connection

    def _start(self) -> None:
        self._channel, other_end = socketpair(AF_UNIX, SOCK_SEQPACKET)
        self._channel.setblocking(False)
        script = str(Path(__file__).with_name("guardian.py"))
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", script, str(other_end.fileno()), str(self._base)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(other_end.fileno(),),
                start_new_session=True,
            )
        asyncio.get_running_loop().add_reader(self._channel, self._hear)
        for kept in self._kept.values():
            self._say(kept)

    def _disconnect(self) -> None:
        if self._channel is not None:
            with suppress(RuntimeError):  # the loop is closed already
                asyncio.get_running_loop().remove_reader(self._channel)
                asyncio.get_running_loop().remove_writer(self._channel)
            self._channel.close()
            self._channel = None
        for _, descriptor in self._unsent:
            if descriptor >= 0:
                os.close(descriptor)
        self._unsent.clear()

    def _say(self, what: list[object], descriptor: int = -1) -> None:
        if self._ended:
            return
        if self._process is None:
            self._start()
        self._unsent.append((json.dumps(what).encode(), descriptor))
        if len(self._unsent) == 1:
            self._send()

    def _send(self) -> None:
        assert self._channel is not None
        loop = asyncio.get_running_loop()
        while self._unsent:
            packet, descriptor = self._unsent[0]
            try:
                if descriptor >= 0:
                    send_fds(self._channel, [packet], [descriptor])
                else:
                    self._channel.send(packet)
            except BlockingIOError:
                loop.add_writer(self._channel, self._send)
                return
            except (BrokenPipeError, ConnectionResetError):
                return  # `_hear` is told, too
            self._unsent.popleft()
            if descriptor >= 0:
                os.close(descriptor)
        loop.remove_writer(self._channel)

    def _hear(self) -> None:
        for _ in range(READS_MAX):
            if self._channel is None:
                return
            try:
                packet = self._channel.recv(PACKET_BYTES)
            except BlockingIOError:
                return
            except ConnectionResetError:
                packet = b""
            if not packet:
                self._was_ended()
                return
            what, number, *rest = json.loads(packet)
            self._take(what, number, rest)

    def _take(self, what: str, number: int, rest: list[Any]) -> None:
        if what == "swept":
            waiting = self._swept.pop(number, None)
            if waiting is not None:
                waiting.set_result(rest[0])
        elif what in ("watched", "died"):
            answer, death = self._watched.get(number, (None, None))
            if answer is not None and what == "watched":
                answer.set_result(rest[0])
                if not rest[0]:
                    del self._watched[number]
            elif death is not None:
                if not rest[-1]:
                    del self._watched[number]
                death(*rest)
        elif what == "started":
            self._processes[number].has_started(rest[0])
        elif what == "refused":
            self._processes.pop(number).was_refused(rest[0])
        else:
            self._processes.pop(number).has_ended(rest[0])

    def _was_ended(self) -> None:
        """Somebody ended the guardian. What it ran dies with it, or is ended by the next one."""
        log.error("the guardian of the components was ended: all that it ran is ended and started again")
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        self._disconnect()
        processes, watched = list(self._processes.values()), list(self._watched.values())
        self._processes.clear()
        self._watched.clear()
        for number in self._swept:
            self._say(["sweep", number])
        for process in processes:
            process.has_ended(-SIGKILL)
        for answer, _ in watched:
            if not answer.done():
                answer.set_result(False)
