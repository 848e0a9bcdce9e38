"""`openais`, the command of people; and `aisexec`, the seed's name for `openais run`.

Commands are imported when they are called, not before: `openais --help` and completion must be quick.
"""

from __future__ import annotations

import importlib
from typing import Final, NamedTuple

import click

from openais.cli.exits import BoundedGroup
from openais.cli.options import color_option


class Lazy(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    attribute: str
    help: str


COMMANDS: Final[dict[str, Lazy]] = {
    "demo": Lazy("openais.cli.demo", "demo", "A cluster on this machine: watch it agree, fail, part and merge."),
    "run": Lazy("openais.cli.run", "run", "Run the executive of this node, in the foreground."),
    "keygen": Lazy("openais.cli.keygen", "keygen", "Make the shared key of a cluster."),
    "check": Lazy("openais.cli.check", "check", "Check a configuration, and explain its mistakes."),
    "status": Lazy("openais.cli.status", "status", "How the executive is: ring, members, quorum, services."),
    "members": Lazy("openais.cli.members", "members", "Who is in the cluster, and who comes and goes."),
    "why": Lazy("openais.cli.why", "why", "Why the last configurations changed, with the evidence."),
    "top": Lazy("openais.cli.top", "top", "A live view of members, ring and rates."),
    "evs": Lazy("openais.cli.evs", "evs", "Send and receive the ordered messages of a group."),
    "evt": Lazy("openais.cli.evt", "evt", "Publish events, and be given those that pass your filters."),
    "amf": Lazy("openais.cli.amf", "amf", "Programs that are kept up and failed over: states, locks, history."),
    "ckpt": Lazy("openais.cli.ckpt", "ckpt", "List, read, write and watch checkpoints."),
    "c-api": Lazy("openais.cli.c_api", "c_api", "The SA Forum libraries for programs in C."),
    "bench": Lazy("openais.cli.bench", "bench", "Measure this cluster."),
    "simulate": Lazy("openais.cli.simulate", "simulate", "Simulate clusters with faults, and check every promise."),
}
"""Every command, in the order of the list."""


class LazyGroup(BoundedGroup):
    """The group of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        lazy = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 no executive, 4 try again, 5 denied.",
)
@color_option
@click.version_option(package_name="openais", prog_name="openais")
def cli() -> None:
    """High availability for a cluster: membership, ordered messages, events, replicated state."""


def main() -> None:
    """The console script `openais`."""
    cli(prog_name="openais")


def aisexec() -> None:
    """The console script `aisexec`."""
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    command(prog_name="aisexec")
