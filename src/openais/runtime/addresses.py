"""Addresses of this machine: which one an executive binds to, and the node id that follows from it.

`bindnetaddr` may name an address, or, as the seed has it, a network: the local address in that network is taken then,
so that one configuration file serves all nodes.
"""

from __future__ import annotations

import array
import fcntl
import hashlib
import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openais.runtime.errors import StartError
from openais.types import NODE_ID_MAX, NODE_ID_MIN, NodeId

DEFAULT_PORT: Final = 5405
_SIOCGIFCONF: Final = 0x8912
_SIOCGIFNETMASK: Final = 0x891B
_SIOCGIFMTU: Final = 0x8921
_IFREQ_SIZE: Final = 40
_INTERFACES_MAX: Final = 1024
_IF_INET6: Final = Path("/proc/net/if_inet6")

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class AddressError(StartError):
    """No address to bind to; the text says what was asked for and what there is."""


@dataclass(frozen=True, slots=True)
class BindAddress:
    """Where the sockets of an executive are bound."""

    host: str
    family: socket.AddressFamily
    interface_index: int = 0
    """The interface that has the address; 0 when none is known to have it."""

    @property
    def mtu(self) -> int:
        """Bytes of the largest packet that the interface takes whole; 0 when it is not known."""
        if not self.interface_index:
            return 0
        request = socket.if_indextoname(self.interface_index).encode().ljust(_IFREQ_SIZE, b"\0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            answer = fcntl.ioctl(probe, _SIOCGIFMTU, request)
        return int.from_bytes(answer[16:20], sys.byteorder)

    @property
    def wildcard(self) -> bool:
        """Whether datagrams to any address of this machine are taken."""
        return ipaddress.ip_address(self.host).is_unspecified

    def socket_address(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """The argument of bind(); a link-local address needs its interface."""
        if self.family is socket.AF_INET6 and ipaddress.ip_address(self.host).is_link_local:
            return (self.host, port, 0, self.interface_index)
        return (self.host, port)


def local_interfaces() -> list[tuple[Interface, int]]:
    """The addresses of this machine with their networks, and the index of the interface each is on."""
    return [*_ipv4_interfaces(), *_ipv6_interfaces()]


def choose_bind_address(wanted: str) -> BindAddress:
    """The local address that `wanted` names or in whose network it is. Raises AddressError."""
    try:
        address = ipaddress.ip_address(wanted)
    except ValueError:
        raise AddressError(f"bindnetaddr: {wanted!r} is neither an IPv4 nor an IPv6 address or network") from None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    interfaces = local_interfaces()
    for interface, index in interfaces:
        if interface.ip == address:
            return BindAddress(str(address), family, index)
    for interface, index in interfaces:
        if interface.network.network_address == address:
            return BindAddress(str(interface.ip), family, index)
    if address.is_unspecified or _can_bind(str(address), family):
        return BindAddress(str(address), family, _loopback_index() if address.is_loopback else 0)
    here = ", ".join(str(interface) for interface, _ in interfaces if interface.version == address.version)
    raise AddressError(f"bindnetaddr: no interface has the address or the network {wanted}; here are: {here or 'none'}")


def own_address(bind: BindAddress) -> str:
    """The address by which other nodes reach this one: the bound one, or that of the default route."""
    if not bind.wildcard:
        return bind.host
    anywhere = "192.0.2.1" if bind.family is socket.AF_INET else "2001:db8::1"
    with socket.socket(bind.family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((anywhere, 9))
        except OSError:
            return "127.0.0.1" if bind.family is socket.AF_INET else "::1"
        host: str = probe.getsockname()[0]
        return host


def derive_node_id(host: str, port: int) -> NodeId:
    """The node id of an executive that is not configured with one.

    An IPv4 address is the id, as in the seed. On loopback, where a machine's nodes differ by port, it is the last two
    bytes of the address and the port. With a port other than the default, and for IPv6, it is a hash of both.
    """
    address = ipaddress.ip_address(host)
    if address.version == 4 and address.is_loopback:
        derived = (int(address) & 0xFFFF) << 16 | port
    elif address.version == 4 and port == DEFAULT_PORT:
        derived = int(address)
    else:
        derived = int.from_bytes(hashlib.sha256(f"{address} {port}".encode()).digest()[:4], "big")
    return NodeId(min(max(derived, NODE_ID_MIN), NODE_ID_MAX))


def _ipv4_interfaces() -> list[tuple[Interface, int]]:
    buffer = array.array("B", bytes(_IFREQ_SIZE * _INTERFACES_MAX))
    found: list[tuple[Interface, int]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("iL", len(buffer), buffer.buffer_info()[0])
        length, _ = struct.unpack("iL", fcntl.ioctl(probe, _SIOCGIFCONF, request))
        for start in range(0, length, _IFREQ_SIZE):
            entry = buffer[start : start + _IFREQ_SIZE].tobytes()
            name = entry[:16].split(b"\0")[0].decode()
            try:
                mask = fcntl.ioctl(probe, _SIOCGIFNETMASK, entry)
                index = socket.if_nametoindex(name.split(":")[0])
            except OSError:
                continue
            text = f"{socket.inet_ntoa(entry[20:24])}/{socket.inet_ntoa(mask[20:24])}"
            found.append((ipaddress.ip_interface(text), index))
    return found


def _ipv6_interfaces() -> list[tuple[Interface, int]]:
    if not _IF_INET6.exists():
        return []
    found: list[tuple[Interface, int]] = []
    for line in _IF_INET6.read_text().splitlines():
        address, index, prefix, *_ = line.split()
        packed = bytes.fromhex(address)
        found.append((ipaddress.IPv6Interface((packed, int(prefix, 16))), int(index, 16)))
    return found


def _can_bind(host: str, family: socket.AddressFamily) -> bool:
    """Whether the kernel takes the address as local though no interface lists it, as with 127.0.0.2."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _loopback_index() -> int:
    return next((index for interface, index in local_interfaces() if interface.is_loopback), 0)
