"""What the executive needs of the group messaging interface, so that other engines than `totem` can be plugged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from openais.totem.effects import Address, RingEffect
from openais.types import Guarantee, Priority


class GroupMessaging(Protocol):
    """Totally ordered multicast with extended virtual synchrony (`totem.processor.Processor` is one).

    Inputs take the time `now` in seconds; what they cause is collected by `take_effects`, in order.
    """

    @property
    def deadline(self) -> float:
        """When `timeout` wants to be called; infinity when not at all."""
        ...

    @property
    def counters(self) -> dict[str, int]:
        """Events counted, by name."""
        ...

    def start(self, now: float) -> None:
        """Begins to look for others."""
        ...

    def receive(self, burst: Sequence[tuple[Address, bytes]], now: float) -> None:
        """Datagrams arrived."""
        ...

    def timeout(self, now: float) -> None:
        """The deadline has come."""
        ...

    def wake(self, now: float) -> None:
        """Messages were submitted: send when the order of the group allows it."""
        ...

    def ring_sequence_stored(self, sequence: int, now: float) -> None:
        """A StoreRingSequence was performed."""
        ...

    def leave(self, now: float) -> None:
        """Leaves the group in order; ends with Recorded("left")."""
        ...

    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        """Queues a message for the members of `groups`, or for all when empty. False when the queue is full.

        Raises ValueError on a message that is too long. The order of one sender and priority is kept.
        """
        ...

    def room(self, priority: Priority) -> bool:
        """Whether `submit` would take a message of this priority now."""
        ...

    def join_group(self, name: bytes) -> None:
        """From the next message that is delivered on, this node is given those of the group."""
        ...

    def leave_group(self, name: bytes) -> None:
        """It is not any more."""
        ...

    def plug(self) -> None:
        """MED and LOW messages of this node wait."""
        ...

    def unplug(self, now: float) -> None:
        """They flow again."""
        ...

    def take_effects(self) -> list[RingEffect]:
        """What is to be done since the last call, in order."""
        ...

    def describe(self) -> dict[str, Any]:
        """The state, for people and tools."""
        ...
