"""`openais ckpt`: checkpoints of the cluster, for people and scripts."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from openais.ckpt import (
    EVERYTHING,
    READ_WRITE,
    Checkpoint,
    CheckpointStatus,
    Ckpt,
    CreationFlags,
    OpenFlags,
    SectionDescriptor,
    SectionState,
    creation_attributes,
)
from openais.cli.exits import BoundedCommand, BoundedGroup
from openais.cli.hexdump import hexdump
from openais.cli.options import library_options, reading_options
from openais.cli.output import local_time, print_json, print_line, print_table
from openais.cli.words import Names, plain
from openais.types import TIME_END

MODES = {
    CreationFlags.WR_ALL_REPLICAS: "all replicas",
    CreationFlags.WR_ACTIVE_REPLICA: "active replica",
    CreationFlags.WR_ACTIVE_REPLICA_WEAK: "active replica, weak",
}
DUMPED_MAX = 256
"""Bytes of a section that `watch` shows."""


@click.group(cls=BoundedGroup)
def ckpt() -> None:
    """Look at checkpoints, the replicated state of programs, and change it (SA Forum CKPT).

    A checkpoint has sections, each with an id and data. Ids are given as text; \\xNN stands for any byte.
    """


@ckpt.command("list", cls=BoundedCommand)
@reading_options
def list_(as_json: bool, socket: Path | None, timeout: float) -> None:
    """List the checkpoints of the cluster: what they hold, and who has them open."""
    with Ckpt(socket, timeout=timeout) as handle:
        found = handle.checkpoints(retry=True)
    if as_json:
        print_json(plain(found))
        return
    names = Names(socket, timeout)
    names.learn(node_id for each in found for node_id in (*each.opens, *each.replicas))
    columns = ("checkpoint", "sections", "bytes", "writes wait for", "replicas", "open", "changed", "")
    print_table(columns, (_row(each, names) for each in found))


@ckpt.command(cls=BoundedCommand)
@click.argument("checkpoint")
@reading_options
def show(checkpoint: str, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Show CHECKPOINT: its limits, and its sections."""
    with ExitStack() as stack:
        opened = _open(stack, checkpoint, OpenFlags.READ, socket, timeout)
        status, sections = opened.status(retry=True), tuple(opened.sections(retry=True))
    if as_json:
        print_json({"status": plain(status), "sections": [plain(each) for each in sections]})
        return
    limits = status.attributes
    retention = "for ever" if limits.retention_ns == TIME_END else f"{limits.retention_ns / 1e9:g} s"
    print_line(
        f"{status.name}: {status.used} of {limits.size} bytes in {status.sections} of {limits.sections_max}"
        f" sections of up to {limits.section_size_max} bytes; kept {retention} when nobody has it open"
    )
    print_table(("section", "bytes", "changed", "expires", ""), (_section_row(each) for each in sections))


@ckpt.command(cls=BoundedCommand)
@click.argument("checkpoint")
@click.argument("section", default="")
@click.option("--offset", type=click.IntRange(0), default=0, help="Begin at this byte.")
@click.option("--size", type=click.IntRange(0), default=None, help="Read so many bytes at most.")
@click.option("--raw", is_flag=True, help="Write the bytes as they are, for pipes.")
@click.option("--consistent", is_flag=True, help="Show every write that was answered before, on whatever node.")
@library_options
def read(
    checkpoint: str,
    section: str,
    offset: int,
    size: int | None,
    raw: bool,
    consistent: bool,
    socket: Path | None,
    timeout: float,
) -> None:
    """Print a SECTION of CHECKPOINT, as a hexdump; without SECTION the default section."""
    with ExitStack() as stack:
        opened = _open(stack, checkpoint, OpenFlags.READ, socket, timeout)
        most = 2**62 if size is None else size
        data = opened.read(_section_id(section), offset, most, consistent=consistent, retry=True)
    if raw:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    for line in hexdump(data, offset):
        print_line(line)


@ckpt.command(cls=BoundedCommand)
@click.argument("checkpoint")
@click.argument("section")
@click.argument("data", required=False)
@click.option("--offset", type=click.IntRange(0), default=None, help="Write there, instead of replacing the section.")
@click.option("--create", is_flag=True, help="Make the checkpoint, with the default attributes, when there is none.")
@click.option("--retention", type=float, default=300.0, show_default=True, metavar="SECONDS",
              help="How long a checkpoint that is made is kept when nobody has it open; inf for ever.")  # fmt: skip
