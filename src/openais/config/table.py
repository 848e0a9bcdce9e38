"""The table of all keys, read off the dataclasses of `settings`."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from openais.config.declare import METADATA, Declaration
from openais.config.settings import (
    AmfSettings,
    CkptSettings,
    IpcSettings,
    LoggingSettings,
    NetworkSettings,
    TotemSettings,
)

SECTIONS: Final[dict[str, type[Any]]] = {
    "network": NetworkSettings,
    "logging": LoggingSettings,
    "totem": TotemSettings,
    "ipc": IpcSettings,
    "ckpt": CkptSettings,
    "amf": AmfSettings,
}
"""Each section's name and the dataclass that it is read into, in the order of the documentation."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `path` is `section.key`, by which flags and origins name it."""

    section: str
    name: str
    declaration: Declaration

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def flag(self) -> str:
        """The flag of `openais run`."""
        return self.declaration.flag or "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"OPENAIS_{self.section}_{self.name}".upper()


def _keys_of(section: str, settings: type[Any]) -> Iterable[Key]:
    for declared in dataclasses.fields(settings):
        yield Key(section, declared.name, declared.metadata[METADATA])


KEYS: Final[tuple[Key, ...]] = tuple(key for name, settings in SECTIONS.items() for key in _keys_of(name, settings))
BY_PATH: Final[dict[str, Key]] = {key.path: key for key in KEYS}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A word like `word` among `known`, as `, did you mean …?`; nothing when there is none."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""
