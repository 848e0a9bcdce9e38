"""Processors outside the ring that are heard, and when rings may meet.

A ring is not disturbed by a processor that only one of the two sides can hear. Announcements say whom their sender
hears; rings gather only when every member of each hears, and is heard by, the announcing member of the other. So a
link that fails in one direction, or between some pairs only, leaves a stable ring in place until it is mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from openais.totem.core import Core
from openais.totem.effects import Address, RingId
from openais.totem.wire import Announce
from openais.types import NodeId

_STRANGERS_MAX: Final = 1024


@dataclass(slots=True)
class _Stranger:
    address: Address
    incarnation: int
    ring_id: RingId
    heard_at: float
    hears_us_at: float | None


class Strangers:
    """What is known of processors outside the ring; forgotten when they are silent for three announcements."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[NodeId, _Stranger] = {}
        self._silence_s: Final = core.settings.announce_s * 3.5

    def heard_from(self, announce: Announce, address: Address, now: float) -> bool:
        """Takes note of an announcement; True when it tells something new, which the sender should hear of."""
        self._forget(now)
        sender = announce.sender
        incarnation = dict(announce.members).get(sender)
        if incarnation is None or (sender not in self._known and len(self._known) >= _STRANGERS_MAX):
            self._core.count("announce_ignored")
            return False
        before = self._known.get(sender)
        if before is not None and before.incarnation != incarnation:
            before = None
        hears_us_at = now if self._core.node_id in announce.heard else None
        self._known[sender] = _Stranger(address, incarnation, announce.ring_id, now, hears_us_at)
        if before is None:
            return True
        return before.ring_id != announce.ring_id or (before.hears_us_at is None) != (hears_us_at is None)

    def can_meet(self, announce: Announce, now: float) -> bool:
        """Whether the announcing member and all of our members hear each other, as do we and all of its ring."""
        self._forget(now)
        ours = frozenset(self._core.ring.members)
        theirs = frozenset(node for node, _ in announce.members)
        return ours <= announce.mutual and theirs <= self._mutual() and not ours & theirs

    @property
    def any_known(self) -> bool:
        """Whether somebody was about lately."""
        return bool(self._known)

    def announcement(self, ring_id: RingId, members: tuple[NodeId, ...], now: float) -> Announce:
        """What our ring tells of itself."""
        self._forget(now)
        core = self._core
        incarnations = tuple((node, core.incarnations[node]) for node in members)
        return Announce(core.node_id, ring_id, incarnations, frozenset(self._known), self._mutual(), core.settings_blob)

    def send(self, datagram: bytes, now: float) -> None:
        """To each of them, at the address it was heard from."""
        self._forget(now)
        for node, stranger in self._known.items():
            self._core.addresses[node] = stranger.address
            self._core.send(node, datagram)

    def describe(self) -> list[dict[str, Any]]:
        return [
            {"node": node, "ring": str(stranger.ring_id), "hears_us": stranger.hears_us_at is not None}
            for node, stranger in sorted(self._known.items())
        ]

    def _mutual(self) -> frozenset[NodeId]:
        return frozenset(node for node, stranger in self._known.items() if stranger.hears_us_at is not None)

    def _forget(self, now: float) -> None:
        oldest = now - self._silence_s
        if any(stranger.heard_at < oldest for stranger in self._known.values()):
            self._known = {node: s for node, s in self._known.items() if s.heard_at >= oldest}
