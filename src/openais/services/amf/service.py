"""The availability management framework (SA Forum AMF B.04.01, and A.01.01 which the seed implements).

One replicated state machine: every node has the same model, is given the same events in the same order, and comes to
the same decision, so there is no director to fail over. An event, a message, a configuration, changes the model; then
the workflow orders the next steps of the service groups concerned, and each node carries out those for its own
components. The supervisor, a library of the runtime, runs the life cycle commands and watches processes.

Nothing is decided between a regular configuration and the end of its exchange of state.

Without quorum a side cleans up all that is active, at once, and assigns nothing. The other side takes over what a lost
node was active for no earlier than `fence_s` after it was lost (0 where no quorum is configured).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from openais.messages import amf as messages
from openais.messages.amf_model import AdminOperation, Entity, HaState, ModelConfig, Operational, Presence, Recovery
from openais.messages.amf_state import NodeState, Order
from openais.messages.amf_time import GroupFence, GroupRetry
from openais.messages.base import Message, ServiceId, Source
from openais.services.amf.administration import Administration
from openais.services.amf.describing import describe
from openais.services.amf.detection import Detection
from openais.services.amf.escalation import Escalation
from openais.services.amf.events import Events
from openais.services.amf.ha_readiness import Readying
from openais.services.amf.local import Library, Local
from openais.services.amf.merging import merge, transferred
from openais.services.amf.model import Component, Group, Model
from openais.services.amf.operating import Operating
from openais.services.amf.readiness import readiness
from openais.services.amf.starting import Starting
from openais.services.amf.workflow import Workflow
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effects,
    LibraryConnection,
    LocalNode,
    Refuse,
    Reply,
    SetTimer,
    ToGroup,
    executive,
    library,
)
from openais.totem.effects import RingId
from openais.types import (
    AccessDenied,
    AisError,
    BadFlags,
    ErrorCode,
    NodeId,
    NotExist,
    Priority,
    TrackFlags,
    Version,
)

DEPENDENTS_MAX: Final = 100_000
"""How often groups are settled for one event, at most: dependencies have no cycles."""
VERSION_B: Final = Version("B", 4, 1)
VERSION_A: Final = Version("A", 1, 1)


class Amf(Detection, Operating, Readying, Starting):
    """Keeps applications running: assigns work to components, and fails it over."""

    service_id = ServiceId.AMF
    versions = (VERSION_B, VERSION_A)

    def __init__(self, node: LocalNode, model: ModelConfig | None = None, fence_s: float = 0.0) -> None:
        """`model` is the configuration that this node begins with, if it has one."""
        super().__init__(node)
        self._model = Model()
        self._model.members = (node.node_id,)
        self._workflow = Workflow(self._model)
        self._escalation = Escalation(self._model, self._workflow)
        self._administration = Administration(self._model, self._escalation)
        self._events = Events(self._model, self._workflow, self._escalation)
        self._local = Local(node, self._model)
        self._going_on: tuple[NodeId, ...] = (node.node_id,)
        self._fence_s = fence_s
        self._ring_id = RingId(0, node.node_id)
        """The configuration in which the state was synchronized last."""
        if model is not None:
            self._events.install(model)

    # Configuration changes and state transfer.

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        if change.configuration.transitional:
            self._going_on = change.configuration.members
            return
        model = self._model
        came_along = tuple(each for each in model.members if each in self._going_on)
        lost = [unit for unit in model.units() if model.host(unit) and model.host(unit) not in came_along]
        gone = [each for each in model.members if each not in came_along]
        model.members = came_along
        model.timeless = True
        for unit in lost:
            self._events.lose(unit, fencing=bool(self._fence_s))
        for node_id in gone:
            if node_id in model.nodes:
                model.note(model.nodes[node_id].name, "left the cluster")
                model.nodes[node_id].operational, model.nodes[node_id].failfast = Operational.ENABLED, ""
        if not change.quorate:  # at once: the exchange of state may be interrupted again and again
            model.quorate = False
            self._escalation.give_up(model.units())
            yield from self._local.carry_out(self._workflow.take())

    def state_to_transfer(self) -> Iterator[Message]:
        return transferred(self._model)

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        merge(self._model, states)
        return ()

    def synchronized(self, change: ConfigurationChange) -> Effects:
        model = self._model
        model.members = change.configuration.members
        model.quorate = change.quorate
        self._ring_id = change.configuration.ring_id
        if not change.quorate:
            self._escalation.give_up(model.units())
        for unit in model.units():
            if unit.state.fenced:
                yield SetTimer(f"fence/{unit.name}", self._fence_s)
        yield from self._local.keep()
        yield from self.settled(model.groups.values())
        for component in self._local.own_components():
            yield from self._local.delay(component)
        yield ToGroup(messages.GroupHello(self.node.name), Priority.HIGH)

    # Libraries.

    def library_opened(self, connection: LibraryConnection) -> Effects:
        self._local.libraries[connection.connection] = Library(connection)
        return ()

    def library_closed(self, connection: int) -> Effects:
        yield from self.monitored_closed(connection)
        yield from self.forget_operations(connection)
        yield from self._local.closed(connection)
        if any(each.state.connection == connection for each in self._local.own_components()):
            yield ToGroup(messages.GroupClosed(self.node.node_id, connection, self._now), Priority.HIGH)

    @library(messages.Register, sends=Priority.HIGH)
    def register(self, caller: Source, request: messages.Register) -> Effects:
        process_id = self._local.libraries[caller.connection].connection.process_id
        yield ToGroup(
            messages.GroupRegister(caller, request.component, request.proxy, process_id, self._now), Priority.HIGH
        )

    @library(messages.Unregister, sends=Priority.HIGH)
    def unregister(self, caller: Source, request: messages.Unregister) -> Effects:
        self._local.registered(caller, request.component)
        yield ToGroup(messages.GroupUnregister(caller, request.component, self._now), Priority.HIGH)

    @library(messages.Respond, sends=Priority.HIGH)
    def respond(self, caller: Source, request: messages.Respond) -> Effects:
        """NOT_EXIST when nothing waits for such an answer of this caller."""
        answered = self._local.check_answered(caller.connection, request.invocation, request.error)
        if answered is not None:
            yield from answered
            yield Reply(caller, messages.Answered())
            return
        if request.quiesced:
            yield from self._local.quiescing_complete(caller, request)
            return
        for component in self._local.own_components():
            pending = component.state.pending
            if pending is not None and pending.invocation == request.invocation:
                self._local.answers(caller, component)
                succeeded = request.error == ErrorCode.OK
                text = "" if succeeded else f"it answered {request.error}"
                yield self._local.done(component, pending, succeeded, text)
                yield Reply(caller, messages.Answered())
                return
        raise NotExist(f"response: nothing waits for an answer to invocation {request.invocation}")

    @library(messages.HaStateGet)
    def ha_state_get(self, caller: Source, request: messages.HaStateGet) -> Effects:
        state = self._local.component(request.component).state.csis.get(request.csi)
        if state is None:
            raise NotExist(f"{request.component} is not assigned {request.csi}")
        yield Reply(caller, messages.HaStateFound(state))

    @library(messages.ComponentGet)
    def component_get(self, caller: Source, request: messages.ComponentGet) -> Effects:
        component = self._local.component(request.component)
        pending = int(component.state.pending.order) if component.state.pending else 0
        state = readiness(self._model, component.unit)
        yield Reply(caller, messages.ComponentFound(state, component.config.capability, pending))

    @library(messages.ErrorClear, sends=Priority.HIGH)
    def error_clear(self, caller: Source, request: messages.ErrorClear) -> Effects:
        self._local.component(request.component)
        yield ToGroup(messages.GroupErrorClear(caller, request.component), Priority.HIGH)

    @library(messages.ProtectionGroupTrack)
    def protection_group_track(self, caller: Source, request: messages.ProtectionGroupTrack) -> Effects:
        flags = TrackFlags(request.flags & 7)
        both = TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY
        if not flags or flags & both == both:
            raise BadFlags(f"protection group track: flags {request.flags}")
        if not self._local.is_protection_group(request.csi):
            raise NotExist(f"there is no protection group {request.csi!r}")
        if flags & both:
            self._local.libraries[caller.connection].tracks[request.csi] = flags & both
            yield from self._local.track()
        group = self._local.protection_group(request.csi)
        yield Reply(caller, group)
        if request.notify_current:
            yield Callback((caller.connection,), messages.ProtectionGroupChanged(group, len(group.members)))

    @library(messages.ProtectionGroupTrackStop)
    def protection_group_track_stop(self, caller: Source, request: messages.ProtectionGroupTrackStop) -> Effects:
        if self._local.libraries[caller.connection].tracks.pop(request.csi, None) is None:
            raise NotExist(f"protection group {request.csi!r} is not tracked")
        yield Reply(caller, messages.TrackingStopped())

    # The supervisor of this node.

    @library(messages.Attach)
    def attach(self, caller: Source, request: messages.Attach) -> Effects:
        """The supervisor is of the process of the executive itself."""
        if self._local.supervisor:
            raise AccessDenied("attach: this node has a supervisor")
        self._local.supervisor = caller.connection
        yield Reply(caller, messages.Attached())
        yield from self._local.keep()
        yield from self._local.again(self._local.own_components())
        yield from self._local.fail_fast()

    @library(messages.Report, sends=Priority.HIGH)
    def report(self, caller: Source, request: messages.Report) -> Effects:
        if caller.connection != self._local.supervisor:
            raise AccessDenied("report: for the supervisor of this node")
        yield Reply(caller, messages.Reported())
        if request.invocation:
            yield ToGroup(
                messages.GroupDone(
                    request.component,
                    request.invocation,
                    request.succeeded,
                    request.text,
                    self._now,
                    request.process_id,
                ),
                Priority.HIGH,
            )
        else:
            none = Recovery.NO_RECOMMENDATION
            yield ToGroup(
                messages.GroupFailed(request.component, request.generation, request.text, none, True, self._now),
                Priority.HIGH,
            )

    # Group messages.

    @executive(messages.GroupHello)
    def hello(self, origin: NodeId, message: messages.GroupHello) -> Effects:
        model = self._model
        known = model.nodes.get(origin)
        if known is None:
            model.nodes[origin] = NodeState(origin, message.name)
            model.nodes = dict(sorted(model.nodes.items()))
        else:
            known.name = message.name
        yield from self.settled(model.groups.values())

    @executive(messages.GroupRegister)
    def group_register(self, origin: NodeId, message: messages.GroupRegister) -> Effects:
        self._at(message.time_ns)
        component = self._model.component(message.component)
        refusal = self._events.why_not_register(origin, component, message)
        if refusal is not None or component is None:
            yield Refuse(message.caller, *(refusal or (ErrorCode.NOT_EXIST, "no such component")))
            return
        self._events.register(origin, component, message)
        yield Reply(message.caller, messages.Registered())
        if origin == self.node.node_id:
            yield SetTimer(f"order/{component.name}", None)
            yield from self._local.check_seed(component)
        yield from self.settled((component.unit.group,))

    @executive(messages.GroupUnregister)
    def group_unregister(self, origin: NodeId, message: messages.GroupUnregister) -> Effects:
        """It gives up what it has, and is out of service until it registers again."""
        self._at(message.time_ns)
        yield Reply(message.caller, messages.Unregistered())
        component = self._model.component(message.component)
        if component is not None and component.state.connection == message.caller.connection:
            self._model.note(component.name, "unregistered")
            if component.config.is_proxied:
                component.state.connection = 0
                return
            component.becomes(Presence.TERMINATING)
            self._escalation.cleaned(component)
            yield from self.settled((component.unit.group,))

    @executive(messages.GroupDone)
    def done(self, origin: NodeId, message: messages.GroupDone) -> Effects:
        self._at(message.time_ns)
        component = self._model.component(message.component)
        pending = component.state.pending if component is not None else None
        if component is None or pending is None or pending.invocation != message.invocation:
            return
        if message.process_id:
            component.state.process_id = message.process_id
        if self._model.host(component.unit) == self.node.node_id:
            registers = component.config.sa_aware and not component.state.connection
            if not (pending.order is Order.INSTANTIATE and registers and message.succeeded):
                yield SetTimer(f"order/{component.name}", None)
        self._events.answered(component, pending, message)
        yield from self._local.delay(component)
        yield from self.settled(self._concerned(component))

    @executive(messages.GroupFailed)
    def failed(self, origin: NodeId, message: messages.GroupFailed) -> Effects:
        self._at(message.time_ns)
        component = self._model.component(message.component)
        if component is None or component.state.generation != message.generation:
            return
        if message.stays and component.lives_by_itself:
            self._escalation.stays_out(component, message.why)
        else:
            self._escalation.failed(component, message.why, message.recovery, message.gone)
        wide = message.recovery > Recovery.COMPONENT_FAILOVER or component.config.recovery > Recovery.COMPONENT_FAILOVER
        yield from self._local.delay(component)
        yield from self.settled(self._model.groups.values() if wide else self._concerned(component))

    @executive(messages.GroupClosed)
    def closed(self, origin: NodeId, message: messages.GroupClosed) -> Effects:
        self._at(message.time_ns)
        for unit in self._model.units():
            if self._model.host(unit) != message.node_id:
                continue
            for component in unit.components:
                if component.state.connection == message.connection:
                    self._events.lost_connection(component)
                    yield from self.settled((unit.group,))

    @executive(messages.GroupQuiesced)
    def quiesced(self, origin: NodeId, message: messages.GroupQuiesced) -> Effects:
        self._at(message.time_ns)
        component = self._model.component(message.component)
        if component is not None and component.state.csis.get(message.csi) is HaState.QUIESCING:
            component.takes(message.csi, HaState.QUIESCED)
            yield from self.settled((component.unit.group,))

    @executive(messages.GroupErrorClear)
    def group_error_clear(self, origin: NodeId, message: messages.GroupErrorClear) -> Effects:
        try:
            self._administration.operate(AdminOperation.REPAIRED, Entity.COMPONENT, message.component)
        except AisError as error:
            yield Refuse(message.caller, error.code, str(error))
            return
        yield Reply(message.caller, messages.ErrorCleared())
        yield from self.settled(self._model.groups.values())

    @executive(GroupFence)
    def fence(self, origin: NodeId, message: GroupFence) -> Effects:
        unit = self._model.unit(message.unit)
        is_of_now = message.ring == self._ring_id
        if is_of_now and unit is not None and unit.state.fenced and not self._model.host(unit):
            unit.state.fenced = False
            self._escalation.lost(unit)
            yield from self.settled((unit.group,))

    @executive(GroupRetry)
    def retry(self, origin: NodeId, message: GroupRetry) -> Effects:
        component = self._model.component(message.component)
        if component is not None and component.state.generation == message.generation:
            component.state.delayed = False
            yield from self.settled((component.unit.group,))

    # Time.

    def timer(self, name: str) -> Effects:
        kind, _, rest = name.partition("/")
        if kind == "order":
            yield from self._local.order_expired(rest)
        elif kind == "check":
            component, _, key = rest.rpartition("/")
            yield from self._local.check_expired(component, key)
        elif kind in ("startup", "probation", "tolerance"):
            yield from self.time_is_over(name)
        elif kind == "operation":
            yield from self.operation_expired(name)
        elif kind == "delay":
            yield from self._local.delay_expired(rest)
        elif kind == "quiescing":
            component, _, csi = rest.partition("/")
            yield from self._local.quiescing_expired(component, csi)
        elif kind == "fence":
            yield ToGroup(GroupFence(rest, self._ring_id), Priority.HIGH)

    def describe(self) -> dict[str, Any]:
        return describe(self._model)

    # Small helpers.

    @property
    def _now(self) -> Any:
        return self.node.wall_time_ns

    def _at(self, time_ns: int) -> None:
        self._model.at(time_ns)

    def _concerned(self, component: Component) -> Iterable[Group]:
        """The groups that may have to do something after a failure of a component: all, when its node is disabled."""
        node = self._model.nodes.get(self._model.host(component.unit))
        disabled = node is not None and node.operational is Operational.DISABLED
        return self._model.groups.values() if disabled else (component.unit.group,)

    def settled(self, groups: Iterable[Group]) -> Effects:
        """Orders the next steps, of what depends on these groups too; carries out those of this node."""
        waiting, seen = {group.name: group for group in groups}, set[str]()
        for _ in range(DEPENDENTS_MAX):
            if not waiting:
                break
            group = waiting.pop(next(iter(waiting)))
            if self._workflow.settle(group) or group.name not in seen:
                seen.add(group.name)
                waiting |= {each.name: each for each in self._dependents(group)}
        if self._escalation.repair_nodes():
            for group in self._model.groups.values():
                self._workflow.settle(group)
        self._model.drop_empty_groups()
        yield from self._local.track()
        yield from self._local.carry_out(self._workflow.take())
        yield from self._local.fail_fast()
        yield from self.keep_time()
        yield from self.finish_operations()

    def _dependents(self, group: Group) -> Iterator[Group]:
        """The other groups of which something depends on something of this one."""
        for other in self._model.groups.values():
            sponsors = (each.instance for one in other.instances.values() for each in one.config.sponsors)
            proxied = any(
                each.config.proxy_csi in group.types or each.state.proxy in group.components for each in other.proxied
            )
            if other is not group and (proxied or any(name in group.instances for name in sponsors)):
                yield other
