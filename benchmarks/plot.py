"""Results of a comparison as a drawing: throughput and latency by size, in SVG, without any library."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final
from xml.sax.saxutils import escape

from benchmarks.measure import Load, Row
from benchmarks.report import size_text

COLOURS: Final = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e")
WIDTH: Final = 940
PANEL: Final = (330.0, 250.0)
"""Width and height of what is drawn in a panel."""
LEFT: Final = 80.0
TOP: Final = 64.0
GAP: Final = 120.0
STYLE: Final = "text{font:12px sans-serif;fill:#333} .title{font-size:14px;font-weight:bold} .small{font-size:11px}"


@dataclass(frozen=True, slots=True)
class Panel:
    """A diagram with logarithmic axes: a line for each system."""

    title: str
    unit: str
    lines: dict[str, list[tuple[int, float]]]
    """By system: size in bytes and figure, by rising size."""


def plot(rows: Iterable[Row]) -> str:
    """Messages a second of three nodes, one sender and all, then the latency of one at a time."""
    rows = list(rows)
    panels = [
        _panel(rows, "3 nodes, one sender", "messages/s at each node", "tput", "one"),
        _panel(rows, "3 nodes, all senders", "messages/s at each node", "tput", "all"),
        _panel(rows, "1 node", "messages/s", "tput", "one", nodes=1),
        _panel(rows, "3 nodes, one message at a time", "p50, us", "lat", "one"),
    ]
    panels = [panel for panel in panels if panel.lines]
    systems = sorted({system for panel in panels for system in panel.lines}, key=lambda name: (name != "openais", name))
    height = TOP + (len(panels) + 1) // 2 * (PANEL[1] + 90)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}"><style>{STYLE}</style><rect width="100%" height="100%" fill="white"/>'
    ]
    for at, system in enumerate(systems):
        x = LEFT + at * 190
        parts.append(f'<rect x="{x}" y="14" width="14" height="14" fill="{_colour(systems, system)}"/>')
        parts.append(
            f'<text x="{x + 20}" y="26">{escape(system)}{" (encrypted)" if system == "openais" else ""}</text>'
        )
    for at, panel in enumerate(panels):
        x, y = LEFT + at % 2 * (PANEL[0] + GAP), TOP + at // 2 * (PANEL[1] + 90)
        parts.append(f'<g transform="translate({x},{y})">{_draw(panel, systems)}</g>')
    return "\n".join((*parts, "</svg>\n"))


def _panel(rows: Sequence[Row], title: str, unit: str, mode: str, senders: str, nodes: int = 3) -> Panel:
    found: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        load = row.load
        if (load.mode, load.senders, load.nodes) == (mode, senders, nodes):
            figure = row.latency_us["p50"] if mode == "lat" else row.messages_s
            found.setdefault(row.label, {}).setdefault(load.size, []).append(figure)
    lines = {
        label: [(size, median(figures)) for size, figures in sorted(sizes.items())] for label, sizes in found.items()
    }
    return Panel(title, unit, lines)


def _draw(panel: Panel, systems: Sequence[str]) -> str:
    width, height = PANEL
    sizes = sorted({size for line in panel.lines.values() for size, _ in line})
    figures = [figure for line in panel.lines.values() for _, figure in line if figure > 0]
    low, high = math.floor(math.log10(min(figures))), math.ceil(math.log10(max(figures)))
    high = max(high, low + 1)

    def x_of(size: int) -> float:
        return width * (sizes.index(size) + 0.5) / len(sizes)

    def y_of(figure: float) -> float:
        return height - height * (math.log10(figure) - low) / (high - low)

    parts = [
        f'<text class="title" x="0" y="-10">{escape(panel.title)}</text>',
        f'<text class="small" x="{width}" y="-10" text-anchor="end">{escape(panel.unit)}</text>',
        f'<rect width="{width}" height="{height}" fill="none" stroke="#999"/>',
    ]
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        parts.append(f'<line x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text class="small" x="-8" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>')
    parts += [
        f'<text class="small" x="{x_of(size):.1f}" y="{height + 18}" text-anchor="middle">{size_text(size)}</text>'
        for size in sizes
    ]
    for system, line in panel.lines.items():
        colour = _colour(systems, system)
        points = " ".join(f"{x_of(size):.1f},{y_of(figure):.1f}" for size, figure in line if figure > 0)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x_of(size):.1f}" cy="{y_of(figure):.1f}" r="3" fill="{colour}"/>'
            for size, figure in line
            if figure > 0
        ]
    return "".join(parts)


def _colour(systems: Sequence[str], system: str) -> str:
    return COLOURS[list(systems).index(system) % len(COLOURS)]


def read(path: Path) -> list[Row]:
    """The rows that a benchmark has written down."""
    return [_row(json.loads(line)) for line in path.read_text().splitlines()]


def _row(told: dict[str, Any]) -> Row:
    return Row(**{**told, "load": Load(**told["load"])})


if __name__ == "__main__":
    print(plot(read(Path(sys.argv[1]))))
