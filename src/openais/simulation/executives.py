"""A cluster of whole executives: ring, services, libraries, and programs that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from openais.executive.connections import Credentials, Limits
from openais.executive.effects import AppendLog, CloseLibrary, Left, ToLibrary
from openais.executive.executive import Executive
from openais.executive.flight_recorder import FlightRecorder
from openais.executive.quorum import QuorumSettings
from openais.messages.base import Message, ServiceId, encode_group
from openais.messages.ckpt_group import CheckpointState
from openais.messages.evs import RingIdentity
from openais.services.base import ConfigurationChange, Effects, LocalNode, Service
from openais.services.ckpt import Ckpt
from openais.services.ckpt.state import CkptSettings
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.services.evt import Evt
from openais.simulation.checkpoint_checker import CheckpointChecker, Contents, Holder
from openais.simulation.checkpoints import REGISTERS, CkptProgram
from openais.simulation.cluster import Cluster
from openais.simulation.event_checker import EventChecker
from openais.simulation.event_checker import Subscriber as EventSubscriber
from openais.simulation.events import QUEUE_BYTES_MAX, WINDOW, EvtProgram
from openais.simulation.libraries import ClmProgram, EvsProgram, Program
from openais.simulation.library_checker import LibraryChecker
from openais.simulation.node import Disk, Node, Surroundings
from openais.simulation.ring import ObservedRing
from openais.simulation.schedule import US
from openais.types import NodeId, TimeNs, Version

ServicesFactory = Callable[[LocalNode], Sequence[Service]]

LIMITS: Final = Limits(queue_bytes_throttle=64 * 1024, queue_bytes_max=512 * 1024, goodbye_grace_s=0.5)
"""Small, so that they are reached."""


def default_services(
    local: LocalNode, settings: CkptSettings | None = None, stored: Iterable[bytes] = ()
) -> Sequence[Service]:
    """The services of an executive; `stored` is the log of checkpoints on its disk."""
    return Clm(local), Evs(local), Evt(local, WINDOW, QUEUE_BYTES_MAX), Ckpt(local, settings or CkptSettings(), stored)


class Witness(Service):
    """The last of the services: sees the replicated state of the others when it is complete."""

    service_id = ServiceId.EXAMPLE
    versions = (Version("B", 1, 1),)

    def __init__(self, node: LocalNode, services: Sequence[Service], cluster: ExecutiveCluster) -> None:
        super().__init__(node)
        self._services = services
        self._cluster = cluster

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        self._look_at_view()
        return ()

    def synchronized(self, change: ConfigurationChange) -> Effects:
        configuration = change.configuration
        self._look_at_view()
        self._cluster.libraries.synchronized(self.node.node_id, configuration.ring_id, self.replicated())
        self._cluster.checkpoints.synchronized(self.node.node_id, configuration.ring_id, self.contents())
        if change.quorate and self._cluster.has_quorum_rule:
            self._cluster.checkpoints.quorate(self._cluster.holders(configuration.members))
            self._cluster.checker.quorum(configuration.ring_id, configuration.members)
        return ()

    def replicated(self) -> dict[str, object]:
        """What the services would send to a newcomer: all of their replicated state."""
        return {
            service.service_id.name.lower(): [encode_group(message) for message in service.state_to_transfer()]
            for service in self._services
        }

    def contents(self) -> Contents:
        """The sections of the checkpoints that this node has all of."""
        return next((service.contents() for service in self._services if isinstance(service, Ckpt)), {})

    def register_holders(self) -> tuple[NodeId, ...]:
        """The nodes that have all sections of the registers, as this one knows."""
        for message in self.state_of(Ckpt):
            if isinstance(message, CheckpointState) and message.name == REGISTERS and not message.unlinked:
                return message.sources
        return ()

    def state_of(self, kind: type[Service]) -> list[Message]:
        """The replicated state of one of the services."""
        return [
            message
            for service in self._services
            if isinstance(service, kind)
            for message in service.state_to_transfer()
        ]

    def channel_of(self, connection: int, handle: int) -> int:
        """An id of the channel that a library of EVT has open; 0 when there is none."""
        for service in self._services:
            if isinstance(service, Evt):
                library = service.describe()["libraries"].get(connection, {"channels": {}})
                return int(library["channels"].get(handle, {"channel_id": 0})["channel_id"])
        return 0

    def _look_at_view(self) -> None:
        for service in self._services:
            if isinstance(service, Clm):
                said = service.describe()
                members = frozenset(member["node_id"] for member in said["members"])
                self._cluster.libraries.has_view(self.node.node_id, said["view_number"], members)


class ExecutiveNode(Node[Executive]):
    """A machine with an executive and programs."""

    def __init__(self, node_id: NodeId, around: Surroundings, cluster: ExecutiveCluster) -> None:
        super().__init__(node_id, around)
        self._cluster = cluster
        self._writing: list[AppendLog] = []
        """What the disk writes, all at once."""
        self._waiting: list[AppendLog] = []
        """What waits for the disk."""

    def perform(self, effect: object) -> None:
        super().perform(effect)
        if isinstance(effect, ToLibrary):
            self._cluster.programs[effect.connection].written_to(effect.data)
        elif isinstance(effect, CloseLibrary):
            self._cluster.programs[effect.connection].closed_by_executive(effect.grace_s)
        elif isinstance(effect, AppendLog):
            self._waiting.append(effect)
            if not self._writing:
                self._write_log()
        elif isinstance(effect, Left):
            self.crash()
            self._cluster.departed(self.node_id)

    def _write_log(self) -> None:
        self._writing, self._waiting = self._waiting, []
        delay_us = self._cluster.chance.randint(*self.disk.delay_us)
        self._cluster.scheduler.after(delay_us, self._log_written, self.boots, self.disk)

    def _log_written(self, boots: int, disk: Disk) -> None:
        if boots != self.boots or not self._writing or disk is not self.disk:
            return
        written, self._writing = self._writing, []
        for each in written:
            disk.log.write(each.log)
        if self._waiting:
            self._write_log()
        service, token = written[-1].service, written[-1].log.token
        self.call(lambda executive, now, wall_ns: executive.log_stored(service, token, now, wall_ns))

    def crash(self) -> None:
        if self._writing:
            chance = self._cluster.chance
            *whole, torn = self._writing[: chance.randint(1, len(self._writing))]
            for each in whole:
                self.disk.log.write(each.log)
            self.disk.log.tear(torn.log, chance)
        self._writing, self._waiting = [], []
        super().crash()
        self._cluster.connections_lost(self.node_id)

    def power_failed(self) -> None:
        super().power_failed()
        self._cluster.power_failed(self.node_id)


class ExecutiveCluster(Cluster[Executive]):
    """Machines with an executive each. `programs` are all that there ever were, by number."""

    def __init__(
        self,
        *arguments: Any,
        quorum: QuorumSettings | None = None,
        make_services: ServicesFactory | None = None,
        keep_losers: bool = False,
        persist: bool = False,
        durable: bool = False,
        **keywords: Any,
    ) -> None:
        self.programs: dict[int, Program] = {}
        self.witnesses: dict[NodeId, Witness] = {}
        self.when_booted: Callable[[NodeId], None] = lambda _: None
        """Called when an executive has started: opens the programs of its machine."""
        self.has_quorum_rule = quorum is not None
        self._quorum = quorum or QuorumSettings()
        quorum_counts = self.has_quorum_rule
        self._ckpt = CkptSettings(quorum_counts, quorum_counts, persist, persist and durable, keep_losers)
        self._make_services = make_services
        super().__init__(*arguments, **keywords)
        self.libraries = LibraryChecker(self.checker)
        self.events = EventChecker(self.checker, self)
        self.checkpoints = CheckpointChecker(self.checker, lambda: self.scheduler.now_us / US)

    def make_node(self, node_id: NodeId, around: Surroundings) -> Node[Executive]:
        return ExecutiveNode(node_id, around, self)

    def make_engine(self, node_id: NodeId, ring: ObservedRing) -> Executive:
        boot_ns = TimeNs(self.nodes[node_id].wall_ns())
        incarnation = self.nodes[node_id].disk.incarnation
        local = LocalNode(node_id, f"node-{node_id}", f"10.0.0.{node_id}", boot_ns, boot_ns, incarnation)
        stored = self.nodes[node_id].disk.log.restarted()
        make = self._make_services
        services = make(local) if make is not None else default_services(local, self._ckpt, stored)
        self.libraries.started(node_id)
        self.witnesses[node_id] = Witness(local, services, self)
        return Executive(
            local, ring, [*services, self.witnesses[node_id]], LIMITS, self._quorum, FlightRecorder(node_id)
        )

    def boot(self, node_id: NodeId, *arguments: Any) -> None:
        super().boot(node_id, *arguments)
        self.when_booted(node_id)

    def missing(self) -> Iterator[str]:
        """11: the ring has settled, states are exchanged, programs have their answers and messages."""
        yield from super().missing()
        for node_id in self.running:
            engine = self.nodes[node_id].engine
            if engine is not None and not engine.status().synchronized:
                yield f"node {node_id} has not exchanged its state: {engine.status().transfer}"
        for program in self.open_programs():
            if program.unanswered:
                yield f"{program} waits for the answers of {program.unanswered} calls"
        yield from self.libraries.missing(set(self.running))
        for node_id in self.running[:1]:
            yield from self.events.missing(self.witnesses[node_id].state_of(Evt), node_id)
        yield from self.checkpoints.missing({node_id: self.witnesses[node_id].contents() for node_id in self.running})
        states = [(node_id, self.witnesses[node_id].replicated()) for node_id in self.running]
        for node_id, state in states[1:]:
            if state != states[0][1]:
                yield f"nodes {states[0][0]} and {node_id} hold different state: {states[0][1]} and {state}"

    # Programs

    def open_evs(self, node_id: NodeId, groups: tuple[str, ...]) -> EvsProgram:
        """A program that uses EVS, and joins these groups."""
        program = EvsProgram(self._opened(node_id), self.nodes[node_id], self.libraries, self.scheduler, groups)
        self.programs[program.number] = program
        return program

    def open_clm(self, node_id: NodeId) -> ClmProgram:
        """A program that tracks the cluster."""
        program = ClmProgram(self._opened(node_id), self.nodes[node_id], self.libraries, self.scheduler)
        self.programs[program.number] = program
        return program

    def open_evt(self, node_id: NodeId, channel: str) -> EvtProgram:
        """A program that publishes events on a channel, and subscribes to it."""
        number = self._opened(node_id)
        program = EvtProgram(number, self.nodes[node_id], self.libraries, self.scheduler, self.events, channel)
        self.programs[program.number] = program
        return program

    def open_ckpt(self, node_id: NodeId, name: str) -> CkptProgram:
        """A program that writes and reads a checkpoint."""

        def holders() -> frozenset[Holder]:
            return self.holders(self.witnesses[node_id].register_holders())

        program = CkptProgram(
            self._opened(node_id), self.nodes[node_id], self.libraries, self.scheduler, self.checkpoints, name, holders
        )
        self.programs[program.number] = program
        return program

    def holders(self, nodes: Sequence[NodeId]) -> frozenset[Holder]:
        """These nodes in their present lives; or with their present disks, if these have all that was answered."""
        if self._ckpt.durable:
            return frozenset((node_id, id(self.nodes[node_id].disk)) for node_id in nodes)
        return frozenset((node_id, id(self.witnesses[node_id])) for node_id in nodes)

    def ring_of(self, node_id: NodeId) -> RingIdentity | None:
        """The ring that a node is in."""
        engine = self.nodes[node_id].engine
        return engine.status().ring if engine is not None else None

    def channel_of(self, program: EventSubscriber) -> int:
        """An id of the channel that a program of EVT has open, as its executive knows it; 0 when it has none."""
        return self.witnesses[program.node_id].channel_of(program.number, program.handle)

    def now_us(self) -> int:
        """Virtual time."""
        return self.scheduler.now_us

    def clocks_are_true(self) -> bool:
        """Whether no wall clock of a machine ever jumped."""
        return not any(node.clock.wall_us for node in self.nodes.values())

    def open_programs(self, node_id: NodeId | None = None) -> list[Program]:
        """The programs that are connected, of one node or of all."""
        return [p for p in self.programs.values() if not p.closed and node_id in (None, p.node_id)]

    def _opened(self, node_id: NodeId) -> int:
        """A new connection is let in; answers its number."""
        number = len(self.programs) + 1
        credentials = Credentials(number, 1000, 1000)
        self.nodes[node_id].call(
            lambda executive, now, wall_ns: executive.library_opened(number, credentials, now, wall_ns)
        )
        return number

    def connections_lost(self, node_id: NodeId) -> None:
        """An executive is gone, and with it its connections."""
        for program in self.open_programs(node_id):
            program.lost()
