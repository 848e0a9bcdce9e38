"""Nodes, members, times and messages in the words of people, and as values for JSON."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from openais.clm import Clm
from openais.types import AisError


def plain(value: Any) -> Any:
    """`value` as JSON has it: records by the names of their fields, enumerations by their lower-case names."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def node_names(socket: Path | None, timeout: float) -> dict[int, str]:
    """The names of the members; none of those that membership cannot tell now."""
    with suppress(AisError), Clm(socket, timeout=timeout) as cluster:
        return {node.node_id: node.name for node in cluster.members(retry=False)}
    return {}


def node_text(node_id: int, names: Mapping[int, str]) -> str:
    """A node by its name and its id."""
    return f"{names[node_id]} ({node_id})" if names.get(node_id) else f"node {node_id}"


def nodes_text(node_ids: Iterable[int], names: Mapping[int, str]) -> str:
    """Nodes by their names and ids."""
    return ", ".join(node_text(node_id, names) for node_id in node_ids) or "none"


def counted(count: int, noun: str) -> str:
    """`count` things: 1 member, 3 members."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
