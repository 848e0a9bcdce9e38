"""The tables of keys in docs/configuration.md, from the declarations that the executive reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from openais.config.document import key_tables

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
BEGIN: Final = "<!-- keys: generated from src/openais/config/settings.py -->\n"
END: Final = "<!-- keys: end -->"


def configuration_reference() -> str:
    """The document, with what is between the marks made anew."""
    before, begin, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, f"{DOCUMENT} has lost its mark {BEGIN!r}"
    assert end, f"{DOCUMENT} has lost its mark {END!r}"
    return before + begin + key_tables() + end + after
