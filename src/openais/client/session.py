"""One session of a library with the executive, without I/O: bytes in, bytes out.

A session is opened by a handshake that chooses the service and the version. Then every request gets a number, which
its answer carries; a callback carries none, so that the two cannot be mistaken. Answers wait by number, callbacks turn
into events that wait in order. An answer that nobody waits for any more, the call having timed out, is dropped.

A session ends in one of two ways. It *breaks*, when the executive says goodbye, dies or talks nonsense: then every
call gets the reason, at once; events that came before can still be taken. Or it is *finalized* by the application:
then every call gets BadHandle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from openais.client.events import EventQueue
from openais.client.versions import VersionDatabase
from openais.messages.base import Kind, Malformed, Message, Request, ServiceId, callbacks_of, decode, encode_pieces
from openais.messages.frame import FRAME_MAX, HEADER, Frame, FrameReader, Pieces, pack_pieces
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Goodbye, Initialize, Initialized
from openais.messages.shared import SharedMemory
from openais.types import AisError, BadHandle, ErrorCode, LibraryError, NodeId, TooBig, TryAgain, Version

EVENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of events that wait before calls are refused with TRY_AGAIN until some were dispatched."""

E = TypeVar("E")


class SessionSettings(NamedTuple, Generic[E]):
    """What a library's sessions have in common."""

    service: ServiceId
    versions: VersionDatabase
    to_events: Callable[[Message], Iterable[E]]
    """The events that a callback message stands for. Raises ValueError on nonsense."""
    event_bytes_max: int = EVENT_BYTES_MAX
    make_queue: Callable[[], EventQueue[E]] = EventQueue
    """Makes the queue that the events of a session wait in."""
    shares: bool = False
    """Whether long bodies are to go through shared memory."""
    held_bytes: Callable[[Message, int], int] = lambda _, body_bytes: body_bytes
    """What the events of a callback message of so many bytes hold."""


