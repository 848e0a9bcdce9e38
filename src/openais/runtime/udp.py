"""UDP sockets of an executive: unicast and multicast, IPv4 and IPv6.

One socket is bound to the executive's own address: everything leaves from it, so that the source of a datagram is where
its sender is reached. With multicast a second one, shared by all executives of a machine, hears the group. A wake-up
drains both in one bounded burst, the group first: the token comes by unicast, and the data sent before it should be
seen before it. Nothing blocks, and no error of the network ends anything: datagrams may be lost, losses are counted.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from openais.runtime.addresses import BindAddress, choose_bind_address, local_interfaces, own_address
from openais.runtime.errors import StartError
from openais.runtime.node_list import NodeList, Peer, SocketAddress, plain_address
from openais.totem.effects import Address, Multicast, Scope

BURST_MAX: Final = 256
"""Datagrams taken from a socket in one wake-up."""
SEND_QUEUE_MAX: Final = 4096
"""Datagrams that wait for the kernel before further ones are dropped."""
BUFFER_WANTED: Final = 4 * 1024 * 1024
BUFFER_WARN: Final = 1024 * 1024
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_SO_MEMINFO_DROPS: Final = 8
_IP_MULTICAST_ALL: Final = 49

log = logging.getLogger(__name__)

Received = list[tuple[Address, bytes]]


class TransportError(StartError):
    """The sockets cannot be made; the text says which address and why."""


@dataclass(frozen=True, slots=True)
class UdpSettings:
    """Where to listen and to whom to send."""

    bind_address: str
    port: int
    """0 takes any free port."""
    peers: tuple[Peer, ...] = ()
    """The node list; used without a multicast group."""
    multicast_address: str = ""
    """The multicast group; empty: unicast to the node list."""
    multicast_port: int = 0
    """The port of the group; 0: that of `port`."""
    datagram_max: int = 2048
    """Bytes of the largest datagram that is taken whole."""
    hops_max: int = 1
    """Routers that a multicast may cross, plus one."""


class UdpTransport:
    """Sends and receives datagrams. `receive` is given each burst that arrived, in order."""

    def __init__(self, settings: UdpSettings, receive: Callable[[Received], None]) -> None:
        self._settings = settings
        self._receive = receive
        self._waiting: deque[tuple[bytes, Address]] = deque()
        self._peers: tuple[Address, ...] = ()
        self.counters: Counter[str] = Counter(sent=0, received=0, send_queue_full=0)
        """Datagrams sent and received, and failures by cause."""
        bind = choose_bind_address(settings.bind_address)
        if settings.multicast_address:
            _check_group(settings.multicast_address, 4 if bind.family is socket.AF_INET else 6)
        if 0 < bind.mtu < settings.datagram_max:
            text = "packets of %d bytes will be fragmented: the interface of %s takes %d; lower netmtu on all nodes"
            log.warning(text, settings.datagram_max, bind.host, bind.mtu)
        self._socket = _bound_socket(bind, settings.port, settings.multicast_address != "")
        bound = self._socket.getsockname()
        self.address: SocketAddress = (own_address(bind), bound[1]) if bind.wildcard else plain_address(bound)
        """Where other nodes reach this one."""
        self._own = self._own_addresses(bind)
        self._group_socket: socket.socket | None = None
        self._group: SocketAddress | None = None
        if settings.multicast_address:
            self._open_group(bind)
        self._sockets = [self._group_socket, self._socket] if self._group_socket else [self._socket]
        self._size = settings.datagram_max + 1
        self._node_list = NodeList(bind.family, self._set_peer_addresses)

    def start(self) -> None:
        """Begins to receive in the running loop, and looks up the names of the node list."""
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            loop.add_reader(each, self._readable)
        if self._group is None:
            self._node_list.set_peers(self._settings.peers)

    def set_peers(self, peers: Sequence[Peer]) -> None:
        """Replaces the node list."""
        if self._group is None:
            self._node_list.set_peers(peers)

    def close(self) -> None:
        """Ends it. What waits to be sent is dropped."""
        loop = asyncio.get_running_loop()
        self._node_list.close()
        loop.remove_writer(self._socket)
        while self._sockets:
            each = self._sockets.pop()
            loop.remove_reader(each)
            each.close()

    def send(self, address: Address, datagrams: Iterable[bytes]) -> None:
        """Sends sealed datagrams to one address, in order."""
        for datagram in datagrams:
            self._send_one(datagram, address)

    def multicast(self, effect: Multicast, datagrams: Iterable[bytes]) -> None:
        """Sends `datagrams`, the sealed ones of `effect`, to those the effect means."""
        targets = (self._group,) if self._group is not None else self._targets(effect)
        for datagram in datagrams:
            for address in targets:
                self._send_one(datagram, address)

    @property
    def peer_addresses(self) -> tuple[Address, ...]:
        """The addresses of the node list now, without our own."""
        return self._peers

    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because they were not read in time."""
        return sum(_kernel_drops(each) for each in self._sockets)

    def _own_addresses(self, bind: BindAddress) -> frozenset[Address]:
        port = self.address[1]
        if not bind.wildcard:
            return frozenset({self.address})
        return frozenset((str(interface.ip), port) for interface, _ in local_interfaces())

    def _open_group(self, bind: BindAddress) -> None:
        group = self._settings.multicast_address
        port = self._settings.multicast_port or self._settings.port or self.address[1]
        try:
            self._group_socket = _group_socket(bind, group, port)
            _send_multicast_from(self._socket, bind, self._settings.hops_max)
        except OSError as error:
            self._socket.close()
            raise TransportError(f"multicast group {group} port {port} at {bind.host}: {error.strerror}") from None
        self._group = (group, self._group_socket.getsockname()[1])

    def _set_peer_addresses(self, addresses: tuple[SocketAddress, ...]) -> None:
        self._peers = tuple(address for address in addresses if address not in self._own)

    def _targets(self, effect: Multicast) -> Iterable[Address]:
        match effect.scope:
            case Scope.RING:
                return effect.addresses
            case Scope.EVERYONE:
                return dict.fromkeys((*effect.addresses, *self._peers))
            case Scope.STRANGERS:
                return [address for address in self._peers if address not in effect.addresses]

    def _readable(self) -> None:
        burst: Received = []
        for each in self._sockets:
            self._drain(each, burst)
        if burst:
            self.counters["received"] += len(burst)
            self._receive(burst)

    def _drain(self, source: socket.socket, burst: Received) -> None:
        """Adds what `source` holds. Here UDP_GRO will find its place: one read, many datagrams."""
        receive, size = source.recvfrom, self._size
        try:
            for _ in range(BURST_MAX):
                datagram, address = receive(size)
                burst.append((plain_address(address), datagram))
        except BlockingIOError:
            return
        except OSError as error:
            self._count_error("receive", error)

    def _send_one(self, datagram: bytes, address: Address) -> None:
        """Here UDP_SEGMENT will find its place: one call for several datagrams to one address."""
        if self._waiting:
            self._enqueue(datagram, address)
            return
        try:
            self._socket.sendto(datagram, address)  # type: ignore[call-overload]
            self.counters["sent"] += 1
        except BlockingIOError:
            self._enqueue(datagram, address)
        except OSError as error:
            self._count_error("send", error)

    def _enqueue(self, datagram: bytes, address: Address) -> None:
        if len(self._waiting) >= SEND_QUEUE_MAX:
            self.counters["send_queue_full"] += 1
            return
        if not self._waiting:
            asyncio.get_running_loop().add_writer(self._socket, self._writable)
        self._waiting.append((datagram, address))

    def _writable(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        asyncio.get_running_loop().remove_writer(self._socket)
        for datagram, address in waiting:
            self._send_one(datagram, address)

    def _count_error(self, what: str, error: OSError) -> None:
        self.counters[f"{what}_{errno.errorcode.get(error.errno or 0, 'error').lower()}"] += 1


def _check_group(group: str, version: int) -> None:
    try:
        parsed = ipaddress.ip_address(group)
    except ValueError:
        raise TransportError(f"mcastaddr: {group!r} is not an address") from None
    if not parsed.is_multicast or parsed.version != version:
        raise TransportError(f"mcastaddr: {group} is not an IPv{version} multicast address, as bindnetaddr needs")


def _bound_socket(bind: BindAddress, port: int, port_may_differ: bool) -> socket.socket:
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


def _group_socket(bind: BindAddress, group: str, port: int) -> socket.socket:
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


def _send_multicast_from(sender: socket.socket, bind: BindAddress, hops_max: int) -> None:
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


def _kernel_drops(of: socket.socket) -> int:
    values = struct.unpack("=9I", of.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36))
    return int(values[_SO_MEMINFO_DROPS])
