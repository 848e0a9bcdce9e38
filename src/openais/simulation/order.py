"""One total order out of many sequences, and the proof when there is none.

Every processor delivers some messages in some order. A total order that agrees with all of them exists exactly when the
graph of "was delivered next after" has no cycle. The graph grows by an edge at a time, and keeps its nodes in an order
that fits it, which is put right only where a new edge contradicts it (Pearce and Kelly 2006).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class TotalOrder(Generic[T]):
    """Collects what came before what."""

    def __init__(self) -> None:
        self._rank: dict[T, int] = {}
        self._after: dict[T, dict[T, None]] = {}
        self._before: dict[T, dict[T, None]] = {}

    def add(self, item: T) -> None:
        """Notes `item`, for now after all others; does nothing when it is known."""
        if item not in self._rank:
            self._rank[item] = len(self._rank)
            self._after[item] = {}
            self._before[item] = {}

    def precede(self, earlier: T, later: T) -> list[T]:
        """Notes that `earlier` came before `later`. Answers [] or, when that cannot be, the cycle: the chain of known
        items from `later` to `earlier`, each before the next; the order then stays as it was."""
        self.add(earlier)
        self.add(later)
        if later in self._after[earlier]:
            return []
        if self._rank[earlier] >= self._rank[later]:
            chain = self._chain(later, earlier)
            if chain:
                return chain
            self._put_right(earlier, later)
        self._after[earlier][later] = None
        self._before[later][earlier] = None
        return []

    def _chain(self, first: T, last: T) -> list[T]:
        """A chain from `first` to `last`, or []."""
        limit = self._rank[last]
        came_from: dict[T, T] = {}
        stack = [first]
        while stack:
            item = stack.pop()
            if item == last:
                chain = [last]
                while chain[-1] != first:
                    chain.append(came_from[chain[-1]])
                return chain[::-1]
            for successor in self._after[item]:
                if successor not in came_from and self._rank[successor] <= limit:
                    came_from[successor] = item
                    stack.append(successor)
        return []

    def _put_right(self, earlier: T, later: T) -> None:
        """Moves what is bound to come before `earlier` in front of what is bound to come after `later`."""
        low, high = self._rank[later], self._rank[earlier]
        forward = self._reachable(later, self._after, low, high)
        backward = self._reachable(earlier, self._before, low, high)
        ranks = sorted(self._rank[item] for item in forward + backward)
        by_rank = sorted(backward, key=self._rank.__getitem__) + sorted(forward, key=self._rank.__getitem__)
        for item, rank in zip(by_rank, ranks, strict=True):
            self._rank[item] = rank

    def _reachable(self, start: T, edges: dict[T, dict[T, None]], low: int, high: int) -> list[T]:
        found = {start: None}
        stack = [start]
        while stack:
            for neighbour in edges[stack.pop()]:
                if neighbour not in found and low <= self._rank[neighbour] <= high:
                    found[neighbour] = None
                    stack.append(neighbour)
        return list(found)
