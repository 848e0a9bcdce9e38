"""The first and the last message on every connection of a library: which service, which version; and why it ends."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from openais.messages.base import Message, session_message
from openais.types import NodeId

INITIALIZE_NUMBER: Final = 0
"""The request number of Initialize in every service, and of its answer."""
GOODBYE_NUMBER: Final = 0
"""The callback number of Goodbye in every service."""


@session_message
class Initialize(Message, frozen=True):
    """Opens a session with one service. Sent as request number 0, before anything else."""

    service_id: Annotated[int, msgspec.Meta(ge=0, le=255)]
    release: Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
    major: Annotated[int, msgspec.Meta(ge=0, le=255)]
    minor: Annotated[int, msgspec.Meta(ge=0, le=255)]
    process_id: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] = 0
    process_name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    shares: bool = False
    """Whether the library would share memory with the executive (see `messages.shared`)."""


@session_message
class Initialized(Message, frozen=True):
    """The session is open: the version in force, who the executive is, the largest frame it accepts in bytes.

    With `shared_bytes` a file descriptor comes along, of memory in two halves of so many: for what the executive sends,
    then for what the library sends.
    """

    release: str
    major: int
    minor: int
    node_id: NodeId
    connection: int
    frame_max: int
    shared_bytes: int = 0


@session_message
class Goodbye(Message, frozen=True):
    """The executive closes the connection after this callback; `code` is the ErrorCode that calls end with from now."""

    code: int
    reason: Annotated[str, msgspec.Meta(max_length=512)]
