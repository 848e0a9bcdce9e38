"""A cluster of instances of one service over a totally ordered group in memory, for tests of services.

`OrderedGroup` stands for ring, executive and libraries: it performs the effects of the handlers, orders what they
multicast, installs configurations and carries the state transfer, as the executive does. Nothing happens but by a call
of the test: messages wait until `deliver`, configurations are those that `configure` is given. Every message goes
through its encoding, so that what a service sends is what the others can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from openais.messages.base import Message, Request, Source, decode, decode_group, encode, encode_group
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effects,
    JoinGroup,
    LeaveGroup,
    LibraryConnection,
    LocalNode,
    Log,
    Note,
    Refuse,
    Reply,
    Service,
    SetTimer,
    ToGroup,
    executive_handlers,
    library_handlers,
)
from openais.simulation.service_log import ServiceLog
from openais.totem.effects import Configuration, RingId
from openais.types import AisError, NodeId, Priority, TimeNs, Version

STATE_MESSAGE_MAX = 64 * 1024
CLOCK_NS = 1_700_000_000_000_000_000
"""What the clocks of all nodes begin with; each start has its own time by them."""
Lineage = tuple[object, ...]


class Library:
    """A connection of an application to the service on one node."""

    def __init__(self, node: Node, connection: int) -> None:
        self.node = node
        self.connection = connection
        self.callbacks: list[Message] = []
        self.answers: dict[int, Message | AisError] = {}
        self.open = True
        self._call = 0

    def send(self, request: Request) -> int:
        """Makes a call; gives its number, under which `answers` has the answer once there is one."""
        self._call += 1
        self.node.library_request(Source(self.node.node_id, self.connection, self._call), request)
        return self._call

    def answer(self, call: int) -> Message:
        """The answer of a call, once; raises it when it is an error."""
        answer = self.answers.pop(call)
        if isinstance(answer, AisError):
            raise answer
        return answer

    def call(self, request: Request) -> Message:
        """Makes a call, delivers all that waits in the group, and gives the answer."""
        call = self.send(request)
        self.node.group.deliver()
        return self.answer(call)

    def take(self) -> list[Message]:
        """The callbacks since the last time."""
        taken, self.callbacks = self.callbacks, []
        return taken

    def close(self) -> None:
        self.open = False
        self.node.library_closed(self.connection)


class Node:
    """One executive with its instance of the service."""

    def __init__(self, group: OrderedGroup, local: LocalNode) -> None:
        self.group = group
        self.node_id = local.node_id
        self.service = group.make(local)
        self.libraries: dict[int, Library] = {}
        self.outgoing: list[ToGroup] = []
        self.ring_groups: set[bytes] = set()
        self.ring_id: RingId | None = None
        self.members: tuple[NodeId, ...] = ()
        self.lineage: Lineage = (local.node_id, local.boot_timestamp_ns)
        self.synchronized = False
        self.notes: list[str] = []
        self.logged: list[Log] = []
        """What was to be written to disk, and `store` has not stored yet."""
        self.log = ServiceLog()
        """What is written to disk."""
        self.timers: dict[str, float | None] = {}
        """What each timer was set to last."""

    def store(self) -> bool:
        """Writes the next of what waits for the disk; whether there was anything."""
        if not self.logged:
            return False
        written = self.logged.pop(0)
        self.log.write(written)
        self.perform(self.service.stored(written.token))
        return True

    def expire(self, name: str) -> None:
        """The timer expires."""
        self.timers.pop(name, None)
        self.perform(self.service.timer(name))

    def library_request(self, caller: Source, request: Request) -> None:
        handler = library_handlers(type(self.service))[request.number]
        received = decode(type(request), encode(request))
        try:
            effects = list(getattr(self.service, handler.name)(caller, received))
        except AisError as error:
            self.libraries[caller.connection].answers[caller.call] = error
            return
        queues = {effect.priority for effect in effects if isinstance(effect, ToGroup)}
        assert queues <= ({handler.sends(received)} if handler.sends else set()), "sends on a queue not declared"
        self.perform(effects)

    def library_closed(self, connection: int) -> None:
        del self.libraries[connection]
        self.perform(self.service.library_closed(connection))

    def delivered(self, origin: NodeId, payload: bytes) -> None:
        message = decode_group(payload)
        assert message.service is self.service.service_id
        handler = executive_handlers(type(self.service))[message.number]
        self.perform(getattr(self.service, handler.name)(origin, message))

    def perform(self, effects: Effects) -> None:
        for effect in list(effects):
            match effect:
                case Reply(to, response) if to.node_id == self.node_id:
                    self._answer(to, decode(type(response), encode(response)))
                case Refuse(to, code, explanation) if to.node_id == self.node_id:
                    self._answer(to, AisError.of(code, explanation))
                case Callback(connections, message):
                    assert len(set(connections)) == len(connections) > 0
                    received = decode(type(message), encode(message))
                    for connection in connections:
                        self.libraries[connection].callbacks.append(received)
                case ToGroup():
                    self.outgoing.append(effect)
                case JoinGroup(group):
                    self.ring_groups.add(group)
                case LeaveGroup(group):
                    self.ring_groups.remove(group)
                case Log():
                    self.logged.append(effect)
                case Note(text):
                    self.notes.append(text)
                case SetTimer(name, after_s):
                    self.timers[name] = after_s
                case Reply() | Refuse():
                    pass

    def _answer(self, to: Source, answer: Message | AisError) -> None:
        library = self.libraries.get(to.connection)
        if library is not None:
            assert to.call not in library.answers, "answered twice"
            library.answers[to.call] = answer


@dataclass
class OrderedGroup:
    """All nodes, and the order of what they multicast."""

    make: Callable[[LocalNode], Service]
    nodes: dict[NodeId, Node] = field(default_factory=dict)
    ring_sequence: int = 0
    connection_count: int = 0
    start_count: int = 0

    def start(self, *node_ids: int) -> None:
        """Starts nodes; they are in no configuration yet."""
        for number in node_ids:
            self.start_count += 1
            node_id = NodeId(number)
            boot = TimeNs(1_000_000_000 * self.start_count)
            wall = TimeNs(CLOCK_NS + boot)
            incarnation = wall // 1_000_000 << 16
            local = LocalNode(node_id, f"node{number}", f"192.0.2.{number}", boot, wall, incarnation)
            self.nodes[node_id] = Node(self, local)

    def crash(self, *node_ids: int) -> None:
        for number in node_ids:
            for library in self.nodes.pop(NodeId(number)).libraries.values():
                library.open = False

    def service(self, node_id: int) -> Service:
        return self.nodes[NodeId(node_id)].service

    def open(self, node_id: int, version: Version | None = None) -> Library:
        """An application on a node opens a session with the service."""
        node = self.nodes[NodeId(node_id)]
        self.connection_count += 1
        number = self.connection_count
        library = node.libraries[number] = Library(node, number)
        process_id = 1000 + number
        in_force = version or node.service.versions[0]
        node.perform(node.service.library_opened(LibraryConnection(number, process_id, "test", 0, in_force)))
        return library

    def deliver(self) -> None:
        """Orders and delivers all that waits; while the exchange of a configuration lasts, only RECOVERY and HIGH.

        What arrives in one burst is chosen by the ring groups that a node was in before the burst.
        """
        for members in self.configurations():
            plugged = not all(node.synchronized for node in members)
            while any(_ready(node.outgoing, plugged) for node in members):
                joined = {node.node_id: set(node.ring_groups) for node in members}
                for origin in members:
                    burst = _ready(origin.outgoing, plugged)
                    origin.outgoing = [each for each in origin.outgoing if not any(each is sent for sent in burst)]
                    for sent in burst:
                        self._multicast(origin, sent, members, joined)

    def deliver_one(self) -> bool:
        """Orders and delivers one of the messages that wait, as `deliver` does; whether there was any."""
        for members in self.configurations():
            plugged = not all(node.synchronized for node in members)
            for origin in members:
                for sent in _ready(origin.outgoing, plugged)[:1]:
                    origin.outgoing = [each for each in origin.outgoing if each is not sent]
                    joined = {node.node_id: set(node.ring_groups) for node in members}
                    self._multicast(origin, sent, members, joined)
                    return True
        return False

    def configure(self, *components: Iterable[int], quorate: bool = True, interrupted: bool = False) -> None:
        """Installs one new configuration for each of `components`, and transfers the state where components met.

        `interrupted`: the exchange of states does not come to its end in these configurations.
        """
        for component in components:
            self._configure([self.nodes[NodeId(number)] for number in sorted(component)], quorate, interrupted)

    def configurations(self) -> list[list[Node]]:
        """The nodes of each configuration."""
        rings = sorted({node.ring_id for node in self.nodes.values() if node.ring_id is not None})
        return [[node for _, node in sorted(self.nodes.items()) if node.ring_id == ring] for ring in rings]

    def _multicast(self, origin: Node, sent: ToGroup, members: list[Node], joined: dict[NodeId, set[bytes]]) -> None:
        payload = encode_group(sent.message)
        for node in members:
            if not sent.groups or joined[node.node_id] & set(sent.groups):
                node.delivered(origin.node_id, payload)

    def _configure(self, members: list[Node], quorate: bool, interrupted: bool) -> None:
        self.ring_sequence += 1
        ring_id = RingId(self.ring_sequence, members[0].node_id)
        parts = self._parts(members)
        complete = len(parts) == 1 and all(node.synchronized for node in members)
        for node in members:
            together = tuple(each.node_id for each in members if each is node or _came_along(each, node))
            self._install(node, ring_id, together, True, quorate)
        old_rings = {node.node_id: node.ring_id for node in members}
        everybody = tuple(node.node_id for node in members)
        changes = {node.node_id: self._install(node, ring_id, everybody, False, quorate) for node in members}
        if complete or not interrupted:
            self._exchange(parts, changes)
        else:
            for node in members:
                node.lineage, node.synchronized = (node.lineage, old_rings[node.node_id]), False
        for node in members:
            node.ring_id = ring_id

    def _install(
        self, node: Node, ring_id: RingId, members: tuple[NodeId, ...], transitional: bool, quorate: bool
    ) -> ConfigurationChange:
        before, node.members = node.members, members
        left = tuple(each for each in before if each not in members)
        joined = tuple(each for each in members if each not in before)
        configuration = Configuration(ring_id, transitional, members, left, joined, node.ring_id, "test")
        change = ConfigurationChange(configuration, quorate)
        if not transitional or node.ring_id is not None:
            node.perform(node.service.configuration_changed(change))
        return change

    def _parts(self, members: list[Node]) -> list[list[Node]]:
        """The nodes that have gone the same way so far, lowest node id first."""
        parts: dict[Lineage, list[Node]] = {}
        for node in members:
            parts.setdefault((node.lineage, node.ring_id), []).append(node)
        return list(parts.values())

    def _exchange(self, parts: list[list[Node]], changes: dict[NodeId, ConfigurationChange]) -> None:
        states = [_state_of(part) for part in parts]
        for part in parts:
            for node in part:
                if len(parts) > 1:
                    node.perform(node.service.merge_states(states))
                node.perform(node.service.synchronized(changes[node.node_id]))
                node.lineage, node.synchronized = (changes[node.node_id].configuration.ring_id,), True


def _came_along(one: Node, other: Node) -> bool:
    return one.ring_id is not None and one.ring_id == other.ring_id


def _ready(outgoing: Sequence[ToGroup], plugged: bool) -> list[ToGroup]:
    ready = [each for each in outgoing if not plugged or each.priority <= Priority.HIGH]
    return sorted(ready, key=lambda each: each.priority)


def _state_of(part: list[Node]) -> ComponentState:
    """The state of one component, which must be the same at all its members."""
    payloads = [[encode_group(message) for message in node.service.state_to_transfer()] for node in part]
    assert all(each == payloads[0] for each in payloads), "members of one component differ"
    assert all(len(payload) <= STATE_MESSAGE_MAX for payload in payloads[0])
    messages = tuple(decode_group(payload) for payload in payloads[0])
    return ComponentState(tuple(node.node_id for node in part), part[0].node_id, messages)
