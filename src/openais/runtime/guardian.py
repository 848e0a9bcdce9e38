"""The guardian: starts, watches and ends the processes of components for an executive. A process of its own.

It is the parent of all of them, and outlives the executive: when that is gone, however it went, the guardian kills all
that it ran and runs the cleanup commands, so that the node holds nothing that others take over.

A program may fork as often as it likes, and change its session, its group and its environment: it is found by the
mark of its job. The mark is the soft limit of RLIMIT_LOCKS, which Linux has not looked at since 2.4.25, which all
descendants inherit, and which anybody may read in /proc. Marks begin at a number that no other executive has.

Packets of JSON come over a socket, a list each: what is to be done, and with what; see `Guardian`. The descriptor that
comes with `spawn` is where the program writes to. At the end of the stream the executive is dead.

It is run as a script, without the rest of the package, to be small.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

CLEANUP_S = 10.0
"""How long the cleanup commands may take when the executive is gone."""
SWEEP_S = 5.0
"""How long what was killed may take to be gone."""
FAMILY_S = 0.25
"""How often descendants of watched processes are looked for."""
LEFT_MAX = 20
"""How many processes are named that could not be ended."""
JOBS_MAX: Final = 1 << 20
NO_MARK: Final = -1
UNREADABLE: Final = -2
MARK_LIMIT: Final = 10
"""RLIMIT_LOCKS."""
PACKET_BYTES: Final = 256 * 1024
DESCRIPTOR_BYTES: Final = socket.CMSG_LEN(struct.calcsize("i"))
RECEIVE_FLAGS: Final = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
PIDFD_GET_INFO: Final = 0xC040FF0B
PIDFD_INFO_EXIT: Final = 1 << 3
EXIT_TRIES: Final = 50
PIDFD_INFO: Final = struct.Struct("=QQ11Ii")

_prctl = ctypes.CDLL(None, use_errno=True).prctl


class Watch:
    """A process that is monitored, with its descendants down to a depth, negative for all."""

    def __init__(self, number: int, depth: int) -> None:
        self.number = number
        self.depth = depth
        self.levels: dict[int, int] = {}
        """The processes that are followed, by id, with how far from the first."""


class Guardian:
    """What it is told: `spawn`, `signal`, `sweep`, `keep`, `forget`, `watch`, `unwatch`; each is a method.

    What it says: `[started, number, process id]` or `[refused, number, why]` of a spawn; `[ended, number, code]`;
    `[swept, job, [process ids that are left]]`; `[watched, number, whether there is such a process]`; and
    `[died, number, process id, code or null, level, how many are left]`; with none left it watches no more.
    """

    def __init__(self, channel: socket.socket, base: int) -> None:
        self.channel = channel
        self.base = base
        self.selector = selectors.DefaultSelector()
        self.children: dict[int, int] = {}
        """The number of each spawn that has not ended, by process id."""
        self.jobs: dict[int, int] = {}
        """The job of each spawn that has not ended, by its number."""
        self.sweeps: dict[int, float] = {}
        """Jobs that are being ended, with the time when it is given up."""
        self.cleanups: dict[int, tuple[list[str], dict[str, str]]] = {}
        self.watches: dict[int, Watch] = {}
        self.followed: dict[int, int] = {}
        """The pidfd of each process that is watched."""
        self.next_family = 0.0
        self.strangers: set[tuple[int, int]] = set()
        """Processes without a mark, which they never get: by id, and by the inode of their folder, theirs alone."""
        self.wakeup, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self.selector.register(channel, selectors.EVENT_READ)
        self.selector.register(self.wakeup, selectors.EVENT_READ)

    def run(self) -> None:
        """Does as it is told until the executive is gone, and then ends all that is left."""
        self.sweep_until_gone()  # what an earlier guardian of this executive left
        while self.serve(self.pause()):
            pass
        self.finish()

    def serve(self, pause: float | None) -> bool:
        """Waits for something to do, and does it. Whether the executive is still there."""
        ready = [key.fileobj for key, _ in self.selector.select(pause)]
        if self.wakeup in ready:
            with suppress(BlockingIOError):
                os.read(self.wakeup, 4096)
            self.reap()
        for pidfd in ready:
            if isinstance(pidfd, int) and pidfd != self.wakeup:
                self.see_death(pidfd)
        there = self.channel not in ready or self.listen()
        self.sweep_once()
        if self.next_family and time.monotonic() >= self.next_family:
            self.find_families()
        return there

    def pause(self) -> float | None:
        """How long nothing needs to be done by itself."""
        if self.sweeps:
            return 0.01
        return max(0.0, self.next_family - time.monotonic()) if self.next_family else None

    def listen(self) -> bool:
        """Reads all packets that are there. Whether the executive is still there."""
        while True:
            try:
                packet, ancillary, _, _ = self.channel.recvmsg(PACKET_BYTES, DESCRIPTOR_BYTES, RECEIVE_FLAGS)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not packet:
                return False
            what, *arguments = json.loads(packet)
            descriptors = [int.from_bytes(data, sys.byteorder) for _, _, data in ancillary]
            getattr(self, what)(*arguments, *descriptors)

    def say(self, *what: object) -> None:
        """Tells the executive; when that is gone nobody needs to know."""
        with suppress(OSError):
            self.channel.sendall(json.dumps(what).encode())

    # What it is told

    def spawn(
        self, number: int, job: int, argv: list[str], environment: dict[str, str], directory: str, output: int
    ) -> None:
        """Starts a program for a job, in a session of its own."""
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                cwd=directory or None,
                start_new_session=True,
                preexec_fn=lambda: self.mark(job),
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self.say("refused", number, str(error))
            return
        finally:
            os.close(output)
        child.returncode = 0  # it is reaped here, and not by the module
        self.children[child.pid] = number
        self.jobs[number] = job
        self.say("started", number, child.pid)

    def mark(self, job: int) -> None:
        """In the child: what makes it and its descendants known. It dies with the guardian."""
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with suppress(ValueError):  # somebody has set a lower hard limit
            resource.setrlimit(MARK_LIMIT, (self.base + job, resource.getrlimit(MARK_LIMIT)[1]))

    def signal(self, number: int, what: int) -> None:
        """Sends a signal to the group of a program that has not ended."""
        for process_id, each in self.children.items():
            if each == number:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process_id, what)

    def sweep(self, job: int) -> None:
        """Kills all of a job, and says when nothing is left of it."""
        for number, each in self.jobs.items():
            if each == job:
                self.signal(number, signal.SIGKILL)
        self.sweeps[job] = time.monotonic() + SWEEP_S

    def keep(self, job: int, cleanup: list[str], environment: dict[str, str]) -> None:
        """What is to be run for a job when the executive is gone."""
        self.cleanups[job] = (cleanup, environment)

    def forget(self, job: int) -> None:
        """Nothing is to be run for it any more."""
        self.cleanups.pop(job, None)

    def watch(self, number: int, process_id: int, depth: int) -> None:
        """Says when a process, or a descendant of it within `depth`, dies."""
        watch = self.watches[number] = Watch(number, depth)
        there = self.follow(watch, process_id, 0)
        if not there:
            del self.watches[number]
        elif depth:
            self.find_families()  # before the answer: from then on no descendant that is there may be missed
        self.say("watched", number, there)

    def unwatch(self, number: int) -> None:
        """Ends a watch."""
        watch = self.watches.pop(number, None)
        for process_id in watch.levels if watch is not None else ():
            self.leave(process_id)

    # Ends of processes

    def reap(self) -> None:
        """Takes leave of children that ended: programs, and orphans of theirs."""
        while True:
            try:
                process_id, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not process_id:
                return
            code = os.waitstatus_to_exitcode(status)
            if process_id in self.followed:
                self.died(process_id, code)
            number = self.children.pop(process_id, None)
            if number is not None:
                del self.jobs[number]
                self.say("ended", number, code)

    def see_death(self, pidfd: int) -> None:
        """A watched process that is not a child has ended."""
        for process_id, each in self.followed.items():
            if each == pidfd:
                self.died(process_id, exit_code(pidfd, process_id))
                return

    def died(self, process_id: int, code: int | None) -> None:
        """Tells of a watched process for each watch."""
        for watch in list(self.watches.values()):
            level = watch.levels.pop(process_id, None)
            if level is not None:
                self.say("died", watch.number, process_id, code, level, len(watch.levels))
                if not watch.levels:
                    del self.watches[watch.number]
        self.leave(process_id)

    # Watching

    def follow(self, watch: Watch, process_id: int, level: int) -> bool:
        """Watches one process more. Whether there is such a process."""
        if process_id not in self.followed:
            try:
                pidfd = os.pidfd_open(process_id)
            except (OSError, OverflowError):
                return False
            self.followed[process_id] = pidfd
            self.selector.register(pidfd, selectors.EVENT_READ)
        watch.levels[process_id] = level
        return True

    def leave(self, process_id: int) -> None:
        """A watch does without a process; nobody else may need it either."""
        if not any(process_id in watch.levels for watch in self.watches.values()):
            pidfd = self.followed.pop(process_id)
            self.selector.unregister(pidfd)
            os.close(pidfd)

    def find_families(self) -> None:
        """Follows new descendants of watched processes."""
        wanted = [watch for watch in self.watches.values() if watch.depth]
        self.next_family = time.monotonic() + FAMILY_S if wanted else 0.0
        children: dict[int, list[int]] = {}
        for process_id in process_ids() if wanted else ():
            children.setdefault(parent_of(process_id), []).append(process_id)
        for watch in wanted:
            waiting = list(watch.levels)
            for parent in waiting:
                level = watch.levels.get(parent, 0) + 1
                if 0 <= watch.depth < level:
                    continue
                new = (child for child in children.get(parent, ()) if child not in watch.levels)
                waiting.extend(child for child in new if self.follow(watch, child, level))

    # The end of jobs

    def sweep_once(self) -> None:
        """Kills what is left of the jobs that are being ended, and tells which are gone."""
        if not self.sweeps:
            return
        left: dict[int, list[int]] = {job: [] for job in self.sweeps}
        for process_id, job in self.marked():
            if job in left:
                left[job].append(process_id)
                kill(process_id, self.base + job)
        self.reap()
        for job, processes in left.items():
            if not processes or time.monotonic() > self.sweeps[job]:
                del self.sweeps[job]
                self.say("swept", job, processes[:LEFT_MAX])

    def marked(self) -> Iterator[tuple[int, int]]:
        """The processes that bear a mark of this executive, with their jobs."""
        known, self.strangers = self.strangers, set()
        with os.scandir("/proc") as entries:
            found = [(int(entry.name), entry.inode()) for entry in entries if entry.name.isdigit()]
        for each in found:
            mark = NO_MARK if each in known else mark_of(each[0])
            job = mark - self.base
            if not 0 <= job < JOBS_MAX:
                if mark != UNREADABLE:
                    self.strangers.add(each)
            elif status_fields(each[0])[:1] not in ([], [b"Z"], [b"X"]):
                yield each[0], job

    def sweep_until_gone(self) -> None:
        """Kills all that bears a mark of this executive, until there is nothing more or it takes too long."""
        end = time.monotonic() + SWEEP_S
        while time.monotonic() < end:
            left = list(self.marked())
            for process_id, job in left:
                kill(process_id, self.base + job)
            self.reap()
            if not left:
                return
            time.sleep(0.005)

    def finish(self) -> None:
        """Ends all that is left, and runs the cleanup commands, side by side."""
        self.selector.unregister(self.channel)
        for process_id in self.children:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process_id, signal.SIGKILL)
        self.sweep_until_gone()
        for number, (job, (argv, environment)) in enumerate(self.cleanups.items()):
            if argv:
                self.spawn(-1 - number, job, argv, environment, "/", os.open(os.devnull, os.O_WRONLY))
        end = time.monotonic() + CLEANUP_S
        while self.children and time.monotonic() < end:
            self.serve(max(0.0, end - time.monotonic()))
        self.sweep_until_gone()


def process_ids() -> list[int]:
    """The ids of all processes that are there."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def kill(process_id: int, mark: int) -> None:
    """Kills a process, if it is still the one that bears the mark."""
    with suppress(OSError):
        pidfd = os.pidfd_open(process_id)
        try:
            if mark_of(process_id) == mark:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


