"""`openais evs`: the ordered messages of a group, for people and scripts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from openais.cli.exits import BoundedCommand, BoundedGroup
from openais.cli.options import library_options, reading_options
from openais.cli.output import print_json, print_line, print_table
from openais.cli.words import Names, plain
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
    teller = Teller(as_json, Names(socket, timeout), several_groups=len(groups) > 1)
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
    names = Names(socket, timeout)
    names.learn(member.node_id for members in found.values() for member in members)
    print_table(
        ("group", "node", "process", "connection"),
        (
            (group, names.text(member.node_id), str(member.process_id), str(member.connection))
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

    def __init__(self, as_json: bool, names: Names, several_groups: bool = False) -> None:
        self._as_json = as_json
        self._changes = Changes(names)
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
            print_line(self._changes.text(event), fg="yellow")


class Changes:
    """Changes in the words of people, each a line that begins with `*`."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._members: frozenset[int] = frozenset()

    def text(self, event: ConfigurationChanged | GroupChanged) -> str:
        """The line. Who left is told with the configuration without them, whether or not it is a transitional one."""
        if isinstance(event, GroupChanged):
            return self._group_text(event)
        members = frozenset(event.members)
        self._names.learn(members)
        kind = "transitional configuration" if event.transitional else "configuration"
        parts = [f"* {kind} {event.ring.sequence}.{event.ring.representative}: {self._names.list(event.members)}"]
        if self._members:
            changes = (("joined", members - self._members), ("left", self._members - members))
            parts += [f"{what}: {self._names.list(sorted(nodes))}" for what, nodes in changes if nodes]
        self._members = members
        return "; ".join(parts)

    def _group_text(self, event: GroupChanged) -> str:
        changes = (("joined", event.joined), ("left", event.left))
        words = [f"{sender_text(each, self._names)} {what} {event.group}" for what, who in changes for each in who]
        return f"* {', '.join(words)}; {len(event.members)} in it"


_KINDS = {MessageDelivered: "message", ConfigurationChanged: "configuration", GroupChanged: "group"}


def sender_text(member: GroupMember, names: Names) -> str:
    """A member of a group, shortly: its node and its process."""
    return f"{names.short(member.node_id)}/{member.process_id}"
