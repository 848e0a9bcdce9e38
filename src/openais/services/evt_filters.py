"""Which subscriptions an event passes: the filters of one channel on one node, compiled once.

A filter is applied to the pattern at its own place of the array (saEvtEventSubscribe). Patterns beyond the filters
pass; filters beyond the patterns are given a pattern of zero length. A subscription is passed when all its filters are.

To find the subscriptions that an event passes without asking each, every subscription is filed under that filter of its
own which lets the least through: an exact one if it has one, else the longest prefix or suffix. So a lookup costs a few
dictionary accesses, one for each place and each length of a prefix or suffix in use, and asks only those filed under
what the event has. What was found is remembered by patterns until the subscriptions change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from openais.messages.evt import Filter, FilterType, Match

REMEMBERED_MAX: Final = 1024
"""Lookups that are remembered; when there are more all are forgotten."""

Filters: TypeAlias = tuple[Filter, ...]
Patterns: TypeAlias = tuple[bytes, ...]
Matches: TypeAlias = tuple[Match, ...]


class Subscriber(NamedTuple):
    """A subscription of a library on this node."""

    connection: int
    match: Match


class Receivers(NamedTuple):
    """Connections on which an event passes the same subscriptions."""

    matches: Matches
    connections: tuple[int, ...]


class _Place(NamedTuple):
    """Where a subscription is filed: at which pattern, and what it has to be like."""

    number: int
    kind: FilterType
    length: int
    """Bytes of the prefix or suffix; 0 when all of the pattern counts."""


class FilterIndex:
    """Subscriptions by their filters."""

    def __init__(self) -> None:
        self._filters: dict[Subscriber, Filters] = {}
        self._filed: dict[_Place, dict[bytes, dict[Subscriber, None]]] = {}
        self._unfiled: dict[Subscriber, None] = {}
        """Those that no filter narrows down."""
        self._remembered: dict[Patterns, tuple[Receivers, ...]] = {}

    def __len__(self) -> int:
        return len(self._filters)

    def add(self, subscriber: Subscriber, filters: Filters) -> None:
        """A subscription with these filters."""
        assert subscriber not in self._filters
        self._filters[subscriber] = filters
        self._remembered.clear()
        place, key = _place_of(filters)
        if place is None:
            self._unfiled[subscriber] = None
        else:
            self._filed.setdefault(place, {}).setdefault(key, {})[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        """Ends a subscription."""
        place, key = _place_of(self._filters.pop(subscriber))
        self._remembered.clear()
        if place is None:
            del self._unfiled[subscriber]
            return
        by_key = self._filed[place]
        del by_key[key][subscriber]
        if not by_key[key]:
            del by_key[key]
        if not by_key:
            del self._filed[place]

    def passed_by(self, patterns: Patterns) -> tuple[Receivers, ...]:
        """Who is to be given an event of these patterns."""
        found = self._remembered.get(patterns)
        if found is None:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            passed = (each for each in self._candidates(patterns) if passes(self._filters[each], patterns))
            found = self._remembered[patterns] = _receivers(passed)
        return found

    def _candidates(self, patterns: Patterns) -> Iterator[Subscriber]:
        yield from self._unfiled
        for (number, kind, length), by_key in self._filed.items():
            pattern = patterns[number] if number < len(patterns) else b""
            if kind is FilterType.PREFIX:
                pattern = pattern[:length]
            elif kind is FilterType.SUFFIX:
                pattern = pattern[-length:]
            yield from by_key.get(pattern, ())


def passes(filters: Filters, patterns: Patterns) -> bool:
    """Whether all filters are passed."""
    return all(_passes(each, patterns[index] if index < len(patterns) else b"") for index, each in enumerate(filters))


def _receivers(passed: Iterable[Subscriber]) -> tuple[Receivers, ...]:
    """The subscriptions by connection, and connections of equal ones together."""
    by_connection: dict[int, list[Match]] = {}
    for connection, match in passed:
        by_connection.setdefault(connection, []).append(match)
    by_matches: dict[Matches, list[int]] = {}
    for connection, matches in by_connection.items():
        by_matches.setdefault(tuple(matches), []).append(connection)
    return tuple(Receivers(matches, tuple(connections)) for matches, connections in by_matches.items())


def _passes(each: Filter, pattern: bytes) -> bool:
    if each.kind is FilterType.PREFIX:
        return pattern.startswith(each.pattern)
    if each.kind is FilterType.SUFFIX:
        return pattern.endswith(each.pattern)
    return each.kind is FilterType.PASS_ALL or pattern == each.pattern


def _place_of(filters: Filters) -> tuple[_Place | None, bytes]:
    """Where a subscription with these filters is filed, and under what; None when every event has to be asked about."""
    best, key, rank = None, b"", (0, 0)
    for index, each in enumerate(filters):
        if each.kind is FilterType.EXACT:
            candidate, own = _Place(index, each.kind, 0), (2, len(each.pattern) + 1)
        elif each.kind is not FilterType.PASS_ALL and each.pattern:
            candidate, own = _Place(index, each.kind, len(each.pattern)), (1, len(each.pattern))
        else:
            continue
        if own > rank:
            best, key, rank = candidate, each.pattern, own
    return best, key
