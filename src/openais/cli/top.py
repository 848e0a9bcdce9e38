"""`openais top`: a live view of the executive of this node."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from openais.cli.exits import BoundedCommand
from openais.cli.options import reading_options
from openais.cli.output import console, drawn_table, duration, in_terminal, local_time, print_json, print_line
from openais.cli.words import Names, counted, plain
from openais.client.status import Reason, Status, StatusClient


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one moment."""

    status: Status
    counters: dict[str, int]
    parts: dict[str, dict[str, Any]]
    reason: Reason | None
    """Of the last configuration change."""

    @property
    def packets(self) -> int:
        """Packets that the ring has delivered here in its configuration, as the ring numbers them."""
        return int(self.parts.get("ring", {}).get("delivered", 0))


@dataclass(frozen=True, slots=True)
class Rates:
    """What changed between two samples, each second."""

    packets: float
    counters: dict[str, float]


@click.command(cls=BoundedCommand)
@click.option("--interval", type=click.FloatRange(0.05, 3600), default=1.0, show_default=True, help="Seconds.")
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="End after N samples.")
@reading_options
def top(interval: float, count: int | None, as_json: bool, socket: Path | None, timeout: float) -> None:
    """A live view of members, ring, queues and counters. Ctrl-C ends it.

    Without a terminal it prints a line for each sample.
    """
    samples = _samples(interval, count, socket, timeout)
    if in_terminal() and not as_json:
        _live(samples, Names(socket, timeout))
        return
    for sample, rates in samples:
        if as_json:
            print_json({**plain(sample.status), "packets_per_s": rates.packets, "counters": sample.counters})
        else:
            print_line(_line(sample, rates))


def _samples(interval: float, count: int | None, socket: Path | None, timeout: float) -> Iterator[tuple[Sample, Rates]]:
    """A sample now and then one each `interval`, `count` of them, each with the rates since the one before."""
    with StatusClient(socket, timeout=timeout) as client:
        before, taken = None, 0
        while True:
            sample = _sample(client)
            yield sample, _rates(before, sample)
            before, taken = sample, taken + 1
            if taken == count:
                return
            time.sleep(interval)


def _sample(client: StatusClient) -> Sample:
    reasons = client.why(1)
    return Sample(client.status(), client.counters(), client.describe(), reasons[-1] if reasons else None)


def _rates(before: Sample | None, now: Sample) -> Rates:
    if before is None:
        return Rates(0.0, {})
    seconds = max(1e-9, (now.status.wall_time_ns - before.status.wall_time_ns) / 1e9)
    same_ring = before.status.ring == now.status.ring
    packets = (now.packets - before.packets if same_ring else now.packets) / seconds
    counters = {name: (value - before.counters.get(name, 0)) / seconds for name, value in now.counters.items()}
    return Rates(max(0.0, packets), counters)


def _line(sample: Sample, rates: Rates) -> str:
    """A sample in a line of text."""
    status = sample.status
    ring = f"ring {status.ring.sequence}.{status.ring.representative}" if status.ring else "no ring"
    state = "complete" if status.synchronized else "exchanging state"
    quorum = "quorum" if status.quorate else "no quorum"
    members = " ".join(str(member.node_id) for member in status.members)
    return (
        f"{local_time(status.wall_time_ns)}  {ring}  members {members}  {quorum}  {state}  "
        f"{rates.packets:.0f} packets/s  {counted(status.connections, 'library connection')}"
    )


def _live(samples: Iterator[tuple[Sample, Rates]], names: Names) -> None:
    from rich.live import Live

    with Live(console=console(), auto_refresh=False, screen=False) as live:
        for sample, rates in samples:
            names.learn(member.node_id for member in sample.status.members)
            live.update(_picture(sample, rates, names), refresh=True)


def _picture(sample: Sample, rates: Rates, names: Names) -> Any:
    """The view, for Rich."""
    from rich.console import Group
    from rich.text import Text

    why = Text(f"last change: {sample.reason.sentence}" if sample.reason else "", style="dim")
    tables = (_members_table(sample.status, names), _ring_table(sample, rates), _counters_table(sample, rates))
    return Group(_headline(sample.status), why, *tables)


def _headline(status: Status) -> Any:
    from rich.text import Text

    running = duration((status.wall_time_ns - status.boot_timestamp_ns) / 1e9)
    ring = f"ring {status.ring.sequence}.{status.ring.representative}" if status.ring else "no ring yet"
    line = Text.assemble((f"{status.name} ({status.node_id})", "bold cyan"), f"  {ring}  running for {running}  ")
    line.append("quorum" if status.quorate else "NO QUORUM", "green" if status.quorate else "bold red")
    line.append(
        "  state complete" if status.synchronized else f"  exchanging state: {status.transfer}",
        "" if status.synchronized else "yellow",
    )
    line.append(f"  {local_time(status.wall_time_ns)}", "dim")
    return line


def _members_table(status: Status, names: Names) -> Any:
    rows = (
        (names.text(member.node_id), "this node" if member.local else "", _since(status, member.since_ns))
        for member in status.members
    )
    return drawn_table(("member", "", "together for"), rows)


def _since(status: Status, since_ns: int) -> str:
    return duration((status.wall_time_ns - since_ns) / 1e9)


def _ring_table(sample: Sample, rates: Rates) -> Any:
    """The ring's own words for its state."""
    ring: Mapping[str, Any] = sample.parts.get("ring", {})
    queued = ", ".join(f"{name} {count}" for name, count in ring.get("queued", {}).items() if count)
    row = (
        str(ring.get("state", "")),
        f"{rates.packets:,.0f}",
        str(ring.get("sequence", "")),
        str(ring.get("aru", "")),
        str(ring.get("safe_line", "")),
        queued or "nothing",
    )
    return drawn_table(("ring", "packets/s", "sequence", "received by all", "safe up to", "queued"), [row])


def _counters_table(sample: Sample, rates: Rates) -> Any:
    """Those that have counted something; they come last, since a small terminal may have no room for all."""
    counted_up = {name: count for name, count in sample.counters.items() if count}
    rows = ((name, f"{count:,}", f"{rates.counters.get(name, 0):,.1f}") for name, count in counted_up.items())
    return drawn_table(("counter", "count", "/s"), rows)
