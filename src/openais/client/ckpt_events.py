"""The events of the checkpoint service at the library."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import msgspec

from openais.client.events import EventQueue
from openais.messages.base import Request
from openais.messages.ckpt import TakeChanges
from openais.types import AisError, ErrorCode


class CheckpointOpenResult(msgspec.Struct, frozen=True):
    """What the callback of `open_checkpoint_async` is given (SaCkptCheckpointOpenCallbackT), for `Ckpt.opened`."""

    invocation: int
    error: ErrorCode
    name: str
    number: int
    explanation: str

    def check(self) -> None:
        """Raises what the open met, if it met anything."""
        if self.error is not ErrorCode.OK:
            raise AisError.of(self.error, self.explanation)


class SynchronizeResult(msgspec.Struct, frozen=True):
    """What the callback of `synchronize_async` is given (SaCkptCheckpointSynchronizeCallbackT)."""

    invocation: int
    error: ErrorCode
    explanation: str


class ChangedSections(msgspec.Struct, frozen=True):
    """Sections that were written, created or deleted since the last notice (saCkptTrack)."""

    checkpoint: int
    """The number of the checkpoint, as `Checkpoint.number`."""
    sections: tuple[bytes, ...]
    all: bool
    """Any section may have changed: too many have to be named, or a merge has replaced the checkpoint."""


CkptEvent: TypeAlias = CheckpointOpenResult | SynchronizeResult | ChangedSections


class CkptEventQueue(EventQueue[CkptEvent]):
    """Tells the executive of every notice that was taken, so that the next one may come."""

    def __init__(self) -> None:
        super().__init__()
        self._popleft = self.take
        self._taken: deque[int] = deque()
        self.take = self._take
        self.low = 2**31

    def settle(self) -> Request | None:
        return TakeChanges(self._taken.popleft()) if self._taken else None

    def _take(self) -> CkptEvent:
        event = self._popleft()
        if isinstance(event, ChangedSections):
            self._taken.append(event.checkpoint)
        return event
