"""The syntax of openais.conf: sections, entries, comments, and every mistake with its line."""

from __future__ import annotations

import pytest

from openais.config.parser import FILE_MAX, Entry, parse
from openais.config.problems import Place


def entries(text: str) -> list[tuple[str, str, str, int]]:
    parsed = parse(text.encode(), "f")
    assert parsed.problems == []
    return [(entry.section, entry.key, entry.value, entry.place.line) for entry in parsed.entries]


def problems(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in parse(content, "f").problems]


def test_entries_carry_their_section_and_their_line() -> None:
    text = "network {\n\tmcastport: 5405\n}\n\ntotem{\n  token :500\n}\n"
    assert entries(text) == [("network", "mcastport", "5405", 2), ("totem", "token", "500", 6)]


def test_the_file_of_the_seed_is_read() -> None:
    text = (
        "# This is the openais configuration\n"
        "network {\n\tbindnetaddr: 192.168.1.0\n\tmcastaddr: 226.94.1.1\n\tmcastport: 6000\n}\n"
        "logging {\n\tlogoutput: file\n\tlogfile: /tmp/ais\n\tdebug: on\n\ttimestamp: on\n}\n"
    )
    assert [key for _, key, _, _ in entries(text)] == [
        *("bindnetaddr", "mcastaddr", "mcastport"),
        *("logoutput", "logfile", "debug", "timestamp"),
    ]


def test_a_comment_starts_at_the_line_or_after_a_space_and_not_within_a_word() -> None:
    text = "# a\nlogging { # b\n  logfile: /var/log/a#1 # c\n  # d\n} # e\n"
    assert entries(text) == [("logging", "logfile", "/var/log/a#1", 3)]


def test_a_value_may_hold_colons_and_may_be_empty() -> None:
    assert [value for _, _, value, _ in entries("totem {\nnodelist: [::1]:5405, a:1\nnodename:\n}")] == [
        "[::1]:5405, a:1",
        "",
    ]


def test_windows_line_ends_and_a_byte_order_mark_are_taken() -> None:
    assert parse(b"\xef\xbb\xbftotem {\r\n  token: 5\r\n}\r\n", "f").entries == [
        Entry("totem", "token", "5", Place("f", 2))
    ]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("token: 5", "f:1: 'token' is in no section; expected `section {` before it"),
        ("}", "f:1: `}` closes nothing; expected `section {` before it"),
        ("totem {\n token: 5\n", "f:1: section 'totem' is not closed; expected `}` before the end"),
        ("totem {\n token 5\n}", "f:2: 'token 5' is not understood; expected `section {`, `key: value` or `}`"),
        (
            "totem { token: 5 }",
            "f:1: 'totem { token: 5 }' is not understood; expected `section {`, `key: value` or `}`",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_was_expected(text: str, report: str) -> None:
    assert problems(text) == [report]


def test_a_section_within_a_section_is_reported_where_it_opens() -> None:
    assert problems("totem {\nnetwork {\n}\n") == [
        "f:2: section 'totem', opened in line 1, is not closed; expected `}` before `network {`"
    ]


def test_a_line_that_is_not_utf_8_is_reported_and_the_rest_is_read() -> None:
    parsed = parse(b"totem {\n nodename: \xff\n token: 5\n}", "f")
    assert [str(problem) for problem in parsed.problems] == ["f:2: the line is not UTF-8; expected text in UTF-8"]
    assert [entry.key for entry in parsed.entries] == ["token"]


def test_a_file_that_is_too_big_is_refused_unread() -> None:
    assert problems(b"#" * (FILE_MAX + 1)) == [f"f: {FILE_MAX + 1} bytes; expected a file of at most {FILE_MAX} bytes"]
