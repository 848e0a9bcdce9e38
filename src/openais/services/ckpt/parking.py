"""Requests that wait for the sections of their checkpoint to come to this node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from openais.messages.base import Request, Source
from openais.messages.ckpt_group import Identity
from openais.services.base import Effects, Refuse
from openais.types import AisError, TryAgain

PARKED_MAX: Final = 4096

Handler = Callable[[Source, Any], Effects]


class _Parked(NamedTuple):
    checkpoint: Identity
    caller: Source
    request: Request
    handler: Handler


class Parking:
    """Bounded, and in order."""

    def __init__(self) -> None:
        self._parked: list[_Parked] = []

    def __len__(self) -> int:
        return len(self._parked)

    def add(self, checkpoint: Identity, caller: Source, request: Request, handler: Handler) -> None:
        """`handler` is to be given the request later. Raises TryAgain."""
        if len(self._parked) >= PARKED_MAX:
            raise TryAgain("the sections of the checkpoint are on their way to this node")
        self._parked.append(_Parked(checkpoint, caller, request, handler))

    def forget(self, connection: int) -> None:
        """A connection is gone."""
        self._parked = [each for each in self._parked if each.caller.connection != connection]

    def serve(self, waits: Callable[[Identity], bool]) -> Effects:
        """Handles those that have to wait no longer."""
        parked, self._parked = self._parked, []
        for each in parked:
            if waits(each.checkpoint):
                self._parked.append(each)
                continue
            try:
                yield from each.handler(each.caller, each.request)
            except AisError as error:
                yield Refuse(each.caller, error.code, str(error))
