"""What the demo shows: the nodes as they are now, the story so far, and every claim with whether it holds.

The tour speaks to a `Stage`; how it looks is for the two stages to say: `PlainStage` prints lines, and `LiveStage`
(demo_live.py) draws the cluster in a terminal.
"""

from __future__ import annotations

import enum
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, NoReturn

import click

STRIPE_MAX: Final = 4096
"""Deliveries that a node keeps for the picture."""


class NodeState(enum.Enum):
    """What the demo knows of a node's process."""

    ABSENT = "not started"
    STARTING = "starting"
    MEMBER = "member"
    KILLED = "killed"
    LEFT = "left in order"


@dataclass
class NodePicture:
    """One node as the audience sees it."""

    number: int
    name: str
    state: NodeState = NodeState.ABSENT
    process_id: int = 0
    members: tuple[int, ...] = ()
    view_number: int = 0
    ring: str = ""
    stripe: deque[int] = field(default_factory=lambda: deque(maxlen=STRIPE_MAX))
    """The senders of the messages it delivered, in order."""


class ClaimFailed(Exception):
    """Something that the demo set out to show is not so."""


class Stage:
    """Keeps what is shown, and the count of what was checked."""

    def __init__(self, node_count: int) -> None:
        self.nodes = [NodePicture(number, f"node-{number}") for number in range(1, node_count + 1)]
        self.cut: frozenset[frozenset[int]] = frozenset()
        """The links that carry nothing, as pairs of node numbers."""
        self.scene_number = 0
        self.claims_held = 0
        self._began = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the curtain rose."""
        return time.monotonic() - self._began

    def picture(self, number: int) -> NodePicture:
        """The picture of a node."""
        return self.nodes[number - 1]

    def scene(self, title: str, explanation: str) -> None:
        """A new part of the tour begins."""
        self.scene_number += 1
        self.show_scene(title, explanation)

    def say(self, text: str) -> None:
        """Tells something that happened, or that is about to."""
        self.show_line(text)

    def claim(self, text: str, holds: bool, evidence: str = "") -> None:
        """States something that was checked. Raises ClaimFailed, with the evidence, when it does not hold."""
        if not holds:
            self.fail(f"{text}: not so; {evidence}" if evidence else f"{text}: not so")
        self.claims_held += 1
        self.show_claim(text)

    def fail(self, text: str) -> NoReturn:
        """Ends the tour. Raises ClaimFailed."""
        raise ClaimFailed(text)

    # How it looks.

    def open(self) -> None:
        """The curtain rises."""

    def close(self) -> None:
        """The curtain falls; the terminal is as it was."""

    async def pause(self, seconds: float) -> None:
        """Time for the audience to look; none without an audience."""

    def show_scene(self, title: str, explanation: str) -> None:
        """A heading, and what is about to be seen."""

    def show_line(self, text: str) -> None:
        """A line of the story."""

    def show_claim(self, text: str) -> None:
        """Something that was checked and holds."""

    def show_failure(self, text: str, details: list[str]) -> None:
        """What does not hold, and what may tell why."""


class PlainStage(Stage):
    """Plain lines on standard output."""

    def show_scene(self, title: str, explanation: str) -> None:
        click.echo(f"\n{self.scene_number}. {title}\n   {explanation}")

    def show_line(self, text: str) -> None:
        click.echo(f"   {text}")

    def show_claim(self, text: str) -> None:
        click.echo(f"   [checked] {text}")

    def show_failure(self, text: str, details: list[str]) -> None:
        click.echo(f"\n   [FAILED] {text}", err=True)
        for line in details:
            click.echo(f"      {line}", err=True)
