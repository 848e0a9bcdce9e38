"""Batches of payloads as libraries send them, checked."""

from __future__ import annotations

from typing import Final

from openais.messages.base import Malformed
from openais.messages.evs import Batch, payload_views_of, payloads_of
from openais.types import InvalidParam

COPIED_MAX: Final = 64 * 1024
"""Bytes of a batch up to which copies of the payloads are cheaper to make than views."""


def checked(batch: Batch, where: str) -> tuple[bytes | memoryview, ...]:
    """The payloads of a library's batch. Raises InvalidParam, naming `where`, when it is none."""
    try:
        return payloads_of(batch) if len(batch) <= COPIED_MAX else payload_views_of(batch)
    except Malformed as error:
        raise InvalidParam(f"{where}: {error}") from None
