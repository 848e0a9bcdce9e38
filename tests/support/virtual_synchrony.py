"""What must hold of the histories of witnesses, whatever happened to their executives (Moser and others, EVS).

Each configuration has its segment: what was told between its installation and the next one. A witness that came late
knows only the end of its first segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from openais.evs import ConfigurationChanged, RingIdentity
from tests.support.witness import Told, Witness


class Segment(NamedTuple):
    """The messages of one regular configuration and of the transitional one that ended it, if one did."""

    ring: RingIdentity
    regular: list[Told]
    transitional: list[Told]
    together: frozenset[int]
    """Who went on from here together: the members of the transitional configuration, or nobody yet."""


def check_virtual_synchrony(witnesses: Sequence[Witness]) -> None:
    """Raises AssertionError when two histories contradict each other, or one contradicts itself."""
    segments = {each.number: list(segments_of(each.history)) for each in witnesses}
    for each in witnesses:
        check_history(each)
    for one, other in combinations(witnesses, 2):
        rings = {segment.ring: (place, segment) for place, segment in enumerate(segments[other.number])}
        common = [segment.ring for segment in segments[one.number] if segment.ring in rings]
        assert common == [ring for ring in rings if ring in set(common)], f"{one.number} and {other.number}: {common}"
        for place, segment in enumerate(segments[one.number]):
            if segment.ring in rings:
                place_there, there = rings[segment.ring]
                came_late = not place or not place_there
                where = f"ring {segment.ring} at {one.number} and {other.number}"
                check_segments(segment, there, {one.number, other.number} <= segment.together, came_late, where)


def segments_of(history: Sequence[Told | ConfigurationChanged]) -> Iterator[Segment]:
    """The segments of a history, in order."""
    segment: Segment | None = None
    for each in history:
        if isinstance(each, Told):
            assert segment is not None, f"{each} came before any configuration"
            (segment.transitional if segment.together else segment.regular).append(each)
        elif each.transitional:
            assert segment is not None
            assert not segment.together, f"{each} follows a transitional configuration"
            segment = segment._replace(together=frozenset(each.members))
        else:
            if segment is not None:
                yield segment
            segment = Segment(each.ring, [], [], frozenset())
    if segment is not None:
        yield segment


def check_history(told: Witness) -> None:
    """Nothing twice, each sender's messages in their order, all of its own; ring ids rise; no stranger is heard."""
    last: dict[int, int] = {}
    members: frozenset[int] = frozenset()
    for each in told.history:
        if isinstance(each, ConfigurationChanged):
            members = members if each.transitional else frozenset(each.members)
        else:
            assert each.sender in members, f"{told.number}: {each} came from outside of {sorted(members)}"
            assert each.number > last.get(each.sender, -1), f"{told.number}: {each} after {last[each.sender]}"
            last[each.sender] = each.number
    rings = [each.ring for each in told.regular]
    assert rings == sorted(set(rings)), f"{told.number}: ring ids do not rise: {rings}"


def check_segments(one: Segment, other: Segment, together: bool, came_late: bool, where: str) -> None:
    """Those that go on together were told the same in the same order; the others at least no different order."""
    mine, theirs = one.regular + one.transitional, other.regular + other.transitional
    if together:
        shorter, longer = sorted((mine, theirs), key=len)
        assert shorter == longer[len(longer) - len(shorter) :], f"{where}: not told the same"
        assert came_late or len(shorter) == len(longer), f"{where}: {len(shorter)} and {len(longer)} messages"
    both = set(mine) & set(theirs)
    assert [each for each in mine if each in both] == [each for each in theirs if each in both], f"{where}: two orders"
