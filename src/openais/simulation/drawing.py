"""The space-time diagram of a run as SVG: time runs downwards, every node has a line of its own.

Slanted lines are datagrams, by kind in colour; a lost one ends in a cross. Along each node's line stand its
configurations, as coloured bars that have one colour for each ring, its deliveries, as dots in the colour of the
sender, and what befell it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from openais.simulation.schedule import US
from openais.simulation.trace import DATAGRAMS, Event
from openais.types import NodeId

COLUMN_PX: Final = 220
MARGIN_PX: Final = 90
HEAD_PX: Final = 96
SECOND_PX: Final = 2000
"""Height of a second, unless the caller chooses."""
HEIGHT_MAX_PX: Final = 30_000
"""A longer run is drawn smaller."""
DATAGRAM_LINES_MAX: Final = 20_000
"""Datagrams drawn; of more, data packets are left out first."""

_DATAGRAM_COLOURS: Final = {
    "token": "#c9a227",
    "data": "#4a7fb5",
    "part": "#8ab4d8",
    "join": "#b5524a",
    "commit": "#8e5aa8",
    "announce": "#9aa5a0",
    "wake": "#6aa84f",
    "noise": "#000000",
}
_RING_COLOURS: Final = ("#d7e8d4", "#d4e0f0", "#f3e3c7", "#e6d7ee", "#f2d6d6", "#d3ecec", "#ebebc8", "#e0e0e0")
_SENDER_COLOURS: Final = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d35400", "#16808a", "#7f6000", "#5d6d7e")
_BEFALLS: Final = {
    "boot": ("▲", "#2e8b57"),
    "crash": ("✖", "#c0392b"),
    "fatal": ("✖", "#c0392b"),
    "pause": ("❚❚", "#d35400"),
    "resume": ("▶", "#2e8b57"),
    "leave": ("↩", "#7f6000"),
    "left": ("↩", "#7f6000"),
    "fault": ("⚡", "#c0392b"),
}
_STATES: Final = ("state",)


@dataclass(slots=True)
class _Stay:
    """A configuration of one node, from when to when."""

    ring: str
    text: str
    begins_us: int
    ends_us: int | None = None


@dataclass(slots=True)
class _Drawing:
    """Where things are put. Gathers the elements of the picture, background first."""

    nodes: Sequence[NodeId]
    start_us: int
    end_us: int
    second_px: float
    bars: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def x(self, node: NodeId) -> float:
        """The line of a node."""
        return MARGIN_PX + COLUMN_PX * (self.nodes.index(node) + 0.5)

    def y(self, time_us: int) -> float:
        """A moment."""
        return round(HEAD_PX + (time_us - self.start_us) / US * self.second_px, 1)

    @property
    def width(self) -> int:
        return MARGIN_PX + COLUMN_PX * len(self.nodes) + 100

    @property
    def height(self) -> float:
        return self.y(self.end_us) + 40


def draw(
    events: Sequence[Event],
    nodes: Sequence[NodeId],
    *,
    title: str,
    start_s: float = 0.0,
    end_s: float | None = None,
    second_px: float = SECOND_PX,
) -> str:
    """The diagram of `events` between two moments, as an SVG document."""
    last_us = max((event.time_us for event in events), default=0)
    end_us = last_us if end_s is None else min(last_us, int(end_s * US))
    start_us = min(int(start_s * US), end_us)
    span_s = max(end_us - start_us, 1) / US
    drawing = _Drawing(nodes, start_us, end_us, min(second_px, HEIGHT_MAX_PX / span_s))
    shown = [event for event in events if start_us <= event.time_us <= end_us]
    _draw_time(drawing)
    _draw_configurations(drawing, events)
    _draw_datagrams(drawing, shown)
    for event in shown:
        if event.kind == "deliver":
            _draw_delivery(drawing, event)
        elif event.kind in _BEFALLS:
            _draw_befall(drawing, event)
        elif event.kind in _STATES:
            _draw_state(drawing, event)
    return _document(drawing, title)


def _draw_time(drawing: _Drawing) -> None:
    step_us = next(step for step in (1_000, 10_000, 100_000, US) if step / US * drawing.second_px >= 40 or step == US)
    moment = -(-drawing.start_us // step_us) * step_us
    while moment <= drawing.end_us:
        y = drawing.y(moment)
        drawing.bars.append(f'<line class="time" x1="{MARGIN_PX}" x2="{drawing.width - 20}" y1="{y}" y2="{y}"/>')
        drawing.bars.append(f'<text class="time" x="{MARGIN_PX - 10}" y="{y + 4}">{moment / US:.3f} s</text>')
        moment += step_us


def _draw_configurations(drawing: _Drawing, events: Iterable[Event]) -> None:
    """Bars along the nodes' lines: from a regular configuration to the next, to a crash or to the end."""
    stays: dict[NodeId, list[_Stay]] = {node: [] for node in drawing.nodes}
    for event in events:
        if event.kind == "conf" or event.kind in ("crash", "left", "fatal"):
            history = stays[event.node]
            if history and history[-1].ends_us is None:
                history[-1].ends_us = event.time_us
        if event.kind == "conf" and " regular:" in event.text:
            ring, members = event.text.removeprefix("ring ").split(" regular: ")
            stays[event.node].append(_Stay(ring, f"{ring}: {members}", event.time_us))
    colours: dict[str, str] = {}
    for stay in sorted((s for history in stays.values() for s in history), key=lambda each: each.begins_us):
        colours.setdefault(stay.ring, _RING_COLOURS[len(colours) % len(_RING_COLOURS)])
    for node, history in stays.items():
        for stay in history:
            _draw_stay(drawing, node, stay, colours[stay.ring])


