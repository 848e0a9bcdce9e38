"""The availability management library (SA Forum AMF) on an event loop; its methods are those of the blocking one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from socket import socket as Socket
from typing import Any, Final

from openais.client import amf_operations as operations
from openais.client.aio import AsyncConnection
from openais.client.amf_operations import NO_CALLBACKS, OPERATION_S, AmfCallbacks, AmfEvent
from openais.client.async_library import AsyncLibrary, Opening
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
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

_async_handles: Final = HandleDatabase[AsyncConnection[AmfEvent]](AsyncConnection.close, AsyncConnection.abandon)


class AsyncAmf(AsyncLibrary[AmfEvent]):
    """A handle of the availability management framework on an event loop; every method is that of `Amf`."""

    def __init__(self, socket: str | Path | None, callbacks: AmfCallbacks, version: Version, timeout: float) -> None:
        """For `open`, which makes the handle."""
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _async_handles, socket, version, timeout)

    @classmethod
    def open(
        cls,
        socket: str | Path | None = None,
        *,
        callbacks: AmfCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
        sock: Socket | None = None,
    ) -> Opening[AsyncAmf]:
        """saAmfInitialize; see `Amf`. To be awaited, or entered. `sock`: a socket that is connected already."""
        return Opening(lambda: cls(socket, callbacks, version, timeout)._start(sock))

    def component_name_get(self) -> str:
        """See `Amf.component_name_get`."""
        return operations.component_name()

    async def register(
        self, component: str = "", proxy: str = "", *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.register`."""
        await self._run(operations.register(component or operations.component_name(), proxy, retry), timeout)

    async def unregister(
        self, component: str = "", proxy: str = "", *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.unregister`."""
        await self._run(operations.unregister(component or operations.component_name(), proxy, retry), timeout)

    async def response(
        self, invocation: int, error: ErrorCode = ErrorCode.OK, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.response`."""
        await self._run(operations.respond(invocation, error, False, retry), timeout)

    async def quiescing_complete(
        self, invocation: int, error: ErrorCode = ErrorCode.OK, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.quiescing_complete`."""
        await self._run(operations.respond(invocation, error, True, retry), timeout)

    async def ha_state_get(
        self, component: str, csi: str, *, timeout: float | None = None, retry: bool = False
    ) -> HaState:
        """See `Amf.ha_state_get`."""
        return await self._run(operations.ha_state(component, csi, retry), timeout)

    async def ha_readiness_state_set(
        self, component: str, csi: str, readiness: HaReadiness, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.ha_readiness_state_set`."""
        await self._run(operations.ha_readiness_set(component, csi, readiness, retry), timeout)

    async def readiness_state_get(
        self, component: str, *, timeout: float | None = None, retry: bool = False
    ) -> Readiness:
        """See `Amf.readiness_state_get`."""
        return await self._run(operations.readiness_state(component, retry), timeout)

    async def component_capability_model_get(
        self, component: str, *, timeout: float | None = None, retry: bool = False
    ) -> Capability:
        """See `Amf.component_capability_model_get`."""
        return await self._run(operations.capability_model(component, retry), timeout)

    async def pending_operation_get(self, component: str, *, timeout: float | None = None, retry: bool = False) -> int:
        """See `Amf.pending_operation_get`."""
        return await self._run(operations.pending_operation(component, retry), timeout)

    async def healthcheck_start(
        self,
        component: str,
        key: str,
        *,
        by_component: bool = False,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.healthcheck_start`."""
        await self._run(operations.healthcheck_start(component, key, by_component, recovery, retry), timeout)

    async def healthcheck_stop(
        self, component: str, key: str, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """See `Amf.healthcheck_stop`."""
        await self._run(operations.healthcheck_stop(component, key, retry), timeout)

    async def healthcheck_confirm(
        self,
        component: str,
        key: str,
        error: ErrorCode = ErrorCode.OK,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.healthcheck_confirm`."""
        await self._run(operations.healthcheck_confirm(component, key, error, retry), timeout)

    async def pm_start(
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
        """See `Amf.pm_start`."""
        await self._run(operations.pm_start(component, process_id, depth, errors, recovery, retry), timeout)

    async def pm_stop(
        self,
        component: str,
        process_id: int,
        errors: PmErrors = operations.ANY_END,
        qualifier: PmStop = PmStop.PROCESS_AND_DESCENDANTS,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.pm_stop`."""
        await self._run(operations.pm_stop(component, process_id, errors, qualifier, retry), timeout)

    async def component_error_report(
        self,
        component: str,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        detected_ns: int = 0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.component_error_report`."""
        await self._run(operations.error_report(component, detected_ns, recovery, retry), timeout)

    async def component_error_clear(self, component: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """See `Amf.component_error_clear`."""
        await self._run(operations.error_clear(component, retry), timeout)

    async def protection_group_track(
        self, csi: str, flags: TrackFlags = TrackFlags.CURRENT, *, timeout: float | None = None, retry: bool = False
    ) -> ProtectionGroup:
        """See `Amf.protection_group_track`."""
        return await self._run(operations.protection_group_track(csi, flags, retry), timeout)

    async def protection_group_track_stop(self, csi: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """See `Amf.protection_group_track_stop`."""
        await self._run(operations.protection_group_track_stop(csi, retry), timeout)

    async def administrate(
        self,
        operation: AdminOperation,
        name: str,
        *,
        wait: float = OPERATION_S,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.administrate`."""
        await self._run(operations.administrate(operation, name, wait, retry), timeout or wait + DEFAULT_TIMEOUT_S)

    async def apply(
        self,
        groups: Sequence[GroupConfig],
        nodes: Sequence[NodeConfig] = (),
        startup: float = 0.0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """See `Amf.apply`."""
        await self._run(operations.apply(groups, nodes, startup, retry), timeout)

    async def state(self, *, timeout: float | None = None, retry: bool = False) -> dict[str, Any]:
        """See `Amf.state`."""
        return await self._run(operations.state(retry), timeout)

    async def history(
        self, count: int = 100, *, timeout: float | None = None, retry: bool = False
    ) -> tuple[Happened, ...]:
        """See `Amf.history`."""
        return await self._run(operations.history(count, retry), timeout)

    async def model(self, *, timeout: float | None = None, retry: bool = False) -> ModelConfig:
        """See `Amf.model`."""
        return await self._run(operations.model(retry), timeout)

    def __aiter__(self) -> AsyncIterator[AmfEvent]:
        """Callbacks as events, until the handle is finalized. Raises LibraryError when the executive is gone."""
        return self._events()

    def _run_callback(self, event: AmfEvent) -> None:
        self._callbacks.run(event)
