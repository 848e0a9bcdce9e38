"""The exit codes and the help of all commands in docs/commands.md, from the commands themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from openais.cli.reference import command_reference as helps
from openais.cli.reference import exit_code_table

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
EXIT_CODES: Final = ("<!-- exit codes: generated from src/openais/cli/exits.py -->\n", "<!-- exit codes: end -->")
COMMANDS: Final = ("<!-- commands: generated from src/openais/cli/ -->\n", "<!-- commands: end -->")


def command_reference() -> str:
    """The document, with what is between the marks made anew."""
    text = _replaced(DOCUMENT.read_text(encoding="utf-8"), EXIT_CODES, exit_code_table())
    return _replaced(text, COMMANDS, helps())


def _replaced(text: str, marks: tuple[str, str], content: str) -> str:
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    assert begin, f"{DOCUMENT} has lost its mark {marks[0]!r}"
    assert end, f"{DOCUMENT} has lost its mark {marks[1]!r}"
    return before + begin + content + end + after
