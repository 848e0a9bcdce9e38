"""openais: high availability in one pip install.

A cluster executive for each node (`openais run`, or `openais.Node` inside a program), and libraries with which programs
know who is in the cluster (`openais.clm`) and send totally ordered messages to groups (`openais.evs`). The words that
all of them share are in `openais.types`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openais.runtime.node import Node

__all__ = ["Node"]


def __getattr__(name: str) -> Any:
    """`openais.Node` is imported when it is first used: a library user does not load the executive."""
    if name != "Node":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from openais.runtime.node import Node

    return Node
