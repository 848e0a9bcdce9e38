"""What a state of the protocol answers to. A state ignores what it has no method for."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from openais.totem.core import Core
from openais.totem.effects import Address
from openais.totem.wire import Announce, CommitToken, Join, Packet, Token


class State:
    """Base of Operational, Gather, Commit and Recovery. Data that exists only in one state lives in its class."""

    name: ClassVar[str]

    def __init__(self, core: Core) -> None:
        self.core = core

    @property
    def deadline(self) -> float:
        """When `timeout` wants to be called."""
        return math.inf

    def enter(self, now: float) -> None:
        """The processor has come into this state."""

    def data(self, packet: Packet, now: float) -> None:
        """A data packet."""

    def token(self, token: Token, now: float) -> None:
        """The token of a ring."""

    def join(self, join: Join, address: Address, now: float) -> None:
        """A join message."""

    def commit(self, token: CommitToken, now: float) -> None:
        """A commit token."""

    def announce(self, announce: Announce, address: Address, now: float) -> None:
        """Another ring tells of itself."""

    def woken(self, now: float) -> None:
        """A member of the ring has something to send and the token may be held here."""

    def wake(self, now: float) -> None:
        """Messages were submitted here."""

    def burst_end(self, now: float) -> None:
        """All datagrams of a burst were handled."""

    def timeout(self, now: float) -> None:
        """The deadline has come."""

    def describe(self) -> dict[str, Any]:
        """For people and tools."""
        return {}


class Idle(State):
    """Before start and after leaving: nothing is sent, nothing is heard."""

    name = "idle"
