"""The nodes that are configured, as addresses to send to: names are looked up, and looked up again."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

Peer: TypeAlias = tuple[str, int]
"""Host (name or address) and port, as configured."""
SocketAddress: TypeAlias = tuple[Any, ...]
"""(host, port); with IPv6 of link-local scope (host, port, flow, scope)."""

REFRESH_S: Final = 30.0
RETRY_S: Final = 3.0
"""While a name was never found, it is looked up this often."""
ADDRESSES_MAX: Final = 256

log = logging.getLogger(__name__)


def plain_address(address: SocketAddress) -> SocketAddress:
    """`address` in the one form in which the same address is always equal."""
    return address if len(address) == 2 or address[3] else address[:2]


class NodeList:
    """Keeps the addresses of configured peers of one address family. `changed` is called when they change."""

    def __init__(self, family: socket.AddressFamily, changed: Callable[[tuple[SocketAddress, ...]], None]) -> None:
        self._family = family
        self._changed = changed
        self._found: dict[Peer, tuple[SocketAddress, ...]] = {}
        self._peers: tuple[Peer, ...] = ()
        self._missing: set[str] = set()
        """Names that were not found when they were last looked up, and that was said."""
        self._refresh: asyncio.Task[None] | None = None

    def set_peers(self, peers: Sequence[Peer]) -> None:
        """From now on these are the nodes. Literal addresses count at once, names when they are found."""
        self._peers = tuple(dict.fromkeys(peers))
        known = {peer: self._literal(peer) or self._found.get(peer, ()) for peer in self._peers}
        self._adopt(known)
        self.close()
        if any(not self._literal(peer) for peer in self._peers):
            self._refresh = asyncio.get_running_loop().create_task(self._keep_looking_up())

    def close(self) -> None:
        """Stops looking up names."""
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None

    def _literal(self, peer: Peer) -> tuple[SocketAddress, ...]:
        host, port = peer
        bare, _, scope = host.partition("%")
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            return ()
        if (address.version == 4) != (self._family is socket.AF_INET):
            return ()
        return ((bare, port, 0, socket.if_nametoindex(scope)),) if scope else ((str(address), port),)

    async def _keep_looking_up(self) -> None:
        while True:
            found = {peer: self._literal(peer) or await self._look_up(peer) for peer in self._peers}
            self._adopt(found)
            await asyncio.sleep(REFRESH_S if all(found.values()) else RETRY_S)

    async def _look_up(self, peer: Peer) -> tuple[SocketAddress, ...]:
        """The addresses of a name; those known before when it is not found now."""
        host, port = peer
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=self._family, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError) as error:
            if host not in self._missing:
                log.warning("node list: %s was not found, and is looked up again until it is: %s", host, error)
                self._missing.add(host)
            return self._found.get(peer, ())
        self._missing.discard(host)
        return tuple(dict.fromkeys(plain_address(answer[4]) for answer in answers))

    def _adopt(self, found: dict[Peer, tuple[SocketAddress, ...]]) -> None:
        if found == self._found:
            return
        for peer, addresses in found.items():
            if addresses != self._found.get(peer, ()) and not self._literal(peer):
                log.info("node list: %s is %s", peer[0], ", ".join(str(address[0]) for address in addresses))
        self._found = found
        every = dict.fromkeys(address for addresses in found.values() for address in addresses)
        self._changed(tuple(every)[:ADDRESSES_MAX])
