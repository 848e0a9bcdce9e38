"""The group messaging interface: the Totem single-ring ordering and membership protocols, without any I/O.

Theory of operation. A `Processor` is given datagrams, messages to send and the time; it answers with effects, which
its driver performs in order. Its protocol is a machine of four states:

    Gather       who is there?                     join messages until consensus
    Commit       what has each of its old ring?    the commit token, twice around
    Recovery     everybody gets all of it          the token of the new ring, carrying old packets
    Operational  messages flow                     the token, packets, announcements to other rings

Gather is entered from everywhere: when the token is lost, a join comes, another ring is met, a member leaves, or this
processor finds that it was not scheduled for too long. Whatever the driver hands in is untrusted: it is checked,
counted by cause when it is wrong, and never raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from openais.totem.core import Core
from openais.totem.effects import Address, Configuration, Fatal, RingEffect
from openais.totem.gather import Gather, leave_message
from openais.totem.packing import GROUP_NAME_BYTES_MAX
from openais.totem.parts import Joiner, Part, read_part
from openais.totem.settings import RingSettings
from openais.totem.state import Idle
from openais.totem.wire import (
    AFTER_TOKEN,
    Announce,
    Join,
    Packet,
    PacketType,
    Token,
    WireError,
    read_announce,
    read_commit,
    read_data,
    read_join,
    read_token,
    read_type,
    read_wake,
)
from openais.types import Guarantee, NodeId, Priority

_GROUPS_MAX = 255


class Processor:
    """One member of the group, or to be.

    `incarnation` is a 64-bit number that rises with every start of this node; `ring_sequence` is where ring ids start:
    all sequences up to it are on disk as used. Times are seconds of any monotonic clock.
    """

    def __init__(self, node_id: NodeId, incarnation: int, settings: RingSettings, ring_sequence: int) -> None:
        self._core = Core(node_id, incarnation, settings, ring_sequence)
        self._core.state = Idle(self._core)
        self._last_input = -math.inf
        self._deadline = math.inf
        self._late_s = settings.token_timeout_s / 4
        self._parts = Joiner(self._core.cluster)
        self._deaf_until = -math.inf
        self._namesake_since = -math.inf
        self._namesake_heard_at = -math.inf

    # Inputs

    def start(self, now: float) -> None:
        """Begins to look for others."""
        core = self._core
        self._last_input = now
        core.learn_sequence(core.highest_sequence)
        core.become(Gather(core, "this node was started", now), now, "start")
        self._deadline = core.state.deadline

    def receive(self, burst: Sequence[tuple[Address, bytes]], now: float) -> None:
        """Datagrams that came in, in order, opened but not trusted otherwise."""
        if not self._attends(now):
            return
        core = self._core
        token: Token | None = None
        for address, datagram in burst:
            try:
                kind = read_type(datagram, core.cluster)
                if kind == PacketType.DATA or kind == PacketType.PART:
                    packet = read_data(datagram) if kind == PacketType.DATA else self._joined(read_part(datagram))
                    if packet is None:
                        continue
                    if token is not None and packet.flags & AFTER_TOKEN and packet.sender == token.sender:
                        core.state.token(token, now)
                        token = None
                    core.state.data(packet, now)
                elif kind == PacketType.TOKEN:
                    if token is not None:
                        core.state.token(token, now)
                    token = read_token(datagram)
                    self._note_address(token, address)
                else:
                    self._control(kind, datagram, address, now)
            except WireError as error:
                core.count(error.cause)
        if token is not None:
            core.state.token(token, now)
        core.state.burst_end(now)
        self._input_done(now)

    def timeout(self, now: float) -> None:
        """The deadline has come; too early or too late does no harm."""
        if not self._attends(now):
            return
        self._core.state.timeout(now)
        self._input_done(now)

    def wake(self, now: float) -> None:
        """Messages were submitted: sends them when the token is at hand, or has it woken."""
        if self._attends(now):
            self._core.state.wake(now)
            self._input_done(now)

    def ring_sequence_stored(self, sequence: int, now: float) -> None:
        """The answer to StoreRingSequence."""
        core = self._core
        core.reserved_sequence = max(core.reserved_sequence, sequence)
        if self._attends(now):
            core.state.burst_end(now)
            self._input_done(now)

    def leave(self, now: float) -> None:
        """Leaves the ring in order, once what was submitted has reached all; in a ring within two token timeouts."""
        self._core.leaving = True
        self.wake(now)
        if self._core.configuration is None and not self._stopped():
            leave_message(self._core)  # others may have heard its joins

    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        """Queues a message to the members of `groups`, or to all when there are none. False: the queue is full.

        Raises ValueError when it is longer than message_max, or names too many or too long groups.
        """
        if groups:
            lengths = [len(name) for name in groups]
            if len(lengths) > _GROUPS_MAX or min(lengths) < 1 or max(lengths) > GROUP_NAME_BYTES_MAX:
                raise ValueError(f"groups: expected at most {_GROUPS_MAX} names of 1 to {GROUP_NAME_BYTES_MAX} bytes")
        return not self._core.leaving and self._core.queues.put(payload, groups, guarantee, priority)

    def room(self, priority: Priority) -> bool:
        """Whether `submit` would take a message of this priority now."""
        return not self._core.leaving and self._core.queues.room(priority)

    def join_group(self, name: bytes) -> None:
        """From the next message on this processor is given the messages of the group."""
        self._core.delivery.groups.add(name)

    def leave_group(self, name: bytes) -> None:
        """From the next message on it is not."""
        self._core.delivery.groups.discard(name)

    def plug(self) -> None:
        """Holds back MED and LOW messages of this processor."""
        self._core.queues.plugged = True

    def unplug(self, now: float) -> None:
        """Lets them flow again."""
        self._core.queues.plugged = False
        self.wake(now)

    # Outputs

    def take_effects(self) -> list[RingEffect]:
        """What is to be performed now, in order."""
        effects, self._core.effects = self._core.effects, []
        return effects

    @property
    def deadline(self) -> float:
        """When `timeout` wants to be called; infinity for never."""
        return math.inf if self._stopped() else self._deadline

    @property
    def has_left(self) -> bool:
        """Whether `leave` is done."""
        return self._core.has_left

    @property
    def counters(self) -> dict[str, int]:
        """How often what happened that is counted by cause: dropped datagrams, repeats, retransmissions."""
        return self._core.counters

    @property
    def configuration(self) -> Configuration | None:
        """The regular configuration that was installed last."""
        return self._core.configuration

    def describe(self) -> dict[str, Any]:
        """The state, for people and tools; JSON values only."""
        core = self._core
        return {
            "node_id": core.node_id,
            "state": core.state.name,
            "ring": str(core.ring.ring_id),
            "members": list(core.ring.members) if core.ring.installed else [],
            "queued": core.queues.counts(),
            "plugged": core.queues.plugged,
            **core.state.describe(),
        }

    # Helpers

    def _stopped(self) -> bool:
        return self._core.has_left or isinstance(self._core.state, Idle)

    def _attends(self, now: float) -> bool:
        """Whether it is in a group or on its way into one, and what it is given is no history."""
        if self._stopped():
            return False
        in_time = now < self._deadline + self._late_s and now >= self._deaf_until
        return in_time or not self._was_paused(now)

    def _input_done(self, now: float) -> None:
        self._last_input = now
        self._deadline = self._core.state.deadline

    def _was_paused(self, now: float) -> bool:
        """Whether this processor was not scheduled for so long that what it receives now is history.

        It then rejoins by itself, and for a moment hears nothing: joins that others sent while it was away would have
        it consider them failed.
        """
        core = self._core
        if now < self._deaf_until:
            return True
        late = now - self._deadline
        silent = now - self._last_input
        if late < self._late_s or silent < core.token_loss_s():
            return False
        if len(core.ring.members) == 1 and core.state.name == "operational":
            return False
        why = f"this node was not scheduled for {round(silent * 1000)} ms"
        core.record("paused", why, silent_s=round(silent, 3))
        core.become(Gather(core, why, now), now, why)
        self._deaf_until = now + core.settings.join_s
        self._input_done(now)
        return True

    def _note_address(self, token: Token, address: Address) -> None:
        """Addresses may change; that of the sender of our ring's token is the one to answer to."""
        core = self._core
        if token.ring_id == core.ring.ring_id and token.sender in core.ring.members:
            core.addresses[token.sender] = address

    def _control(self, kind: int, datagram: bytes, address: Address, now: float) -> None:
        core = self._core
        if kind == PacketType.JOIN:
            join = read_join(datagram)
            if self._heed(join, join.incarnation, join.settings, now):
                core.state.join(join, address, now)
        elif kind == PacketType.ANNOUNCE:
            announce = read_announce(datagram)
            incarnation = dict(announce.members).get(core.node_id, core.incarnation)
            if self._heed(announce, incarnation, announce.settings, now):
                core.state.announce(announce, address, now)
        elif kind == PacketType.COMMIT:
            core.state.commit(read_commit(datagram), now)
        elif kind == PacketType.WAKE:
            if read_wake(datagram) == core.ring.ring_id:
                core.state.woken(now)
        else:
            raise WireError("unknown_type")

    def _joined(self, part: Part) -> Packet | None:
        """The packet that a part makes whole, if it does and we lack it."""
        ring = self._core.ring
        if part.ring_id == ring.ring_id and ring.store.has(part.sequence):
            self._core.count("packet_repeated")
            return None
        return self._parts.add(part)

    def _heed(self, message: Join | Announce, incarnation: int, settings: bytes, now: float) -> bool:
        """Whether to take a join or an announcement: not from ourselves, a namesake, or with other settings."""
        core = self._core
        about_us = message.sender == core.node_id or isinstance(message, Announce)
        if about_us and incarnation != core.incarnation:
            self._meet_namesake(incarnation, now)
            return False
        if message.sender == core.node_id:
            core.count("own_echo")
            return False
        speaks_as = message.incarnation if isinstance(message, Join) else dict(message.members).get(message.sender, 0)
        if core.is_deaf(message.sender, speaks_as, now):
            core.count("deaf_ignored")
            return False
        return core.settings_agree(message.sender, settings)

    def _meet_namesake(self, incarnation: int, now: float) -> None:
        """Another processor has our node id. It may be our own past; if it goes on, the newer of the two must go."""
        core = self._core
        core.count("namesake")
        text = f"another node uses node id {core.node_id} as well; give each node an id of its own"
        patience = 3 * (core.settings.token_loss_s(1) + core.settings.consensus_s(1))
        if now > self._namesake_heard_at + patience:
            self._namesake_since = now
        self._namesake_heard_at = now
        if incarnation < core.incarnation and now > self._namesake_since + patience:
            core.effects.append(Fatal(text))
        if now > self._namesake_since + patience:
            core.complain("duplicate_node_id", text, core.node_id, incarnation)
