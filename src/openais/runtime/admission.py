"""Who may connect: libraries are authenticated by what the kernel knows of their process.

Root, the executive's own user and the members of one configured group are let in (the seed's `ais` group).
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Final

from openais.executive.connections import Credentials

_UCRED: Final = struct.Struct("=iII")
_SO_PEERGROUPS: Final = 59
_GROUPS_BYTES_MAX: Final = 1024
"""The most that getsockopt() of Python reads: 256 groups."""
_ROOT: Final = 0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a unix socket, and the groups its user was in when it connected."""

    credentials: Credentials
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Who connected. Raises OSError when it is gone already."""
    ucred = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    process_id, user_id, group_id = _UCRED.unpack(ucred)
    return Peer(Credentials(process_id, user_id, group_id), frozenset({group_id, *_peer_groups(connection, user_id)}))


def _peer_groups(connection: socket.socket, user_id: int) -> list[int]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES_MAX)
    except OSError as error:
        if error.errno not in (errno.ERANGE, errno.ENOPROTOOPT):
            raise
        return _groups_of_user(user_id)
    return list(struct.unpack(f"={len(packed) // 4}I", packed))


def _groups_of_user(user_id: int) -> list[int]:
    """For the kernel that does not tell, or has too many to tell."""
    try:
        user = pwd.getpwuid(user_id)
    except KeyError:
        return []
    return os.getgrouplist(user.pw_name, user.pw_gid)


class Admission:
    """Decides who is let in. `group` may be empty, or a group that this machine does not have."""

    def __init__(self, group: str) -> None:
        self.set_group(group)

    def set_group(self, group: str) -> None:
        """From now on this group is let in; the system is asked for it, which may have got it meanwhile."""
        self._group = group
        self._group_id: int | None = None
        try:
            self._group_id = grp.getgrnam(group).gr_gid if group else None
        except KeyError:
            log.debug("there is no group %s here: only root and the executive's user may connect", group)

    def refusal(self, peer: Peer) -> str | None:
        """Why `peer` is not let in, and what would help; None when it is."""
        user_id = peer.credentials.user_id
        if user_id in (_ROOT, os.geteuid()) or (self._group_id is not None and self._group_id in peer.groups):
            return None
        others = f" and the members of group {self._group}" if self._group else ""
        return f"user id {user_id} may not connect to this executive: only root, user id {os.geteuid()}{others} may"
