"""Where the time goes: the whole stack in one process, without sockets, loops and kernel; processor time by stage.

    python -m benchmarks.stages                     three nodes, one sender, four sizes
    python -m benchmarks.stages --size 64 --profile

Everything that runs in daemons and clients runs here, by the same code: library sessions, executives, ring, sealing.
Datagrams and frames are handed from one to the next. As nothing waits and nothing is scheduled, figures are steady to a
few percent on a busy machine, and comparisons are meant; what system calls and scheduling add is not in them.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from openais.client.evs_operations import SETTINGS, Outgoing, join, multicast
from openais.client.operation import Operation, Pause
from openais.client.session import Session
from openais.executive.connections import Credentials, Limits
from openais.executive.effects import ExecutiveEffect, ToLibrary
from openais.executive.executive import Executive
from openais.executive.flight_recorder import FlightRecorder
from openais.executive.quorum import QuorumSettings
from openais.messages.base import Message
from openais.runtime.authkey import AuthKey
from openais.runtime.seal import OVERHEAD, Cipher, Opener, Sealer
from openais.services.base import LocalNode
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.totem.effects import Multicast, Scope, SendTo, StoreRingSequence
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import AisError, Guarantee, NodeId, Priority, TimeNs, Version

SIZES: Final = (64, 1024, 64 * 1024, 1024 * 1024)
BATCH_BYTES: Final = 64 * 1024
IN_FLIGHT_BATCHES: Final = 8
NETWORK_HEADERS: Final = 48
READ_MAX: Final = 256 * 1024
WALL_NS: Final = 1_700_000_000_000_000_000
CONNECTION: Final = 1


class Stages:
    """Processor time by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def at(self, stage: str) -> Iterator[None]:
        """What is done inside counts for `stage`."""
        start = time.process_time()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - start


class Node:
    """An executive with its sealing, and one library session on it."""

    def __init__(self, number: int, settings: RingSettings, keys: tuple[AuthKey, ...], world: World) -> None:
        self.number = number
        self.world = world
        node_id, cipher = NodeId(number), Cipher.AES256GCM if keys else Cipher.NONE
        local = LocalNode(node_id, f"node-{number}", "", TimeNs(WALL_NS))
        self.sealer = Sealer(keys, cipher, settings.cluster, node_id, 1000 + number)
        self.opener = Opener(keys, settings.cluster, node_id, 1000 + number)
        self.executive = Executive(
            local,
            Processor(node_id, 1000 + number, settings, 0),
            [Clm(local), Evs(local, settings.message_max)],
            Limits(message_max=settings.message_max),
            QuorumSettings(),
            FlightRecorder(node_id),
        )
        self.arrived: list[tuple[int, bytes]] = []
        self.session = Session(SETTINGS, Version("B", 1, 1))
        self.answers: dict[int, Callable[[Message | AisError], None]] = {}
        self.written = 0

    def input(self, handle: Callable[..., None], *arguments: object, stage: str) -> None:
        """One input of the executive, and its effects."""
        with self.world.stages.at(stage):
            handle(*arguments, self.world.now, WALL_NS)
            effects: list[ExecutiveEffect] = []
            while some := self.executive.take_effects():
                effects += some
        for effect in effects:
            match effect:
                case SendTo(address, datagrams):
                    self._send((address,), datagrams)
                case Multicast(scope, addresses, datagrams):
                    everybody = [number for number in self.world.nodes if number != self.number]
                    self._send(addresses if scope is Scope.RING else everybody, datagrams)
                case StoreRingSequence(sequence):
                    self.input(self.executive.ring_sequence_stored, sequence, stage="executive: other")
                case ToLibrary():
                    self._to_library(effect.data)

    def receive(self) -> None:
        """Opens what arrived and gives it to the executive."""
        burst, self.arrived = self.arrived, []
        with self.world.stages.at("open"):
            opened = self.opener.open_burst(burst)
        self.input(self.executive.datagrams, opened, stage="executive: datagrams")

    def request(self, frame: bytes) -> None:
        """What the session has to say, in the pieces in which a socket hands it on."""
        for start in range(0, len(frame), READ_MAX):
            piece = frame[start : start + READ_MAX]
            self.input(self.executive.library_data, CONNECTION, piece, stage="executive: requests")

    def _send(self, addresses: object, datagrams: tuple[bytes, ...]) -> None:
        with self.world.stages.at("seal"):
            sealed = [self.sealer.seal(datagram) for datagram in datagrams]
        for address in addresses:  # type: ignore[attr-defined]
            self.world.nodes[address].arrived += [(self.number, datagram) for datagram in sealed]
        self.world.datagrams += len(sealed)

    def _to_library(self, data: bytes) -> None:
        self.written += len(data)
        with self.world.stages.at("library: receive"):
            for start in range(0, len(data), READ_MAX):
                self.session.receive(memoryview(data)[start : start + READ_MAX])


