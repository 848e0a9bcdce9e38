"""Changes of one checkpoint that tasks make at a time gather into few requests, while earlier ones are on their way.

What is started in one turn of the event loop leaves together. So nothing waits while little is changed, and the more is
changed the less each change costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

import msgspec

from openais.client.aio import Connected
from openais.client.ckpt_operations import error_of
from openais.messages.base import Message
from openais.messages.ckpt import Update, Updated
from openais.messages.ckpt_operations import Create, Overwrite, Put, encode_operation, joined_operations
from openais.messages.ckpt_operations import Operation as SectionOperation
from openais.types import AisError, TimeoutExpired, TooBig

GATHERED_BYTES: Final = 56 * 1024
"""Bytes of operations that leave in one request, unless a single one has more."""
GATHERED_MAX: Final = 4096
REQUESTS_MAX: Final = 4
"""Requests on their way at a time."""
OPERATION_BYTES_MAX: Final = 256 * 1024
"""Longer ones go by themselves."""

_Waiting = tuple[bytes, "asyncio.Future[bytes]"]


class Gatherer:
    """The changes of one checkpoint that is open, for one event loop."""

    def __init__(self, connection: Connected, checkpoint: int, timeout_s: float) -> None:
        """`connection` gives the connection."""
        self._connection = connection
        self._checkpoint = checkpoint
        self._timeout_s = timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._requests = 0
        self._turn_comes = False

    def takes(self, operation: SectionOperation) -> bool:
        """Whether it may be given this one."""
        return not isinstance(operation, Put | Overwrite | Create) or len(operation.data) <= OPERATION_BYTES_MAX

    def start(self, operation: SectionOperation) -> asyncio.Future[bytes]:
        """Makes a change; the future has the section id that was generated. Raises TooBig."""
        encoded = encode_operation(operation)
        if len(encoded) > 2 * OPERATION_BYTES_MAX:
            raise TooBig(f"a change of {len(encoded)} bytes: make it by a call that is awaited")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()
        self._waiting.append((encoded, future))
        if not self._turn_comes and self._requests < REQUESTS_MAX:
            self._turn_comes = True
            loop.call_soon(self._turn)
        return future

    def _turn(self) -> None:
        """Sends what waits, as far as it may be on its way."""
        self._turn_comes = False
        while self._waiting and self._requests < REQUESTS_MAX:
            batch = self._take()
            if batch:
                self._send(batch)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < GATHERED_MAX:
            entry = self._waiting[0]
            if batch and size + len(entry[0]) > GATHERED_BYTES:
                break
            self._waiting.popleft()
            if not entry[1].done():
                batch.append(entry)
                size += len(entry[0])
        return batch

    def _send(self, batch: list[_Waiting]) -> None:
        operations = msgspec.Raw(joined_operations([encoded for encoded, _ in batch]))
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._timeout_s, _fail, batch, TimeoutExpired())
        self._requests += 1

        def answered(answer: Message | AisError) -> None:
            late.cancel()
            self._requests -= 1
            _settle(batch, answer)
            if self._waiting and not self._turn_comes:
                self._turn()

        try:
            self._connection().start(Update(self._checkpoint, True, operations), answered)
        except AisError as error:
            late.cancel()
            self._requests -= 1
            _fail(batch, error)


def _settle(batch: list[_Waiting], answer: Message | AisError) -> None:
    if not isinstance(answer, Updated):
        assert isinstance(answer, AisError)
        _fail(batch, answer)
        return
    generated = answer.generated
    for failure in answer.failures:
        future = batch[failure.operation][1]
        if not future.done():
            future.set_exception(error_of(failure))
    for index, (_, future) in enumerate(batch):
        if not future.done():
            future.set_result(generated.get(index, b"") if generated else b"")


def _fail(batch: list[_Waiting], error: AisError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(type(error)(str(error)))
