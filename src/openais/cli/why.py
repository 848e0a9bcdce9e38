"""`openais why`: the reasons of the last configuration changes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from openais.cli.exits import BoundedCommand
from openais.cli.options import reading_options
from openais.cli.output import local_time, print_json, print_line
from openais.cli.words import Names, plain
from openais.client.status import EventRecord, Reason, StatusClient


@click.command(cls=BoundedCommand)
@click.option("-n", "--limit", type=click.IntRange(1, 64), default=5, show_default=True, help="How many changes.")
@click.option("--brief", is_flag=True, help="The reasons without the evidence.")
@click.option("--events", type=click.IntRange(1, 4096), metavar="N", help="The last N events of the flight recorder.")
@reading_options
def why(limit: int, brief: bool, events: int | None, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Why the last configurations changed: the reason of each in a sentence, with the evidence, oldest first.

    It is what the flight recorder of this node's executive saw; other nodes may have seen more.
    """
    with StatusClient(socket, timeout=timeout) as client:
        if events is not None:
            _print_events(client.events(events), as_json)
            return
        reasons = client.why(limit)
    if as_json:
        print_json([plain(reason) for reason in reasons])
        return
    names = Names(socket, timeout)
    names.learn(node_id for reason in reasons for node_id in reason.members)
    for index, reason in enumerate(reasons):
        if index:
            print_line("")
        _print_reason(reason, names, brief)
    if not reasons:
        print_line("there was no configuration yet")


def _print_reason(reason: Reason, names: Names, brief: bool) -> None:
    ring = f"ring {reason.ring.sequence}.{reason.ring.representative}"
    print_line(f"{local_time(reason.wall_ns, milliseconds=True)}  {ring}", bold=True)
    print_line(f"  {reason.sentence}")
    print_line(f"  members: {names.list(reason.members)}")
    if not brief:
        for event in reason.evidence:
            print_line(f"    {_event_text(event, since_ns=reason.evidence[0].wall_ns)}", dim=True)


def _event_text(event: EventRecord, since_ns: int) -> str:
    return f"+{(event.wall_ns - since_ns) / 1e9:.3f} s  {event.kind}: {event.text}"


def _print_events(events: Iterable[EventRecord], as_json: bool) -> None:
    for event in events:
        if as_json:
            print_json(plain(event))
        else:
            print_line(f"{local_time(event.wall_ns, milliseconds=True)}  {event.kind}: {event.text}")
