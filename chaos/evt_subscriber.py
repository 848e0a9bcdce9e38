"""A program that subscribes to events and writes down what it is given.

python -m chaos.evt_subscriber SEED CHANNEL     subscribes, ends it after a while, subscribes again with another filter
python -m chaos.evt_subscriber late             what is retained on each channel, for who comes last

    sub   KEY CHANNEL FILTER                             it is subscribed, from before this was written
    got   KEY PUBLISHER RUN NUMBER EVENT_ID              an event of a subscription
    lost  KEY                                            a lost-event notice
    bad   KEY PATTERNS ID                                something that nobody published so
    unsub KEY                                            the subscription is about to be ended
    gone  CODE                                           there is no executive any more, nor any subscription
    done                                                 the last one has seen all
"""

from __future__ import annotations

import random
import sys
import time
from typing import Final

from chaos.evt_events import BULK, CHANNELS, FILTERS, identity_of
from chaos.program import Here, here
from openais.evt import Channel, ChannelFlags, Event, Evt, Subscription
from openais.types import AisError, TimeoutExpired

OPEN: Final = ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE
TIMEOUT_S: Final = 15.0
PAUSE_S: Final = 0.1
WAIT_S: Final = 0.5
CHANGED_S: Final = 25.0
"""How long a subscription stays, about; and longer while nothing comes."""
BUSY_S: Final = 2.0
LATE_S: Final = 2.0
"""Who waits so long after all is over was given what is retained."""


class Subscriber:
    """One life of a subscriber."""

    def __init__(self, me: Here) -> None:
        self._me = me
        self._subscriptions = 0

    def live(self, channel: str, seed: str) -> None:
        """Takes events whenever there is an executive, until it is to end."""
        chance = random.Random(f"{seed} {self._me.run}")
        while not self._me.ended:
            try:
                with Evt(self._me.socket, timeout=TIMEOUT_S) as evt:
                    opened = evt.open_channel(channel, OPEN, retry=True)
                    while not self._me.ended:
                        filters = 0 if channel == BULK else chance.randrange(len(FILTERS))
                        key, subscription = self._subscribe(opened, filters)
                        self._take(key, channel, subscription, chance.expovariate(1 / CHANGED_S), float("inf"))
                        if not self._me.ended:
                            self._me.journal.note("unsub", key)
                            subscription.close(retry=True)
            except AisError as error:
                self._me.journal.note("gone", error.code.name)
                time.sleep(PAUSE_S)

    def come_late(self) -> None:
        """Takes what is retained, of one channel after the other; and waits to be ended."""
        with Evt(self._me.socket, timeout=TIMEOUT_S) as evt:
            for channel in CHANNELS[:-1]:
                with evt.open_channel(channel, OPEN, retry=True) as opened:
                    key, subscription = self._subscribe(opened, 0)
                    self._take(key, channel, subscription, float("inf"), LATE_S)
        self._me.journal.note("done")
        while not self._me.ended:
            time.sleep(PAUSE_S)

    def _subscribe(self, channel: Channel, filters: int) -> tuple[int, Subscription]:
        key = self._subscriptions
        self._subscriptions += 1
        subscription = channel.subscribe(*FILTERS[filters], retry=True)
        self._me.journal.note("sub", key, channel.name, filters)
        return key, subscription

    def _take(self, key: int, channel: str, subscription: Subscription, seconds: float, silence_s: float) -> None:
        """Events for so many seconds, until nothing comes for `silence_s`, or until it is to end."""
        journal = self._me.journal
        until, last = time.monotonic() + seconds, time.monotonic()
        while not self._me.ended and (now := time.monotonic()) - last < silence_s:
            if now >= until and now - last < BUSY_S:
                break
            try:
                try:
                    event = subscription.receive(0.0)
                except TimeoutExpired:
                    journal.flush()
                    event = subscription.receive(WAIT_S)
            except TimeoutExpired:
                continue
            except AisError:
                journal.flush()
                raise
            last = time.monotonic()
            self._note(key, channel, event)
        journal.flush()

    def _note(self, key: int, channel: str, event: Event) -> None:
        journal = self._me.journal
        if event.lost:
            journal.write("lost", key)
            return
        identity = identity_of(event, channel)
        if identity is None:
            journal.write("bad", key, event.patterns, event.event_id)
        else:
            journal.write("got", key, *identity, event.event_id)


if __name__ == "__main__":
    if sys.argv[1] == "late":
        Subscriber(here()).come_late()
    else:
        Subscriber(here()).live(sys.argv[2], sys.argv[1])
