"""The reference of all commands, as Markdown, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from openais.cli.exits import MEANINGS
from openais.cli.main import cli

WIDTH: Final = 110


def command_reference() -> str:
    """A heading and the help of each command, groups before their members."""
    parts = [f"### {path}\n\n```\n{text}\n```\n" for path, text in _helps(cli, None, "openais")]
    return "\n".join(parts)


def exit_code_table() -> str:
    """The exit codes with their meaning."""
    rows = (f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())
    return "\n".join(("| exit code | means |", "|---|---|", *rows, ""))


def _helps(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """The path and the help of `command` and of all below it."""
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **{**command.context_settings, **width})
    if parent is not None:
        yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            below = command.get_command(context, child)
            assert below is not None
            yield from _helps(below, context, child)
