"""`openais run`, also called `aisexec`: the executive of this node."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from openais.cli.exits import BoundedCommand, ExitCode, Failure
from openais.cli.options import color_option
from openais.config.load import load_settings
from openais.config.problems import ConfigurationError
from openais.config.settings import Settings
from openais.config.table import KEYS, SECTIONS, Key
from openais.config.values import Switch

F = TypeVar("F", bound=Callable[..., Any])


class KeyOption(click.Option):
    """The flag of a key of the configuration. Its text is read by the configuration, as that of a file is."""

    def __init__(self, key: Key) -> None:
        kind = key.declaration.kind
        default = key.declaration.default_help.replace("`", "") or key.declaration.default
        alone: dict[str, Any] = {"is_flag": False, "flag_value": "on"} if isinstance(kind, Switch) else {}
        super().__init__(
            [key.flag, parameter_of(key)],
            metavar=kind.metavar,
            help=key.declaration.help.replace("`", "") + (f" [default: {default}]" if default else ""),
            **alone,
        )
        self.section = key.section


def parameter_of(key: Key) -> str:
    """The name of a key's flag among the arguments of the command."""
    return f"{key.section}_{key.name}"


class RunCommand(BoundedCommand):
    """`run`, whose help has the flags by their section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in ("Options", *SECTIONS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                section = parameter.section if isinstance(parameter, KeyOption) else "Options"
                sections[section].append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)


@click.command(cls=RunCommand, params=[KeyOption(key) for key in KEYS])
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file. [default: $OPENAIS_CONF, or /etc/ais/openais.conf if it exists]",
)
@color_option
def run(config: Path | None, **given: str | None) -> None:
    """Run the executive of this node, in the foreground.

    Without any configuration it runs on this machine, for this user. SIGTERM has it leave the ring in order; SIGHUP
    has it read keys, node list and logging again. Every key of the configuration is a flag here and an environment
    variable, OPENAIS_SECTION_KEY; a flag wins over a variable, that over the file.
    """
    flags = {key.path: text for key in KEYS if (text := given[parameter_of(key)]) is not None}

    def load() -> Settings:
        return load_settings(config, os.environ, flags)

    try:
        settings = load()
    except ConfigurationError as error:
        raise Failure(f"the configuration has mistakes:\n{error}", ExitCode.USAGE) from None

    from openais.runtime.daemon import run as run_executive

    raise click.exceptions.Exit(run_executive(settings, load))