class Session(Generic[E]):
    """One session. Not thread safe: the connection that owns it takes care of that."""

    def __init__(self, settings: SessionSettings[E], required: Version) -> None:
        """Raises VersionError when the library does not support the version `required`."""
        self._settings = settings
        self.version = settings.versions.verify(required)
        """The version in force."""
        self.node_id = NodeId(0)
        self.connection = 0
        """The number of this session at its executive."""
        self.events: Final = settings.make_queue()
        self.ended: AisError | None = None
        """Why the session broke or that it was finalized; what every call raises from then on."""
        self.finalized = False
        self.opening = True
        """Whether the answer to `initialize` has not come: shared memory may come with it."""
        self.body_max = FRAME_MAX - HEADER.size
        """Bytes of the largest message body that the executive accepts."""
        self._crowded = False
        """Whether `full` was the case when events came last: until then it cannot be."""
        self._callbacks = callbacks_of(settings.service)
        self._reader = FrameReader()
        self._shared: SharedMemory | None = None
        self._outstanding: dict[int, tuple[int, type[Message]]] = {}
        """Calls that were not answered yet: the number and the type of the answer. The number is that of the request
        which the response was declared with first."""
        self._answers: dict[int, Message | AisError] = {}
        self._last_call = 0

    # What the library does.

    def initialize(self, process_id: int, process_name: str) -> tuple[int, Pieces]:
        """The handshake: its call number and its frame, in pieces. `opened` takes the answer."""
        version = self.version
        message = Initialize(
            self._settings.service, version.release, version.major, version.minor, process_id, process_name[:64],
            self._settings.shares,
        )  # fmt: skip
        return self._call(INITIALIZE_NUMBER, Initialized, encode_pieces(message))

    def opened(self, answer: Message) -> None:
        """Takes the answer to `initialize`. Raises VersionError when the executive put another version in force."""
        assert isinstance(answer, Initialized)
        self.version = self._settings.versions.verify(Version(answer.release, answer.major, answer.minor))
        self.node_id = answer.node_id
        self.connection = answer.connection
        self.body_max = min(answer.frame_max, FRAME_MAX) - HEADER.size
        self.opening = False

    def request(self, request: Request) -> tuple[int, Pieces]:
        """A new call: its number and its frame, in pieces.

        Raises what ended the session, TooBig when the executive would not accept the frame, TryAgain when too many
        events wait to be dispatched.
        """
        if self.ended is not None:
            self.check()
        if self._crowded and self.full:
            raise TryAgain(f"{self.events.byte_count} bytes of events wait: dispatch some before the next call")
        return self._call(request.number, request.response, encode_pieces(request))

    def answered(self, call: int) -> bool:
        """Whether `answer` has something to say about `call`."""
        return call in self._answers or self.ended is not None

    def answer(self, call: int) -> Message:
        """The answer to an answered call. Raises the error that the executive answered, or what ended the session."""
        answer = self._answers.pop(call, None)
        if answer is None:
            self.check()
        assert answer is not None
        if isinstance(answer, AisError):
            raise answer
        return answer

    def answers(self) -> dict[int, Message | AisError]:
        """The answers that came since this was asked last, by call, for who does not ask for each."""
        answers = self._answers
        if answers:
            self._answers = {}
        return answers

    def forget(self, call: int) -> None:
        """Nobody waits for the answer to `call` any more; it is dropped when it comes."""
        self._outstanding.pop(call, None)
        self._answers.pop(call, None)

    def settle(self) -> Pieces | None:
        """Events were taken: what the executive is to be told, in a call whose answer nobody waits for, if anything."""
        request = self.events.settle() if self.ended is None else None
        if request is None:
            return None
        call, frame = self._call(request.number, request.response, encode_pieces(request))
        self.forget(call)
        return frame

    def finalize(self) -> None:
        """The application ends the session; events that wait are dropped."""
        self.finalized = True
        self.ended = BadHandle("the handle was finalized")
        self.events.clear()

    # Shared memory.

    def share(self, shared: SharedMemory) -> None:
        """Long bodies go through this memory from now on; it came with what is received next."""
        self._shared = self._reader.shared = shared

    def carry(self, frame: Pieces) -> Pieces:
        """The frame as it is to be written; to be asked for in the order of writing."""
        return frame if self._shared is None else self._shared.carry(frame)

    def release(self) -> bytes:
        """What is to be written about memory that is free again; often nothing."""
        return b"" if self._shared is None else self._shared.release()

    # What comes from the executive.

    def receive(self, data: bytes | memoryview) -> None:
        """Takes bytes that arrived. What cannot be understood breaks the session."""
        if self.ended is not None:
            return
        self._reader.feed(data)
        try:
            for frame in self._reader.frames():
                if frame.kind is Kind.RESPONSE:
                    self._take_answer(frame)
                elif frame.kind is Kind.CALLBACK:
                    self._take_callback(frame)
                else:
                    raise Malformed("a request, expected an answer or a callback")
        except ValueError as error:
            self.broken(LibraryError(f"the executive sent what is not a message: {error}"))

    def end_of_stream(self, explanation: str = "the executive closed the connection") -> None:
        """The connection is gone."""
        self.broken(LibraryError(explanation))

    def broken(self, reason: AisError) -> None:
        """Ends the session with `reason`, unless it has ended before."""
        self.ended = self.ended or reason

    # What the connection asks.

    @property
    def calling(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._outstanding)

    @property
    def listens(self) -> bool:
        """Whether what comes should be read: not while so many events wait, unless an answer is awaited."""
        return self.ended is None and (not self._crowded or bool(self._outstanding) or not self.full)

    @property
    def full(self) -> bool:
        """Whether so many events wait that no further call is taken."""
        if self._crowded:
            self._crowded = self.events.byte_count >= self._settings.event_bytes_max
        return self._crowded

    def reason(self) -> AisError:
        """What ended the session, once it has ended, to be raised by one call."""
        assert self.ended is not None
        return type(self.ended)(str(self.ended))

    def check(self) -> None:
        """Raises what ended the session, if it has ended."""
        if self.ended is not None:
            raise self.reason()

    def _call(self, number: int, response: type[Message], body: Pieces) -> tuple[int, Pieces]:
        size = sum(map(len, body))
        if size > self.body_max:
            raise TooBig(f"a request of {size} bytes; the executive accepts {self.body_max}")
        self._last_call += 1
        self._outstanding[self._last_call] = (getattr(response, "number", number), response)
        return self._last_call, pack_pieces(number, Kind.REQUEST, self._last_call, body)

    def _take_answer(self, frame: Frame) -> None:
        expected = self._outstanding.pop(frame.call, None)
        if expected is None:
            if not 0 < frame.call <= self._last_call:
                raise Malformed(f"an answer to call {frame.call}, calls so far: {self._last_call}")
            return
        number, response = expected
        if frame.error is not ErrorCode.OK:  # the group refuses a call by its number alone
            self._answers[frame.call] = AisError.of(frame.error, str(frame.body, "utf-8", "replace"))
        elif frame.number == number:
            self._answers[frame.call] = decode(response, frame.body)
        else:
            raise Malformed(f"an answer of number {frame.number} to a request whose answer is {number}")

    def _take_callback(self, frame: Frame) -> None:
        if frame.number == GOODBYE_NUMBER:
            self._take_goodbye(decode(Goodbye, frame.body))
            return
        settings = self._settings
        cls = self._callbacks.get(frame.number)
        if cls is None:
            raise Malformed(f"unknown callback {frame.number} of service {settings.service}")
        message = decode(cls, frame.body)
        self.events.put(settings.to_events(message), settings.held_bytes(message, len(frame.body)))
        self._crowded = self.events.byte_count >= settings.event_bytes_max

    def _take_goodbye(self, goodbye: Goodbye) -> None:
        code = ErrorCode(goodbye.code)
        if code is ErrorCode.OK:
            raise Malformed("a goodbye without an error code")
        self.broken(AisError.of(code, goodbye.reason))
