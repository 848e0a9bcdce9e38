"""The operations of the availability management library (SA Forum AMF), for both faces, and their vocabulary."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from openais.client.operation import Operation, ask
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages import amf as messages
from openais.messages import amf_monitoring as monitoring
from openais.messages.amf import (
    CsiRemove,
    CsiSet,
    HealthcheckAsk,
    ProtectionGroup,
    ProtectionGroupChanged,
    ReadinessSet,
    Terminate,
)
from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    GroupConfig,
    HaReadiness,
    HaState,
    ModelConfig,
    NodeConfig,
    PmErrors,
    PmStop,
    Readiness,
    Recovery,
)
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.messages.amf_readiness import HaReadinessSet, HaReadinessTaken
from openais.messages.amf_state import Happened
from openais.messages.base import Message, ServiceId
from openais.types import ErrorCode, InvalidParam, NotExist, TimeNs, TrackFlags, Version

VERSION_B: Final = Version("B", 4, 1)
VERSION_A: Final = Version("A", 1, 1)
COMPONENT_VARIABLE: Final = "SA_AMF_COMPONENT_NAME"
"""The environment variable by which a component is told its name."""

AmfEvent: TypeAlias = (
    CsiSet
    | CsiRemove
    | HealthcheckAsk
    | Terminate
    | ProtectionGroupChanged
    | ReadinessSet
    | ProxiedInstantiate
    | ProxiedCleanup
)


class AmfCallbacks(NamedTuple):
    """The callbacks of an application, run by dispatch (SaAmfCallbacksT). Those with an invocation want a response."""

    csi_set: Callable[[CsiSet], None] | None = None
    """Take an assignment, or change its state (SaAmfCSISetCallbackT)."""
    csi_remove: Callable[[CsiRemove], None] | None = None
    """Give an assignment up (SaAmfCSIRemoveCallbackT)."""
    healthcheck: Callable[[HealthcheckAsk], None] | None = None
    """Say how it is (SaAmfHealthcheckCallbackT)."""
    terminate: Callable[[Terminate], None] | None = None
    """End (SaAmfComponentTerminateCallbackT)."""
    protection_group: Callable[[ProtectionGroupChanged], None] | None = None
    """A protection group changed (SaAmfProtectionGroupTrackCallbackT)."""
    readiness_set: Callable[[ReadinessSet], None] | None = None
    """The readiness state changed (SaAmfReadinessStateSetCallbackT of A.01.01)."""

    proxied_instantiate: Callable[[ProxiedInstantiate], None] | None = None
    """Instantiate a component that it is the proxy of (SaAmfProxiedComponentInstantiateCallbackT)."""
    proxied_cleanup: Callable[[ProxiedCleanup], None] | None = None
    """Leave nothing of a component that it is the proxy of (SaAmfProxiedComponentCleanupCallbackT)."""

    def run(self, event: AmfEvent) -> None:
        """Runs the callback for `event`, if there is one."""
        callback: Callable[[Any], None] | None = {
            CsiSet: self.csi_set,
            CsiRemove: self.csi_remove,
            HealthcheckAsk: self.healthcheck,
            Terminate: self.terminate,
            ProtectionGroupChanged: self.protection_group,
            ReadinessSet: self.readiness_set,
            ProxiedInstantiate: self.proxied_instantiate,
            ProxiedCleanup: self.proxied_cleanup,
        }[type(event)]
        if callback is not None:
            callback(event)


NO_CALLBACKS: Final = AmfCallbacks()
ANY_END: Final = PmErrors.ZERO_EXIT | PmErrors.NON_ZERO_EXIT | PmErrors.ABNORMAL_END
"""Every end of a monitored process."""


def component_name() -> str:
    """saAmfComponentNameGet. Raises NotExist in a process that the framework did not start."""
    name = os.environ.get(COMPONENT_VARIABLE)
    if not name:
        raise NotExist(f"component name get: ${COMPONENT_VARIABLE} is not set; was this process started by AMF?")
    return name


def register(component: str, proxy: str, retry: bool) -> Operation[None]:
    """saAmfComponentRegister."""
    yield from ask(messages.Register(component, proxy), messages.Registered, retry)


def unregister(component: str, proxy: str, retry: bool) -> Operation[None]:
    """saAmfComponentUnregister."""
    yield from ask(messages.Unregister(component, proxy), messages.Unregistered, retry)


def respond(invocation: int, error: ErrorCode, quiesced: bool, retry: bool) -> Operation[None]:
    """saAmfResponse, saAmfCSIQuiescingComplete."""
    yield from ask(messages.Respond(invocation, error, quiesced), messages.Answered, retry)


def ha_state(component: str, csi: str, retry: bool) -> Operation[HaState]:
    """saAmfHAStateGet."""
    return (yield from ask(messages.HaStateGet(component, csi), messages.HaStateFound, retry)).state


def ha_readiness_set(component: str, csi: str, readiness: HaReadiness, retry: bool) -> Operation[None]:
    """saAmfHAReadinessStateSet."""
    yield from ask(HaReadinessSet(component, csi, readiness), HaReadinessTaken, retry)


def readiness_state(component: str, retry: bool) -> Operation[Readiness]:
    """saAmfReadinessStateGet of A.01.01."""
    return (yield from ask(messages.ComponentGet(component), messages.ComponentFound, retry)).readiness


def capability_model(component: str, retry: bool) -> Operation[Capability]:
    """saAmfComponentCapabilityModelGet of A.01.01."""
    return (yield from ask(messages.ComponentGet(component), messages.ComponentFound, retry)).capability


def pending_operation(component: str, retry: bool) -> Operation[int]:
    """saAmfPendingOperationGet of A.01.01."""
    return (yield from ask(messages.ComponentGet(component), messages.ComponentFound, retry)).pending


def healthcheck_start(component: str, key: str, by_component: bool, recovery: Recovery, retry: bool) -> Operation[None]:
    """saAmfHealthcheckStart."""
    request = messages.HealthcheckStart(component, key, by_component, recovery)
    yield from ask(request, messages.HealthcheckStarted, retry)


def healthcheck_stop(component: str, key: str, retry: bool) -> Operation[None]:
    """saAmfHealthcheckStop."""
    yield from ask(messages.HealthcheckStop(component, key), messages.HealthcheckStopped, retry)


def healthcheck_confirm(component: str, key: str, error: ErrorCode, retry: bool) -> Operation[None]:
    """saAmfHealthcheckConfirm."""
    yield from ask(messages.HealthcheckConfirm(component, key, error), messages.Confirmed, retry)


def pm_start(
    component: str, process_id: int, depth: int, errors: PmErrors, recovery: Recovery, retry: bool
) -> Operation[None]:
    """saAmfPmStart."""
    if not errors or not 0 < process_id < 2**31 or not -1 <= depth < 2**31:
        raise InvalidParam(f"passive monitoring of process {process_id} to depth {depth} for {errors!r}")
    request = monitoring.PmStart(component, process_id, depth, int(errors), recovery)
    yield from ask(request, monitoring.MonitoringStarted, retry)


def pm_stop(component: str, process_id: int, errors: PmErrors, qualifier: PmStop, retry: bool) -> Operation[None]:
    """saAmfPmStop."""
    if not errors or not 0 <= process_id < 2**31:
        raise InvalidParam(f"the end of passive monitoring of process {process_id} for {errors!r}")
    request = monitoring.PmEnd(component, qualifier, process_id, int(errors))
    yield from ask(request, monitoring.MonitoringStopped, retry)


def error_report(component: str, detected_ns: int, recovery: Recovery, retry: bool) -> Operation[None]:
    """saAmfComponentErrorReport."""
    request = messages.ErrorReport(component, TimeNs(detected_ns), recovery)
    yield from ask(request, messages.ErrorReported, retry)


def error_clear(component: str, retry: bool) -> Operation[None]:
    """saAmfComponentErrorClear, saAmfErrorCancelAll of A.01.01."""
    yield from ask(messages.ErrorClear(component), messages.ErrorCleared, retry)


def protection_group_track(csi: str, flags: TrackFlags, retry: bool) -> Operation[ProtectionGroup]:
    """saAmfProtectionGroupTrack; with CURRENT the members are the result."""
    return (yield from ask(messages.ProtectionGroupTrack(csi, flags), ProtectionGroup, retry))


def protection_group_track_stop(csi: str, retry: bool) -> Operation[None]:
    """saAmfProtectionGroupTrackStop."""
    yield from ask(messages.ProtectionGroupTrackStop(csi), messages.TrackingStopped, retry)


OPERATION_S: Final = 60.0
"""How long an administrative operation is waited for by default."""


def administrate(operation: AdminOperation, name: str, wait_s: float, retry: bool) -> Operation[None]:
    """saAmfAdminOperationInvoke."""
    yield from ask(messages.Administrate(operation, name, int(wait_s * 1e9)), messages.Operated, retry)


def apply(groups: Sequence[GroupConfig], nodes: Sequence[NodeConfig], startup_s: float, retry: bool) -> Operation[None]:
    """Puts a configuration into force."""
    yield from ask(messages.Apply(tuple(groups), tuple(nodes), int(startup_s * 1e9)), messages.Applied, retry)


def state(retry: bool) -> Operation[dict[str, Any]]:
    """The states of all entities."""
    found = yield from ask(messages.StateGet(), messages.StateFound, retry)
    decoded: dict[str, Any] = msgspec.json.decode(found.text)
    return decoded


def history(count: int, retry: bool) -> Operation[tuple[Happened, ...]]:
    """The last lines of what happened."""
    return (yield from ask(messages.HistoryGet(count), messages.HistoryFound, retry)).lines


def model(retry: bool) -> Operation[ModelConfig]:
    """The configuration in force."""
    return (yield from ask(messages.ModelGet(), messages.ModelFound, retry)).model


def _to_events(message: Message) -> Iterable[AmfEvent]:
    assert isinstance(message, AmfEvent)
    return (message,)


SETTINGS: Final = SessionSettings[AmfEvent](ServiceId.AMF, VersionDatabase((VERSION_B, VERSION_A)), _to_events)
"""The sessions of this library."""
