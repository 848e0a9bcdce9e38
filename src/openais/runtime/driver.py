"""The driver: one executive on an asyncio loop, with real sockets, a real disk and a real clock.

Whatever happens comes in by `_input`: it is given to the executive with the time, and the effects that follow are
performed, in their order, before anything else happens. One timer is kept: it is armed for the executive's deadline,
but left alone when the deadline moves into the future, as it does with every datagram; when it then fires early it is
armed again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, Final

from openais.config.settings import Settings
from openais.executive.connections import Credentials, Share
from openais.executive.effects import AppendLog, CloseLibrary, ExecutiveEffect, Left, ToLibrary
from openais.executive.executive import Executive
from openais.executive.flight_recorder import FlightRecorder
from openais.paths import SOCKET_VARIABLE
from openais.runtime import assembly
from openais.runtime.addresses import derive_node_id
from openais.runtime.admission import Admission, peer_of
from openais.runtime.library_connections import LibraryConnections
from openais.runtime.library_socket import LibrarySocket
from openais.runtime.logs import level_of
from openais.runtime.ring_store import RingStore
from openais.runtime.seal import Cipher, Opener, Sealer
from openais.runtime.supervisor import Supervisor
from openais.runtime.udp import Received, UdpTransport
from openais.services.base import LocalNode
from openais.totem.effects import Fatal, Multicast, Recorded, SendTo, StoreRingSequence
from openais.totem.processor import Processor
from openais.types import NodeId, TimeNs

WRITTEN_SHARE: Final = 64
"""The executive is told of bytes written to a library when they are this part of what it throttles at."""
LEAVE_S: Final = 5.0
"""How long leaving in order may take before the node just goes."""

log = logging.getLogger(__name__)


class NodeDriver:
    """One node. `start` it in the loop in which it is to live; `leave` or `abandon` it once.

    `listen`: whether libraries of other processes may connect, at the unix socket of the settings.
    """

    def __init__(self, settings: Settings, *, listen: bool = True) -> None:
        self.settings = settings
        self._listen = listen
        self._cleanup = ExitStack()
        self._connections: Final = LibraryConnections(self, settings.ipc.shared_memory)
        self._written: Final[dict[int, int]] = {}
        """By connection: bytes that were written to it and that the executive was not told of."""
        self._written_least: Final = settings.ipc.queue_throttle // WRITTEN_SHARE
        self._supervisor: Final = Supervisor(self.connect, {SOCKET_VARIABLE: str(settings.ipc.socket)}, self._failfast)
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = math.inf
        self._goes_on = False
        """The executive has more to do in the next turn of the loop."""
        self._performing = False
        self._perform: Final[dict[type[ExecutiveEffect], Callable[[Any], None]]] = {
            SendTo: self._send_to,
            Multicast: self._multicast,
            StoreRingSequence: self._store_ring_sequence,
            Recorded: self._recorded,
            Fatal: self._fatal,
            ToLibrary: self._to_library,
            CloseLibrary: self._close_library,
            Left: self._left,
            AppendLog: self._append_log,
        }

    async def start(self) -> None:
        """Takes the address, the disk and the socket, and begins to look for others. Raises StartError."""
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with self._cleanup as undo:
            self._take_network(undo)
            self._take_disk(undo)
            self._make_executive()
            self._take_library_socket(undo)
            self._cleanup = undo.pop_all()
        self._udp.start()
        self._input(self.executive.start)
        self._supervisor.start()

    async def leave(self) -> None:
        """Ends what AMF runs here, leaves the ring in order, so that the others need not find out, and ends."""
        await self._supervisor.stop()
        self._input(self.executive.leave)
        done, _ = await asyncio.wait((self._ended,), timeout=LEAVE_S)
        if not done:
            self._end(f"leaving took longer than {LEAVE_S:.0f} s")
        self._release()

    def abandon(self) -> None:
        """Ends at once, without a word to the others: as a crash would."""
        self._end("the node was abandoned")
        self._release()

    async def ended(self) -> str:
        """Waits until the node has ended: why, or nothing when it has left in order."""
        return await asyncio.shield(self._ended)

    @property
    def address(self) -> tuple[Any, ...]:
        """Where other nodes reach this one: host and UDP port."""
        return self._udp.address

    @property
    def node_id(self) -> NodeId:
        """The id of this node, configured or derived."""
        return self._local.node_id

    def connect(self) -> socket.socket:
        """The library's end of a new connection within this process."""
        ours, theirs = socket.socketpair()
        self._connections.attach(ours, peer_of(ours).credentials)
        return theirs

    def set_nodes(self, nodes: tuple[tuple[str, int], ...]) -> None:
        """Replaces the node list."""
        self._udp.set_peers(nodes)

    def reload(self, settings: Settings) -> None:
        """Takes keys, cipher, node list and the group of libraries from `settings`; the rest stays.

        Raises AuthKeyError, and nothing changes then.
        """
        keys = assembly.load_keys(settings)
        if bool(keys) == self.settings.totem.secauth:
            self._sealer.set_keys(keys, assembly.cipher(settings))
            self._opener.set_keys(keys)
        self._admission.set_group(settings.ipc.group)
        self.set_nodes(settings.nodes)

    # The library connections' host

    def library_opened(self, connection: int, credentials: Credentials, share: Share) -> None:
        """A library was let in."""
        self._input(partial(self.executive.library_opened, share=share), connection, credentials)

    def library_data(self, connection: int, data: bytes) -> None:
        """It sent these bytes."""
        self._input(self.executive.library_data, connection, data)

    def library_written(self, connection: int, byte_count: int) -> None:
        """So many bytes written to it have left for the kernel. Told to the executive when it is worth it."""
        written = self._written.get(connection, 0) + byte_count
        if written < self._written_least:
            self._written[connection] = written
        else:
            self._written[connection] = 0
            self._input(self.executive.library_written, connection, written)

    def library_closed(self, connection: int) -> None:
        """It is gone."""
        self._written.pop(connection, None)
        self._input(self.executive.library_closed, connection)

    def reading(self, connection: int) -> bool:
        """Whether more may be read of it."""
        return self.executive.reading(connection)

    # Starting and ending

    def _take_network(self, undo: ExitStack) -> None:
        self._udp = UdpTransport(assembly.udp_settings(self.settings), self._datagrams)
        undo.callback(self._udp.close)

    def _take_disk(self, undo: ExitStack) -> None:
        settings = self.settings
        host, port = str(self.address[0]), self.settings.network.mcastport or self.address[1]
        node_id = NodeId(settings.totem.nodeid) if settings.totem.nodeid else derive_node_id(host, port)
        wall_ns = time.time_ns()
        name = assembly.node_name(settings)
        self._store = RingStore(
            settings.totem.statedir, settings.totem.cluster, node_id, wall_ns // 1_000_000, secrets.randbits(16)
        )
        undo.callback(self._store.close)
        self._local = LocalNode(node_id, name, host, TimeNs(wall_ns), incarnation=self._store.incarnation)
        self._logs = assembly.service_logs(self._local, settings)
        for each in self._logs.values():
            undo.callback(each.close)

    def _make_executive(self) -> None:
        settings, node_id, incarnation = self.settings, self.node_id, self._store.incarnation
        keys, cluster = assembly.load_keys(settings), settings.totem.cluster
        self._sealer = Sealer(keys, assembly.cipher(settings), cluster, node_id, incarnation)
        self._opener = Opener(keys, cluster, node_id, incarnation)
        if assembly.cipher(settings) is Cipher.NONE:
            log.warning("secauth is off: everybody on the network can read and forge; for benchmarks only")
        self.executive = Executive(
            self._local,
            Processor(
                node_id, incarnation, assembly.ring_settings(settings, self._udp.datagram_size), self._store.sequence
            ),
            assembly.services(self._local, settings, {each: log.records() for each, log in self._logs.items()}),
            assembly.limits(settings),
            assembly.quorum_settings(settings),
            FlightRecorder(node_id),
            self._counters,
        )

    def _counters(self) -> dict[str, int]:
        """What became of datagrams: `udp.…` and `seal.…`."""
        counters = {f"udp.{name}": count for name, count in self._udp.counters.items()}
        counters["udp.kernel_drops"] = self._udp.kernel_drops()
        return counters | {f"seal.{name}": count for name, count in self._opener.counters.items()}

    def _take_library_socket(self, undo: ExitStack) -> None:
        self._admission = Admission(self.settings.ipc.group)
        if self._listen:
            listening = LibrarySocket(self.settings.ipc.socket, self._admission, self._connections)
            undo.callback(listening.close)
            listening.start()

    def _end(self, why: str) -> None:
        """Nothing comes in and nothing is performed from here on; libraries find their connections closed."""
        if self._ended.done():
            return
        self._ended.set_result(why)
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().call_soon(self._release)

    def _failfast(self, why: str) -> None:
        """AMF wants this node to end as if it had crashed: nothing is given up in order, and the others find out."""
        program = self.settings.amf.failfast
        log.error("node failfast: %s%s", why, f"; running {program}" if program else "")
        if program is not None:
            with suppress(OSError):
                subprocess.Popen((str(program), why), stdin=subprocess.DEVNULL, start_new_session=True)
        self._end(f"node failfast: {why}")

    def _release(self) -> None:
        self._supervisor.kill()
        self._connections.close_all()
        self._cleanup.close()

    # Inputs and effects

    def _input(self, handle: Callable[..., None], *arguments: object) -> None:
        """The one way in. A mistake of ours must not leave a node that is half alive: it ends it."""
        if self._ended.done():
            return
        try:
            handle(*arguments, time.monotonic(), time.time_ns())
            if not self._performing:
                self._perform_all()
        except Exception as error:
            log.critical("the executive made a mistake and stops", exc_info=error)
            self._end(f"internal error: {error!r}")

    def _perform_all(self) -> None:
        self._performing = True
        try:
            while True:
                effects = self.executive.take_effects()
                for effect in effects:
                    self._perform[type(effect)](effect)
                self._connections.flush()
                if not effects:
                    break
        finally:
            self._performing = False
        self._arm()

    def _arm(self) -> None:
        deadline = self.executive.deadline
        if deadline >= self._armed_for or self._ended.done():
            return
        loop, after_s = asyncio.get_running_loop(), deadline - time.monotonic()
        if after_s <= 0:
            if not self._goes_on:
                self._goes_on = True
                loop.call_soon(self._go_on)
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = deadline
        self._timer = loop.call_later(after_s, self._expired)

    def _go_on(self) -> None:
        self._goes_on = False
        self._input(self.executive.timeout)

    def _expired(self) -> None:
        self._armed_for = math.inf
        if time.monotonic() >= self.executive.deadline:
            self._input(self.executive.timeout)
        else:
            self._arm()

    def _datagrams(self, burst: Received) -> None:
        opened = self._opener.open_burst(burst)
        if len(opened) < len(burst):
            for complaint in self._opener.take_complaints():
                log.warning("%s", complaint)
        if opened:
            self._input(self.executive.datagrams, opened)

    def _send_to(self, effect: SendTo) -> None:
        self._udp.send(effect.address, map(self._sealer.seal, effect.datagrams))

    def _multicast(self, effect: Multicast) -> None:
        self._udp.multicast(effect, map(self._sealer.seal, effect.datagrams))

    def _store_ring_sequence(self, effect: StoreRingSequence) -> None:
        def stored(sequence: int) -> None:
            self._input(self.executive.ring_sequence_stored, sequence)

        self._store.reserve(effect.sequence, stored, self._end)

    def _append_log(self, effect: AppendLog) -> None:
        def stored(token: int) -> None:
            self._input(self.executive.log_stored, effect.service, token)

        self._logs[effect.service].append(effect.log, stored, self._end)

    def _recorded(self, effect: Recorded) -> None:
        log.log(level_of(effect.kind), effect.text, extra={"kind": effect.kind, "details": effect.details})

    def _fatal(self, effect: Fatal) -> None:
        log.critical(effect.reason)
        self._end(effect.reason)

    def _to_library(self, effect: ToLibrary) -> None:
        self._connections.write(effect.connection, *effect.pieces)

    def _close_library(self, effect: CloseLibrary) -> None:
        log.info("library connection %d is closed: %s", effect.connection, effect.reason)
        self._connections.close(effect.connection, effect.grace_s)

    def _left(self, effect: Left) -> None:
        self._end("")
