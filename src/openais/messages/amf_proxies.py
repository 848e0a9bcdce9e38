"""The callbacks by which a proxy is told to instantiate, and to clean up, a component that it is the proxy of."""

from __future__ import annotations

from openais.messages.base import Message, ServiceId, callback


@callback(ServiceId.AMF, 7)
class ProxiedInstantiate(Message, frozen=True):
    """SaAmfProxiedComponentInstantiateCallbackT."""

    invocation: int
    component: str


@callback(ServiceId.AMF, 8)
class ProxiedCleanup(Message, frozen=True):
    """SaAmfProxiedComponentCleanupCallbackT."""

    invocation: int
    component: str
