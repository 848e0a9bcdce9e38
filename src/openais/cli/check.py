"""`openais check`: what is wrong with a configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from openais.cli.exits import BoundedCommand, ExitCode
from openais.cli.options import color_option, json_option
from openais.cli.output import print_json, print_line, print_table
from openais.config.load import Examination, examine
from openais.config.problems import Place, Problem
from openais.config.settings import Settings
from openais.config.table import KEYS, Key
from openais.runtime.addresses import AddressError, choose_bind_address
from openais.runtime.authkey import AuthKeyError, load_authkeys


@click.command(cls=BoundedCommand)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--text-only", is_flag=True, help="The text alone; not whether key file and address are on this machine.")
@click.option("--show", is_flag=True, help="Print the value of every key, and where it comes from.")
@json_option
@color_option
def check(file: Path | None, text_only: bool, show: bool, as_json: bool) -> None:
    """Check the configuration in FILE, and in the environment, as `openais run` would read it.

    Without FILE it is that of $OPENAIS_CONF, or /etc/ais/openais.conf if it exists. Exits with 0 when the executive
    would start, with 2 when there are mistakes; each is told with its place and what was expected.
    """
    found = examine(file, os.environ, {})
    if found.settings is not None and not text_only:
        found.problems += _problems_of_this_machine(found, found.settings)
    if as_json:
        print_json(_as_json(found, show))
    else:
        _print(found, show)
    raise click.exceptions.Exit(ExitCode.USAGE if found.problems else ExitCode.OK)


def _problems_of_this_machine(found: Examination, settings: Settings) -> list[Problem]:
    """What only shows when key file and network interface are looked for."""
    problems = []
    if settings.totem.secauth and not _key_will_be_made(settings):
        try:
            load_authkeys(settings.totem.authkey)
        except AuthKeyError as error:
            problems.append(Problem(_place(found, "totem.authkey"), str(error)))
    try:
        choose_bind_address(settings.network.bindnetaddr)
    except AddressError as error:
        problems.append(Problem(_place(found, "network.bindnetaddr"), str(error)))
    return problems


def _key_will_be_made(settings: Settings) -> bool:
    return settings.makes_authkey and not settings.totem.authkey[0].exists()


def _place(found: Examination, path: str) -> Place:
    return found.given[path].place if path in found.given else Place("default")


def _print(found: Examination, show: bool) -> None:
    for problem in found.problems:
        print_line(str(problem), fg="red")
    for warning in found.warnings:
        print_line(f"warning: {warning}", fg="yellow")
    if show and found.settings is not None:
        print_table(
            ("key", "value", "from"),
            ((key.path, _text(_value(found.settings, key)), str(_place(found, key.path))) for key in KEYS),
        )
    source = found.file or "no configuration file: the defaults and the environment"
    count = len(found.problems)
    print_line(f"{source}: {f'{count} mistakes' if count > 1 else '1 mistake' if count else 'ok'}", bold=True)


def _as_json(found: Examination, show: bool) -> dict[str, Any]:
    result: dict[str, Any] = {
        "file": str(found.file) if found.file else None,
        "ok": not found.problems,
        "problems": [_problem_as_json(problem) for problem in found.problems],
        "warnings": [_problem_as_json(warning) for warning in found.warnings],
    }
    if show and found.settings is not None:
        result["settings"] = {key.path: _text(_value(found.settings, key)) for key in KEYS}
    return result


def _problem_as_json(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "line": problem.line, "message": problem.message, "expected": problem.expected}


def _value(settings: Settings, key: Key) -> object:
    return getattr(getattr(settings, key.section), key.name)


def _text(value: object) -> str:
    """A value as it may stand in a configuration file."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple) and type(value) is tuple:
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
