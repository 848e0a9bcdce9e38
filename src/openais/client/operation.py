"""An operation of a library, written once for the blocking and for the asyncio face.

An operation is a generator. It yields what it wants done, a request to be answered or a pause, and is sent the answer;
an error of the request is thrown in where it was asked. What it returns is the result of the call. It does no I/O and
knows no clock; the face that runs it keeps the deadline of the call, and throws TimeoutExpired when that goes by.

    def node_get(node_id: int) -> Operation[ClusterNode]:
        found = yield from ask(NodeGet(NodeId(node_id)), NodeFound)
        return found.node
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple, TypeAlias, TypeVar

from openais.messages.base import Message, Request
from openais.types import TimeoutExpired, TryAgain

BACKOFF_FIRST_S: Final = 0.001
BACKOFF_MAX_S: Final = 0.05


class Pause(NamedTuple):
    """The operation goes on after `seconds`, or is thrown TimeoutExpired when the call has not that long."""

    seconds: float


T = TypeVar("T")
M = TypeVar("M", bound=Message)

Operation: TypeAlias = Generator[Request | Pause, Message | None, T]


def ask(request: Request, response: type[M], retry: bool = False) -> Operation[M]:
    """Asks and gives the answer, a `response`. With `retry` TRY_AGAIN is met by asking again until the call times out.

    Raises what the executive answered; TryAgain when it still said so at the end of the time.
    """
    backoff = Backoff()
    while True:
        try:
            answer = yield request
        except TryAgain as refusal:
            if not retry:
                raise
            yield from pause(backoff, refusal)
        else:
            assert isinstance(answer, response), f"{type(answer)} for {type(request)}"
            return answer


def pause(backoff: Backoff, refusal: TryAgain) -> Operation[None]:
    """Waits before asking again. Raises `refusal` when the call has no time left for it."""
    try:
        yield Pause(backoff.refused())
    except TimeoutExpired:
        raise refusal from None


class Backoff:
    """How long to wait before asking again: doubles with every refusal in a row, halves with every success."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = BACKOFF_FIRST_S

    def refused(self) -> float:
        """How long to wait now."""
        now, self.seconds = self.seconds, min(self.seconds * 2, BACKOFF_MAX_S)
        return now

    def accepted(self) -> None:
        self.seconds = max(self.seconds / 2, BACKOFF_FIRST_S)
