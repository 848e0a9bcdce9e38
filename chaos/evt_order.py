"""Whether there is one order that agrees with many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def cycle_in(after: Mapping[T, Collection[T]]) -> list[T]:
    """Things that all come before each other, by what comes directly after each; empty when there is one order."""
    before_count = Counter(later for each in after.values() for later in each)
    free = deque(thing for thing in after if not before_count[thing])
    while free:
        for later in after.get(free.popleft(), ()):
            before_count[later] -= 1
            if not before_count[later]:
                free.append(later)
    left = {thing for thing, count in before_count.items() if count > 0}
    if not left:
        return []
    before = {later: thing for thing in left for later in after.get(thing, ()) if later in left}
    thing = next(iter(left))
    path: dict[T, int] = {}
    while thing not in path:
        path[thing] = len(path)
        thing = before[thing]
    cycle = list(path)[path[thing] :]
    return [thing, *cycle[:0:-1], thing]
