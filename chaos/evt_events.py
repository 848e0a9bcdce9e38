"""The events of the workload of EVT: what is put into them, and how a subscriber sees that it came undamaged."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from openais.evt import Event, Filter, Prefix, Suffix
from openais.messages.evt import FilterType

CHANNELS: Final = ("alarms", "news", "metrics", "bulk")
BULK: Final = "bulk"
"""Large events, in such numbers that a subscriber that is stopped for a while loses some; nothing is retained."""
PATTERNS: Final = ("sensor.1", "sensor.22", "fan.1", "fan.22")
FILTERS: Final[Sequence[tuple[Filter, ...]]] = (
    (),
    (Prefix("sensor."),),
    (Suffix(".1"),),
    (Filter(FilterType.EXACT, b"fan.1"),),
)
PASSES: Final[Sequence[frozenset[str]]] = (
    frozenset(PATTERNS),
    frozenset(("sensor.1", "sensor.22")),
    frozenset(("sensor.1", "fan.1")),
    frozenset(("fan.1",)),
)
"""By filter: the patterns that it lets through."""
FOR_EVER_S: Final = 1e9
_HEADER: Final = struct.Struct("<HHIBBBI")


class Identity(NamedTuple):
    """Tells an event from all others: its publisher, which life of it, and which of its events."""

    publisher: int
    run: int
    number: int

    def __str__(self) -> str:
        return f"event {self.number} of publisher-{self.publisher}, life {self.run}"


def data_of(identity: Identity, channel: str, pattern: str, priority: int, size: int, chance: random.Random) -> bytes:
    """The data of an event, with at least `size` bytes that nobody can guess."""
    body = chance.randbytes(size)
    places = CHANNELS.index(channel), PATTERNS.index(pattern)
    return _HEADER.pack(*identity, *places, priority, zlib.crc32(body)) + body


def identity_of(event: Event, channel: str) -> Identity | None:
    """The identity of an event that was delivered on a channel; None when anything of it is not as it was published."""
    if len(event.data) < _HEADER.size:
        return None
    publisher, run, number, channel_at, pattern_at, priority, checksum = _HEADER.unpack_from(event.data)
    if channel_at >= len(CHANNELS) or pattern_at >= len(PATTERNS):
        return None
    as_it_was = (
        (CHANNELS[channel_at], priority) == (channel, event.priority)
        and event.patterns == (PATTERNS[pattern_at].encode(),)
        and event.publisher == f"publisher-{publisher}"
        and zlib.crc32(memoryview(event.data)[_HEADER.size :]) == checksum
    )
    return Identity(publisher, run, number) if as_it_was else None
