"""`openais members`: who is in the cluster, and who comes and goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec

from openais.cli.exits import BoundedCommand, ExitCode, Failure
from openais.cli.options import reading_options
from openais.cli.output import local_time, print_json, print_line, print_table
from openais.cli.words import counted, plain
from openais.clm import AsyncClm, Clm, ClusterChange, ClusterView, Notification
from openais.types import LibraryError

RETRY_S: Final = 0.05
_COLORS: Final = {ClusterChange.JOINED: "green", ClusterChange.LEFT: "red", ClusterChange.RECONFIGURED: "yellow"}


@click.command(cls=BoundedCommand)
@click.option("-w", "--watch", is_flag=True, help="Go on, and tell who comes and goes.")
@click.option(
    "--wait-for",
    type=click.IntRange(min=1),
    metavar="N",
    help="Wait until there are N members, for at most --timeout; an executive that is not there yet is waited for.",
)
@reading_options
def members(watch: bool, wait_for: int | None, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Who is in the cluster, as the membership service (CLM) of this node sees it."""
    if wait_for is not None:
        view = _waited_for(wait_for, socket, timeout)
    else:
        with Clm(socket, timeout=timeout) as cluster:
            view = cluster.view()
    _print(view, as_json)
    if watch:
        _watch(view, as_json, socket, timeout)


def _waited_for(count: int, socket: Path | None, timeout: float) -> ClusterView:
    """The first view of at least `count` members. Raises Failure when the time is up, LibraryError when the executive
    is not there by then."""
    seen = 0

    async def wait() -> ClusterView:
        nonlocal seen
        async with await _executive(socket, timeout) as cluster:
            async for view in cluster.track():
                seen = view.member_count
                if seen >= count:
                    break
            return await cluster.view(timeout=timeout)

    try:
        return asyncio.run(asyncio.wait_for(wait(), timeout))
    except TimeoutError:
        raise Failure(f"{counted(seen, 'member')} after {timeout:g} s, not {count}", ExitCode.TRY_AGAIN) from None


async def _executive(socket: Path | None, timeout: float) -> AsyncClm:
    """A handle, once the executive is there."""
    deadline = time.monotonic() + timeout - RETRY_S
    while True:
        try:
            return await AsyncClm.open(socket, timeout=timeout)
        except LibraryError:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(RETRY_S)


def _print(view: ClusterView, as_json: bool) -> None:
    if as_json:
        print_json(plain(view))
        return
    print_table(
        ("id", "name", "address", "up since", "in the cluster since view"),
        (
            (
                str(node.node_id),
                node.name,
                node.address,
                local_time(node.boot_timestamp_ns),
                str(node.initial_view_number),
            )
            for node in (each.node for each in view.notifications)
        ),
    )
    quorum = "" if view.quorate else ", no quorum"
    print_line(f"view {view.view_number}, {counted(view.member_count, 'member')}{quorum}")


def _watch(told: ClusterView, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Tells of each view after the one that was told, until the executive goes or the user ends it."""
    with Clm(socket, timeout=timeout) as cluster:
        for number, view in enumerate(cluster.track()):
            if view.view_number <= told.view_number:
                continue
            if number == 0:  # how it is now; who came and went before that is found by what was told
                view = _compared(told, view)
            if as_json:
                print_json(plain(view))
            else:
                _print_changes(view)


def _compared(before: ClusterView, view: ClusterView) -> ClusterView:
    """A view, with what has changed since another one."""
    old = {each.node.node_id for each in before.notifications}
    new = {each.node.node_id for each in view.notifications}
    left = [
        Notification(msgspec.structs.replace(each.node, member=False), ClusterChange.LEFT)
        for each in before.notifications
        if each.node.node_id not in new
    ]
    others = [
        each if each.node.node_id in old else Notification(each.node, ClusterChange.JOINED)
        for each in view.notifications
    ]
    return msgspec.structs.replace(view, notifications=(*others, *left))


def _print_changes(view: ClusterView) -> None:
    now = local_time(time.time_ns(), milliseconds=True)
    quorum = "" if view.quorate else ", no quorum"
    print_line(f"{now}  view {view.view_number}, {counted(view.member_count, 'member')}{quorum}", bold=True)
    for each in _changed(view):
        text = f"{each.node.name} ({each.node.node_id}) at {each.node.address}"
        print_line(f"{' ' * len(now)}  {each.change.name.lower()}  {text}", fg=_COLORS[each.change])


def _changed(view: ClusterView) -> Iterable[Notification]:
    return (each for each in view.notifications if each.change is not ClusterChange.NO_CHANGE)
