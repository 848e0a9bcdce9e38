"""An executive that does what a test tells it: real unix sockets, real frames, no services behind them."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from openais.messages.base import Kind, Message, Request, ServiceId, declared, decode, encode
from openais.messages.frame import Frame, FrameReader, pack
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Goodbye, Initialize, Initialized
from openais.types import ErrorCode, NodeId, Version

PATIENCE_S: Final = 30.0
"""How long a test waits for what must happen."""
NODE_ID: Final = NodeId(7)

Answer = Callable[[Request], Message]


@dataclass(eq=False)
class Peer:
    """The executive's end of one connection."""

    sock: socket.socket
    number: int
    service: ServiceId = ServiceId.CLM
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when the library closed the connection."""

    def callback(self, *messages: Message) -> None:
        """Sends callbacks, in one write."""
        self.raw(b"".join(pack(each.number, Kind.CALLBACK, 0, encode(each)) for each in messages))

    def goodbye(self, code: ErrorCode, reason: str) -> None:
        self.raw(pack(GOODBYE_NUMBER, Kind.CALLBACK, 0, encode(Goodbye(code, reason))))

    def raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def die(self) -> None:
        """Ends the connection as the kernel does for a process that was killed."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


@dataclass
class Call:
    """A request that waits for the test to answer it."""

    peer: Peer
    number: int
    call: int
    request: Request

    def answer(self, message: Message) -> None:
        self.peer.raw(self.answer_frame(message))

    def answer_frame(self, message: Message) -> bytes:
        return pack(self.number, Kind.RESPONSE, self.call, encode(message))

    def refuse(self, code: ErrorCode, explanation: str = "") -> None:
        self.peer.raw(pack(self.number, Kind.RESPONSE, self.call, explanation.encode(), code))


class FakeExecutive:
    """Listens at `path`. Requests in `answers` are answered at once; all others wait in `calls` for the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[type[Request], Answer] = {}
        self.calls: queue.Queue[Call] = queue.Queue()
        self.handshakes: queue.Queue[Initialize] = queue.Queue()
        self.refusal: tuple[ErrorCode, str] | None = None
        """What Initialize is answered with, when it is to be refused."""
        self.version: Version | None = None
        """The version that is put in force, when it is not the one asked for."""
        self.frame_max = 17 * 1024 * 1024
        self.silent = False
        """Whether Initialize is not answered at all."""
        self._peers: queue.Queue[Peer] = queue.Queue()
        self._all_peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)

    def next_call(self) -> Call:
        return self.calls.get(timeout=PATIENCE_S)

    def next_peer(self) -> Peer:
        """The next connection that has opened its session."""
        return self._peers.get(timeout=PATIENCE_S)

    def stop(self) -> None:
        """Ends as if killed: nobody listens any more, all connections are gone."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        for peer in self._all_peers:
            peer.die()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for peer in self._all_peers:
            peer.sock.close()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, len(self._all_peers) + 1)
            self._all_peers.append(peer)
            self._start(lambda peer=peer: self._serve(peer))  # type: ignore[misc]

    def _serve(self, peer: Peer) -> None:
        reader = FrameReader()
        with suppress(OSError):
            while data := peer.sock.recv(1 << 20):
                reader.feed(data)
                for frame in reader.frames():
                    self._take(peer, frame)
        peer.gone.set()

    def _take(self, peer: Peer, frame: Frame) -> None:
        if frame.number == INITIALIZE_NUMBER:
            self._initialize(peer, frame)
            return
        cls = declared(peer.service, Kind.REQUEST, frame.number)
        assert cls is not None
        assert issubclass(cls, Request)
        call = Call(peer, frame.number, frame.call, decode(cls, frame.body))
        if cls in self.answers:
            call.answer(self.answers[cls](call.request))
        else:
            self.calls.put(call)

    def _initialize(self, peer: Peer, frame: Frame) -> None:
        asked = decode(Initialize, frame.body)
        peer.service = ServiceId(asked.service_id)
        self.handshakes.put(asked)
        if self.silent:
            return
        if self.refusal is not None:
            code, explanation = self.refusal
            peer.raw(pack(INITIALIZE_NUMBER, Kind.RESPONSE, frame.call, explanation.encode(), code))
            return
        version = self.version or Version(asked.release, asked.major, asked.minor)
        opened = Initialized(*version, NODE_ID, peer.number, self.frame_max)
        peer.raw(pack(INITIALIZE_NUMBER, Kind.RESPONSE, frame.call, encode(opened)))
        self._peers.put(peer)
