"""What both faces need to reach the executive: its socket, the words for what can go wrong, the timeouts of calls."""

from __future__ import annotations

import errno
import math
import os
import sys
from pathlib import Path
from socket import AF_UNIX, MSG_CMSG_CLOEXEC, SO_SNDBUF, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, recv_fds, socket
from typing import Final

from openais.client.mapping import MappedMemory
from openais.paths import find_socket
from openais.types import AccessDenied, AisError, DispatchFlags, InvalidParam, LibraryError, TimeoutExpired, TryAgain

DEFAULT_TIMEOUT_S: Final = 10.0
"""Seconds that a call may take when neither it nor its handle says otherwise."""
SEND_BUFFER_WANTED: Final = 1024 * 1024
"""Bytes of requests that the kernel holds for the executive; it may give less."""
RECONNECT_PAUSE_S: Final = 0.05
"""Seconds between two attempts to reach an executive that is not there."""


def socket_path(given: str | Path | None) -> Path:
    """The executive's socket: the one given, else $OPENAIS_SOCKET, else where an executive makes it by default."""
    return Path(given) if given is not None else find_socket()


def new_socket() -> socket:
    """A socket to connect to the executive with."""
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    sock.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_WANTED)
    return sock


def connect(path: Path, timeout: float) -> socket:
    """A socket connected to `path` within `timeout` seconds. Raises LibraryError, AccessDenied, TimeoutExpired …"""
    sock = new_socket()
    try:
        sock.settimeout(None if timeout == math.inf else timeout)
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        raise not_reached(path, error) from None
    return sock


def receive_first(sock: socket, byte_count: int) -> tuple[bytes, MappedMemory | None]:
    """Reads of a connection that is being opened, as `recv` would; and the memory that came along. Raises OSError."""
    data, descriptors, _, _ = recv_fds(sock, byte_count, 1, MSG_CMSG_CLOEXEC)
    shared = None
    for descriptor in descriptors:
        try:
            shared = MappedMemory(descriptor, executive=False)
        finally:
            os.close(descriptor)
    return data, shared


def not_reached(path: Path, error: OSError) -> AisError:
    """What a library says when it cannot connect to `path`."""
    if isinstance(error, TimeoutError):
        return TimeoutExpired(f"{path}: the executive did not accept the connection in time")
    if isinstance(error, PermissionError):
        return AccessDenied(f"{path}: this user may not connect to the executive: {error.strerror}")
    if error.errno == errno.EAGAIN:
        return TryAgain(f"{path}: too many libraries are connecting to the executive")
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return LibraryError(f"{path}: no executive listens there; is one running on this machine?")
    return LibraryError(f"{path}: the executive cannot be reached: {error}")


def this_process() -> tuple[int, str]:
    """Id and name of this process, as the executive is told."""
    return os.getpid(), Path(sys.argv[0] if sys.argv else "").name


def dispatch_flags(flags: int) -> DispatchFlags:
    """`flags` as DispatchFlags. Raises InvalidParam."""
    try:
        return DispatchFlags(flags)
    except ValueError:
        raise InvalidParam(f"dispatch: flags {flags}, expected ONE, ALL or BLOCKING") from None


def seconds(timeout: float | None, default: float) -> float:
    """The seconds that a call may take; math.inf is for ever. Raises InvalidParam."""
    chosen = default if timeout is None else timeout
    if math.isnan(chosen) or chosen < 0:
        raise InvalidParam(f"timeout: {chosen} seconds, expected 0 or more")
    return chosen
