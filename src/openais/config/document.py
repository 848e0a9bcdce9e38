"""The reference of all keys, as Markdown, made from their declarations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from openais.config.table import KEYS, SECTIONS, Key


def key_tables() -> str:
    """A heading and a table for each section, in the order of the declarations."""
    return "\n".join(line for section in SECTIONS for line in _section(section))


def _section(section: str) -> Iterator[str]:
    about = (inspect.getdoc(SECTIONS[section]) or "").replace("\n", " ").partition(": ")[2]
    yield f"### {section}\n"
    yield f"{about[:1].upper()}{about[1:]}\n"
    yield "| key | default | means | expected | flag | environment variable |"
    yield "|---|---|---|---|---|---|"
    for key in KEYS:
        if key.section == section:
            yield _row(key)
    yield ""


def _row(key: Key) -> str:
    declaration = key.declaration
    cells = (
        f"`{key.name}`",
        _default(key),
        declaration.help,
        declaration.kind.expected,
        f"`{key.flag}`",
        f"`{key.variable}`",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(key: Key) -> str:
    """The default in words that are true on every machine."""
    declaration = key.declaration
    if declaration.default_help:
        return declaration.default_help
    assert isinstance(declaration.default, str), f"{key.path}: a default that depends on the machine needs words"
    return f"`{declaration.default}`" if declaration.default else "none"
