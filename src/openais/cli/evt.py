"""`openais evt`: events of the cluster, for people and scripts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from openais.cli.exits import BoundedCommand, BoundedGroup
from openais.cli.options import library_options, reading_options
from openais.cli.output import local_time, print_json, print_line, print_table
from openais.cli.words import Names, plain
from openais.evt import ChannelFlags, ChannelStatus, Event, Evt, Exact, Filter, PassAll, Prefix, Suffix

COLORS: Final = ("red", "yellow", "cyan", None)
"""Of events, by priority."""


class FilterText(click.ParamType[Filter]):
    """A filter as people write it: `sensor.*`, `*.hot`, `sensor.7`, `*`."""

    name = "filter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Filter:
        text = str(value)
        if text == "*":
            return PassAll()
        if text.endswith("*"):
            return Prefix(text[:-1])
        return Suffix(text[1:]) if text.startswith("*") else Exact(text)


@click.group(cls=BoundedGroup)
def evt() -> None:
    """Publish events to the cluster, and be given those that pass your filters (SA Forum EVT).

    Publishers and subscribers meet on channels, by their names. An event carries patterns, which filters are compared
    with, a priority from 0, the highest, to 3, and any data.
    """


@evt.command(cls=BoundedCommand)
@click.argument("channel")
@click.argument("data", required=False)
@click.option(
    "-p", "--pattern", "patterns", multiple=True, metavar="TEXT", help="A pattern; may be given several times."
)
@click.option("--priority", type=click.IntRange(0, 3), default=3, show_default=True, help="0 is the highest.")
@click.option(
    "--retain",
    "retention",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="Keep it for subscribers that come later; inf for ever.",
)
@click.option("--publisher", default="", metavar="NAME", help="Who publishes it.")
@click.option("--json", "as_json", is_flag=True, help="Tell the ids of the events, as JSON.")
@library_options
def publish(
    channel: str,
    data: str | None,
    patterns: tuple[str, ...],
    priority: int,
    retention: float,
    publisher: str,
    as_json: bool,
    socket: Path | None,
    timeout: float,
) -> None:
    """Publish DATA on CHANNEL, which is made if need be; without DATA each line of standard input as it comes."""
    lines = (line.rstrip(b"\n") for line in sys.stdin.buffer)
    event_ids = []
    flags = ChannelFlags.PUBLISHER | ChannelFlags.CREATE
    with Evt(socket, timeout=timeout) as handle, handle.open_channel(channel, flags, retry=True) as opened:
        for each in lines if data is None else (data.encode(),):
            event_id = opened.publish(
                each, *patterns, priority=priority, retention=retention, publisher=publisher, retry=True
            )
            event_ids.append(event_id)
    if as_json:
        print_json({"event_ids": event_ids})


@evt.command(cls=BoundedCommand)
@click.argument("channel")
@click.argument("filters", nargs=-1, type=FilterText(), metavar="[FILTER]...")
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="End after N events.")
@reading_options
def subscribe(
    channel: str, filters: tuple[Filter, ...], count: int | None, as_json: bool, socket: Path | None, timeout: float
) -> None:
    """Print the events of CHANNEL as they come, those that are retained first.

    Each FILTER is for the pattern at its place: TEXT for just that, TEXT* for what begins with it, *TEXT for what ends
    with it, * for any. Without filters all events pass.
    """
    names = Names(socket, timeout)
    flags = ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE
    with Evt(socket, timeout=timeout) as handle, handle.open_channel(channel, flags, retry=True) as opened:
        for number, event in enumerate(opened.subscribe(*filters, retry=True), 1):
            _tell(event, as_json, names)
            if number == count:
                return


@evt.command(cls=BoundedCommand)
@reading_options
def channels(as_json: bool, socket: Path | None, timeout: float) -> None:
    """List the channels of the cluster: who has them open, and what they retain."""
    with Evt(socket, timeout=timeout) as handle:
        found = handle.channels(retry=True)
    if as_json:
        print_json(plain(found))
        return
    names = Names(socket, timeout)
    names.learn(node_id for each in found for node_id in each.opens)
    columns = ("channel", "open", "retained", "bytes", "")
    print_table(columns, (_row(each, names) for each in found))


@evt.command(cls=BoundedCommand)
@click.argument("channel")
@library_options
def unlink(channel: str, socket: Path | None, timeout: float) -> None:
    """Remove CHANNEL, with what it retains, as soon as nobody has it open any more."""
    with Evt(socket, timeout=timeout) as handle:
        handle.unlink(channel, retry=True)


@evt.command(cls=BoundedCommand)
@click.argument("channel")
@click.argument("event_id", type=int)
@library_options
def clear(channel: str, event_id: int, socket: Path | None, timeout: float) -> None:
    """Retain the event of EVENT_ID on CHANNEL no longer."""
    with (
        Evt(socket, timeout=timeout) as handle,
        handle.open_channel(channel, ChannelFlags.SUBSCRIBER, retry=True) as opened,
    ):
        opened.retention_time_clear(event_id, retry=True)


def _tell(event: Event, as_json: bool, names: Names) -> None:
    """One line for an event."""
    if as_json:
        print_json({**plain(event), "lost": event.lost})
    elif event.lost:
        print_line("* events were lost: this program does not take them as fast as they come", fg="magenta")
    else:
        names.learn((event.node_id,))
        source = "/".join(filter(None, (names.short(event.node_id), event.publisher)))
        patterns = " ".join(pattern.decode(errors="backslashreplace") for pattern in event.patterns)
        words = filter(None, (local_time(event.publish_time_ns), source, f"[{event.priority}]", patterns))
        text = event.data.decode(errors="backslashreplace")
        print_line(f"{' '.join(words)}: {text}", fg=COLORS[event.priority])


def _row(channel: ChannelStatus, names: Names) -> tuple[str, ...]:
    opens = ", ".join(f"{names.short(node_id)} x{count}" for node_id, count in sorted(channel.opens.items()))
    state = "unlinked" if channel.unlinked else ""
    return channel.name, opens or "nobody", str(channel.retained), str(channel.retained_bytes), state
