"""The scenes of the demo in which events are published and retained."""

from __future__ import annotations

import math
import time
from contextlib import AsyncExitStack

from openais.cli.demo_ensemble import Ensemble, names
from openais.cli.demo_witness import PATIENCE_S, Witness
from openais.evt import AsyncChannel, AsyncEvt, AsyncSubscription, Event, Prefix
from openais.types import AisError

CHANNEL = "demo"
ALARM = b"smoke in room 7"
NEWS = b"nothing happened"


class Alarm:
    """An alarm: published at the last node, and still there when that is dead."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self._stage = ensemble.stage
        self._published: tuple[int, int] = (0, 0)
        """Its id, and the node."""

    async def publish(self) -> None:
        """Subscribers at the other nodes are given what their filters let pass. Raises ClaimFailed."""
        *others, publisher = self._ensemble.witnesses
        where = names(witness.node.number for witness in others)
        self._stage.scene(
            "An alarm",
            f"A program at {publisher.node.name} publishes it; programs at {where} subscribe with filters (EVT).",
        )
        try:
            async with AsyncExitStack() as stack:
                await self._publish(stack, others, publisher)
        except AisError as error:
            self._stage.fail(f"the event service says: {error}")

    async def _publish(self, stack: AsyncExitStack, others: list[Witness], publisher: Witness) -> None:
        to_fire = [await self._subscribe(stack, each, "fire.") for each in others]
        to_news = await self._subscribe(stack, others[0], "news.")
        channel = await self._open(stack, publisher)
        published_at = time.monotonic()
        event_id = await channel.publish(ALARM, "fire.room7", priority=0, retention=math.inf, retry=True)
        given = [await each.receive(PATIENCE_S) for each in to_fire]
        took_ms = (time.monotonic() - published_at) * 1000
        await channel.publish(NEWS, "news.today", retry=True)
        news = await to_news.receive(PATIENCE_S)
        self._published = event_id, publisher.node.number
        self._stage.claim(
            f"who subscribed to fire.* was given it, {took_ms:.0f} ms after it was published",
            all(self._is_alarm(event) for event in given),
            f"they were given {given}",
        )
        self._stage.claim("who subscribed to news.* was given the news alone", news.data == NEWS, f"it got {news}")

    async def arrive_late(self) -> None:
        """A subscriber comes when the publisher is dead. Raises ClaimFailed."""
        witness = self._ensemble.witnesses[0]
        self._stage.scene(
            "A late subscriber", f"It comes at {witness.node.name}, and the node that published the alarm is dead."
        )
        try:
            async with AsyncExitStack() as stack:
                event = await (await self._subscribe(stack, witness, "fire.")).receive(PATIENCE_S)
                evt = await stack.enter_async_context(AsyncEvt.open(witness.node.socket, timeout=PATIENCE_S))
                channel = await evt.open_channel(CHANNEL, retry=True)
                await channel.retention_time_clear(event.event_id, retry=True)
                left = [each.retained for each in await evt.channels(retry=True)]
        except AisError as error:
            self._stage.fail(f"the event service says: {error}")
        self._stage.claim("it is given the alarm: all nodes had retained it", self._is_alarm(event), f"it got {event}")
        self._stage.claim("cleared, the alarm is retained no more", left == [0], f"{left} are retained")

    def _is_alarm(self, event: Event) -> bool:
        return (event.event_id, event.node_id, event.data) == (*self._published, ALARM)

    async def _subscribe(self, stack: AsyncExitStack, witness: Witness, prefix: str) -> AsyncSubscription:
        return await (await self._open(stack, witness)).subscribe(Prefix(prefix), retry=True)

    async def _open(self, stack: AsyncExitStack, witness: Witness) -> AsyncChannel:
        evt = await stack.enter_async_context(AsyncEvt.open(witness.node.socket, timeout=PATIENCE_S))
        return await evt.open_channel(CHANNEL, retry=True)
