"""What commands print: tables and colours in a terminal, plain aligned lines elsewhere, JSON when asked for."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console


def in_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def colored() -> bool:
    """Whether to use colour: in a terminal, unless --no-color or NO_COLOR says otherwise."""
    context = click.get_current_context(silent=True)
    refused = (context is not None and context.find_root().color is False) or (
        context is not None and context.color is False
    )
    return in_terminal() and not refused and not os.environ.get("NO_COLOR")


def console() -> Console:
    """Rich's console for standard output, with or without colour. Rich is slow to import: only terminals need it."""
    from rich.console import Console

    return Console(no_color=not colored(), highlight=False, soft_wrap=not in_terminal())


def print_json(value: Any) -> None:
    """One line of JSON, for who reads line by line, written at once."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_line(text: str, **style: Any) -> None:
    """A line, with click's styles in a terminal."""
    click.echo(click.style(text, **style) if colored() and any(style.values()) else text, color=colored())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table: drawn in a terminal, aligned by spaces elsewhere."""
    rows = list(rows)
    if in_terminal():
        console().print(drawn_table(columns, rows))
        return
    for line in plain_table(columns, rows):
        click.echo(line)


def drawn_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> Any:
    """The table, for Rich."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(*columns, title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The table as lines of text, each column as wide as its widest cell."""
    lines = [tuple(columns), *map(tuple, rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def local_time(wall_ns: int, *, milliseconds: bool = False) -> str:
    """A time of the wall clock in the local time zone, such as 2005-04-01 12:30:59."""
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall_ns / 1e9))
    return f"{text}.{wall_ns // 1_000_000 % 1000:03}" if milliseconds else text


def duration(seconds: float) -> str:
    """A duration in words that are short: 850 ms, 12 s, 3 min 20 s, 5 h 10 min, 3 d 4 h."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    whole = int(seconds)
    for size, unit, lower_size, lower_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // lower_size
            return f"{whole // size} {unit} {rest} {lower_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