class World:
    """A cluster, one library session at each node, and time that stands still."""

    def __init__(self, count: int, settings: RingSettings, keys: tuple[AuthKey, ...]) -> None:
        self.stages = Stages()
        self.now = 100.0
        self.datagrams = 0
        self.nodes = {number: Node(number, settings, keys, self) for number in range(1, count + 1)}
        for node in self.nodes.values():
            node.input(node.executive.start, stage="executive: other")
        self._until(lambda: all(len(node.executive.status().members) == count for node in self.nodes.values()))
        self._until(lambda: all(node.executive.status().synchronized for node in self.nodes.values()))
        for node in self.nodes.values():
            node.input(node.executive.library_opened, CONNECTION, Credentials(1, 0, 0), stage="executive: other")
            call, frame = node.session.initialize(1, "stages")
            node.request(b"".join(frame))
            node.session.opened(node.session.answer(call))
            self.operate(node, join("bench", retry=False))

    def operate(self, node: Node, operation: Operation[object]) -> None:
        """Runs an operation of a library to its end."""
        try:
            wish = next(operation)
            while True:
                while isinstance(wish, Pause):
                    self.turn()
                    wish = operation.send(None)
                with self.stages.at("library: send"):
                    call, frame = node.session.request(wish)
                node.request(b"".join(frame))
                while not node.session.answered(call):
                    self.turn()
                wish = self._answer(node, operation, call)
        except StopIteration:
            return

    def _answer(self, node: Node, operation: Operation[object], call: int):  # type: ignore[no-untyped-def]
        try:
            answer = node.session.answer(call)
        except AisError as refusal:
            self.turn()
            return operation.throw(refusal)
        return operation.send(answer)

    def turn(self) -> None:
        """Everybody takes what arrived, in turn; when nobody has anything, time goes by until somebody wakes up."""
        busy = False
        for node in self.nodes.values():
            if node.written:
                count, node.written = node.written, 0
                node.input(node.executive.library_written, CONNECTION, count, stage="executive: written")
            if node.arrived:
                busy = True
                node.receive()
        if not busy:
            self.now = min(node.executive.deadline for node in self.nodes.values())
            for node in self.nodes.values():
                if node.executive.deadline <= self.now:
                    node.input(node.executive.timeout, stage="executive: other")

    def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.turn()


def load(world: World, size: int, total: int, senders: int) -> int:
    """Sends `total` messages from `senders` nodes, and takes them at every node; how many were taken in all."""
    payload = bytes(size)
    batch = [payload] * max(1, min(total, BATCH_BYTES // size))
    outgoing = Outgoing((), Guarantee.AGREED, Priority.MED)
    sent = taken = 0
    in_flight: deque[int] = deque()
    while sent < total:
        for number in range(1, senders + 1):
            node = world.nodes[number]
            world.operate(node, multicast(outgoing, batch, True, node.session.body_max))
            sent += len(batch)
            in_flight.append(sent)
        while len(in_flight) > IN_FLIGHT_BATCHES and taken < in_flight[-IN_FLIGHT_BATCHES] * len(world.nodes):
            world.turn()
            taken += take(world)
    while taken < sent * len(world.nodes):
        world.turn()
        taken += take(world)
    return taken


def take(world: World) -> int:
    """Takes the events that wait at all sessions."""
    count = 0
    for node in world.nodes.values():
        events = node.session.events
        with world.stages.at("library: events"):
            while events:
                count += hasattr(events.take(), "payload")
    return count


def measure(options: argparse.Namespace, size: int) -> None:
    """Prints the processor time for each delivery, by stage: the best of some rounds."""
    keys = () if options.plain else (AuthKey(bytes(range(32))),)
    datagram = options.mtu - NETWORK_HEADERS - OVERHEAD
    settings = RingSettings(packet_size=min(datagram, options.packet_max), packet_size_max=options.packet_max)
    world = World(options.nodes, settings, keys)
    senders = options.nodes if options.all else 1
    total = max(4, options.megabytes * 1024 * 1024 // max(size, 256))
    load(world, size, total // 4 + 1, senders)
    gc.collect()
    gc.freeze()
    best: tuple[float, str] | None = None
    profiler = cProfile.Profile()
    for _ in range(options.rounds):
        world.stages.seconds.clear()
        world.datagrams = 0
        start = time.process_time()
        if options.profile:
            profiler.enable()
        taken = load(world, size, total, senders)
        profiler.disable()
        spent = time.process_time() - start
        stages = "  ".join(
            f"{name} {1e6 * seconds / taken:.2f}" for name, seconds in sorted(world.stages.seconds.items())
        )
        line = f"{spent / taken * 1e6:9.2f} us/delivery  {world.datagrams / taken:7.3f} datagrams  {stages}"
        if best is None or spent / taken < best[0]:
            best = spent / taken, line
    assert best is not None
    print(f"{size:8} B {best[1]}", flush=True)
    if options.profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(options.profile)
    gc.unfreeze()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--all", action="store_true", help="all nodes send")
    parser.add_argument("--plain", action="store_true", help="nothing is encrypted")
    parser.add_argument("--mtu", type=int, default=1500)
    parser.add_argument("--packet-max", type=int, default=60_000)
    parser.add_argument("--megabytes", type=int, default=8, help="of payload in a round, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", type=int, nargs="?", const=40, help="print so many lines of a profile")
    options = parser.parse_args()
    for size in options.size or SIZES:
        measure(options, size)


if __name__ == "__main__":
    main()
