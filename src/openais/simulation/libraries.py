"""Programs that use a simulated executive through its libraries' frames, and misbehave when told to.

A program has one connection, as a library handle has. It reads what the executive wrote to it a moment later, unless
it is stalled; what it was given goes to the library checker, in order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from openais.executive.executive import Executive
from openais.messages import clm, evs
from openais.messages.base import Kind, Message, Request, ServiceId, declared, decode, encode
from openais.messages.frame import Frame, FrameReader, pack
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Initialize
from openais.simulation.library_checker import LibraryChecker, UserMessage
from openais.simulation.node import Node
from openais.simulation.schedule import Scheduler, microseconds
from openais.types import ErrorCode, Guarantee, NodeId, Priority, TrackFlags

READ_US: Final = 200
"""How long after it was written a program reads."""
RETRY_US: Final = 60_000
"""After a TRY_AGAIN."""
IDENTITY: Final = struct.Struct("<II")
"""At the head of every payload: the number of the program, and of the message among its own."""


class Program:
    """One program with one connection to one service. `number` is its name in the run, never used again."""

    service: ServiceId

    def __init__(self, number: int, node: Node[Executive], checker: LibraryChecker, scheduler: Scheduler) -> None:
        self.number = number
        self.node_id: NodeId = node.node_id
        self.closed = False
        self.stalled = False
        """Does not read."""
        self._node = node
        self._checker = checker
        self._scheduler = scheduler
        self._reader = FrameReader()
        self._unread: list[bytes] = []
        self._reading = False
        self._calls: dict[int, tuple[Message, Callable[[Message], None]]] = {}
        self._next_call = 1
        hello = Initialize(self.service, "B", 1, 1, number, "simulated")
        self._calls[1] = (hello, lambda _: self.opened())
        self._write(pack(INITIALIZE_NUMBER, Kind.REQUEST, 1, encode(hello)))

    def __str__(self) -> str:
        return f"program {self.number} ({self.service.name.lower()}) of node {self.node_id}"

    # What the program does

    def call(self, request: Request, answered: Callable[[Any], None]) -> None:
        """Makes a call; `answered` is given its answer. One that gets TRY_AGAIN may be made again later."""
        self._next_call += 1
        self._calls[self._next_call] = (request, answered)
        self._write(pack(request.number, Kind.REQUEST, self._next_call, encode(request)))

    def disconnect(self) -> None:
        """Closes the connection without a word; what was not read is lost."""
        number = self.number
        self.lost()
        self._node.call(lambda executive, now, wall_ns: executive.library_closed(number, now, wall_ns))

    def closed_by_executive(self, grace_s: float) -> None:
        """The executive closes the connection, once all is read or after a grace."""
        if self.closed or not self._unread:
            self.disconnect()
        else:
            self._scheduler.after(min(microseconds(grace_s), 2 * READ_US), self.disconnect)

    def lost(self) -> None:
        """The connection is gone."""
        self.closed = True
        self._calls.clear()
        self._unread.clear()

    def resume(self) -> None:
        """Reads again."""
        self.stalled = False
        self._ask_to_read()

    @property
    def unanswered(self) -> int:
        """Calls that wait for their answer."""
        return len(self._calls)

    # What subclasses do with what they are given

    def opened(self) -> None:
        """The session is open."""

    def called_back(self, message: Message) -> None:
        """A callback came."""

    def may_repeat(self, request: Request) -> bool:
        """Whether a call that gets TRY_AGAIN is made again."""
        return True

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        """A call failed, and is not made again."""
        self._checker.refused(str(self), type(request).__name__, code, explanation)

    # The connection

    def written_to(self, data: bytes) -> None:
        """The executive wrote to the connection."""
        self._unread.append(data)
        self._ask_to_read()

    def _write(self, data: bytes) -> None:
        number = self.number
        self._node.call(lambda executive, now, wall_ns: executive.library_data(number, data, now, wall_ns))

    def _ask_to_read(self) -> None:
        if self._unread and not self._reading and not self.stalled and not self.closed:
            self._reading = True
            self._scheduler.after(READ_US, self._read)

    def _read(self) -> None:
        self._reading = False
        if self.stalled or self.closed:
            return
        data = b"".join(self._unread)
        self._unread.clear()
        self._reader.feed(data)
        for frame in self._reader.frames():
            if not self.closed:
                self._frame(frame)
        number = self.number
        self._node.call(lambda executive, now, wall_ns: executive.library_written(number, len(data), now, wall_ns))

    def _frame(self, frame: Frame) -> None:
        if frame.kind is Kind.CALLBACK:
            if frame.number == GOODBYE_NUMBER:
                self.lost()
                return
            message = declared(self.service, Kind.CALLBACK, frame.number)
            assert message is not None
            self.called_back(decode(message, frame.body))
            return
        request, answered = self._calls.pop(frame.call)
        if frame.error is ErrorCode.OK:
            if isinstance(request, Initialize):
                self.opened()
            else:
                assert isinstance(request, Request)
                answered(decode(request.response, frame.body))
        elif frame.error is ErrorCode.TRY_AGAIN and isinstance(request, Request) and self.may_repeat(request):
            self._scheduler.after(RETRY_US, self._call_again, request, answered)
        else:
            self.refused(request, frame.error, bytes(frame.body).decode())

    def _call_again(self, request: Request, answered: Callable[[Any], None]) -> None:
        if not self.closed:
            self.call(request, answered)


class EvsProgram(Program):
    """Joins groups, sends to them, and is given what others send."""

    service = ServiceId.EVS

    def __init__(
        self, number: int, node: Node[Executive], checker: LibraryChecker, scheduler: Scheduler, groups: tuple[str, ...]
    ) -> None:
        self._wanted = groups
        self._sent = 0
        self.groups: dict[str, None] = {}
        """Those it is in, by what it was told so far."""
        super().__init__(number, node, checker, scheduler)

    def opened(self) -> None:
        self.call(evs.SetOptions(transitional=self.number % 2 == 0, group_changes=self.number % 3 == 0), _ignore)
        self.join(self._wanted)

    def join(self, groups: tuple[str, ...]) -> None:
        """Joins groups that it is not in."""

        def joined(_: Message) -> None:
            self.groups.update(dict.fromkeys(groups))
            self._checker.joined(self, groups)

        self.call(evs.Join(groups), joined)

    def leave(self, groups: tuple[str, ...]) -> None:
        """Leaves groups that it is in."""

        def left(_: Message) -> None:
            for group in groups:
                self.groups.pop(group, None)
            self._checker.left(self, groups)

        self.call(evs.Leave(groups), left)

    def ask(self) -> None:
        """Asks for the membership."""
        self.call(evs.MembershipGet(), _ignore)

    def multicast(self, groups: tuple[str, ...], bodies: list[bytes], guarantee: Guarantee, priority: Priority) -> None:
        """Sends messages, together in one call."""
        messages = []
        for body in bodies:
            identity = (self.number, self._sent)
            self._sent += 1
            messages.append(UserMessage(identity, self, groups, guarantee, priority, IDENTITY.pack(*identity) + body))
        self._checker.asked(messages)
        request = evs.Multicast(groups, guarantee, priority, False, evs.batch_of([each.payload for each in messages]))
        self.call(request, lambda answer: self._checker.accepted(messages, answer.count))

    def called_back(self, message: Message) -> None:
        if isinstance(message, evs.Deliver):
            for payload in evs.payloads_of(message.payloads):
                identity = IDENTITY.unpack_from(payload) if len(payload) >= IDENTITY.size else (0, 0)
                self._checker.delivered(self, identity, message, payload)
        elif isinstance(message, evs.ConfigurationChange):
            self._checker.configured(self, message.configuration)

    def may_repeat(self, request: Request) -> bool:
        """A message that is sent again would come behind later ones."""
        return not isinstance(request, evs.Multicast)

    def refused(self, request: Message, code: ErrorCode, explanation: str) -> None:
        expected = ErrorCode.TRY_AGAIN if isinstance(request, evs.Multicast) else ErrorCode.NOT_EXIST
        if code is not expected or not isinstance(request, evs.Leave | evs.Multicast):
            super().refused(request, code, explanation)


class ClmProgram(Program):
    """Tracks the cluster."""

    service = ServiceId.CLM

    def opened(self) -> None:
        flags = TrackFlags.CURRENT | (TrackFlags.CHANGES if self.number % 2 else TrackFlags.CHANGES_ONLY)
        self.call(clm.TrackStart(flags, notify_current=False), lambda view: self._checker.viewed(self, view))

    def called_back(self, message: Message) -> None:
        if isinstance(message, clm.TrackCallback):
            self._checker.viewed(self, message.view)


def _ignore(_: Message) -> None:
    """For answers that nothing depends on."""
