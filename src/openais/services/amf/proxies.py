"""Proxied components: they do not speak with the framework; their proxy does, for them.

Theory of operation. A proxied component is configured with a component service instance: who is active for that is its
proxy, may register it, and is given its callbacks. Pre-instantiable ones are instantiated, terminated and cleaned up by
callbacks of the proxy. Others run from the callback that makes them active to the one that takes that away.

When a proxy fails, or gives the instance up, its proxied components go on as they are, unproxied: nothing can be said
to them, so nothing is ordered, until another proxy registers them. What they were told and had not answered is said
again, by that one. A unit without a node of its own is on the node of its proxy.
"""

from __future__ import annotations

from collections.abc import Callable

from openais.messages.amf import GroupRegister
from openais.messages.amf_model import HaState, Operational, Presence
from openais.messages.amf_state import Order
from openais.services.amf.model import Component, Group, Model
from openais.types import ErrorCode, NodeId

BY_WHOEVER_IS_PROXY = (Order.INSTANTIATE, Order.CLEANUP)
"""Orders that need no registration."""

GiveOrder = Callable[[Component, Order, str, HaState | None], None]


def proxy_of(model: Model, component: Component) -> Component | None:
    """The component that is active for the instance by which another is proxied, and where that can be spoken to."""
    csi, bound = component.config.proxy_csi, component.unit.config.node
    for unit in model.units() if csi else ():
        for each in unit.components:
            active = each.state.csis.get(csi) is HaState.ACTIVE and each.state.connection
            if active and (not bound or model.host(unit) == model.host(component.unit)):
                return each
    return None


def speaks_for(model: Model, component: Component) -> int:
    """The connection over which a component is given the order that it has; 0 is none."""
    pending = component.state.pending
    if pending is not None and component.config.is_proxied and pending.order in BY_WHOEVER_IS_PROXY:
        proxy = proxy_of(model, component)
        return proxy.state.connection if proxy is not None else 0
    return component.state.connection


def follow_proxies(model: Model, group: Group, order: GiveOrder) -> None:
    """Notes which proxied components of a group have another proxy now, or none."""
    for component in group.proxied:
        proxy, state = proxy_of(model, component), component.state
        name = proxy.name if proxy is not None else ""
        if proxy is None and component.unit.state.leaving and state.presence is not Presence.UNINSTANTIATED:
            model.note(component.name, "left as it is: it is not configured any more, and has no proxy to end it")
            component.becomes(Presence.UNINSTANTIATED)
            component.gives_up_all()
            state.pending, state.failed, state.proxy = None, False, ""
        if state.proxy == name:
            continue
        state.proxy, state.connection = name, 0
        model.note(component.name, f"its proxy is {name}" if name else "it has no proxy")
        if proxy is None:
            continue
        if not component.unit.config.node:
            component.unit.state.node_id = model.host(proxy.unit)
        if state.pending is not None and state.pending.order in BY_WHOEVER_IS_PROXY:
            order(component, state.pending.order, state.pending.csi, state.pending.state)


def why_not_proxied(
    model: Model, origin: NodeId, component: Component, message: GroupRegister
) -> tuple[ErrorCode, str] | None:
    """Why a program may not register a component as the proxy that it says, if so."""
    what = f"register: {component.name}"
    if not message.proxy:
        return ErrorCode.BAD_OPERATION, f"{what} is registered by a proxy, which has to be named"
    named, proxy = model.component(message.proxy), proxy_of(model, component)
    if named is None:
        return ErrorCode.NOT_EXIST, f"{what}: there is no component {message.proxy!r}"
    is_caller = model.host(named.unit) == origin and named.state.process_id == message.process_id
    if not named.state.connection or not is_caller:
        return ErrorCode.BAD_OPERATION, f"{what}: {message.proxy} is not registered by this program"
    if named.state.pending is not None and named.holds_active(component.config.proxy_csi) and named is not proxy:
        return ErrorCode.TRY_AGAIN, f"{what}: {message.proxy} has not yet said that it is active"
    if named is not proxy:
        return ErrorCode.BAD_OPERATION, f"{what}: {message.proxy} is not active for {component.config.proxy_csi}"
    if component.state.connection:
        return ErrorCode.EXIST, f"{what} is registered already"
    pending = component.state.pending
    if component.state.failed or (pending is not None and pending.order is Order.CLEANUP):
        return ErrorCode.TRY_AGAIN, f"{what}: what it was before is being cleaned up"
    return None


def register_proxied(model: Model, component: Component, connection: int, order: GiveOrder) -> None:
    """A proxied component is proxied from now on, and told again what it has not answered."""
    state = component.state
    state.connection = connection
    model.note(component.name, f"registered by its proxy {state.proxy}")
    if component.config.pre_instantiable and state.presence is not Presence.INSTANTIATED:
        if state.pending is None:
            state.generation += 1
        if state.pending is None or state.pending.answered:
            instantiated(component)
    elif state.pending is not None:
        order(component, state.pending.order, state.pending.csi, state.pending.state)


def instantiated(component: Component) -> None:
    """A proxied component has been instantiated, and registered."""
    state = component.state
    component.becomes(Presence.INSTANTIATED)
    state.pending, state.attempts = None, 0
    state.operational = Operational.ENABLED
