"""UDP sockets of an executive: unicast and multicast, IPv4 and IPv6.

One socket is bound to the executive's own address: everything leaves from it, so that the source of a datagram is where
its sender is reached. With multicast a second one, shared by all executives of a machine, hears the group. A wake-up
drains both in one bounded burst, the group first: the token comes by unicast, and the data sent before it should be
seen before it. Nothing blocks, and no error of the network ends anything: datagrams may be lost, losses are counted.

Datagrams may be longer than a packet of the network: they travel in pieces (see `pieces`), which leave and arrive in
one system call where the kernel offers that (see `offload`).
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import secrets
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from openais.runtime.addresses import BindAddress, choose_bind_address, local_interfaces, own_address
from openais.runtime.node_list import NodeList, Peer, SocketAddress, plain_address
from openais.runtime.offload import ROW_BYTES_MAX, RowSender, accept_rows, receive_row
from openais.runtime.pieces import Cutter, Joiner
from openais.runtime.udp_sockets import (
    TransportError,
    bound_socket,
    group_socket,
    kernel_drops,
    send_multicast_from,
)
from openais.totem.effects import Address, Multicast, Scope

BURST_MAX: Final = 256
"""Reads of a socket in one wake-up."""
SEND_QUEUE_MAX: Final = 4096
"""Datagrams that wait for the kernel before further ones are dropped."""
_ETHERNET_MTU: Final = 1500
_IPV4_HEADERS: Final = 28
_IPV6_HEADERS: Final = 48
"""Bytes of the headers of IP and UDP."""

log = logging.getLogger(__name__)

Received = list[tuple[Address, bytes]]


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
    mtu: int = 0
    """Bytes of the largest IP packet; 0: those of Ethernet, or of the interface when it takes less, or is loopback."""
    hops_max: int = 1
    """Routers that a multicast may cross, plus one."""


class UdpTransport:
    """Sends and receives datagrams. `receive` is given each burst that arrived, in order."""

    def __init__(self, settings: UdpSettings, receive: Callable[[Received], None]) -> None:
        self._settings = settings
        self._receive = receive
        self._waiting: deque[tuple[bytes, Address]] = deque()
        self._peers: tuple[Address, ...] = ()
        self.counters: Counter[str] = Counter(sent=0, received=0, incomplete=0, send_queue_full=0)
        """Datagrams sent and received, and failures by cause."""
        bind = choose_bind_address(settings.bind_address)
        if settings.multicast_address:
            _check_group(settings.multicast_address, 4 if bind.family is socket.AF_INET else 6)
        if 0 < bind.mtu < settings.mtu:
            text = "packets of %d bytes will be fragmented: the interface of %s takes %d; lower netmtu"
            log.warning(text, settings.mtu, bind.host, bind.mtu)
        self._socket = bound_socket(bind, settings.port, settings.multicast_address != "")
        bound = self._socket.getsockname()
        self.address: SocketAddress = (own_address(bind), bound[1]) if bind.wildcard else plain_address(bound)
        """Where other nodes reach this one."""
        self._own = self._own_addresses(bind)
        self._group_socket: socket.socket | None = None
        self._group: SocketAddress | None = None
        if settings.multicast_address:
            self._open_group(bind)
        self._sockets = [self._group_socket, self._socket] if self._group_socket else [self._socket]
        size = (settings.mtu or _usual_mtu(bind)) - (_IPV4_HEADERS if bind.family is socket.AF_INET else _IPV6_HEADERS)
        self.datagram_size: Final = min(size, ROW_BYTES_MAX)
        """Bytes of the longest datagram that travels in one packet."""
        self._cutter = Cutter(self.datagram_size, secrets.randbits(32))
        self._joiner = Joiner()
        self._sender = RowSender(self._socket, self.datagram_size)
        for each in self._sockets:
            accept_rows(each)
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
            self._send_one(self._as_row(datagram), address)

    def multicast(self, effect: Multicast, datagrams: Iterable[bytes]) -> None:
        """Sends `datagrams`, the sealed ones of `effect`, to those the effect means."""
        targets = (self._group,) if self._group is not None else self._targets(effect)
        for datagram in datagrams:
            row = self._as_row(datagram)
            for address in targets:
                self._send_one(row, address)

    @property
    def peer_addresses(self) -> tuple[Address, ...]:
        """The addresses of the node list now, without our own."""
        return self._peers

    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped because they were not read in time."""
        return sum(kernel_drops(each) for each in self._sockets)

    def _own_addresses(self, bind: BindAddress) -> frozenset[Address]:
        port = self.address[1]
        if not bind.wildcard:
            return frozenset({self.address})
        return frozenset((str(interface.ip), port) for interface, _ in local_interfaces())

    def _open_group(self, bind: BindAddress) -> None:
        group = self._settings.multicast_address
        port = self._settings.multicast_port or self._settings.port or self.address[1]
        try:
            self._group_socket = group_socket(bind, group, port)
            send_multicast_from(self._socket, bind, self._settings.hops_max)
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
        self.counters["incomplete"] = self._joiner.given_up
        if burst:
            self.counters["received"] += len(burst)
            self._receive(burst)

    def _drain(self, source: socket.socket, burst: Received) -> None:
        """Adds what `source` holds."""
        datagrams = self._joiner.datagrams
        try:
            for _ in range(BURST_MAX):
                row, size, address = receive_row(source)
                sender = plain_address(address)
                for datagram in datagrams(sender, row, size):
                    burst.append((sender, datagram))
        except BlockingIOError:
            return
        except OSError as error:
            self._count_error("receive", error)

    def _as_row(self, datagram: bytes) -> bytes:
        """The packets of a datagram, one after the other."""
        return datagram if len(datagram) <= self.datagram_size else self._cutter.cut(datagram)

    def _send_one(self, row: bytes, address: Address) -> None:
        if self._waiting:
            self._enqueue(row, address)
            return
        try:
            self._sender.send(row, address)
            self.counters["sent"] += 1
        except BlockingIOError:
            self._enqueue(row, address)  # whole: pieces that have left already do no harm when they come again
        except OSError as error:
            self._count_error("send", error)

    def _enqueue(self, row: bytes, address: Address) -> None:
        if len(self._waiting) >= SEND_QUEUE_MAX:
            self.counters["send_queue_full"] += 1
            return
        if not self._waiting:
            asyncio.get_running_loop().add_writer(self._socket, self._writable)
        self._waiting.append((row, address))

    def _writable(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        asyncio.get_running_loop().remove_writer(self._socket)
        for row, address in waiting:
            self._send_one(row, address)

    def _count_error(self, what: str, error: OSError) -> None:
        self.counters[f"{what}_{errno.errorcode.get(error.errno or 0, 'error').lower()}"] += 1


def _usual_mtu(bind: BindAddress) -> int:
    """Bytes of a packet that gets through when nothing is configured."""
    if bind.mtu == 0:
        return _ETHERNET_MTU
    return bind.mtu if ipaddress.ip_address(bind.host).is_loopback else min(bind.mtu, _ETHERNET_MTU)


def _check_group(group: str, version: int) -> None:
    try:
        parsed = ipaddress.ip_address(group)
    except ValueError:
        raise TransportError(f"mcastaddr: {group!r} is not an address") from None
    if not parsed.is_multicast or parsed.version != version:
        raise TransportError(f"mcastaddr: {group} is not an IPv{version} multicast address, as bindnetaddr needs")
