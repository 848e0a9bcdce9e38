"""`openais ckpt`, against a real executive, and the hexdump."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from openais.cli.exits import ExitCode
from openais.cli.hexdump import hexdump
from tests.cli.conftest import WAIT_S, json_lines, openais, output_of, start, stop


def test_a_hexdump_shows_offsets_bytes_and_text() -> None:
    assert list(hexdump(b"Hello, world!\n\0\xff" + b"ab", 0x100)) == [
        "00000100  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 0a 00 ff  |Hello, world!...|",
        "00000110  61 62                                             |ab|",
        "00000112",
    ]
    assert list(hexdump(b"")) == ["00000000"]


def test_lines_that_repeat_stand_as_one() -> None:
    lines = list(hexdump(bytes(1600)))
    assert lines[1] == "*"
    assert [line[:8] for line in (lines[0], lines[-2], lines[-1])] == ["00000000", "00000630", "00000640"]
    assert len(lines) == 4


@pytest.mark.e2e
def test_a_section_is_written_read_listed_and_deleted(socket: Path) -> None:
    assert openais("ckpt", "write", "cli", "a", "hello", "--create", "--socket", socket).exit_code == ExitCode.OK
    assert openais("ckpt", "write", "cli", "a", "J", "--offset", "0", "--socket", socket).exit_code == ExitCode.OK
    assert openais("ckpt", "write", "cli", r"b\x00\xff", "2", "--socket", socket).exit_code == ExitCode.OK
    read = openais("ckpt", "read", "cli", "a", "--socket", socket)
    assert read.stdout.splitlines()[0] == "00000000  4a 65 6c 6c 6f                                    |Jello|"
    assert openais("ckpt", "read", "cli", "a", "--raw", "--consistent", "--socket", socket).stdout == "Jello"
    shown = openais("ckpt", "show", "cli", "--socket", socket).stdout
    assert re.search(r"^a +5 .* never", shown, re.MULTILINE)
    assert r"b\x00\xff" in shown
    told = json.loads(openais("ckpt", "show", "cli", "--json", "--socket", socket).stdout)
    assert told["status"]["sections"] == len(told["sections"]) == 2
    listed = openais("ckpt", "list", "--socket", socket).stdout
    assert re.search(r"^cli +2 +6 +all replicas +solo +nobody", listed, re.MULTILINE)
    assert json.loads(openais("ckpt", "list", "--json", "--socket", socket).stdout)[0]["name"] == "cli"
    assert openais("ckpt", "delete", "cli", r"b\x00\xff", "--socket", socket).exit_code == ExitCode.OK
    assert openais("ckpt", "read", "cli", r"b\x00\xff", "--socket", socket).exit_code == ExitCode.FAILED
    assert openais("ckpt", "delete", "cli", "--socket", socket).exit_code == ExitCode.OK
    gone = openais("ckpt", "read", "cli", "a", "--socket", socket)
    assert gone.exit_code == ExitCode.FAILED
    assert "no checkpoint 'cli'" in gone.stderr


@pytest.mark.e2e
def test_changes_are_watched(socket: Path) -> None:
    openais("ckpt", "write", "watched", "a", "1", "--create", "--socket", socket)
    watching = start("ckpt", "watch", "watched", "--json", "--count", "1", "--socket", socket)
    try:
        deadline = time.monotonic() + WAIT_S
        while watching.poll() is None:  # it sees the first write after it has begun
            assert time.monotonic() < deadline
            assert openais("ckpt", "write", "watched", "b", "12", "--socket", socket).exit_code == ExitCode.OK
        assert json_lines(output_of(watching)) == [{"sections": [{"section": "b", "size": 2}], "all": False}]
    finally:
        stop([watching])
