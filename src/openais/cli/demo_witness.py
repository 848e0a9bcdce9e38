"""What the demo knows of a node: what an ordinary client of its executive is told.

A witness holds two connections, one of the cluster membership service and one of the extended virtual synchrony
service, and writes down what comes: views, configurations and messages, in their order, with the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from openais.cli.demo_cluster import NodeProcess
from openais.cli.demo_stage import ClaimFailed, NodePicture
from openais.clm import AsyncClm, ClusterChange, ClusterView
from openais.evs import AsyncEvs, ConfigurationChanged, EvsEvent, EvsOptions, MessageDelivered
from openais.types import AisError, Guarantee, LibraryError, TryAgain

GROUP: Final = "demo"
PATIENCE_S: Final = 20.0
"""How long the demo waits for what it expects before it says that it is not so."""
KNOCK_S: Final = 0.02
"""Between two attempts to reach an executive that was just started."""

T = TypeVar("T")


class News:
    """Wakes who waits for something to become true, whenever something happened."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def tell(self) -> None:
        """Something happened."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Returns once `condition` holds. Raises ClaimFailed when it does not come to that."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await self._something()
        except TimeoutError:
            raise ClaimFailed(f"waited {PATIENCE_S:.0f} s for {what}") from None

    async def _something(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)


class SeenView(NamedTuple):
    """A view of CLM, and when it came (seconds of time.monotonic())."""

    at: float
    view: ClusterView

    @property
    def members(self) -> tuple[int, ...]:
        """The nodes that are members."""
        nodes = (notification.node for notification in self.view.notifications)
        return tuple(sorted(node.node_id for node in nodes if node.member))

    def changed(self, change: ClusterChange) -> tuple[int, ...]:
        """The nodes to which `change` happened."""
        return tuple(sorted(n.node.node_id for n in self.view.notifications if n.change is change))


class Heard(NamedTuple):
    """A message in its place among what a client heard, or the installation of a configuration in its."""

    sender: int
    text: str
    configuration: tuple[int, ...] = ()
    transitional: bool = False


class Witness:
    """The connections to one node's executive, and what they heard."""

    def __init__(self, node: NodeProcess, picture: NodePicture, news: News) -> None:
        self.node = node
        self.picture = picture
        self.views: list[SeenView] = []
        self.heard: list[Heard] = []
        self.lost = False
        """Whether the executive is gone, though nobody closed this witness."""
        self.clm: AsyncClm | None = None
        self._evs: AsyncEvs | None = None
        self._news = news
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Connects as soon as the executive is there. Raises ClaimFailed when it does not come."""
        self.clm = await self._reach(lambda: _await(AsyncClm.open(self.node.socket)))
        self._evs = await self._reach(lambda: _await(AsyncEvs.open(self.node.socket, options=EvsOptions(True))))
        await self._evs.join(GROUP, retry=True)
        self._tasks = [
            asyncio.create_task(self._follow_views(self.clm)),
            asyncio.create_task(self._follow_messages(self._evs)),
        ]

    def close(self) -> None:
        """Closes the connections."""
        for task in self._tasks:
            task.cancel()
        for library in (self.clm, self._evs):
            if library is not None:
                with suppress(AisError):
                    library.finalize()

    @property
    def members(self) -> tuple[int, ...]:
        """The members in the last view of CLM; none before the first."""
        return self.views[-1].members if self.views else ()

    @property
    def configuration(self) -> tuple[int, ...]:
        """The members of the last regular configuration that EVS told of; none before the first."""
        installed = (
            item.configuration for item in reversed(self.heard) if item.configuration and not item.transitional
        )
        return next(installed, ())

    def messages(self, scene: str) -> list[Heard]:
        """The messages of a part of the tour, in the order in which they were delivered here."""
        return [heard for heard in self.heard if heard.text.startswith(f"{scene}:")]

    async def multicast(self, text: str, guarantee: Guarantee = Guarantee.AGREED) -> None:
        """Sends a message to the group, as soon as the executive takes it. Raises AisError."""
        assert self._evs is not None
        await self._evs.multicast(GROUP, text.encode(), guarantee=guarantee, retry=True)

    async def _reach(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives, tried again while the executive is not there yet."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await attempt()
            except (LibraryError, TryAgain) as error:
                if time.monotonic() > deadline or not self.node.running:
                    raise ClaimFailed(f"the executive of {self.node.name} cannot be reached: {error}") from None
            await asyncio.sleep(KNOCK_S)

    async def _follow_views(self, clm: AsyncClm) -> None:
        with suppress(LibraryError):
            async for view in clm.track():
                self.views.append(SeenView(time.monotonic(), view))
                self.picture.members = self.members
                self.picture.view_number = view.view_number
                self._news.tell()

    async def _follow_messages(self, evs: AsyncEvs) -> None:
        try:
            async for event in evs:
                self._take(event)
                self._news.tell()
        except LibraryError:
            self.lost = True
            self._news.tell()

    def _take(self, event: EvsEvent) -> None:
        if isinstance(event, MessageDelivered):
            self.heard.append(Heard(event.sender.node_id, event.payload.decode()))
            self.picture.stripe.append(event.sender.node_id)
        elif isinstance(event, ConfigurationChanged):
            self.heard.append(Heard(0, "", event.members, event.transitional))
            self.picture.ring = f"{event.ring.sequence}.{event.ring.representative}"


async def _await(opening: Awaitable[T]) -> T:
    return await opening
