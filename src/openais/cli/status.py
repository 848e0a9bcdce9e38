"""`openais status`: how the executive is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from click.exceptions import Exit

from openais.cli.exits import BoundedCommand, ExitCode
from openais.cli.options import reading_options
from openais.cli.output import colored, duration, print_json
from openais.cli.words import Names, counted, plain
from openais.client.status import Status, StatusClient


@click.command(cls=BoundedCommand)
@click.option("--counters", is_flag=True, help="The counters as well: what was dropped, refused and sent again.")
@click.option("--describe", metavar="PART", help="The inner state of a part of the executive as JSON; `all` for all.")
@reading_options
def status(counters: bool, describe: str | None, as_json: bool, socket: Path | None, timeout: float) -> None:
    """How the executive of this node is: its ring, members, quorum, services.

    Exits with 0 when the node is a member of a configuration, has quorum and complete state, else with 1: fit for a
    health check.
    """
    with StatusClient(socket, timeout=timeout) as client:
        if describe is not None:
            click.echo(
                json.dumps(client.describe("" if describe == "all" else describe), indent=None if as_json else 2)
            )
            return
        state = client.status()
        counts = client.counters() if counters else {}
    if as_json:
        print_json({**plain(state), "healthy": _healthy(state), **({"counters": counts} if counters else {})})
    else:
        names = Names(socket, timeout)
        names.learn(member.node_id for member in state.members)
        _print(state, counts, names)
    raise Exit(ExitCode.OK if _healthy(state) else ExitCode.FAILED)


def _healthy(state: Status) -> bool:
    return state.ring is not None and state.quorate and state.synchronized


def _print(state: Status, counters: Mapping[str, int], names: Names) -> None:
    lines = [*_lines(state, names), *((name, str(count), None) for name, count in counters.items())]
    width = max(len(label) for label, _, _ in lines)
    for label, text, color in lines:
        shown = click.style(text, fg=color) if color and colored() else text
        click.echo(f"{label.ljust(width)}  {shown}", color=colored())


def _lines(state: Status, names: Names) -> Iterator[tuple[str, str, str | None]]:
    """What is said of the executive: label, text, colour."""
    yield "node", f"{state.name} ({state.node_id}) at {state.address}", None
    yield "running", f"for {duration((state.wall_time_ns - state.boot_timestamp_ns) / 1e9)}", None
    if state.ring is None:
        yield "ring", "none yet", "yellow"
    else:
        yield (
            "ring",
            f"{state.ring.sequence}.{state.ring.representative}, {counted(len(state.members), 'member')}",
            None,
        )
    for index, member in enumerate(state.members):
        since = duration((state.wall_time_ns - member.since_ns) / 1e9)
        here = ", this node" if member.local else ""
        yield "" if index else "members", f"{names.text(member.node_id)}{here}, together for {since}", None
    yield "quorum", f"{'yes' if state.quorate else 'NO'} ({state.quorum})", "green" if state.quorate else "red"
    yield "state", _state(state), "green" if state.synchronized else "yellow"
    yield "services", ", ".join(state.services), None
    yield "libraries", counted(state.connections, "connection"), None


def _state(state: Status) -> str:
    return "complete" if state.synchronized else f"being exchanged: {state.transfer or 'no configuration yet'}"
