"""The syntax of openais.conf:

    # a comment
    section {
        key: value      # a comment after a space
    }

The parser knows no section and no key; it gives the entries in order with their lines, and every mistake of syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from openais.config.problems import Place, Problem

FILE_MAX: Final = 1024 * 1024
"""Bytes of the largest configuration file."""

_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_SECTION: Final = re.compile(r"([\w-]+)\s*\{")
_ENTRY: Final = re.compile(r"([\w-]+)\s*:\s*(.*)")
_LINE_EXPECTED: Final = "`section {`, `key: value` or `}`"


@dataclass(frozen=True, slots=True)
class Entry:
    """`key: value` in a section."""

    section: str
    key: str
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Opening:
    """`section {`."""

    section: str
    place: Place


@dataclass(slots=True)
class Parsed:
    """What a text holds."""

    openings: list[Opening] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parse(content: bytes, file: str) -> Parsed:
    """The entries and the mistakes of syntax in `content`; `file` is its name in places."""
    parsed = Parsed()
    if len(content) > FILE_MAX:
        parsed.problems.append(Problem(Place(file), f"{len(content)} bytes", f"a file of at most {FILE_MAX} bytes"))
        return parsed
    reader = _Reader(parsed)
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        reader.line(line, Place(file, number))
    reader.end()
    return parsed


class _Reader:
    """Reads line after line; knows the section that is open."""

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._open: Opening | None = None

    def line(self, content: bytes, place: Place) -> None:
        try:
            text = _COMMENT.sub("", content.decode()).strip()
        except UnicodeDecodeError:
            self._wrong(place, "the line is not UTF-8", "text in UTF-8")
            return
        if not text:
            return
        if text == "}":
            self._close(place)
        elif match := _SECTION.fullmatch(text):
            self._section(match[1], place)
        elif match := _ENTRY.fullmatch(text):
            self._entry(match[1], match[2], place)
        else:
            self._wrong(place, f"{text[:60]!r} is not understood", _LINE_EXPECTED)

    def end(self) -> None:
        if self._open is not None:
            self._wrong(self._open.place, f"section {self._open.section!r} is not closed", "`}` before the end")

    def _section(self, name: str, place: Place) -> None:
        if self._open is not None:
            opened = f"section {self._open.section!r}, opened in line {self._open.place.line}, is not closed"
            self._wrong(place, opened, f"`}}` before `{name} {{`")
        self._open = Opening(name, place)
        self._parsed.openings.append(self._open)

    def _close(self, place: Place) -> None:
        if self._open is None:
            self._wrong(place, "`}` closes nothing", "`section {` before it")
        self._open = None

    def _entry(self, key: str, value: str, place: Place) -> None:
        if self._open is None:
            self._wrong(place, f"{key!r} is in no section", "`section {` before it")
        else:
            self._parsed.entries.append(Entry(self._open.section, key, value, place))

    def _wrong(self, place: Place, message: str, expected: str) -> None:
        self._parsed.problems.append(Problem(place, message, expected))