def _draw_stay(drawing: _Drawing, node: NodeId, stay: _Stay, colour: str) -> None:
    begins_us = max(stay.begins_us, drawing.start_us)
    ends_us = min(stay.ends_us if stay.ends_us is not None else drawing.end_us, drawing.end_us)
    if ends_us < drawing.start_us or begins_us > drawing.end_us:
        return
    x, top, bottom = drawing.x(node) - 14, drawing.y(begins_us), drawing.y(ends_us)
    drawing.bars.append(
        f'<rect x="{x}" y="{top}" width="28" height="{max(bottom - top, 1):.1f}" fill="{colour}" stroke="#888" '
        f'stroke-width="0.5"><title>{escape(stay.text)}</title></rect>'
    )
    if bottom - top > 14:
        drawing.marks.append(f'<text class="ring" x="{x - 4}" y="{top + 11}">{escape(stay.text)}</text>')


def _draw_datagrams(drawing: _Drawing, events: Iterable[Event]) -> None:
    flights = [event for event in events if event.kind in DATAGRAMS and event.target is not None]
    if len(flights) > DATAGRAM_LINES_MAX:
        flights = [event for event in flights if event.kind != "data" or event.arrives_us is None]
    for event in flights[:DATAGRAM_LINES_MAX]:
        _draw_flight(drawing, event)


def _draw_flight(drawing: _Drawing, event: Event) -> None:
    assert event.target is not None
    x1, y1, x2 = drawing.x(event.node), drawing.y(event.time_us), drawing.x(event.target)
    title = f"<title>{escape(str(event))}</title>"
    if event.arrives_us is not None:
        arrives_us = min(event.arrives_us, drawing.end_us)
        part = (arrives_us - event.time_us) / max(event.arrives_us - event.time_us, 1)
        x2 = round(x1 + (x2 - x1) * part, 1)
        path = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{drawing.y(arrives_us)}"'
        drawing.lines.append(f'<line class="{event.kind}" {path}>{title}</line>')
        return
    x2 = round(x1 + (x2 - x1) * 0.35, 1)
    y2 = round(y1 + 4, 1)
    drawing.lines.append(
        f'<line class="{event.kind}" stroke-dasharray="3 2" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}">{title}</line>'
    )
    drawing.lines.append(f'<path class="lost" d="M{x2 - 3} {y2 - 3}l6 6m0 -6l-6 6">{title}</path>')


