"""Programs that publish events and subscribe to them through a simulated executive."""

from __future__ import annotations

from typing import Final

from openais.executive.executive import Executive
from openais.messages import evt
from openais.messages.base import Message, Request, ServiceId
from openais.messages.evs import batch_of, payloads_of
from openais.simulation.event_checker import EventChecker, UserEvent
from openais.simulation.libraries import IDENTITY, Program
from openais.simulation.library_checker import LibraryChecker
from openais.simulation.node import Node
from openais.simulation.schedule import Scheduler
from openais.types import ErrorCode

CHANNELS: Final = ("alarms", "news")
PATTERNS: Final = (b"sensor.1", b"sensor.22", b"fan.1")
FILTERS: Final = (
    (),
    (evt.Filter(evt.FilterType.PREFIX, b"sensor."),),
    (evt.Filter(evt.FilterType.SUFFIX, b".1"),),
    (evt.Filter(evt.FilterType.EXACT, b"fan.1"),),
)
SUBSCRIPTION: Final = 1
WINDOW: Final = 8 * 1024
QUEUE_BYTES_MAX: Final = 32 * 1024
"""Small, so that they are reached."""


class EvtProgram(Program):
    """Has one channel open, publishes on it, and subscribes to it with one of FILTERS."""

    service = ServiceId.EVT

    def __init__(
        self,
        number: int,
        node: Node[Executive],
        checker: LibraryChecker,
        scheduler: Scheduler,
        events: EventChecker,
        channel: str,
    ) -> None:
        self.channel = channel
        self.filters: tuple[evt.Filter, ...] = FILTERS[number % len(FILTERS)]
        self.ready = False
        """Whether it is subscribed, by what it was told."""
        self.handle = 0
        """What its channel is called on its connection."""
        self._events = events
        self._published = 0
        super().__init__(number, node, checker, scheduler)

    def opened(self) -> None:
        self.call(evt.OpenChannel(self.channel, 7), self._channel_opened)

    def publish(self, bodies: list[bytes], pattern: bytes, priority: int, retention_ns: int) -> None:
        """Publishes events together in one call."""
        published = []
        for body in bodies:
            identity = (self.number, self._published)
            self._published += 1
            data = IDENTITY.pack(*identity) + body
            published.append(UserEvent(identity, self, self.channel, pattern, priority, retention_ns, data))
        self._events.asked(published)
        run = evt.Run((pattern,), priority, retention_ns, str(self), batch_of([each.data for each in published]))
        self.call(evt.Publish(self.handle, False, (run,)), lambda answer: self._events.accepted(published, answer))

    def clear(self, event_id: int) -> None:
        """Clears the retention time of an event."""
        self._events.clearing(event_id)
        self.call(evt.ClearRetention(self.handle, event_id), lambda _: None)

    def unlink(self) -> None:
        """Unlinks the channel of the name of its own, which may be another one by now."""
        asked = self._events.unlinking(self)
        self.call(evt.UnlinkChannel(self.channel), lambda _: self._events.unlinked(self, asked))

    def called_back(self, message: Message) -> None:
        if not isinstance(message, evt.Deliver):
            return
        run = evt.decode_run(message.run)
        for number, data in enumerate(payloads_of(run.payloads)):
            self._events.delivered(self, run, run.first_id + number * evt.EVENT_ID_STEP, data)
        cost = evt.cost_of(len(message.run), run.count) * len(message.matches)
        self.call(evt.Taken(cost), lambda _: None)

    def may_repeat(self, request: Request) -> bool:
        """An event that is published again would come behind later ones; an unlink may meet another channel then."""
        return not isinstance(request, evt.Publish | evt.UnlinkChannel)

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        if isinstance(request, evt.Publish | evt.UnlinkChannel) and code is ErrorCode.TRY_AGAIN:
            return
        if isinstance(request, evt.ClearRetention | evt.UnlinkChannel) and code is ErrorCode.NOT_EXIST:
            return
        super().refused(request, code, explanation)

    def _channel_opened(self, answer: evt.ChannelOpened) -> None:
        self.handle = answer.channel
        self._events.subscribing(self)
        self.call(evt.Subscribe(answer.channel, SUBSCRIPTION, self.filters), self._subscribed)

    def _subscribed(self, _: Message) -> None:
        self.ready = True
        self._events.subscribed(self)
