"""What people and tools ask for: the state, the history, the configuration, and administrative operations.

An administrative operation is answered when it is finished, or has failed, or its caller's time is over, with what it
waits for; that is looked at whenever anything has happened. Who waits is known to the node of the caller alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from openais.messages import amf as messages
from openais.messages.amf_model import SECOND_NS, AdminOperation, Entity, ModelConfig
from openais.messages.base import Source
from openais.services.amf.administration import Administration
from openais.services.amf.events import Events
from openais.services.amf.finishing import end_shutdowns, failure, unfinished
from openais.services.amf.local import Local
from openais.services.amf.model import Group, Model
from openais.services.base import Effects, LocalNode, Refuse, Reply, Service, SetTimer, ToGroup, executive, library
from openais.types import AisError, ErrorCode, NodeId, Priority, TooBig


@dataclass(slots=True, frozen=True)
class Waiting:
    """An operation that was begun, and whose caller waits for its end."""

    caller: Source
    operation: AdminOperation
    entity: Entity
    name: str
    swapped_to: str


class Operating(Service):
    """The part of the framework that serves operators."""

    _model: Model
    _local: Local
    _administration: Administration
    _events: Events

    def __init__(self, node: LocalNode) -> None:
        super().__init__(node)
        self._waiting: dict[str, Waiting] = {}
        """By the name of its timer."""

    def settled(self, groups: Iterable[Group]) -> Effects:
        """Orders the next steps of groups, and carries out those of this node."""
        raise NotImplementedError

    @library(messages.StateGet)
    def state_get(self, caller: Source, request: messages.StateGet) -> Effects:
        yield Reply(caller, messages.StateFound(msgspec.json.encode(self.describe()).decode()))

    @library(messages.HistoryGet)
    def history_get(self, caller: Source, request: messages.HistoryGet) -> Effects:
        yield Reply(caller, messages.HistoryFound(tuple(self._model.history)[-request.count :]))

    @library(messages.ModelGet)
    def model_get(self, caller: Source, request: messages.ModelGet) -> Effects:
        yield Reply(caller, messages.ModelFound(self._model.configuration()))

    @library(messages.Administrate, sends=Priority.MED)
    def administrate(self, caller: Source, request: messages.Administrate) -> Effects:
        entity = self._administration.find(request.operation, request.name)
        now: Any = self.node.wall_time_ns
        yield ToGroup(
            messages.GroupAdminister(caller, request.operation, entity, request.name, now, request.wait_ns),
            Priority.MED,
        )

    @library(messages.Apply, sends=Priority.MED)
    def apply(self, caller: Source, request: messages.Apply) -> Effects:
        for group in request.groups:
            size = len(msgspec.msgpack.encode(group))
            if size > messages.GROUP_BYTES_MAX:
                raise TooBig(f"group {group.name}: {size} bytes, at most {messages.GROUP_BYTES_MAX}")
        version = max(int(self.node.wall_time_ns), self._model.version + 1)
        config = ModelConfig(version, request.groups, request.nodes, request.startup_ns)
        yield ToGroup(messages.GroupApply(caller, config), Priority.MED)

    @executive(messages.GroupApply)
    def group_apply(self, origin: NodeId, message: messages.GroupApply) -> Effects:
        if message.model.version > self._model.version:
            self._events.install(message.model)
            self._model.at(message.model.version)
            self._model.note("configuration", f"version {message.model.version} is in force")
        yield Reply(message.caller, messages.Applied())
        yield from self._local.keep()
        yield from self.settled(self._model.groups.values())

    @executive(messages.GroupAdminister)
    def administer(self, origin: NodeId, message: messages.GroupAdminister) -> Effects:
        self._model.time_ns = max(self._model.time_ns, message.time_ns)
        try:
            swapped_to = self._administration.operate(message.operation, message.entity, message.name)
        except AisError as error:
            yield Refuse(message.caller, error.code, str(error))
            return
        if origin == self.node.node_id and message.wait_ns:
            timer = f"operation/{message.caller.connection}/{message.caller.call}"
            self._waiting[timer] = Waiting(message.caller, message.operation, message.entity, message.name, swapped_to)
            yield SetTimer(timer, message.wait_ns / SECOND_NS)
        else:
            yield Reply(message.caller, messages.Operated())
        yield from self.settled(self._model.groups.values())

    # The end of operations

    def finish_operations(self) -> Effects:
        """Answers those who wait for what has come to its end."""
        end_shutdowns(self._model)
        for timer, each in list(self._waiting.items()):
            if unfinished(self._model, each.operation, each.entity, each.name):
                continue
            del self._waiting[timer]
            yield SetTimer(timer, None)
            why = failure(self._model, each.operation, each.entity, each.name, each.swapped_to)
            if not why:
                yield Reply(each.caller, messages.Operated())
            else:
                swap = each.operation is AdminOperation.SI_SWAP
                code = ErrorCode.FAILED_OPERATION if swap else ErrorCode.REPAIR_PENDING
                yield Refuse(each.caller, code, f"{_word(each)}: {why}")

    def operation_expired(self, timer: str) -> Effects:
        """The caller does not wait any longer; the operation goes on."""
        each = self._waiting.pop(timer, None)
        if each is not None:
            lines = unfinished(self._model, each.operation, each.entity, each.name)
            text = f"{_word(each)} goes on, and waits for this: {'; '.join(lines)}"
            yield Refuse(each.caller, ErrorCode.TIMEOUT, text[: messages.TEXT_MAX])

    def forget_operations(self, connection: int) -> Effects:
        """Who waited over this connection is gone."""
        for timer in [timer for timer, each in self._waiting.items() if each.caller.connection == connection]:
            del self._waiting[timer]
            yield SetTimer(timer, None)


def _word(each: Waiting) -> str:
    return f"{each.operation.name.lower().replace('_', ' ')} of {each.name}"
