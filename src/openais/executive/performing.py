"""Performs the effects of service handlers, after the handler has run to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from openais.executive.connections import Connections
from openais.executive.group_messaging import GroupMessaging
from openais.executive.outbox import Outbox
from openais.executive.timers import Timers
from openais.messages.base import Kind, ServiceId, encode, encode_group, encode_pieces
from openais.messages.frame import pack, pack_pieces
from openais.services.base import (
    Callback,
    Effect,
    Effects,
    JoinGroup,
    LeaveGroup,
    Log,
    Note,
    Refuse,
    Reply,
    SetTimer,
    ToGroup,
)
from openais.types import NodeId, TooBig


class Performer:
    """Turns effects into frames, group messages and timers. `now` is the time of the input being handled."""

    def __init__(
        self,
        node_id: NodeId,
        connections: Connections,
        outbox: Outbox,
        ring: GroupMessaging,
        timers: Timers,
        message_max: int,
        note: Callable[[str, str], None],
        append: Callable[[ServiceId, Log], None],
    ) -> None:
        """`note` tells people, by kind and text; `append` has the log of a service written."""
        self._node_id = node_id
        self._connections = connections
        self._outbox = outbox
        self._ring = ring
        self._timers = timers
        self._message_max = message_max
        self._note_to_people = note
        self._append = append
        self.now = 0.0
        self._actions: Final[dict[type[Effect], Callable[[ServiceId, Any], None]]] = {
            Reply: self._reply,
            Refuse: self._refuse,
            Callback: self._callback,
            ToGroup: self._to_group,
            JoinGroup: self._join_group,
            LeaveGroup: self._leave_group,
            SetTimer: self._set_timer,
            Note: self._note,
            Log: self._log,
        }

    def perform(self, service_id: ServiceId, effects: Effects) -> None:
        """Lets the handler run to its end, then performs. Raises TooBig on a group message over the limit."""
        for effect in tuple(effects):
            self._actions[type(effect)](service_id, effect)

    def _reply(self, _: ServiceId, effect: Reply) -> None:
        to = effect.to
        if to.node_id == self._node_id:
            frame = pack(effect.response.number, Kind.RESPONSE, to.call, encode(effect.response))
            self._connections.send(to.connection, frame)

    def _refuse(self, service_id: ServiceId, effect: Refuse) -> None:
        to = effect.to
        if to.node_id == self._node_id:
            self._connections.send(
                to.connection, pack(0, Kind.RESPONSE, to.call, effect.explanation.encode(), effect.code)
            )

    def _callback(self, _: ServiceId, effect: Callback) -> None:
        if effect.connections:
            frame = pack_pieces(effect.message.number, Kind.CALLBACK, 0, encode_pieces(effect.message))
            for connection in effect.connections:
                self._connections.send(connection, *frame)

    def _to_group(self, service_id: ServiceId, effect: ToGroup) -> None:
        payload = encode_group(effect.message)
        if len(payload) > self._message_max:
            raise TooBig(f"{service_id.name}: a group message of {len(payload)} bytes, at most {self._message_max}")
        self._outbox.put(payload, effect.groups, effect.guarantee, effect.priority)

    def _join_group(self, _: ServiceId, effect: JoinGroup) -> None:
        self._ring.join_group(effect.group)

    def _leave_group(self, _: ServiceId, effect: LeaveGroup) -> None:
        self._ring.leave_group(effect.group)

    def _set_timer(self, service_id: ServiceId, effect: SetTimer) -> None:
        self._timers.set(service_id, effect.name, None if effect.after_s is None else self.now + effect.after_s)

    def _note(self, service_id: ServiceId, effect: Note) -> None:
        self._note_to_people(service_id.name.lower(), effect.text)

    def _log(self, service_id: ServiceId, effect: Log) -> None:
        self._append(service_id, effect)
