"""The options that many commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from openais.config.values import Size

F = TypeVar("F", bound=Callable[..., Any])


def _no_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.color = False


color_option = click.option(
    "--no-color",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_no_color,
    help="No colour, even in a terminal.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
socket_option = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The executive's socket. [default: $OPENAIS_SOCKET, or that of the executive on this machine]",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)


def library_options(function: F) -> F:
    """Gives a command --socket, --timeout and --no-color."""
    return socket_option(timeout_option(color_option(function)))


def reading_options(function: F) -> F:
    """Gives a command --json and those of `library_options`."""
    return json_option(library_options(function))


class Bytes(click.ParamType[int]):
    """A number of bytes, with K, M or G."""

    name = "bytes"

    def __init__(self, least: int, most: int) -> None:
        self._kind = Size(least, most, metavar="SIZE")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return self._kind.read(value, Path())
        except ValueError as error:
            self.fail(f"{error}; expected {self._kind.expected}", param, ctx)
