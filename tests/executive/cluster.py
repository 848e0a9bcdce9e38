"""Executives on a group in memory, and libraries on them, driven by the test alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from openais.executive.connections import Credentials, Limits
from openais.executive.effects import CloseLibrary, ExecutiveEffect, ToLibrary
from openais.executive.executive import Executive
from openais.executive.flight_recorder import FlightRecorder
from openais.executive.quorum import QuorumSettings
from openais.messages.base import Kind, Message, Request, ServiceId, declared, decode, encode
from openais.messages.frame import Frame, FrameReader, pack
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Goodbye, Initialize, Initialized
from openais.services.base import LocalNode, Service
from openais.types import AisError, ErrorCode, NodeId, TimeNs
from tests.executive.ledger import SERVICE_ID, Ledger
from tests.executive.memory_group import MemoryGroup, MemoryRing

WALL_NS = 1_700_000_000_000_000_000


def initialize(service_id: int = SERVICE_ID, version: tuple[str, int, int] = ("B", 1, 1)) -> Initialize:
    return Initialize(service_id, *version, process_id=4711, process_name="test")


class Library:
    """A library with a connection. Reads at once all that it is sent, unless `reads` is False."""

    def __init__(self, node: Node, number: int, service_id: ServiceId) -> None:
        self.node = node
        self.number = number
        self.service_id = service_id
        self.reads = True
        self.answers: dict[int, Message | AisError] = {}
        self.order: list[Message | AisError] = []
        """Answers and callbacks in the order in which they came."""
        self.callbacks: list[Message] = []
        self.goodbye: Goodbye | None = None
        self.close_effect: CloseLibrary | None = None
        self.unread = 0
        self.writes = 0
        self._requests: dict[int, Request] = {}
        self._reader = FrameReader()
        self._call = 0
        node.libraries[number] = self
        node.input(lambda e, now, wall: e.library_opened(number, Credentials(4711, 1000, 1000), now, wall))

    def initialize(self, version: tuple[str, int, int] = ("B", 1, 1)) -> Message | AisError | None:
        self._call += 1
        body = encode(initialize(self.service_id, version))
        self.send_bytes(pack(INITIALIZE_NUMBER, Kind.REQUEST, self._call, body))
        return self.answers.get(self._call)

    def frame(self, request: Request) -> bytes:
        """The frame of the next call."""
        self._call += 1
        self._requests[self._call] = request
        return pack(request.number, Kind.REQUEST, self._call, encode(request))

    def send(self, request: Request) -> int:
        """Makes a call and gives its number."""
        self.send_bytes(self.frame(request))
        return self._call

    def call(self, request: Request) -> Message | AisError | None:
        """Makes a call and gives the answer, if it came without any delivery."""
        return self.answers.get(self.send(request))

    def send_bytes(self, data: bytes) -> None:
        self.node.input(lambda e, now, wall: e.library_data(self.number, data, now, wall))

    def close(self) -> None:
        self.node.input(lambda e, now, wall: e.library_closed(self.number, now, wall))

    def read_all(self) -> None:
        """Reads what was left unread."""
        unread, self.unread = self.unread, 0
        self.node.input(lambda e, now, wall: e.library_written(self.number, unread, now, wall))

    def arrived(self, data: bytes) -> None:
        """Bytes from the executive."""
        self.writes += 1
        self.unread += len(data)
        self._reader.feed(data)
        for frame in self._reader.frames():
            self._arrived_frame(frame)
        if self.reads:
            self.read_all()

    def _arrived_frame(self, frame: Frame) -> None:
        if frame.kind is Kind.RESPONSE:
            self.answers[frame.call] = self._answer(frame)
            self.order.append(self.answers[frame.call])
        elif frame.number == GOODBYE_NUMBER:
            self.goodbye = decode(Goodbye, frame.body)
        else:
            cls = declared(self.service_id, Kind.CALLBACK, frame.number)
            assert cls is not None
            self.callbacks.append(decode(cls, frame.body))
            self.order.append(self.callbacks[-1])

    def _answer(self, frame: Frame) -> Message | AisError:
        if frame.error is not ErrorCode.OK:
            return AisError.of(frame.error, bytes(frame.body).decode())
        request = self._requests.get(frame.call)
        return decode(request.response if request else Initialized, frame.body)


@dataclass
class Node:
    """One machine. `effects` collects what is not for libraries."""

    node_id: NodeId
    ring: MemoryRing
    executive: Executive
    ledger: Ledger
    libraries: dict[int, Library] = field(default_factory=dict)
    effects: list[ExecutiveEffect] = field(default_factory=list)
    batches: list[list[ExecutiveEffect]] = field(default_factory=list)
    now: float = 0.0

    def input(self, action: Callable[[Executive, float, int], None]) -> None:
        """Hands one input to the executive and performs what it asks for."""
        action(self.executive, self.now, WALL_NS + int(self.now * 1e9))
        batch: list[ExecutiveEffect] = []
        while effects := self.executive.take_effects():
            batch += effects
        self.batches.append(batch)
        for effect in batch:
            if isinstance(effect, ToLibrary):
                self.libraries[effect.connection].arrived(effect.data)
            elif isinstance(effect, CloseLibrary):
                self.libraries[effect.connection].close_effect = effect
            else:
                self.effects.append(effect)

    def connect(self, service_id: ServiceId = SERVICE_ID) -> Library:
        """A connection on which nothing was said yet."""
        return Library(self, 100 * self.node_id + len(self.libraries) + 1, service_id)

    def library(self, service_id: ServiceId = SERVICE_ID) -> Library:
        """A library with an open session."""
        library = self.connect(service_id)
        assert isinstance(library.initialize(), Initialized)
        return library

    def timeout(self, now: float) -> None:
        self.now = now
        self.input(lambda e, now, wall: e.timeout(now, wall))


class Cluster:
    """Nodes on one group."""

    def __init__(
        self,
        *node_ids: int,
        limits: Limits | None = None,
        quorum: QuorumSettings | None = None,
        queue_max: int = 1000,
        more_services: Callable[[LocalNode], Sequence[Service]] = lambda _: (),
    ) -> None:
        self.limits = limits or Limits()
        self.quorum = quorum or QuorumSettings()
        self.queue_max = queue_max
        self.more_services = more_services
        self.nodes: dict[int, Node] = {}
        self.group = MemoryGroup(self._settle)
        self._starts = 0
        for node_id in node_ids:
            self.start(node_id)

    def start(self, node_id: int) -> Node:
        """Starts a node, in place of one of that id."""
        self._starts += 1
        ring = MemoryRing(NodeId(node_id), self.queue_max)
        boot = TimeNs(WALL_NS + self._starts)
        local = LocalNode(NodeId(node_id), f"node{node_id}", f"192.0.2.{node_id}", boot)
        ledger = Ledger(local)
        services = (ledger, *self.more_services(local))
        recorder = FlightRecorder(NodeId(node_id))
        executive = Executive(local, ring, services, self.limits, self.quorum, recorder)
        node = self.nodes[node_id] = Node(NodeId(node_id), ring, executive, ledger)
        self.group.rings[NodeId(node_id)] = ring
        node.input(lambda e, now, wall: e.start(now, wall))
        return node

    def __getitem__(self, node_id: int) -> Node:
        return self.nodes[node_id]

    def form(self, *components: Sequence[int]) -> None:
        """Installs configurations and delivers all that follows."""
        self.group.configure(*components)
        self.group.deliver()

    def entries(self) -> list[list[str]]:
        """The entries of every node."""
        return [node.ledger.entries for node in self.nodes.values()]

    def _settle(self, node_id: NodeId) -> None:
        self.nodes[node_id].input(lambda e, now, wall: e.datagrams((), now, wall))
