"""The messages of the availability management framework (SA Forum AMF B.04.01, and A.01.01 which the seed has)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    ComponentConfig,
    DurationNs,
    Entity,
    GroupConfig,
    HaReadiness,
    HaState,
    ModelConfig,
    NodeConfig,
    Readiness,
    Recovery,
)
from openais.messages.amf_state import Happened, Order
from openais.messages.base import Message, Name, Request, ServiceId, Source, callback, group_message, request
from openais.types import NodeId, TimeNs

GROUP_BYTES_MAX: Final = 24 * 1024
"""The configuration of one service group, encoded: with its state it has to fit into one message of a transfer."""
TEXT_MAX: Final = 1024

Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]
Invocation = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Registered(Message, frozen=True):
    """The component is registered."""


class HealthcheckStarted(Message, frozen=True):
    """Healthchecks begin."""


class Unregistered(Message, frozen=True):
    """It is not any more."""


class Answered(Message, frozen=True):
    """The answer was taken."""


class HealthcheckStopped(Message, frozen=True):
    """No more healthchecks."""


class Confirmed(Message, frozen=True):
    """The confirmation was taken."""


class ErrorReported(Message, frozen=True):
    """The error was taken."""


class ErrorCleared(Message, frozen=True):
    """The error is cleared."""


class Operated(Message, frozen=True):
    """The operation is finished; or was begun, if the caller does not wait for its end."""


class Applied(Message, frozen=True):
    """The configuration is in force."""


class Attached(Message, frozen=True):
    """The supervisor of this node is known."""


class Reported(Message, frozen=True):
    """The report was taken."""


class TrackingStopped(Message, frozen=True):
    """Tracking has ended."""


@request(ServiceId.AMF, 1, response=Registered)
class Register(Request, frozen=True):
    """saAmfComponentRegister. NOT_EXIST, EXIST when another program is it already, BAD_OPERATION."""

    component: Name
    proxy: Annotated[str, msgspec.Meta(max_length=256)] = ""


@request(ServiceId.AMF, 2, response=Unregistered)
class Unregister(Request, frozen=True):
    """saAmfComponentUnregister."""

    component: Name
    proxy: Annotated[str, msgspec.Meta(max_length=256)] = ""


@request(ServiceId.AMF, 3, response=Answered)
class Respond(Request, frozen=True):
    """saAmfResponse, and saAmfCSIQuiescingComplete when `quiesced`. `error` is an ErrorCode."""

    invocation: Invocation
    error: int
    quiesced: bool = False


class HaStateFound(Message, frozen=True):
    """The HA state asked for."""

    state: HaState


@request(ServiceId.AMF, 4, response=HaStateFound)
class HaStateGet(Request, frozen=True):
    """saAmfHAStateGet. NOT_EXIST when the component has no such assignment."""

    component: Name
    csi: Name


class ComponentFound(Message, frozen=True):
    """What is known of a component."""

    readiness: Readiness
    capability: Capability
    pending: int
    """The Order that it has not answered, 0 for none."""


@request(ServiceId.AMF, 5, response=ComponentFound)
class ComponentGet(Request, frozen=True):
    """saAmfReadinessStateGet, saAmfComponentCapabilityModelGet and saAmfPendingOperationGet of A.01.01."""

    component: Name


@request(ServiceId.AMF, 6, response=HealthcheckStarted)
class HealthcheckStart(Request, frozen=True):
    """saAmfHealthcheckStart. `by_component`: it confirms by itself, else it is asked."""

    component: Name
    key: Name
    by_component: bool = False
    recovery: Recovery = Recovery.NO_RECOMMENDATION


@request(ServiceId.AMF, 7, response=HealthcheckStopped)
class HealthcheckStop(Request, frozen=True):
    """saAmfHealthcheckStop. NOT_EXIST when it was not started."""

    component: Name
    key: Name


@request(ServiceId.AMF, 8, response=Confirmed)
class HealthcheckConfirm(Request, frozen=True):
    """saAmfHealthcheckConfirm. `error` is an ErrorCode."""

    component: Name
    key: Name
    error: int


@request(ServiceId.AMF, 9, response=ErrorReported)
class ErrorReport(Request, frozen=True):
    """saAmfComponentErrorReport."""

    component: Name
    detected_ns: TimeNs
    recovery: Recovery


@request(ServiceId.AMF, 10, response=ErrorCleared)
class ErrorClear(Request, frozen=True):
    """saAmfComponentErrorClear, and saAmfErrorCancelAll of A.01.01."""

    component: Name


class ProtectionMember(msgspec.Struct, array_like=True, frozen=True):
    """SaAmfProtectionGroupMemberT, with what happened to it: 1 nothing, 2 added, 3 removed, 4 its state changed."""

    component: str
    state: HaState
    rank: int
    change: int = 1
    readiness: HaReadiness = HaReadiness.READY


class ProtectionGroup(Message, frozen=True):
    """The members of a protection group."""

    csi: str
    members: tuple[ProtectionMember, ...]


@request(ServiceId.AMF, 11, response=ProtectionGroup)
class ProtectionGroupTrack(Request, frozen=True):
    """saAmfProtectionGroupTrack. NOT_EXIST, BAD_FLAGS."""

    csi: Name
    flags: Annotated[int, msgspec.Meta(ge=0, le=255)]
    notify_current: bool = False


@request(ServiceId.AMF, 12, response=TrackingStopped)
class ProtectionGroupTrackStop(Request, frozen=True):
    """saAmfProtectionGroupTrackStop. NOT_EXIST."""

    csi: Name


class StateFound(Message, frozen=True):
    """The whole state as JSON, as `describe` of the service gives it."""

    text: str


@request(ServiceId.AMF, 20, response=StateFound)
class StateGet(Request, frozen=True):
    """The states of all entities, for people and tools."""


class HistoryFound(Message, frozen=True):
    """What happened, oldest first."""

    lines: tuple[Happened, ...]


@request(ServiceId.AMF, 21, response=HistoryFound)
class HistoryGet(Request, frozen=True):
    """The last lines of the history."""

    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100


class ModelFound(Message, frozen=True):
    """The configuration in force."""

    model: ModelConfig


@request(ServiceId.AMF, 22, response=ModelFound)
class ModelGet(Request, frozen=True):
    """The configuration in force."""


@request(ServiceId.AMF, 23, response=Operated)
class Administrate(Request, frozen=True):
    """saAmfAdminOperationInvoke. NOT_EXIST, BAD_OPERATION in this state, NO_OP, NOT_SUPPORTED for this entity."""

    operation: AdminOperation
    name: Name
    wait_ns: DurationNs = 0
    """How long the caller waits for its end: then TIMEOUT, with what it waits for. 0: the answer is that it began.

    REPAIR_PENDING when a component could not be ended or started, FAILED_OPERATION when a swap did not come about.
    """


@request(ServiceId.AMF, 24, response=Applied)
class Apply(Request, frozen=True):
    """Puts a configuration into force. TOO_BIG, INVALID_PARAM."""

    groups: tuple[GroupConfig, ...]
    nodes: tuple[NodeConfig, ...] = ()
    startup_ns: DurationNs = 0


@request(ServiceId.AMF, 30, response=Attached)
class Attach(Request, frozen=True):
    """The supervisor of this node is at the other end. ACCESS for anybody else."""

    process_id: int


@request(ServiceId.AMF, 31, response=Reported)
class Report(Request, frozen=True):
    """What became of an order; or, with `invocation` 0, that a component ended by itself."""

    component: Name
    generation: int
    invocation: Invocation
    succeeded: bool
    text: Text
    process_id: int = 0


@callback(ServiceId.AMF, 1)
class CsiSet(Message, frozen=True):
    """SaAmfCSISetCallbackT, with the descriptor of the transition."""

    invocation: int
    component: str
    csi: str
    state: HaState
    attributes: tuple[tuple[str, str], ...]
    flags: int
    """SaAmfCSIFlagsT: 1 it is added, 2 the target is one that it has."""
    other: str = ""
    """For ACTIVE the component that was active, for STANDBY the one that is."""
    rank: int = 0


@callback(ServiceId.AMF, 2)
class CsiRemove(Message, frozen=True):
    """SaAmfCSIRemoveCallbackT."""

    invocation: int
    component: str
    csi: str


@callback(ServiceId.AMF, 3)
class HealthcheckAsk(Message, frozen=True):
    """SaAmfHealthcheckCallbackT."""

    invocation: int
    component: str
    key: str


@callback(ServiceId.AMF, 4)
class Terminate(Message, frozen=True):
    """SaAmfComponentTerminateCallbackT."""

    invocation: int
    component: str


@callback(ServiceId.AMF, 5)
class ProtectionGroupChanged(Message, frozen=True):
    """SaAmfProtectionGroupTrackCallbackT."""

    group: ProtectionGroup
    member_count: int


@callback(ServiceId.AMF, 6)
class ReadinessSet(Message, frozen=True):
    """SaAmfReadinessStateSetCallbackT of A.01.01."""

    component: str
    readiness: Readiness


@callback(ServiceId.AMF, 10)
class Supervise(Message, frozen=True):
    """An order for the supervisor: INSTANTIATE, TERMINATE or CLEANUP."""

    component: ComponentConfig
    generation: int
    invocation: int
    order: Order
    process_id: int
    environment: tuple[tuple[str, str], ...]


@callback(ServiceId.AMF, 11)
class Keep(Message, frozen=True):
    """The components that may run on this node; whatever else the supervisor has is to go."""

    components: tuple[str, ...]


@callback(ServiceId.AMF, 20)
class Failfast(Message, frozen=True):
    """This node is to end at once, as if it had crashed."""

    why: str


@group_message(ServiceId.AMF, 1)
class GroupHello(Message, frozen=True):
    """A node says its name."""

    name: str


@group_message(ServiceId.AMF, 2)
class GroupApply(Message, frozen=True):
    """A configuration is to be in force."""

    caller: Source
    model: ModelConfig


@group_message(ServiceId.AMF, 3)
class GroupAdminister(Message, frozen=True):
    """saAmfAdminOperationInvoke."""

    caller: Source
    operation: AdminOperation
    entity: Entity
    name: str
    time_ns: TimeNs
    wait_ns: int = 0


@group_message(ServiceId.AMF, 4)
class GroupRegister(Message, frozen=True):
    """A program is a component."""

    caller: Source
    component: str
    proxy: str
    process_id: int
    time_ns: TimeNs


@group_message(ServiceId.AMF, 5)
class GroupUnregister(Message, frozen=True):
    """It is one no more."""

    caller: Source
    component: str
    time_ns: TimeNs


@group_message(ServiceId.AMF, 6)
class GroupDone(Message, frozen=True):
    """An order was answered."""

    component: str
    invocation: int
    succeeded: bool
    text: str
    time_ns: TimeNs
    process_id: int = 0


@group_message(ServiceId.AMF, 7)
class GroupFailed(Message, frozen=True):
    """A component failed; `gone`: nothing of it runs. `stays`: it goes on running until its error is cleared."""

    component: str
    generation: int
    why: str
    recovery: Recovery
    gone: bool
    time_ns: TimeNs
    stays: bool = False


@group_message(ServiceId.AMF, 8)
class GroupClosed(Message, frozen=True):
    """A connection is gone."""

    node_id: NodeId
    connection: int
    time_ns: TimeNs


@group_message(ServiceId.AMF, 11)
class GroupQuiesced(Message, frozen=True):
    """A component has quiesced what it was told to (saAmfCSIQuiescingComplete)."""

    component: str
    csi: str
    time_ns: TimeNs


@group_message(ServiceId.AMF, 12)
class GroupErrorClear(Message, frozen=True):
    """A component is repaired."""

    caller: Source
    component: str
