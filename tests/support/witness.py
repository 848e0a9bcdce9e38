"""A witness: a client of one executive that writes down all that it is told, in order.

It holds a handle of the cluster membership service and one of the extended virtual synchrony service, and is told of
transitional configurations too. Messages of tests are `number of the sender` and `number of the message`, padded.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import NamedTuple

from openais.clm import AsyncClm
from openais.evs import AsyncEvs, ConfigurationChanged, EvsOptions, MessageDelivered, RingIdentity
from openais.types import AisError, LibraryError, NodeId
from tests.support.processes import ExecutiveProcess, members

GROUP = "witnesses"
NO_RING = RingIdentity(0, NodeId(0))
MESSAGE = re.compile(rb"(\d{1,9}) (\d{1,9}) *")
WAIT_S = 60.0
BATCH = 50
"""Messages handed over in one call, and so the grain in which several senders mix."""


class Told(NamedTuple):
    """A message: which sender's, and which of its."""

    sender: int
    number: int


class Witness:
    """What one client was told. Made by `witness`."""

    def __init__(self, executive: ExecutiveProcess, clm: AsyncClm, evs: AsyncEvs) -> None:
        self.number = executive.number
        self.executive = executive
        self.clm = clm
        self.evs = evs
        self.views: list[frozenset[int]] = []
        """The members of each view of CLM."""
        self.history: list[Told | ConfigurationChanged] = []
        """Messages and configurations, in the order in which they came."""
        self.nonsense: list[bytes] = []
        """Messages that no witness said."""
        self.heard: dict[int, int] = {}
        """How many messages of each sender there were up to the last one of it that was told."""
        self.said = 0
        """How many messages this witness has multicast."""
        self.ended: AisError | None = None
        """Why the executive tells nothing more."""
        self._news = asyncio.Event()

    @property
    def messages(self) -> list[Told]:
        """The messages, in order."""
        return [each for each in self.history if isinstance(each, Told)]

    @property
    def configurations(self) -> list[ConfigurationChanged]:
        """All configurations, transitional ones too, in order."""
        return [each for each in self.history if isinstance(each, ConfigurationChanged)]

    @property
    def regular(self) -> list[ConfigurationChanged]:
        """The regular configurations, in order."""
        return [each for each in self.configurations if not each.transitional]

    @property
    def members(self) -> frozenset[int]:
        """The members of the regular configuration that was installed last."""
        return frozenset(self.regular[-1].members) if self.regular else frozenset()

    @property
    def ring(self) -> RingIdentity:
        """The ring that was installed last."""
        return self.regular[-1].ring if self.regular else NO_RING

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits until `condition`, about what this witness was told, holds. Raises TimeoutError, saying what it knows.

        When the executive has ended nothing more will come, and it raises at once.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                while not condition():
                    self._news.clear()
                    if self.ended is not None:
                        raise TimeoutError(f"the executive tells nothing more: {self.ended}")
                    await self._news.wait()
        except TimeoutError as error:
            told = f"witness {self.number}: views {self.views[-3:]}, members {self.members}, "
            error.add_note(f"{told}{len(self.messages)} messages")
            raise

    async def until_members(self, wanted: Collection[int]) -> None:
        """Waits until both services say that exactly `wanted` are members."""
        await self.until(lambda: self.views and self.views[-1] == self.members == frozenset(wanted))

    async def until_ring(self, ring: RingIdentity) -> None:
        """Waits until it was told of `ring` or one that came after it."""
        await self.until(lambda: self.ring >= ring)

    async def say(self, count: int, size: int = 0) -> None:
        """Multicasts the next `count` messages, of at least `size` bytes each."""
        payloads = [b"%d %d" % (self.number, self.said + index) for index in range(count)]
        self.said += count
        for first in range(0, count, BATCH):
            batch = [payload.ljust(size) for payload in payloads[first : first + BATCH]]
            await self.evs.multicast(GROUP, batch, timeout=WAIT_S, retry=True)

    async def until_heard(self, others: Sequence[Witness]) -> None:
        """Waits until it was told all that `others` have said up to now, or something that came after it."""
        said = {each.number: each.said for each in others}
        await self.until(lambda: all(self.heard.get(number, 0) >= count for number, count in said.items()))

    async def listen(self) -> None:
        """Writes down what comes until the executive ends."""
        watching = (asyncio.create_task(self._watch_views()), asyncio.create_task(self._watch_events()))
        try:
            await asyncio.gather(*watching)
        except LibraryError as error:
            self.ended = error
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
            self._news.set()

    def _note(self, payload: bytes) -> None:
        match = MESSAGE.fullmatch(payload)
        if match is None:
            self.nonsense.append(payload)
        else:
            told = Told(int(match[1]), int(match[2]))
            self.history.append(told)
            self.heard[told.sender] = told.number + 1

    async def _watch_views(self) -> None:
        async with contextlib.aclosing(self.clm.track()) as views:
            async for view in views:
                self.views.append(frozenset(members(view)))
                self._news.set()

    async def _watch_events(self) -> None:
        async for event in self.evs:
            if isinstance(event, MessageDelivered):
                self._note(event.payload)
            elif isinstance(event, ConfigurationChanged):
                self.history.append(event)
            self._news.set()


@contextlib.asynccontextmanager
async def witness(executive: ExecutiveProcess) -> AsyncIterator[Witness]:
    """A witness at a running executive; it is in the group when this returns."""
    async with (
        AsyncClm.open(executive.socket, timeout=WAIT_S) as clm,
        AsyncEvs.open(executive.socket, options=EvsOptions(transitional=True), timeout=WAIT_S) as evs,
    ):
        await evs.join(GROUP, retry=True)
        told = Witness(executive, clm, evs)
        listening = asyncio.create_task(told.listen())
        try:
            yield told
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


async def in_one_ring(witnesses: Sequence[Witness]) -> None:
    """Waits until the witnesses' executives, and no others, are in one ring."""
    everybody = frozenset(each.number for each in witnesses)
    for told in witnesses:
        await told.until_members(everybody)
    newest = max(told.ring for told in witnesses)
    for told in witnesses:
        await told.until_ring(newest)
        await told.until_members(everybody)


async def hear_each_other(witnesses: Sequence[Witness]) -> None:
    """Each says something; returns when all have heard it, and with it what was said before."""
    for each in witnesses:
        await each.say(1)
    for each in witnesses:
        await each.until_heard(witnesses)


@contextlib.asynccontextmanager
async def talking(witnesses: Sequence[Witness]) -> AsyncIterator[None]:
    """All the time each witness says a few messages, hears them, and says the next."""
    stop = asyncio.Event()

    async def talk(each: Witness) -> None:
        while not stop.is_set():
            await each.say(BATCH)
            await each.until_heard([each])

    async with asyncio.TaskGroup() as talks:
        for each in witnesses:
            talks.create_task(talk(each))
        yield
        stop.set()


def assert_complete(told: Witness, witnesses: Sequence[Witness]) -> None:
    """Every message that these have said was told, once and in its order."""
    for each in witnesses:
        numbers = [message.number for message in told.messages if message.sender == each.number]
        assert numbers == list(range(each.said)), f"{told.number}: {len(numbers)} of {each.said} of {each.number}"
