"""A component as a small class: what it does when it becomes active, stands by, quiesces, ends."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Final

from openais.client.amf_operations import AmfEvent, component_name
from openais.client.async_amf import AsyncAmf
from openais.messages.amf import CsiRemove, CsiSet, HealthcheckAsk, ProtectionGroupChanged, ReadinessSet, Terminate
from openais.messages.amf_model import HaState
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.types import ErrorCode


class Component:
    """An SA-aware component. Derive from it, override what matters, and run it:

        class Counter(Component):
            async def become_active(self, csi: CsiSet) -> None:
                self.counting = asyncio.create_task(self.count(csi))

            async def quiesce(self, csi: CsiSet) -> None:
                self.counting.cancel()

        asyncio.run(Counter().run())

    Each method is answered OK when it returns and FAILED_OPERATION when it raises; the framework then recovers the
    component. They run one after the other.
    """

    healthcheck_key: str = ""
    """The healthcheck to start, if there is one; `healthcheck` is asked."""

    def __init__(self, name: str = "", socket: str | Path | None = None) -> None:
        """`name` is that in $SA_AMF_COMPONENT_NAME unless given."""
        self.name: Final = name or component_name()
        self._socket = socket
        self.amf: AsyncAmf
        """The handle, while it runs."""

    async def become_active(self, csi: CsiSet) -> None:
        """Begins to do the work of `csi`."""

    async def become_standby(self, csi: CsiSet) -> None:
        """Prepares to take the work of `csi` over."""

    async def quiesce(self, csi: CsiSet) -> None:
        """Stops the work of `csi` at once, so that another can go on with it."""

    async def finish(self, csi: CsiSet) -> None:
        """Ends the work of `csi` without haste (QUIESCING), and then returns. By default as `quiesce`."""
        await self.quiesce(csi)

    async def remove(self, csi: str) -> None:
        """Gives an assignment up."""

    async def healthcheck(self) -> None:
        """Raises when something is wrong."""

    async def terminate(self) -> None:
        """Ends; the process should end after this."""

    async def instantiate_proxied(self, component: str) -> None:
        """Instantiates a component that it is the proxy of, and registers it: `amf.register(component, self.name)`.

        What that one is told comes to the other methods; `csi.component` says whom it is for.
        """

    async def clean_up_proxied(self, component: str) -> None:
        """Leaves nothing of a component that this one is the proxy of."""

    async def terminate_proxied(self, component: str) -> None:
        """Ends a component that this one is the proxy of. By default as `clean_up_proxied`."""
        await self.clean_up_proxied(component)

    async def changed(self, event: ProtectionGroupChanged | ReadinessSet) -> None:
        """A protection group that it tracks has changed, or, in A.01.01, its readiness state."""

    async def run(self) -> None:
        """Registers, and does what the framework says until it is told to terminate. Raises AisError."""
        async with AsyncAmf.open(self._socket) as self.amf:
            await self.amf.register(self.name, retry=True)
            if self.healthcheck_key:
                await self.amf.healthcheck_start(self.name, self.healthcheck_key, retry=True)
            async for event in self.amf:
                await self._handle(event)
                if isinstance(event, Terminate) and event.component == self.name:
                    return

    async def _handle(self, event: AmfEvent) -> None:
        match event:
            case CsiSet(state=HaState.ACTIVE):
                await self._answer(event.invocation, self.become_active(event))
            case CsiSet(state=HaState.STANDBY):
                await self._answer(event.invocation, self.become_standby(event))
            case CsiSet(state=HaState.QUIESCING):
                await self.amf.response(event.invocation, retry=True)
                await self.finish(event)
                await self.amf.quiescing_complete(event.invocation, retry=True)
            case CsiSet():
                await self._answer(event.invocation, self.quiesce(event))
            case CsiRemove():
                await self._answer(event.invocation, self.remove(event.csi))
            case HealthcheckAsk():
                await self._answer(event.invocation, self.healthcheck())
            case ProxiedInstantiate():
                await self._answer(event.invocation, self.instantiate_proxied(event.component))
            case ProxiedCleanup():
                await self._answer(event.invocation, self.clean_up_proxied(event.component))
            case Terminate() if event.component != self.name:
                await self._answer(event.invocation, self.terminate_proxied(event.component))
            case Terminate():
                await self._answer(event.invocation, self.terminate())
            case _:
                await self.changed(event)

    async def _answer(self, invocation: int, work: Awaitable[None]) -> None:
        """Answers OK, or FAILED_OPERATION when the work raises, which comes out then."""
        result = ErrorCode.FAILED_OPERATION
        try:
            await work
            result = ErrorCode.OK
        finally:
            await self.amf.response(invocation, result, retry=True)