@library_options
def write(
    checkpoint: str,
    section: str,
    data: str | None,
    offset: int | None,
    create: bool,
    retention: float,
    socket: Path | None,
    timeout: float,
) -> None:
    """Write DATA, or without it standard input, to a SECTION of CHECKPOINT, which is made if need be."""
    content = sys.stdin.buffer.read() if data is None else data.encode()
    with ExitStack() as stack:
        flags = EVERYTHING if create else READ_WRITE
        opened = _open(stack, checkpoint, flags, socket, timeout, retention)
        if offset is None:
            opened.put(_section_id(section), content, retry=True)
        else:
            opened.write(_section_id(section), content, offset, retry=True)


@ckpt.command(cls=BoundedCommand)
@click.argument("checkpoint")
@click.option("-n", "--count", type=click.IntRange(min=1), metavar="N", help="End after N notices.")
@reading_options
def watch(checkpoint: str, count: int | None, as_json: bool, socket: Path | None, timeout: float) -> None:
    """Print the sections of CHECKPOINT that change, as they do."""
    with ExitStack() as stack:
        opened = _open(stack, checkpoint, OpenFlags.READ, socket, timeout)
        changes = stack.enter_context(opened.watch(timeout=timeout))
        for number, change in enumerate(changes, 1):
            if as_json:
                sections = [{"section": plain(each), "size": _size(opened, each)} for each in change.sections]
                print_json({"sections": sections, "all": change.all})
            else:
                _tell(opened, change.sections, change.all)
            if number == count:
                return


@ckpt.command(cls=BoundedCommand)
@click.argument("checkpoint")
@click.argument("section", required=False)
@library_options
def delete(checkpoint: str, section: str | None, socket: Path | None, timeout: float) -> None:
    """Delete a SECTION of CHECKPOINT; without it CHECKPOINT, which goes when nobody has it open any more."""
    with ExitStack() as stack:
        if section is not None:
            _open(stack, checkpoint, READ_WRITE, socket, timeout).delete_section(_section_id(section), retry=True)
        else:
            stack.enter_context(Ckpt(socket, timeout=timeout)).unlink(checkpoint, retry=True)


def _open(
    stack: ExitStack, name: str, flags: OpenFlags, socket: Path | None, timeout: float, retention: float = 0.0
) -> Checkpoint:
    handle = stack.enter_context(Ckpt(socket, timeout=timeout))
    if not flags & OpenFlags.CREATE:
        return stack.enter_context(handle.open_checkpoint(name, flags, retry=True))
    there = any(each.name == name and not each.unlinked for each in handle.checkpoints(retry=True))
    made = None if there else creation_attributes(retention=retention)
    return stack.enter_context(handle.open_checkpoint(name, flags, made, retry=True))


def _section_id(text: str) -> bytes:
    """The bytes that a text stands for, with \\xNN for any byte."""
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode())


def _shown(section: bytes) -> str:
    try:
        text = section.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and "\\" not in text:
        return text
    shown = (chr(each) if 32 <= each < 127 and each != ord("\\") else f"\\x{each:02x}" for each in section)
    return "".join(shown) or "(default)"


def _row(status: CheckpointStatus, names: Names) -> tuple[str, ...]:
    opens = ", ".join(f"{names.short(node_id)} x{count}" for node_id, count in sorted(status.opens.items()))
    replicas = ", ".join(names.short(node_id) for node_id in status.replicas)
    flags = CreationFlags(status.attributes.flags)
    mode = next(words for mode, words in MODES.items() if mode in flags)
    words = (
        "unlinked" if status.unlinked else "",
        "" if status.replicas else "lost",
        "" if status.complete or not status.replicas else "on its way here",
    )
    return (
        status.name,
        str(status.sections),
        str(status.used),
        mode,
        replicas or "none",
        opens or "nobody",
        local_time(status.changed_ns),
        ", ".join(filter(None, words)),
    )


def _section_row(section: SectionDescriptor) -> tuple[str, ...]:
    expires = "never" if section.expiration_ns == TIME_END else local_time(section.expiration_ns)
    state = "corrupted" if section.state is SectionState.CORRUPTED else ""
    return _shown(section.section), str(section.size), local_time(section.last_update_ns), expires, state


def _size(opened: Checkpoint, section: bytes) -> int | None:
    try:
        return len(opened[section])
    except KeyError:
        return None


def _tell(opened: Checkpoint, sections: tuple[bytes, ...], every: bool) -> None:
    if every:
        print_line("* any section may have changed", fg="magenta")
    for section in sections:
        try:
            data: Any = opened[section]
        except KeyError:
            print_line(f"{_shown(section)}: deleted", fg="yellow")
            continue
        print_line(f"{_shown(section)}: {len(data)} bytes", fg="cyan")
        for line in hexdump(data[:DUMPED_MAX]):
            print_line(f"  {line}")
        if len(data) > DUMPED_MAX:
            print_line(f"  and {len(data) - DUMPED_MAX} bytes more")
