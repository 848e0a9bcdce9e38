"""The executive: routes the requests of libraries, the messages of the group and its configurations to the services.

Theory of operation. Every public input does its work, then settles: the effects of the ring are taken in order, group
messages and configurations go to the services, what these ask for is performed when their handler has run to its end,
what they multicast is given to the ring, until nothing is left to do. At the end of the input each connection gets its
frames joined into one ToLibrary. The runtime performs what `take_effects()` gives, in order, until it gives nothing.

Others wait for the token, so what the ring sends leaves before anything that it delivered is looked at: settling stops
when there is something to send, and goes on at the next `take_effects`, or before the next input. While the ring keeps
the token nobody waits for it, but the program that sent a message waits for it to be delivered: then that goes first.

Between a regular configuration and the end of its exchange of state (see `transfer`) services are given no group
message: those that are delivered are held, by all members alike, and given in their order after `synchronized`, when
the states are merged; or, when the next configuration comes first, before its `configuration_changed`, to the state
that each component has. Libraries are served by `libraries`, effects of services performed by `performing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from openais.executive.connections import Connections, Credentials, Limits, Share
from openais.executive.effects import AppendLog, ExecutiveEffect, Left
from openais.executive.flight_recorder import Event, FlightRecorder
from openais.executive.group_messaging import GroupMessaging
from openais.executive.libraries import Libraries
from openais.executive.outbox import Outbox
from openais.executive.performing import Performer
from openais.executive.quorum import Quorum, QuorumSettings
from openais.executive.routing import Routing
from openais.executive.status import StatusService
from openais.executive.timers import Timers
from openais.executive.transfer import Exchange, StateTransfer
from openais.messages.base import Malformed, Message, ServiceId, decode, decode_group
from openais.messages.evs import RingIdentity
from openais.messages.status import MemberStatus, Status
from openais.services.base import ComponentState, ConfigurationChange, LocalNode, Log, Service
from openais.totem.effects import Address, Configuration, Delivered, Fatal, Multicast, Recorded, RingEffect, SendTo
from openais.types import NodeId, TimeNs

ROUNDS_MAX: Final = 64
"""Rounds of giving the ring messages and taking deliveries within one input; what is left waits for the next."""


class Executive:
    """One node's executive, without I/O.

    Times are `now`, the monotonic clock in seconds, and `wall_ns`, the wall clock in nanoseconds since the epoch.
    """

    def __init__(
        self,
        local: LocalNode,
        ring: GroupMessaging,
        services: Sequence[Service],
        limits: Limits,
        quorum: QuorumSettings,
        recorder: FlightRecorder,
        runtime_counters: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """`runtime_counters` gives the counters of what drives the executive, by their names in `counters`."""
        self._local = local
        self._runtime_counters = runtime_counters
        self._ring = ring
        self._recorder = recorder
        self._services: Final = (*services, StatusService(local, self))
        self._routing: Final = Routing(self._services)
        self._quorum: Final = Quorum(quorum)
        self._timers: Final = Timers()
        self._outbox: Final = Outbox(ring, limits.deferred_max)
        self._connections: Final = Connections(limits)
        performer = Performer(
            local.node_id,
            self._connections,
            self._outbox,
            ring,
            self._timers,
            limits.message_max,
            self._note,
            self._append_log,
        )
        self._performer: Final = performer
        self._libraries: Final = Libraries(
            local.node_id, limits, self._routing, self._connections, self._outbox, performer.perform, self._note_library
        )
        self._transfer: Final = StateTransfer(local.node_id, local.boot_timestamp_ns, self._state_to_transfer)
        self._held: list[Delivered] = []
        """Messages to services that were delivered since the exchange began."""
        self._change: ConfigurationChange | None = None
        """The last regular configuration."""
        self._since: dict[NodeId, TimeNs] = {}
        """When each member joined, by the wall clock."""
        self._counters: Final[dict[str, int]] = {}
        self._effects: list[ExecutiveEffect] = []
        self._now = 0.0
        self._undone: list[RingEffect] = []
        """Effects of the ring that were taken from it and are still to be settled, in order."""
        self._patient: list[ExecutiveEffect] = []
        """What the ring sends when what it delivered has left."""
        self._paused = False
        """Settling has stopped for what is to be sent."""
        self._unsettled = False
        """There was too much to settle in one input."""
        self._stopped = False

    # Inputs

    def start(self, now: float, wall_ns: int) -> None:
        """The executive begins; to be called once, first."""
        self._begin(now, wall_ns)
        self._note("start", f"executive of node {self._local.node_id} ({self._local.name}) starts")
        self._ring.start(now)
        self._settle()

    def datagrams(self, burst: Sequence[tuple[Address, bytes]], now: float, wall_ns: int) -> None:
        """Datagrams arrived, with the addresses they came from."""
        self._begin(now, wall_ns)
        self._ring.receive(burst, now)
        self._settle()

    def timeout(self, now: float, wall_ns: int) -> None:
        """`deadline` has come."""
        self._begin(now, wall_ns)
        if now >= self._ring.deadline:
            self._ring.timeout(now)
        for service_id, name in self._timers.expire(now):
            self._performer.perform(service_id, self._routing.services[service_id].timer(name))
        self._libraries.go_on()
        self._settle()

    def ring_sequence_stored(self, sequence: int, now: float, wall_ns: int) -> None:
        """A StoreRingSequence was performed."""
        self._begin(now, wall_ns)
        self._ring.ring_sequence_stored(sequence, now)
        self._settle()

    def log_stored(self, service: ServiceId, token: int, now: float, wall_ns: int) -> None:
        """What an AppendLog with this token had to be written is written."""
        self._begin(now, wall_ns)
        self._performer.perform(service, self._routing.services[service].stored(token))
        self._settle()

    def leave(self, now: float, wall_ns: int) -> None:
        """Says goodbye to the libraries and leaves the ring in order; ends with the effect Left."""
        self._begin(now, wall_ns)
        self._note("leave", f"node {self._local.node_id} leaves in order")
        self._libraries.end_all(f"the executive of node {self._local.node_id} is shut down")
        self._settle()
        self._ring.leave(now)
        self._settle()

    def library_opened(
        self, connection: int, credentials: Credentials, now: float, wall_ns: int, share: Share | None = None
    ) -> None:
        """A library that may use this executive has connected. Connection numbers are never used again.

        `share` makes memory to share with it, should it ask for some.
        """
        self._begin(now, wall_ns)
        self._libraries.opened(connection, credentials, share)
        self._settle()

    def library_data(self, connection: int, data: bytes, now: float, wall_ns: int) -> None:
        """Bytes were read from a connection."""
        self._begin(now, wall_ns)
        self._libraries.data(connection, data)
        self._settle()

    def library_written(self, connection: int, byte_count: int, now: float, wall_ns: int) -> None:
        """So many bytes of ToLibrary data left for the kernel."""
        self._begin(now, wall_ns)
        self._libraries.written(connection, byte_count)
        self._settle()

    def library_closed(self, connection: int, now: float, wall_ns: int) -> None:
        """A connection is closed, by the library or after a CloseLibrary."""
        self._begin(now, wall_ns)
        self._libraries.closed(connection)
        self._settle()

    # Outputs

    def take_effects(self) -> list[ExecutiveEffect]:
        """What is to be done next, in order; to be called again until there is nothing."""
        if self._paused and not self._effects:
            self._settle()
        if self._effects:
            effects, self._effects = self._effects, []
        else:
            effects, self._patient = self._patient, []
        return effects

    @property
    def deadline(self) -> float:
        """When `timeout` wants to be called; infinity when not at all."""
        if self._unsettled:
            return self._now
        return min(self._ring.deadline, self._timers.deadline)

    @property
    def paused_connections(self) -> set[int]:
        """Connections that the runtime must not read from now. Not to be changed."""
        return self._connections.paused

    def reading(self, connection: int) -> bool:
        """Whether the runtime may read more from a connection."""
        return connection not in self._connections.paused

    @property
    def recorder(self) -> FlightRecorder:
        """The flight recorder."""
        return self._recorder

    @property
    def counters(self) -> dict[str, int]:
        """All counters: `ring.…`, `library.…`, `group.…`, and those of the runtime."""
        counters = {f"ring.{name}": count for name, count in self._ring.counters.items()}
        counters |= {f"library.{name}": count for name, count in self._libraries.counters.items()}
        counters |= {f"group.{name}": count for name, count in self._counters.items()}
        return counters | dict(self._runtime_counters())

    def status(self) -> Status:
        """The executive at this moment, in short."""
        local, change, exchange = self._local, self._change, self._transfer.exchange
        members = change.configuration.members if change else ()
        ring_id = change.configuration.ring_id if change else None
        return Status(
            node_id=local.node_id,
            name=local.name,
            address=local.address,
            boot_timestamp_ns=local.boot_timestamp_ns,
            wall_time_ns=local.wall_time_ns,
            ring=RingIdentity(ring_id.sequence, ring_id.representative) if ring_id else None,
            members=tuple(MemberStatus(each, each == local.node_id, self._since[each]) for each in members),
            quorum=self._quorum.in_words(),
            quorate=change is not None and change.quorate,
            synchronized=change is not None and self._transfer.complete,
            transfer=exchange.waiting_for() if exchange else "",
            services=tuple(service.service_id.name.lower() for service in self._services),
            connections=len(self._connections),
        )

    def describe(self) -> dict[str, Any]:
        """The state of all parts, by name: `executive`, `ring`, and the services."""
        executive = {
            "node_id": self._local.node_id,
            "transfer": self._transfer.describe(),
            "held_messages": len(self._held),
            "quorum": self._quorum.describe(),
            "waiting_to_send": self._outbox.counts(),
            "timers": len(self._timers),
            "connections": self._connections.describe(),
        }
        services = {service.service_id.name.lower(): service.describe() for service in self._services}
        return {"executive": executive, "ring": self._ring.describe(), **services}

    # Settling

    def _begin(self, now: float, wall_ns: int) -> None:
        while self._paused:
            self._settle()
        self._now = self._performer.now = now
        self._local.wall_time_ns = TimeNs(wall_ns)

    def _settle(self) -> None:
        """Does all that this input leads to, and collects what is for the runtime; pauses when the ring sends."""
        goes_on = True
        for _ in range(ROUNDS_MAX):
            self._paused = self._send_first()
            if self._paused:
                return
            effects, self._undone = self._undone, []
            if not (effects or goes_on or self._connections.ended):
                self._unsettled = self._libraries.unserved
                break
            for effect in effects:
                if type(effect) is Delivered:
                    self._delivered(effect)
                else:
                    self._ring_effect(effect)
            self._libraries.tell_services()
            self._transfer.send(self._outbox.offer)
            self._outbox.retry()
            self._libraries.retry()
            goes_on = self._outbox.submitted
            if goes_on:
                self._outbox.submitted = False
                self._ring.wake(self._now)
        else:
            self._unsettled = True
        self._effects += self._connections.flush()
        if self._outbox.full:
            self._stop("more group messages wait for the ring than may; going on would lose one that services count on")

    def _send_first(self) -> bool:
        """Takes the effects of the ring, and of these those for the network first; whether there are such."""
        sends = False
        for effect in self._ring.take_effects():
            if type(effect) is Multicast and effect.patient and not sends:
                self._patient.append(effect)
            elif type(effect) is SendTo or type(effect) is Multicast:
                self._effects += (*self._patient, effect)
                self._patient.clear()
                sends = True
            else:
                self._undone.append(effect)
        return sends

    def _ring_effect(self, effect: RingEffect) -> None:
        if isinstance(effect, Configuration):
            self._configuration(effect)
        elif isinstance(effect, Recorded):
            self._note(effect.kind, effect.text, **effect.details)
            if effect.kind == "left":
                self._effects.append(Left())
        elif not isinstance(effect, Delivered):
            self._effects.append(effect)

    # Group messages

    def _delivered(self, delivered: Delivered) -> None:
        payload = delivered.payload
        if self._transfer.exchange is None:
            self._give(delivered.sender, payload)
        elif payload and payload[0] == ServiceId.EXECUTIVE:
            self._exchange_message(delivered.sender, payload)
        else:
            self._held.append(delivered)

    def _give(self, sender: NodeId, payload: bytes | memoryview) -> None:
        """Gives a group message to its service. One that cannot be read is left out, by all members alike."""
        if len(payload) < 2:
            self._count("malformed")
            return
        route = self._routing.group.get(payload[0] << 8 | payload[1])
        if route is None:
            self._count("out_of_date" if payload[0] == ServiceId.EXECUTIVE else "unknown")
            return
        try:
            message = decode(route.message, memoryview(payload)[2:])
        except Malformed:
            self._count("malformed")
            return
        self._performer.perform(route.service_id, route.handler(sender, message))

    def _give_held(self) -> None:
        held, self._held = self._held, []
        for delivered in held:
            self._give(delivered.sender, delivered.payload)

    # Configurations and the exchange of state

    def _configuration(self, configuration: Configuration) -> None:
        self._recorder.configuration(configuration, self._now, self._local.wall_time_ns)
        self._give_held()
        if configuration.transitional:
            self._transfer.transitional(configuration)
        else:
            self._quorum.install(configuration.members)
            self._tell_why()
        change = ConfigurationChange(configuration, self._quorum.has(configuration.members))
        for service in self._services:
            self._performer.perform(service.service_id, service.configuration_changed(change))
        if not configuration.transitional:
            self._regular(change)

    def _regular(self, change: ConfigurationChange) -> None:
        configuration = change.configuration
        self._change = change
        known = {node_id: at for node_id, at in self._since.items() if node_id not in configuration.joined}
        self._since = {node_id: known.get(node_id, self._local.wall_time_ns) for node_id in configuration.members}
        if self._transfer.regular(configuration, self._quorum.votes_expected, self._quorum.seen_all):
            self._ring.plug()
            self._outbox.hold()
        else:
            self._synchronized(change)

    def _exchange_message(self, sender: NodeId, payload: bytes | memoryview) -> None:
        try:
            exchange = self._transfer.deliver(sender, decode_group(payload))
        except Malformed:
            self._count("malformed")
            return
        if exchange is not None:
            self._exchanged(exchange)

    def _exchanged(self, exchange: Exchange) -> None:
        """All states are here: merges them and lets the held messages flow."""
        assert self._change is not None
        for synchronize in exchange.synchronizes.values():
            self._quorum.learn(synchronize.votes_expected, synchronize.seen_all)
        if len(exchange.components) > 1:
            for service in self._services:
                states = [
                    ComponentState(each.members, each.sender, tuple(each.messages.get(service.service_id, ())))
                    for each in exchange.components
                ]
                self._performer.perform(service.service_id, service.merge_states(states))
        members = self._change.configuration.members
        self._synchronized(msgspec.structs.replace(self._change, quorate=self._quorum.has(members)))
        self._outbox.release()
        self._ring.unplug(self._now)
        self._give_held()

    def _synchronized(self, change: ConfigurationChange) -> None:
        self._change = change
        quorate = "quorate" if change.quorate else "without quorum"
        self._note("synchronized", f"the state is complete in {change.configuration.ring_id}, {quorate}")
        for service in self._services:
            self._performer.perform(service.service_id, service.synchronized(change))
        self._libraries.ready()

    def _state_to_transfer(self) -> Iterator[Message]:
        for service in self._services:
            yield from service.state_to_transfer()

    # Small helpers

    def _note(self, kind: str, text: str, **details: object) -> None:
        """Records an event, and lets the runtime log it."""
        self._recorder.record(Event(self._now, self._local.wall_time_ns, kind, text, details))
        self._effects.append(Recorded(kind, text, details))

    def _tell_why(self) -> None:
        """Lets the runtime log the reason of the configuration that was just recorded."""
        (reason,) = self._recorder.why(1)
        members = {"members": reason.members, "left": reason.left, "joined": reason.joined}
        self._effects.append(Recorded("configuration", reason.sentence, {"ring": str(reason.ring_id), **members}))

    def _append_log(self, service: ServiceId, log: Log) -> None:
        self._effects.append(AppendLog(service, log))

    def _note_library(self, text: str) -> None:
        self._note("library", text)

    def _count(self, cause: str) -> None:
        self._counters[cause] = self._counters.get(cause, 0) + 1

    def _stop(self, reason: str) -> None:
        if not self._stopped:
            self._stopped = True
            self._effects.append(Fatal(reason))
