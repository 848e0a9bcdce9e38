"""What is measured of a daemon, whatever it is: its processor time and memory, and the client that loads it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.measure import Load

LEAVE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run; the environment of this one unless given."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] | None = None


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Sends a signal to a process of ours that has not ended, as far as is known.

    Its own `send_signal` looks first whether it has ended; the loop, which waits for that, then never hears how.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


class Measured(ABC):
    """The daemon of one node."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def client(self, load: Load, group: str) -> Command:
        """The load client of this node; the lines that it speaks are told in `client.py`."""

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process is not None
        send(self.process, number)

    async def kill(self) -> None:
        """Ends it as a power failure would."""
        assert self.process is not None
        send(self.process, signal.SIGKILL)
        await self.process.wait()

    async def end(self) -> None:
        """Has it leave in order, by force if that takes too long."""
        if self.process is None or self.process.returncode is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def cpu_s(self) -> float:
        """Processor time used so far, all threads."""
        assert self.process is not None
        total_ns = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total_ns += int((task / "schedstat").read_text().split()[0])
        return total_ns / 1e9

    def memory_mib(self) -> float:
        """Resident memory."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def peak_memory_mib(self) -> float:
        """The most memory that it has had."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
