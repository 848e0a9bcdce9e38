"""The availability management library (SA Forum AMF): components that are kept up, and are told what to do."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

from openais.client import amf_operations as operations
from openais.client.amf_operations import NO_CALLBACKS, OPERATION_S, AmfCallbacks, AmfEvent
from openais.client.blocking import Connection
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
from openais.client.library import Library
from openais.messages.amf import ProtectionGroup
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
from openais.messages.amf_state import Happened
from openais.types import ErrorCode, TrackFlags, Version

_handles: Final = HandleDatabase[Connection[AmfEvent]](Connection.close, Connection.abandon)


class Amf(Library[AmfEvent]):
    """A handle of the availability management framework (SaAmfHandleT).

    with Amf(callbacks=AmfCallbacks(csi_set=take, csi_remove=give_up)) as amf:
        amf.register()
        amf.dispatch(DispatchFlags.BLOCKING)

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError. A class derived from `Component` is simpler.
    """

    def __init__(
        self,
        socket: str | Path | None = None,
        *,
        callbacks: AmfCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """saAmfInitialize. `socket` is the executive's, found by itself unless given.

        Raises VersionError, LibraryError when there is no executive, AccessDenied.
        """
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _handles, socket, version, timeout)

    def component_name_get(self) -> str:
        """The name of the component that this process was started as (saAmfComponentNameGet). Raises NotExist."""
        return operations.component_name()

    def register(
        self, component: str = "", proxy: str = "", *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Registers a component, by default the one that this process was started as (saAmfComponentRegister).

        A proxy registers those that it is the proxy of, with its own name as `proxy`, as long as it is active for the
        instance that makes it that. Raises NotExist, Exists when another program is it, BadOperation.
        """
        self._run(operations.register(component or operations.component_name(), proxy, retry), timeout)

    def unregister(
        self, component: str = "", proxy: str = "", *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """The component is one no more; a proxied one goes on, unproxied (saAmfComponentUnregister)."""
        self._run(operations.unregister(component or operations.component_name(), proxy, retry), timeout)

    def response(
        self, invocation: int, error: ErrorCode = ErrorCode.OK, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Answers a callback (saAmfResponse). Raises NotExist when nothing waits for the answer."""
        self._run(operations.respond(invocation, error, False, retry), timeout)

    def quiescing_complete(
        self, invocation: int, error: ErrorCode = ErrorCode.OK, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """What was told QUIESCING is quiesced (saAmfCSIQuiescingComplete)."""
        self._run(operations.respond(invocation, error, True, retry), timeout)

    def ha_state_get(self, component: str, csi: str, *, timeout: float | None = None, retry: bool = False) -> HaState:
        """The HA state of an assignment (saAmfHAStateGet). Raises NotExist."""
        return self._run(operations.ha_state(component, csi, retry), timeout)

    def ha_readiness_state_set(
        self, component: str, csi: str, readiness: HaReadiness, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Says what a component that is registered here can be assigned of an instance (saAmfHAReadinessStateSet).

        What it has and cannot have any more is given to others. Raises NotExist, BadOperation.
        """
        self._run(operations.ha_readiness_set(component, csi, readiness, retry), timeout)

    def readiness_state_get(self, component: str, *, timeout: float | None = None, retry: bool = False) -> Readiness:
        """The readiness state (saAmfReadinessStateGet of A.01.01)."""
        return self._run(operations.readiness_state(component, retry), timeout)

    def component_capability_model_get(
        self, component: str, *, timeout: float | None = None, retry: bool = False
    ) -> Capability:
        """The capability model (saAmfComponentCapabilityModelGet of A.01.01)."""
        return self._run(operations.capability_model(component, retry), timeout)

    def pending_operation_get(self, component: str, *, timeout: float | None = None, retry: bool = False) -> int:
        """The number of the order that is not answered yet, or 0 (saAmfPendingOperationGet of A.01.01)."""
        return self._run(operations.pending_operation(component, retry), timeout)

    def healthcheck_start(
        self,
        component: str,
        key: str,
        *,
        by_component: bool = False,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Begins healthchecks (saAmfHealthcheckStart): by the callback, or confirmed by the component itself."""
        self._run(operations.healthcheck_start(component, key, by_component, recovery, retry), timeout)

    def healthcheck_stop(self, component: str, key: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends healthchecks (saAmfHealthcheckStop)."""
        self._run(operations.healthcheck_stop(component, key, retry), timeout)

    def healthcheck_confirm(
        self,
        component: str,
        key: str,
        error: ErrorCode = ErrorCode.OK,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Confirms a healthcheck (saAmfHealthcheckConfirm)."""
        self._run(operations.healthcheck_confirm(component, key, error, retry), timeout)

    def pm_start(
        self,
        component: str,
        process_id: int,
        depth: int = 0,
        errors: PmErrors = operations.ANY_END,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Has the component fail when a process of this node ends in one of these ways (saAmfPmStart).

        Its descendants as well, for `depth` generations, -1 for all; new ones are looked for four times a second.
        Raises NotExist, InvalidParam, NoResources.
        """
        self._run(operations.pm_start(component, process_id, depth, errors, recovery, retry), timeout)

    def pm_stop(
        self,
        component: str,
        process_id: int,
        errors: PmErrors = operations.ANY_END,
        qualifier: PmStop = PmStop.PROCESS_AND_DESCENDANTS,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """A process is not monitored for these ends any more (saAmfPmStop). Raises NotExist."""
        self._run(operations.pm_stop(component, process_id, errors, qualifier, retry), timeout)

    def component_error_report(
        self,
        component: str,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        detected_ns: int = 0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """A component has failed (saAmfComponentErrorReport)."""
        self._run(operations.error_report(component, detected_ns, recovery, retry), timeout)

    def component_error_clear(self, component: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """It is repaired (saAmfComponentErrorClear, saAmfErrorCancelAll of A.01.01)."""
        self._run(operations.error_clear(component, retry), timeout)

    def protection_group_track(
        self, csi: str, flags: TrackFlags = TrackFlags.CURRENT, *, timeout: float | None = None, retry: bool = False
    ) -> ProtectionGroup:
        """The members of a protection group now (saAmfProtectionGroupTrack).

        With CHANGES or CHANGES_ONLY the callback is given what follows.
        """
        return self._run(operations.protection_group_track(csi, flags, retry), timeout)

    def protection_group_track_stop(self, csi: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends the tracking (saAmfProtectionGroupTrackStop)."""
        self._run(operations.protection_group_track_stop(csi, retry), timeout)

    def administrate(
        self,
        operation: AdminOperation,
        name: str,
        *,
        wait: float = OPERATION_S,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Carries out an administrative operation (saAmfAdminOperationInvoke), and returns when it is finished.

        On a group, unit, service instance, component, node or application. Raises NotExist, BadOperation, NoOp,
        NotSupported; RepairPending when a component could not be ended or started; FailedOperation when a swap did not
        come about; TimeoutExpired, with what it waits for, after `wait` seconds. With `wait=0` it only begins.
        """
        self._run(operations.administrate(operation, name, wait, retry), timeout or wait + DEFAULT_TIMEOUT_S)

    def apply(
        self,
        groups: Sequence[GroupConfig],
        nodes: Sequence[NodeConfig] = (),
        startup: float = 0.0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Puts a configuration into force. What it does not change is not disturbed.

        New groups wait `startup` seconds at most until all their units are in service, before they are given work.
        """
        self._run(operations.apply(groups, nodes, startup, retry), timeout)

    def state(self, *, timeout: float | None = None, retry: bool = False) -> dict[str, Any]:
        """The states of all entities."""
        return self._run(operations.state(retry), timeout)

    def history(self, count: int = 100, *, timeout: float | None = None, retry: bool = False) -> tuple[Happened, ...]:
        """What happened last, oldest first."""
        return self._run(operations.history(count, retry), timeout)

    def model(self, *, timeout: float | None = None, retry: bool = False) -> ModelConfig:
        """The configuration in force."""
        return self._run(operations.model(retry), timeout)

    def __iter__(self) -> Generator[AmfEvent, None, None]:
        """Callbacks as events, until the handle is finalized. Raises LibraryError when the executive is gone."""
        return self._events()

    def _run_callback(self, event: AmfEvent) -> None:
        self._callbacks.run(event)
