"""The demo in a terminal: the story scrolls above, the cluster lives below it.

The picture below shows the links between the nodes, and for each node what it knows: its state, the members in its
view, its ring, and a stripe of the messages it delivered, one cell each in the colour of the sender. Nodes that agree
have the same stripe.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Final

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from openais.cli.demo_stage import NodePicture, NodeState, Stage

FRAMES_PER_S: Final = 15
STRIPE_LINES: Final = 4
PANEL_WIDTH_MIN: Final = 25
"""Where nodes get less than this, they are drawn in several rows, and each of them smaller."""
LINK_LENGTH: Final = 7
LINKS_LONG_MAX: Final = 6
SENDER_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_red", "bright_cyan", "bright_magenta")
STATE_LOOK: Final = {
    NodeState.ABSENT: ("○", "bright_black"),
    NodeState.STARTING: ("◌", "yellow"),
    NodeState.MEMBER: ("●", "green"),
    NodeState.KILLED: ("✖", "red"),
    NodeState.LEFT: ("○", "bright_black"),
}


class LiveStage(Stage):
    """Draws with rich; must be opened in the event loop, which redraws it."""

    def __init__(self, node_count: int, console: Console) -> None:
        super().__init__(node_count)
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._painter: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._live.start()
        self._painter = asyncio.get_running_loop().create_task(self._paint())

    def close(self) -> None:
        if self._painter is not None:
            self._painter.cancel()
            self._live.update(self.cluster_picture(), refresh=True)
        self._live.stop()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def show_scene(self, title: str, explanation: str) -> None:
        self._console.print()
        self._console.print(Text(f" {self.scene_number} ", style="reverse bold"), Text(title, style="bold"))
        self._console.print(Text(explanation, style="bright_black"))

    def show_line(self, text: str) -> None:
        self._console.print(Text(f"  {text}"))

    def show_claim(self, text: str) -> None:
        self._console.print(Text("  ✔ ", style="bold green"), Text(text), sep="", end="\n")

    def show_failure(self, text: str, details: list[str]) -> None:
        self._console.print(Text("  ✘ ", style="bold red"), Text(text, style="bold"), sep="", end="\n")
        for line in details:
            self._console.print(Text(f"      {line}", style="bright_black"))

    def cluster_picture(self) -> RenderableType:
        """The cluster as it is at this moment."""
        inside = self._console.width - 4
        across = min(len(self.nodes), max(1, inside // PANEL_WIDTH_MIN))
        compact = across < len(self.nodes)
        table = Table.grid()
        for row in batched(self.nodes, across):
            table.add_row(*(node_panel(node, inside // across, compact) for node in row))
        footer = Text(f"{self.elapsed_s:5.1f} s   {self.claims_held} checked", style="bright_black")
        return Panel(
            Group(Align.center(links(self.nodes, self.cut)), table, Align.right(footer)),
            box=box.ROUNDED,
            border_style="bright_black",
            title="[bold]openais[/]",
            padding=(0, 1),
        )

    async def _paint(self) -> None:
        while True:
            self._live.update(self.cluster_picture(), refresh=True)
            await asyncio.sleep(1 / FRAMES_PER_S)


def colour_of(number: int) -> str:
    """The colour that stands for a node."""
    return SENDER_COLOURS[(number - 1) % len(SENDER_COLOURS)]


def links(nodes: list[NodePicture], cut: frozenset[frozenset[int]]) -> Text:
    """The ring as a line that closes on itself, with what is cut."""
    line = Text()
    length = LINK_LENGTH if len(nodes) < LINKS_LONG_MAX else LINK_LENGTH // 2
    for here, there in itertools.pairwise([*nodes, nodes[0]]):
        line.append(f" {here.number} ", style=f"bold {colour_of(here.number)}")
        if frozenset((here.number, there.number)) in cut:
            line.append("✂".center(length, "╌"), style="red")
        elif NodeState.MEMBER is here.state is there.state:
            line.append("═" * length, style="green")
        else:
            line.append("·" * length, style="bright_black")
    line.append(f" {nodes[0].number} ", style=colour_of(nodes[0].number))
    return line


def batched(nodes: list[NodePicture], count: int) -> Iterator[list[NodePicture]]:
    """The nodes in rows of `count`."""
    yield from (nodes[start : start + count] for start in range(0, len(nodes), count))


def node_panel(node: NodePicture, width: int, compact: bool = False) -> Panel:
    """What one node knows; of a `compact` panel the most important of it."""
    sign, style = STATE_LOOK[node.state]
    state = Text.assemble((f"{sign} {node.state.value}", style))
    process = Text(f"process {node.process_id}" if node.process_id else "", style="bright_black")
    ring = Text(f"ring {node.ring}" if node.ring else "", style="bright_black")
    stripe = stripe_lines(node, width - 4, 2 if compact else STRIPE_LINES)
    lines = [state, members_line(node)] if compact else [state, process, members_line(node), ring]
    for line in (*lines, *stripe):
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(
        Group(*lines, *stripe),
        title=Text(node.name, style=f"bold {colour_of(node.number)}"),
        border_style=colour_of(node.number) if node.state is NodeState.MEMBER else style,
        padding=(0, 1),
        width=width,
    )


def members_line(node: NodePicture) -> Text:
    """The members that it sees, each in its colour."""
    line = Text()
    if node.state is NodeState.MEMBER and node.members:
        line.append(f"view {node.view_number}: ", style="bright_black")
        for member in node.members:
            line.append(f"{member} ", style=f"bold {colour_of(member)}")
    return line


def stripe_lines(node: NodePicture, width: int, count: int = STRIPE_LINES) -> list[Text]:
    """The last `count` lines of messages that it delivered, oldest first; nodes that agree have the same lines."""
    rows = [list(node.stripe)[start : start + width] for start in range(0, len(node.stripe), width)][-count:]
    lines = [Text.assemble(*(("▪", colour_of(sender)) for sender in row)) for row in rows]
    return lines + [Text("") for _ in range(count - len(lines))]
