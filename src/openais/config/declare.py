"""How a key of the configuration is declared: once, as a field of its section's dataclass.

The field gives the key its name and its type in Python; its metadata, made by `key`, everything else. Parser checks,
flags, environment variables and the documentation come from there.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from openais.config.values import ValueKind

METADATA: Final = "openais"

Default: TypeAlias = str | Callable[[Mapping[str, str]], Path]
"""The text of the default, or a path that depends on the environment."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a key besides its section and its name."""

    kind: ValueKind
    default: Default
    help: str
    default_help: str
    """The default in words, where its text does not say it."""
    flag: str
    """The name of the flag, when it is not the key's own."""

    def default_text(self, environment: Mapping[str, str]) -> str:
        """The default as it would stand in a configuration file."""
        return self.default if isinstance(self.default, str) else str(self.default(environment))


def key(kind: ValueKind, default: Default, help_text: str, *, default_help: str = "", flag: str = "") -> Any:
    """A field of a section."""
    declaration = Declaration(kind, default, help_text, default_help, flag)

    def make_default() -> object:
        return kind.read(declaration.default_text(os.environ), Path.cwd())

    return dataclasses.field(default_factory=make_default, metadata={METADATA: declaration})