def _draw_delivery(drawing: _Drawing, event: Event) -> None:
    sender = int(event.text.removeprefix("from ").split(":")[0])
    colour = _SENDER_COLOURS[sender % len(_SENDER_COLOURS)]
    drawing.marks.append(
        f'<circle cx="{drawing.x(event.node)}" cy="{drawing.y(event.time_us)}" r="3.2" fill="{colour}">'
        f"<title>{escape(str(event))}</title></circle>"
    )


def _draw_befall(drawing: _Drawing, event: Event) -> None:
    sign, colour = _BEFALLS[event.kind]
    x, y = drawing.x(event.node) + 18, drawing.y(event.time_us) + 4
    words = event.kind if event.kind != "fault" else event.text
    text = words if len(words) <= 26 else words[:25] + "…"
    drawing.marks.append(
        f'<text class="befall" x="{x}" y="{y}" style="fill:{colour}">{sign} {escape(text)}'
        f"<title>{escape(str(event))}</title></text>"
    )


def _draw_state(drawing: _Drawing, event: Event) -> None:
    x, y = drawing.x(event.node), drawing.y(event.time_us)
    drawing.marks.append(f'<path class="state" d="M{x - 14} {y}h28"><title>{escape(str(event))}</title></path>')


def _document(drawing: _Drawing, title: str) -> str:
    heads = []
    for node in drawing.nodes:
        x = drawing.x(node)
        heads.append(f'<text class="node" x="{x}" y="{HEAD_PX - 14}">node {node}</text>')
        heads.append(f'<line class="node" x1="{x}" x2="{x}" y1="{HEAD_PX - 6}" y2="{drawing.height - 20}"/>')
    legend = "".join(
        f'<line class="{kind}" x1="{MARGIN_PX + 110 * index}" x2="{MARGIN_PX + 24 + 110 * index}" y1="46" y2="46"/>'
        f'<text class="legend" x="{MARGIN_PX + 30 + 110 * index}" y="50">{kind}</text>'
        for index, kind in enumerate(_DATAGRAM_COLOURS)
        if kind != "noise"
    )
    width = max(drawing.width, MARGIN_PX + 110 * len(_DATAGRAM_COLOURS))
    return "\n".join((
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{drawing.height:.0f}" '
        f'viewBox="0 0 {width} {drawing.height:.0f}">',
        f"<style>{_style()}</style>",
        f'<rect width="{width}" height="{drawing.height:.0f}" fill="#fff"/>',
        f'<text class="title" x="{MARGIN_PX}" y="26">{escape(title)}</text>',
        legend, *drawing.bars, *heads, *drawing.lines, *drawing.marks,
        "</svg>",
        "",
    ))  # fmt: skip


def _style() -> str:
    kinds = "".join(f"line.{kind}{{stroke:{colour};stroke-width:1}}" for kind, colour in _DATAGRAM_COLOURS.items())
    return (
        "text{font:11px sans-serif;fill:#333}"
        "text.title{font:bold 15px sans-serif}text.node{font:bold 13px sans-serif;text-anchor:middle}"
        "text.time{text-anchor:end;fill:#777;font-size:10px}line.time{stroke:#eee;stroke-width:1}"
        "text.ring{text-anchor:end;fill:#444;font-size:10px}text.befall{font-weight:bold}"
        "line.node{stroke:#333;stroke-width:1.2}path.lost{stroke:#c0392b;stroke-width:1.4;fill:none}"
        "path.state{stroke:#333;stroke-width:0.8}circle{stroke:#fff;stroke-width:0.6}" + kinds
    )
