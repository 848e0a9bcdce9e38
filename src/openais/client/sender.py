"""Messages that are sent without awaiting each: they gather while earlier ones are on their way.

What a program sends in one turn of its event loop leaves together, in one request. As long as requests are on their way
to the executive, further messages wait for the next one: so nothing waits while little is sent, and the more is sent
the less each message costs. Who sent a single message last time, and had its answer, is taken to send a single one
again: it leaves at once, and what else is sent in the turn follows together. When the ring cannot keep up, the
executive lets requests wait instead of refusing them, and `drain` holds the program up.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from itertools import accumulate, islice
from types import TracebackType
from typing import Final, Self

from openais.client.aio import Connected
from openais.client.evs_operations import PAYLOAD_OVERHEAD, REQUEST_OVERHEAD, Payload
from openais.messages.base import Message, Request
from openais.messages.evs import BATCH_MAX
from openais.types import AisError, TooBig, TryAgain

GATHERED_BYTES: Final = 420 * 1024
"""Bytes of payload that leave in one request, unless a single one is bigger: some of the longest packets of the ring.

So many messages share what a request costs, and little room is left in the last packet."""
REQUESTS_MAX: Final = 4
"""Requests on their way at a time."""
DRAINED_BYTES: Final = 1024 * 1024
"""`drain` comes back at once while no more than this waits."""
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What may wait when a program does not drain."""
FULL_PAUSE_S: Final = 0.01
"""Between attempts while so many events wait to be dispatched that no call is taken."""

ToRequest = Callable[[list[bytes]], Request]
"""The call that sends payloads, and waits at the executive until there is room for them."""


class AsyncSender:
    """Sends messages to groups, in order. Made by `AsyncEvs.sender`; its context ends when all were accepted.

    async with evs.sender("chat") as sender:
        for line in lines:
            sender.send(line)
            await sender.drain()

    An error of the executive ends it: `send`, `drain` and `flush` raise it from then on, and what was sent before and
    was not accepted yet may be lost. For one event loop only.
    """

    def __init__(self, connection: Connected, to_request: ToRequest) -> None:
        """`connection` gives the connection; `to_request` makes the calls."""
        self._connection = connection
        self._to_request = to_request
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._requests = 0
        """Requests on their way."""
        self._next: asyncio.Handle | None = None
        """The turn in which what waits is sent."""
        self._lone = False
        """Whether the last request had one message only, and none was on its way."""
        self._error: AisError | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def send(self, payload: Payload) -> None:
        """Sends a message; it leaves at once, or with others of this turn. Raises TryAgain when far too much waits."""
        if self._error is not None:
            self._check()
        if self._waiting_bytes > WAITING_BYTES_MAX:
            raise TryAgain(f"{self._waiting_bytes} bytes wait to be sent: drain before sending more")
        self._waiting.append(payload if type(payload) is bytes else bytes(payload))
        self._waiting_bytes += len(payload) + PAYLOAD_OVERHEAD
        if self._next is None and self._requests < REQUESTS_MAX:
            if self._lone and not self._requests:
                self._turn()
            else:
                self._next = asyncio.get_running_loop().call_soon(self._turn)

    async def drain(self) -> None:
        """Waits until little enough waits that more may be sent."""
        while self._error is None and self._waiting_bytes > DRAINED_BYTES:
            await self._progress()
        self._check()

    async def flush(self) -> None:
        """Waits until all was accepted: queued for the ring, in order."""
        while self._error is None and (self._waiting or self._requests):
            await self._progress()
        self._check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.flush()

    def _check(self) -> None:
        if self._error is not None:
            raise type(self._error)(str(self._error))

    async def _progress(self) -> None:
        """Waits until something was accepted, or went wrong."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _turn(self) -> None:
        """Sends what waits, as far as it may be on its way."""
        self._next = None
        try:
            connection = self._connection()
            session = connection.session
            while self._waiting and self._requests < REQUESTS_MAX and self._error is None:
                if session.full:
                    self._next = connection.loop.call_later(FULL_PAUSE_S, self._turn)
                    break
                payloads = self._take(session.body_max - REQUEST_OVERHEAD)
                self._lone = len(payloads) == 1 and not self._requests
                connection.start(self._to_request(payloads), self._answered)
                self._requests += 1
        except AisError as error:
            self._error = self._error or error
        if self._waiters:
            self._wake()

    def _answered(self, answer: Message | AisError) -> None:
        """A request was answered."""
        self._requests -= 1
        if isinstance(answer, AisError):
            self._error = self._error or answer
        if self._waiting and self._next is None:
            self._turn()
        elif self._waiters:
            self._wake()

    def _take(self, payload_max: int) -> list[bytes]:
        """The payloads of the next request. Raises TooBig."""
        waiting = self._waiting
        if self._waiting_bytes <= GATHERED_BYTES and len(waiting) <= BATCH_MAX:
            payloads, byte_count = list(waiting), self._waiting_bytes
            waiting.clear()
        else:
            sizes = list(accumulate(len(payload) + PAYLOAD_OVERHEAD for payload in islice(waiting, BATCH_MAX)))
            count = max(1, bisect_right(sizes, GATHERED_BYTES))
            payloads, byte_count = [waiting.popleft() for _ in range(count)], sizes[count - 1]
        self._waiting_bytes -= byte_count
        if byte_count > payload_max:
            raise TooBig(f"a payload of {len(payloads[0])} bytes; the executive accepts {payload_max}")
        return payloads

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
