"""`openais evs`: the ordered messages of a group, for people and scripts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from openais.cli.exits import BoundedCommand, BoundedGroup
from openais.cli.options import library_options, reading_options
from openais.cli.output import print_json, print_line, print_table
from openais.cli.words import node_names, node_text, nodes_text, plain
from openais.evs import (
    ConfigurationChanged,
    Evs,
    EvsEvent,
    EvsOptions,
    GroupChanged,
    GroupMember,
    Guarantee,
    MessageDelivered,
    Priority,
)

F = TypeVar("F", bound=Callable[..., Any])


def sending_options(function: F) -> F:
    """Gives a command --safe and --priority."""
    safe = click.option("--safe", is_flag=True, help="Deliver a message only once every member has it.")
    priority = click.option(
        "--priority",
        type=click.Choice([each.name.lower() for each in Priority if each is not Priority.RECOVERY]),
        default="med",
        show_default=True,
        help="The queue that messages wait in.",
    )
    return safe(priority(function))


def guarantee_of(safe: bool) -> Guarantee:
    """What --safe asks for."""
    return Guarantee.SAFE if safe else Guarantee.AGREED


@click.group(cls=BoundedGroup)
def evs() -> None:
    """Send and receive the ordered messages of a group (extended virtual synchrony).

    All members of a group are given the same messages and configuration changes in the same order.
    """


@evs.command(cls=BoundedCommand)
@click.argument("group")
@click.argument("messages", nargs=-1)
@sending_options
@click.option("--json", "as_json", is_flag=True, help="Tell how many messages were sent, as JSON.")
@library_options
def send(
    group: str, messages: tuple[str, ...], safe: bool, priority: str, as_json: bool, socket: Path | None, timeout: float
) -> None:
    """Send MESSAGES to GROUP, in order; without any, each line of standard input as it comes.

    The sender need not be in the group.
    """
    sent = 0
    lines = (line.rstrip(b"\n") for line in sys.stdin.buffer)
    with Evs(socket, timeout=timeout) as handle:
        for payload in (message.encode() for message in messages) if messages else lines:
            sent += handle.multicast(
                group, payload, guarantee=guarantee_of(safe), priority=Priority[priority.upper()], retry=True
            )
    if as_json:
        print_json({"sent": sent})


@evs.command(cls=BoundedCommand)
@click.argument("groups", nargs=-1, required=True)
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="End after N messages.")
@click.option("--transitional", is_flag=True, help="Tell of transitional configurations too.")
@reading_options
def listen(
    groups: tuple[str, ...], count: int | None, transitional: bool, as_json: bool, socket: Path | None, timeout: float
) -> None:
    """Join GROUPS, and print their messages and what happens to them, in the order in which all members see it.

    A line for each message: its sender, and its text. Lines that begin with `*` tell who joins and leaves, and of
    configurations.
    """
    teller = Teller(as_json, node_names(socket, timeout), several_groups=len(groups) > 1)
    with Evs(socket, options=EvsOptions(transitional, group_changes=True), timeout=timeout) as handle:
        handle.join(groups, retry=True)
        for event in handle:
            teller.tell(event)
            if isinstance(event, MessageDelivered) and teller.messages == count:
                return


@evs.command(cls=BoundedCommand)
@reading_options
def groups(as_json: bool, socket: Path | None, timeout: float) -> None:
    """List every group that anybody in the cluster is in, with its members."""
    with Evs(socket, timeout=timeout) as handle:
        found = handle.groups(retry=True)
    if as_json:
        print_json(plain(found))
        return
    names = node_names(socket, timeout)
    print_table(
        ("group", "node", "process", "connection"),
        (
            (group, node_text(member.node_id, names), str(member.process_id), str(member.connection))
            for group, members in sorted(found.items())
            for member in members
        ),
    )


@evs.command(cls=BoundedCommand)
@click.argument("group")
@click.option("--name", help="What the others see before your messages. [default: your user name]")
@sending_options
@library_options
def chat(group: str, name: str | None, safe: bool, priority: str, socket: Path | None, timeout: float) -> None:
    """Chat with everybody in GROUP: type a line and it reaches all, in one order.

    Ctrl-D ends it. Without a terminal each line of standard input is a message, and lines are printed plainly.
    """
    from openais.cli.chat import Chat

    Chat(group, name, guarantee_of(safe), Priority[priority.upper()]).run(socket, timeout)


class Teller:
    """Prints events, one line each."""

    def __init__(self, as_json: bool, names: Mapping[int, str], several_groups: bool = False) -> None:
        self._as_json = as_json
        self._names = names
        self._several_groups = several_groups
        self.messages = 0

    def tell(self, event: EvsEvent) -> None:
        """Prints `event`, and counts it when it is a message."""
        if isinstance(event, MessageDelivered):
            self.messages += 1
        if self._as_json:
            print_json({"event": _KINDS[type(event)], **plain(event)})
        elif isinstance(event, MessageDelivered):
            groups = f" to {', '.join(event.groups)}" if self._several_groups else ""
            text = event.payload.decode(errors="backslashreplace")
            print_line(f"{sender_text(event.sender, self._names)}{groups}: {text}")
        else:
            print_line(change_text(event, self._names), fg="yellow")


_KINDS = {MessageDelivered: "message", ConfigurationChanged: "configuration", GroupChanged: "group"}


def sender_text(member: GroupMember, names: Mapping[int, str]) -> str:
    """A member of a group, shortly: its node and its process."""
    return f"{names.get(member.node_id) or member.node_id}/{member.process_id}"


def change_text(event: ConfigurationChanged | GroupChanged, names: Mapping[int, str]) -> str:
    """A change in a line that begins with `*`."""
    if isinstance(event, GroupChanged):
        changes = (("joined", event.joined), ("left", event.left))
        words = [
            f"{sender_text(member, names)} {what} {event.group}" for what, members in changes for member in members
        ]
        return f"* {', '.join(words)}; {len(event.members)} in it"
    kind = "transitional configuration" if event.transitional else "configuration"
    parts = [f"* {kind} {event.ring.sequence}.{event.ring.representative}: {nodes_text(event.members, names)}"]
    if event.joined:
        parts.append(f"joined: {nodes_text(event.joined, names)}")
    if event.left:
        parts.append(f"left: {nodes_text(event.left, names)}")
    return "; ".join(parts)
