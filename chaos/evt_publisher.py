"""A program that publishes events, some of them retained, and writes down each before and after.

python -m chaos.evt_publisher NUMBER PER_SECOND [bulk]

    ask     NUMBER COUNT CHANNEL PATTERN PRIORITY RETENTION   events from NUMBER on are about to be published
    ok      NUMBER EVENT_ID                                   they were accepted, the first with this id
    no      NUMBER CODE                                       they were not, none of them
    unknown NUMBER CODE                                       the executive went before it said
    clear   EVENT_ID                                          the retention of an event is about to be cleared
    cleared EVENT_ID                                          it was
    open, gone CODE                                           there is an executive, there is none any more
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping
from typing import Final

from chaos.evt_events import BULK, CHANNELS, FOR_EVER_S, PATTERNS, Identity, data_of
from chaos.program import Here, here
from openais.evt import Channel, ChannelFlags, Evt
from openais.messages.evt import EVENT_ID_STEP
from openais.types import AisError, NotExist, TryAgain

OPEN: Final = ChannelFlags.PUBLISHER | ChannelFlags.CREATE
TIMEOUT_S: Final = 15.0
PAUSE_S: Final = 0.1
BULK_SIZE: Final = 256 * 1024
CLEARED: Final = 0.02
"""How many of what it does are attempts to clear an event."""


class Publisher:
    """One life of a publisher."""

    def __init__(self, me: Here, number: int, per_second: float, bulk: bool) -> None:
        self._me = me
        self._number = number
        self._per_second = per_second
        self._bulk = bulk
        self._published = 0
        self._chance = random.Random(f"{me.name} {me.run}")
        self._retained: list[tuple[str, int]] = []
        """Channels and ids of events that are retained for ever."""

    def live(self) -> None:
        """Publishes whenever there is an executive, until it is to end."""
        journal = self._me.journal
        while not self._me.ended:
            try:
                with Evt(self._me.socket, timeout=TIMEOUT_S) as evt:
                    names = (BULK,) if self._bulk else CHANNELS[:-1]
                    channels = {name: evt.open_channel(name, OPEN, retry=True) for name in names}
                    journal.note("open")
                    self._publish(channels)
            except AisError as error:
                journal.note("gone", error.code.name)
                time.sleep(PAUSE_S)

    def _publish(self, channels: Mapping[str, Channel]) -> None:
        while not self._me.ended:
            time.sleep(self._chance.expovariate(self._per_second))
            if self._retained and self._chance.random() < CLEARED:
                self._clear(channels)
            elif self._bulk:
                self._publish_events(channels[BULK], 1, BULK_SIZE, 0.0)
            else:
                count = 1 if self._chance.random() < 0.7 else self._chance.randint(2, 8)
                size = self._chance.choice((0, 20, 100, 200, 6000))
                self._publish_events(self._chance.choice(list(channels.values())), count, size, self._retention_s())

    def _publish_events(self, channel: Channel, count: int, size: int, retention_s: float) -> None:
        first, journal, chance = self._published, self._me.journal, self._chance
        self._published += count
        pattern, priority = chance.choice(PATTERNS), chance.randrange(4)
        identities = [Identity(self._number, self._me.run, first + each) for each in range(count)]
        data = [data_of(identity, channel.name, pattern, priority, size, chance) for identity in identities]
        journal.note("ask", first, count, channel.name, pattern, priority, retention_s)
        retention = float("inf") if retention_s >= FOR_EVER_S else retention_s
        try:
            ids = channel.publish_many(data, pattern, priority=priority, publisher=self._me.name, retention=retention)
        except TryAgain as refused:
            journal.note("no", first, refused.code.name)
        except AisError as error:
            journal.note("unknown", first, error.code.name)
            raise
        else:
            assert ids == list(range(ids[0], ids[0] + count * EVENT_ID_STEP, EVENT_ID_STEP))
            journal.note("ok", first, ids[0])
            if retention_s >= FOR_EVER_S:
                self._retained.append((channel.name, ids[-1]))

    def _clear(self, channels: Mapping[str, Channel]) -> None:
        name, event_id = self._retained.pop(self._chance.randrange(len(self._retained)))
        self._me.journal.note("clear", event_id)
        try:
            channels[name].retention_time_clear(event_id, retry=True)
        except NotExist:
            return  # accepted, and gone with a partition that did not come back
        self._me.journal.note("cleared", event_id)

    def _retention_s(self) -> float:
        draw = self._chance.random()
        if draw < 0.04:
            return FOR_EVER_S
        return round(self._chance.uniform(2.0, 30.0), 3) if draw < 0.12 else 0.0


if __name__ == "__main__":
    Publisher(here(), int(sys.argv[1]), float(sys.argv[2]), BULK in sys.argv[3:]).live()
