"""The words and tables that commands print."""

from __future__ import annotations

import pytest

from openais.cli.output import duration, plain_table
from openais.cli.words import counted, plain
from openais.types import Guarantee


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
