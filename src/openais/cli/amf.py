"""`openais amf`: what is kept up and by whom, for people and scripts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from openais.amf import AdminOperation, Amf
from openais.cli.exits import BoundedCommand, BoundedGroup, ExitCode, Failure
from openais.cli.options import json_option, library_options, reading_options
from openais.cli.output import local_time, print_json, print_line
from openais.config.amf import load_model
from openais.config.problems import ConfigurationError

WATCH_S: Final = 0.5
GOOD: Final = frozenset(("active", "in-service", "fully-assigned", "instantiated", "enabled", "unlocked"))
BAD: Final = frozenset(
    ("disabled", "unassigned", "instantiation-failed", "termination-failed", "out-of-service", "terminating")
)


@click.group(cls=BoundedGroup)
def amf() -> None:
    """Programs that are kept up and failed over (SA Forum AMF)."""


@amf.command(cls=BoundedCommand)
@click.option("--watch", is_flag=True, help="Go on, and print it again whenever it changes.")
@reading_options
def state(watch: bool, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Print groups, service instances, units and components with their states."""
    last: dict[str, Any] | None = None
    with Amf(socket, timeout=timeout) as handle:
        while True:
            found = handle.state(retry=True)
            if found != last:
                _print_state(found, as_json)
            last = found
            if not watch:
                return
            time.sleep(WATCH_S)


@amf.command(cls=BoundedCommand)
@click.option("-n", "--count", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many lines.")
@reading_options
def history(count: int, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Print what happened, and why."""
    with Amf(socket, timeout=timeout) as handle:
        lines = handle.history(count, retry=True)
    for line in lines:
        if as_json:
            print_json({"time_ns": line.time_ns, "entity": line.entity, "what": line.what})
        else:
            print_line(f"{local_time(line.time_ns, milliseconds=True)}  {line.entity}: {line.what}")


@amf.command(cls=BoundedCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
@json_option
@library_options
def apply(file: Path, yes: bool, dry_run: bool, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Put the groups in FILE into force, in the place of those that are. What does not change is not disturbed."""
    try:
        wanted = load_model(file)
    except ConfigurationError as error:
        raise Failure(f"the configuration has mistakes:\n{error}", ExitCode.USAGE) from None
    with Amf(socket, timeout=timeout) as handle:
        found = handle.model(retry=True)
        before = {group.name: group for group in found.groups}
        after = {group.name: group for group in wanted.groups}
        changes = {
            "added": sorted(after.keys() - before.keys()),
            "removed": sorted(before.keys() - after.keys()),
            "changed": sorted(name for name in after.keys() & before.keys() if after[name] != before[name]),
        }
        if wanted.nodes != found.nodes:
            changes["nodes"] = sorted({node.name for node in {*wanted.nodes} ^ {*found.nodes}})
        if as_json:
            print_json(changes)
        else:
            for what, names in changes.items():
                for name in names:
                    print_line(f"changed: node {name}" if what == "nodes" else f"{what}: group {name}")
            if not any(changes.values()):
                print_line("nothing changes")
        if dry_run or not any(changes.values()):
            return
        if not yes:
            click.confirm("Put this into force?", abort=True, err=True)
        handle.apply(wanted.groups, wanted.nodes, wanted.startup_ns / 1e9, retry=True)


def _administrative(name: str, operation: AdminOperation, text: str) -> None:
    """Adds the command of an administrative operation."""

    @amf.command(name, cls=BoundedCommand, help=text)
    @click.argument("entity")
    @click.option(
        "--wait",
        type=click.FloatRange(0, 86_400),
        default=60.0,
        show_default=True,
        help="Seconds to wait until it is done; 0: only begin.",
    )
    @library_options
    def command(entity: str, wait: float, socket: Path | None, timeout: float) -> None:
        with Amf(socket, timeout=timeout) as handle:
            handle.administrate(operation, entity, wait=wait, retry=True)
        print_line(f"{name} {entity}: {'done' if wait else 'begun'}")


for _name, _operation, _text in (
    ("lock", AdminOperation.LOCK, "Take ENTITY out of service: its work goes to others at once."),
    ("unlock", AdminOperation.UNLOCK, "Bring ENTITY back into service."),
    ("lock-instantiation", AdminOperation.LOCK_INSTANTIATION, "End what runs of ENTITY, which is locked."),
    ("unlock-instantiation", AdminOperation.UNLOCK_INSTANTIATION, "Let ENTITY run again; it stays locked."),
    ("shutdown", AdminOperation.SHUTDOWN, "Take ENTITY out of service once it has finished its work."),
    ("restart", AdminOperation.RESTART, "Restart a component, a unit, a group or an application."),
    ("swap", AdminOperation.SI_SWAP, "Let the standby unit of a service instance be active, and the other stand by."),
    ("adjust", AdminOperation.SG_ADJUST, "Give the units of a group the work that their ranks say."),
    ("repaired", AdminOperation.REPAIRED, "Say that a unit or a node works again."),
):
    _administrative(_name, _operation, _text)


def _print_state(state: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(state)
        return
    for line, words in _lines(state):
        bad, good = any(word in BAD for word in words), any(word in GOOD for word in words)
        print_line(line, fg="red" if bad else "green" if good else None)


def _lines(state: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines of the tree, each with the words that colour it."""
    if not state["quorate"]:
        yield "no quorum: nothing is assigned", ("disabled",)
    for group in state["groups"]:
        yield f"{group['name']} ({group['model']}{_unless(group['admin'], 'unlocked')})", ()
        for one in group["instances"]:
            admin = _unless(one["admin"], "unlocked")
            yield f"  instance {one['name']}: {one['assignment']}{admin}", (one["assignment"],)
        for unit in group["units"]:
            rest = "".join(
                (
                    _unless(unit["admin"], "unlocked"),
                    _unless(unit["operational"], "enabled"),
                    ", to be repaired" if unit["worn_out"] else "",
                    ", its node is lost" if unit["fenced"] else "",
                    ", not configured any more" if unit["leaving"] else "",
                )
            )
            where = f" on {unit['node']}" if unit["node"] else ""
            yield f"  unit {unit['name']}{where}: {unit['readiness']}, {unit['presence']}{rest}", (unit["readiness"],)
            for each in unit["components"]:
                has = ", ".join(f"{state} for {csi}" for csi, state in each["assignments"].items()) or each["presence"]
                process = f" (process {each['process_id']})" if each["process_id"] else ""
                yield f"    {each['name']}{process}: {has}", tuple(each["assignments"].values())


def _unless(word: str, usual: str) -> str:
    return "" if word == usual else f", {word}"
