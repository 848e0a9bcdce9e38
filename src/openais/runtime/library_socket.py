"""The unix socket on which libraries reach the executive.

Anybody may connect: who may stay is decided by the peer's credentials, so that the others can be told why not. A socket
file that a dead executive left behind is taken away; one that a living executive listens on is not.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import socket
import stat
from pathlib import Path
from typing import Final

from openais.messages.base import Kind
from openais.messages.frame import HEADER, pack
from openais.messages.session import INITIALIZE_NUMBER
from openais.runtime.admission import Admission, Peer, peer_of
from openais.runtime.errors import StartError
from openais.runtime.library_connections import LibraryConnections
from openais.types import ErrorCode

ACCEPTS_MAX: Final = 16
"""Connections accepted in one wake-up."""
BACKLOG: Final = 128
REFUSALS_MAX: Final = 16
"""Connections at one time that are being told why they may not stay; further ones are just closed."""
REFUSAL_S: Final = 5.0
"""How long such a connection may take to say what it wants to be refused."""
EXHAUSTED_S: Final = 1.0
"""When there are no file descriptors left, no connection is accepted for so long."""
PATH_BYTES_MAX: Final = 107
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = logging.getLogger(__name__)


class LibrarySocketError(StartError):
    """The socket cannot be made; the text names the path, what is wrong and what to do."""


class LibrarySocket:
    """Listens at `path` and gives those who are let in to `connections`. Raises LibrarySocketError."""

    def __init__(self, path: Path, admission: Admission, connections: LibraryConnections) -> None:
        if len(os.fsencode(path)) > PATH_BYTES_MAX:
            raise LibrarySocketError(f"{path}: a socket's path has at most {PATH_BYTES_MAX} bytes")
        self.path = path
        self._admission = admission
        self._connections = connections
        self._refusals: set[_Refusal] = set()
        self._retry: asyncio.TimerHandle | None = None
        try:
            _make_directory(path.parent)
            self._lock = _take_lock(path)
        except OSError as error:
            raise LibrarySocketError(f"{path}: {error.strerror}") from None
        try:
            self._socket = _listen(path)
        except OSError as error:
            os.close(self._lock)
            raise LibrarySocketError(f"{path}: {error.strerror}") from None
        except LibrarySocketError:
            os.close(self._lock)
            raise

    def start(self) -> None:
        """Begins to accept in the running loop."""
        self._retry = None
        asyncio.get_running_loop().add_reader(self._socket, self._acceptable)

    def close(self) -> None:
        """Accepts no more and removes the socket file. Connections stay."""
        if self._retry is not None:
            self._retry.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for refusal in list(self._refusals):
            refusal.end()
        self.path.unlink(missing_ok=True)
        os.close(self._lock)

    def _acceptable(self) -> None:
        for _ in range(ACCEPTS_MAX):
            try:
                accepted, _ = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._rest(error)
                return
            self._welcome(accepted)

    def _rest(self, error: OSError) -> None:
        log.error("no library connection can be accepted: %s", error.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._retry = loop.call_later(EXHAUSTED_S, self.start)

    def _welcome(self, accepted: socket.socket) -> None:
        try:
            peer = peer_of(accepted)
        except OSError:
            accepted.close()
            return
        refusal = self._admission.refusal(peer)
        if refusal is None:
            self._connections.attach(accepted, peer.credentials)
        else:
            self._refuse(accepted, peer, refusal)

    def _refuse(self, accepted: socket.socket, peer: Peer, explanation: str) -> None:
        log.warning("process %d is refused: %s", peer.credentials.process_id, explanation)
        if len(self._refusals) >= REFUSALS_MAX:
            accepted.close()
        else:
            self._refusals.add(_Refusal(accepted, explanation, self._refusals))


class _Refusal:
    """Waits for the first request of a library that may not stay, answers ACCESS to it, and ends."""

    def __init__(self, refused: socket.socket, explanation: str, among: set[_Refusal]) -> None:
        self._socket = refused
        self._explanation = explanation
        self._among = among
        self._head = b""
        refused.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(refused, self._readable)
        self._timer = loop.call_later(REFUSAL_S, self.end)

    def end(self) -> None:
        """Closes the connection."""
        self._timer.cancel()
        self._among.discard(self)
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        try:
            received = self._socket.recv(HEADER.size - len(self._head))
            self._head += received
            if len(self._head) == HEADER.size:
                *_, call = HEADER.unpack(self._head)
                answer = pack(INITIALIZE_NUMBER, Kind.RESPONSE, call, self._explanation.encode(), ErrorCode.ACCESS)
                self._socket.send(answer)
            elif received:
                return
        except BlockingIOError:
            return
        except OSError as error:
            log.debug("a refused library did not wait for the reason: %s", error)
        self.end()


def _make_directory(directory: Path) -> None:
    """Makes the directory, and refuses one in which somebody else could put another socket in the place of ours."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    owner = directory.lstat().st_uid
    if owner not in (0, os.geteuid()) and os.geteuid() != 0:
        raise LibrarySocketError(f"{directory} belongs to user id {owner}: choose a directory of your own")


def _take_lock(path: Path) -> int:
    """Holds `path` for this process, from before the socket exists until after it is gone."""
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _in_use(path) from None
    return descriptor


def _listen(path: Path) -> socket.socket:
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise LibrarySocketError(f"{path} is there already and is no socket: choose another path or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            log.info("%s was left behind by an executive that is gone: removed", path)
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
    raise _in_use(path)


def _in_use(path: Path) -> LibrarySocketError:
    return LibrarySocketError(f"{path} is in use: another executive runs here; give each its own socket")
