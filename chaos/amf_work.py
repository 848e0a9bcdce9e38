"""What a component of the workload of AMF does: it holds a lock for each assignment that it is active for.

The kernel gives a lock to one process at a time, and takes it back when the process ends, however it ends. So whoever
becomes active while another one still is finds it out at once, and writes that down. The journal of a life:

    started PID
    active CSI         and has the lock; `shares CSI` where the model has several active
    conflict CSI       becomes active while another process has the lock
    passive CSI STATE  stands by, has quiesced, or gave it up
    beat               is alive
    ends               was told to end
"""

from __future__ import annotations

import fcntl
import os
from typing import Final

from chaos.journal import Journal

FOLDER: Final = "CHAOS_FOLDER"
SHARED: Final = "CHAOS_SHARED"
CSI: Final = "CHAOS_CSI"
COMPONENT: Final = "SA_AMF_COMPONENT_NAME"
"""The environment of a component."""
HEALTHCHECK: Final = "alive"
"""The key of that of SA-aware components."""
LOCKS: Final = "locks"
"""The folder of the locks, in that of the run."""


class Work:
    """That of this process."""

    def __init__(self) -> None:
        self._folder = os.environ[FOLDER]
        self._shared = SHARED in os.environ
        self._locks: dict[str, int] = {}
        self.journal = Journal(f"{self._folder}/{os.environ[COMPONENT]}.{os.getpid()}.journal")
        self.journal.note("started", os.getpid())

    def take(self, csi: str) -> None:
        """Is active for an assignment from now on."""
        if self._shared:
            self.journal.note("shares", csi)
        elif csi not in self._locks:
            self._locks[csi] = lock = os.open(f"{self._folder}/{LOCKS}/{csi.replace('/', ',')}", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.journal.note("active", csi)
            except BlockingIOError:
                self.journal.note("conflict", csi)

    def leave(self, csi: str, state: str) -> None:
        """Is active for it no more, if it was."""
        self.journal.note("passive", csi, state)
        if csi in self._locks:
            os.close(self._locks.pop(csi))

    def beat(self) -> None:
        """Is alive."""
        self.journal.note("beat")
