"""UDP sockets as an executive needs them: bound to its own address, and listening to a multicast group."""

from __future__ import annotations

import errno
import logging
import socket
import struct
from typing import Final

from openais.runtime.addresses import BindAddress
from openais.runtime.errors import StartError

BUFFER_WANTED: Final = 4 * 1024 * 1024
BUFFER_WARN: Final = 1024 * 1024
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_SO_MEMINFO_DROPS: Final = 8
_IP_MULTICAST_ALL: Final = 49

log = logging.getLogger(__name__)


class TransportError(StartError):
    """The sockets cannot be made; the text says which address and why."""


def bound_socket(bind: BindAddress, port: int, port_may_differ: bool) -> socket.socket:
    """The socket of our own address. With multicast, peers learn the port from what we send, so another will do."""
    bound = socket.socket(bind.family, socket.SOCK_DGRAM)
    bound.setblocking(False)
    if bind.family is socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        bound.bind(bind.socket_address(port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not port_may_differ:
            bound.close()
            raise TransportError(f"{bind.host} port {port}: {error.strerror}") from None
        bound.bind(bind.socket_address(0))
        log.info("port %d at %s is taken: using %d", port, bind.host, bound.getsockname()[1])
    _size_buffers(bound)
    return bound


def group_socket(bind: BindAddress, group: str, port: int) -> socket.socket:
    """A socket that hears the group on the interface of `bind`, beside others on this machine that do so too."""
    shared = socket.socket(bind.family, socket.SOCK_DGRAM)
    try:
        shared.setblocking(False)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bind.family is socket.AF_INET:
            shared.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            shared.bind((group, port))
            member = struct.pack("=4s4si", socket.inet_aton(group), socket.inet_aton(bind.host), bind.interface_index)
            shared.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        else:
            shared.bind((group, port, 0, bind.interface_index))
            member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", bind.interface_index)
            shared.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
    except OSError:
        shared.close()
        raise
    _size_buffers(shared)
    return shared


def send_multicast_from(sender: socket.socket, bind: BindAddress, hops_max: int) -> None:
    """Multicasts of `sender` leave by the interface of `bind`, and are heard on this machine as well."""
    if bind.family is socket.AF_INET:
        interface = struct.pack("=4s4si", bytes(4), socket.inet_aton(bind.host), bind.interface_index)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops_max)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    else:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, bind.interface_index)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops_max)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)


def _size_buffers(of: socket.socket) -> None:
    """Buffers that hold what comes while Python is busy. Privileged, the system's limit does not count."""
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            of.setsockopt(socket.SOL_SOCKET, forced, BUFFER_WANTED)
        except PermissionError:
            of.setsockopt(socket.SOL_SOCKET, plain, BUFFER_WANTED)
    got = of.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    if got < BUFFER_WARN:
        log.warning("the receive buffer has only %d KiB: raise net.core.rmem_max to %d", got // 1024, BUFFER_WANTED)


def kernel_drops(of: socket.socket) -> int:
    """Datagrams that the kernel dropped because they were not read in time."""
    values = struct.unpack("=9I", of.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
    return int(values[_SO_MEMINFO_DROPS])
