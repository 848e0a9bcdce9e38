"""Answers that wait until what they answer is on the disks of all who have the checkpoint.

Every member tells the others up to which stamp it has logged on disk; stamps are the same at all of them. While one
write to the disk is under way others gather, so that many answers wait for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from openais.services.base import Reply
from openais.types import NodeId


class _Waiting(NamedTuple):
    stamp: int
    nodes: tuple[NodeId, ...]
    answer: Reply


class Durability:
    """In the order of their stamps."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._stored: dict[NodeId, int] = {}
        """Up to which stamp each member has everything on disk."""

    def hold(self, stamp: int, nodes: tuple[NodeId, ...], answer: Reply) -> None:
        """An answer waits until these nodes have stored what came up to `stamp`."""
        self._waiting.append(_Waiting(stamp, nodes, answer))

    def stored(self, node: NodeId, stamp: int) -> None:
        """A member has it all up to this stamp."""
        self._stored[node] = max(stamp, self._stored.get(node, 0))

    def release(self, members: Sequence[NodeId]) -> list[Reply]:
        """The answers that need not wait any longer; nodes that are no members are not waited for."""
        released = []
        while self._waiting:
            stamp, nodes, answer = self._waiting[0]
            if any(self._stored.get(node, 0) < stamp for node in nodes if node in members):
                break
            released.append(answer)
            self._waiting.popleft()
        return released
