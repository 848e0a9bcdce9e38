"""The syntax of amf.conf: that of openais.conf, with sections within sections; and the seed's `key = value`.

group {
    name: web            # a comment after a space
    component {
        command: /usr/bin/program
    }
}
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from openais.config.parser import FILE_MAX
from openais.config.problems import Place, Problem

DEPTH_MAX: Final = 16

_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_SECTION: Final = re.compile(r"([\w-]+)\s*\{")
_ENTRY: Final = re.compile(r"([\w-]+)\s*[:=]\s*(.*)")


@dataclass(frozen=True, slots=True)
class Item:
    """`key: value`; the key with underscores for hyphens."""

    key: str
    value: str
    place: Place


@dataclass(slots=True)
class Block:
    """A section with what is in it, in order."""

    kind: str
    place: Place
    items: list[Item] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def named(self, kind: str) -> list[Block]:
        """The sections of one kind in it."""
        return [block for block in self.blocks if block.kind == kind]

    def text(self, key: str, default: str = "") -> str:
        """The value of a key, or the default."""
        return next((item.value for item in self.items if item.key == key), default)

    def place_of(self, key: str) -> Place:
        """Where a key stands; the section, when it is not given."""
        return next((item.place for item in self.items if item.key == key), self.place)


def parse_blocks(content: bytes, file: str, problems: list[Problem]) -> Block:
    """The sections in `content`, in one that stands for the file; mistakes of syntax are added to `problems`."""
    top = Block("", Place(file))
    if len(content) > FILE_MAX:
        problems.append(Problem(top.place, f"{len(content)} bytes", f"a file of at most {FILE_MAX} bytes"))
        return top
    stack = [top]
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        _line(line, Place(file, number), stack, problems)
    problems += [
        Problem(block.place, f"section {block.kind!r} is not closed", "`}` before the end") for block in stack[1:]
    ]
    return top


def _line(content: bytes, place: Place, stack: list[Block], problems: list[Problem]) -> None:
    try:
        text = _COMMENT.sub("", content.decode()).strip()
    except UnicodeDecodeError:
        problems.append(Problem(place, "the line is not UTF-8", "text in UTF-8"))
        return
    if not text:
        return
    if text == "}":
        if len(stack) == 1:
            problems.append(Problem(place, "`}` closes nothing", "`section {` before it"))
        else:
            stack.pop()
    elif match := _SECTION.fullmatch(text):
        if len(stack) > DEPTH_MAX:
            problems.append(Problem(place, "sections within sections too deep", f"at most {DEPTH_MAX}"))
            return
        block = Block(match[1].lower(), place)
        stack[-1].blocks.append(block)
        stack.append(block)
    elif match := _ENTRY.fullmatch(text):
        stack[-1].items.append(Item(match[1].lower().replace("-", "_"), match[2].strip(), place))
    else:
        problems.append(Problem(place, f"{text[:60]!r} is not understood", "`section {`, `key: value` or `}`"))
