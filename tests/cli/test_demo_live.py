"""The picture that the demo draws in a terminal."""

from __future__ import annotations

import asyncio
import io

from rich.console import Console

from openais.cli.demo_live import LiveStage, links, node_panel, stripe_lines
from openais.cli.demo_stage import NodePicture, NodeState


def member(number: int, *senders: int) -> NodePicture:
    """A node that is a member and has delivered messages of `senders`."""
    picture = NodePicture(number, f"node-{number}", NodeState.MEMBER, 4711, (1, 2, 3), 3, "12.1")
    picture.stripe.extend(senders)
    return picture


def drawn(*things: object, width: int = 60) -> str:
    """What a terminal of `width` would show."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(*things)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_nodes_that_delivered_the_same_have_the_same_stripe() -> None:
    one, other = member(1, 1, 2, 2, 3, 1), member(2, 1, 2, 2, 3, 1)
    assert stripe_lines(one, 4) == stripe_lines(other, 4)
    assert stripe_lines(one, 4) != stripe_lines(member(3, 2, 1, 2, 3, 1), 4)


def test_a_panel_tells_what_the_node_knows() -> None:
    text = drawn(node_panel(member(1, 1, 2), 40))
    for part in ("node-1", "member", "process 4711", "view 3: 1 2 3", "ring 12.1", "▪▪"):
        assert part in text


def test_a_killed_node_has_no_view() -> None:
    node = member(1)
    node.state = NodeState.KILLED
    text = drawn(node_panel(node, 40))
    assert "killed" in text
    assert "view" not in text


def test_the_links_show_what_is_cut_and_what_carries() -> None:
    nodes = [member(1), member(2), member(3)]
    line = links(nodes, frozenset({frozenset((1, 2))})).plain
    assert line.count("✂") == 1
    assert line.count("═══════") == 2


def test_a_performance_leaves_its_story_on_the_screen() -> None:
    async def perform() -> str:
        console = Console(file=io.StringIO(), width=100, force_terminal=True)
        stage = LiveStage(3, console)
        stage.open()
        stage.scene("The ring forms", "Three executives.")
        stage.say("node-1 is there")
        stage.claim("all is well", True)
        stage.close()
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    text = asyncio.run(perform())
    for part in ("The ring forms", "Three executives.", "node-1 is there", "all is well", "not started"):
        assert part in text
