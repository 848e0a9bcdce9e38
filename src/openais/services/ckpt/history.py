"""Which way a component has come, so that a merge can tell a replica that is behind from one that went another way.

A *stretch* is a part of the order in which all who were in it were given the same messages: a regular configuration
from the completion of its state on, or what one component was given around it. Every change of a checkpoint is marked
with its stretch and a stamp, and stamps rise along every history, whatever the wall clocks do. So a component whose
history has the stretch of a change, ended with a stamp that is no lower, was given that change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from openais.messages.ckpt_group import Place, Where
from openais.types import NodeId

STRETCHES_MAX: Final = 256
"""Stretches that are remembered. What changed before all of them is taken to have gone another way."""


class History:
    """The history of one component, and its clock."""

    def __init__(self, node_id: NodeId, incarnation: int) -> None:
        self.clock = 0
        """The highest stamp so far."""
        self._where: Where | None = Where(0, node_id, incarnation)
        """The stretch that is not over; None between a merge, which ends those of all components, and the next one."""
        self._ended: dict[Where, int] = {}
        """The stretches that are over, with the highest stamp in each, oldest first."""

    def tick(self, time_ns: int) -> Place:
        """Something happens at a node whose wall clock says this; gives where and when."""
        assert self._where is not None
        self.clock = max(self.clock + 1, time_ns)
        return Place(self.clock, self._where)

    def go_on(self, where: Where) -> None:
        """A new stretch begins."""
        if self._where is not None:
            self._end(self._where, self.clock)
        self._where = where

    def state(self) -> tuple[Place, ...]:
        """All stretches, to be transferred."""
        ended = [Place(stamp, where) for where, stamp in self._ended.items()]
        return (*ended, Place(self.clock, self._where)) if self._where is not None else tuple(ended)

    def restore(self, clock: int, stretches: Sequence[Place]) -> None:
        """Knows of these, from a log; before anything else has happened."""
        self.clock = max(self.clock, clock)
        for place in stretches:
            self._end(place.where, max(place.stamp, self._ended.get(place.where, 0)))

    def merge(self, histories: Iterable[tuple[int, Sequence[Place]]]) -> None:
        """Becomes the one history of all components: each its clock and its stretches."""
        merged: dict[Where, int] = {}
        for clock, stretches in histories:
            self.clock = max(self.clock, clock)
            for place in stretches:
                merged[place.where] = max(place.stamp, merged.get(place.where, 0))
        self._where, self._ended = None, {}
        for where, stamp in sorted(merged.items(), key=lambda each: (each[1], each[0])):
            self._end(where, stamp)

    def _end(self, where: Where, stamp: int) -> None:
        self._ended.pop(where, None)
        self._ended[where] = stamp
        if len(self._ended) > STRETCHES_MAX:
            del self._ended[next(iter(self._ended))]


def known(stretches: Sequence[Place], place: Place) -> bool:
    """Whether a history of these stretches has what happened at `place`."""
    return any(each.where == place.where and place.stamp <= each.stamp for each in stretches)
