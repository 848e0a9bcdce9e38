"""Nodes, members, times and messages in the words of people, and as values for JSON."""

from __future__ import annotations

import base64
import enum
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from openais.clm import Clm
from openais.types import AisError


def plain(value: Any) -> Any:
    """`value` as JSON has it: records by their fields' names, enumerations by their names, bytes as text.

    Bytes that are not UTF-8 become `{"base64": …}`.
    """
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return _text_or_base64(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _text_or_base64(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


class Names:
    """The names of nodes, as the membership service tells them; nodes that have left keep theirs."""

    def __init__(self, socket: Path | None, timeout: float) -> None:
        self._socket = socket
        self._timeout = timeout
        self._names: dict[int, str] = {}

    def learn(self, node_ids: Iterable[int]) -> None:
        """Asks for the names of those nodes that have none yet. A node whose name cannot be told now goes by its id."""
        if not all(node_id in self._names for node_id in node_ids):
            with suppress(AisError), Clm(self._socket, timeout=self._timeout) as cluster:
                self._names |= {node.node_id: node.name for node in cluster.members()}

    def short(self, node_id: int) -> str:
        """The name of a node, or its id."""
        return self._names.get(node_id) or str(node_id)

    def text(self, node_id: int) -> str:
        """A node by its name and its id."""
        return f"{self._names[node_id]} ({node_id})" if self._names.get(node_id) else f"node {node_id}"

    def list(self, node_ids: Iterable[int]) -> str:
        """Nodes by their names and ids."""
        return ", ".join(map(self.text, node_ids)) or "none"


def counted(count: int, noun: str) -> str:
    """`count` things: 1 member, 3 members."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