def mark_of(process_id: int) -> int:
    """The mark of a process, or NO_MARK, or UNREADABLE, for one when it is not there."""
    with suppress(OSError, IndexError):
        with open(f"/proc/{process_id}/limits", "rb", 0) as file:
            _, _, rest = file.read(4096).partition(b"Max file locks")
        limit = rest.split(None, 1)[0]
        return int(limit) if limit.isdigit() else NO_MARK
    return UNREADABLE


def status_fields(process_id: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the third on; nothing when it is not there."""
    with suppress(OSError), open(f"/proc/{process_id}/stat", "rb", 0) as file:
        return file.read(4096).rpartition(b")")[2].split()
    return []


def parent_of(process_id: int) -> int:
    """The parent of a process; -1 when it is not there."""
    fields = status_fields(process_id)
    return int(fields[1]) if len(fields) > 1 else -1


def exit_code(pidfd: int, process_id: int) -> int | None:
    """How a process ended that another waits for; None when that cannot be told, on kernels before 6.15.

    As long as it is a zombie /proc tells; once it was waited for its pidfd does, and for a moment in between nobody.
    """
    for _ in range(EXIT_TRIES):
        fields = status_fields(process_id)
        if len(fields) >= 50 and fields[0] == b"Z":
            return os.waitstatus_to_exitcode(int(fields[49]))
        info = bytearray(PIDFD_INFO.size)
        PIDFD_INFO.pack_into(info, 0, PIDFD_INFO_EXIT, *(0,) * 13)
        try:
            fcntl.ioctl(pidfd, PIDFD_GET_INFO, info)
            mask, *_, status = PIDFD_INFO.unpack(info)
            if mask & PIDFD_INFO_EXIT:
                return os.waitstatus_to_exitcode(int(status))
        except OSError as error:
            if error.errno != errno.ESRCH:
                return None
        time.sleep(0.001)
    return None


def main(arguments: list[Any]) -> None:
    """`descriptor base`: the socket to the executive, and where its marks begin."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the programs would inherit
    descriptor, base = arguments
    Guardian(socket.socket(fileno=int(descriptor)), int(base)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
