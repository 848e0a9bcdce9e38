"""What commands print: words for durations, tables, and colour in a terminal only."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from openais.cli.output import duration, plain_table
from openais.cli.words import counted, plain
from openais.types import Guarantee

COLOR = b"\x1b[1m"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.0004, "0 ms"),
        (0.85, "850 ms"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (5 * 3600 + 600, "5 h 10 min"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_columns_of_a_plain_table_are_as_wide_as_their_widest_cell() -> None:
    assert plain_table(("id", "name"), [("1", "alpha"), ("1000", "b")]) == ["id    name", "1     alpha", "1000  b"]


def test_a_table_without_rows_is_its_heading() -> None:
    assert plain_table(("id", "name"), []) == ["id  name"]


def test_values_for_json_are_plain() -> None:
    assert plain({1: (Guarantee.SAFE, b"text", b"\xff")}) == {"1": ["safe", "text", {"base64": "/w=="}]}


def test_one_thing_is_singular() -> None:
    assert (counted(0, "member"), counted(1, "member"), counted(2, "member")) == ("0 members", "1 member", "2 members")


def in_a_terminal(*arguments: str | Path, environment: dict[str, str] | None = None) -> bytes:
    """What a command writes when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "openais", *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(words, stdout=theirs, env={**clean, "TERM": "xterm-256color", **(environment or {})})
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:
        # The way in which Linux tells that the other end of a terminal was closed.
        pass
    finally:
        os.close(ours)
        process.wait(60)
    return written


def test_colour_is_for_terminals_and_can_be_turned_off(tmp_path: Path) -> None:
    (tmp_path / "conf").touch()
    words = ("check", "--text-only", tmp_path / "conf")
    assert COLOR in in_a_terminal(*words)
    assert COLOR not in in_a_terminal(*words, "--no-color")
    assert COLOR not in in_a_terminal("--no-color", *words)
    assert COLOR not in in_a_terminal(*words, environment={"NO_COLOR": "1"})
    elsewhere = subprocess.run([sys.executable, "-m", "openais", *map(str, words)], capture_output=True, check=True)
    assert COLOR not in elsewhere.stdout
