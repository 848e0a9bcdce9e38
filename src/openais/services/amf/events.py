"""What happens to components, and what it changes in the model: orders answered, connections made and lost."""

from __future__ import annotations

from openais.messages import amf as messages
from openais.messages.amf_model import HaState, ModelConfig, Operational, Presence, Recovery
from openais.messages.amf_state import Order, Pending
from openais.services.amf.escalation import Escalation
from openais.services.amf.model import Component, Model, Unit
from openais.services.amf.proxies import instantiated, register_proxied, why_not_proxied
from openais.services.amf.replacing import replaced
from openais.services.amf.workflow import Workflow
from openais.types import ErrorCode, NodeId


class Events:
    """Changes a model by what happened; the workflow is settled by the caller."""

    def __init__(self, model: Model, workflow: Workflow, escalation: Escalation) -> None:
        self._model = model
        self._workflow = workflow
        self._escalation = escalation

    def register(self, origin: NodeId, component: Component, message: messages.GroupRegister) -> None:
        """A program on `origin` is a component from now on."""
        state, unit = component.state, component.unit
        if component.config.is_proxied:
            register_proxied(self._model, component, message.caller.connection, self._workflow.order)
            return
        if not unit.config.node and not self._model.host(unit):
            unit.state.node_id = origin
        if not component.config.is_run:
            state.generation += 1
        state.connection, state.process_id = message.caller.connection, message.process_id
        component.becomes(Presence.INSTANTIATED)
        state.pending, state.attempts = None, 0
        state.delayed = False
        state.operational = Operational.ENABLED
        self._model.note(component.name, f"registered, process {message.process_id}")

    def lose(self, unit: Unit, fencing: bool) -> None:
        """The node of a unit is gone. With `fencing`, what it may still be active for is kept from others."""
        active = any(component.holds_active(csi) for component in unit.components for csi in component.state.csis)
        if fencing and (active or any(component.state.pending is not None for component in unit.components)):
            unit.state.fenced = True
            if not unit.config.node:
                unit.state.node_id = 0
        else:
            self._escalation.lost(unit)

    def install(self, config: ModelConfig) -> None:
        """Puts a configuration into force; what is in both goes on."""
        self._model.replace(config.version, replaced(self._model.groups, config))
        self._model.startup_ns = config.startup_ns
        self._model.node_configs = {node.name: node for node in config.nodes}

    def answered(self, component: Component, pending: Pending, message: messages.GroupDone) -> None:
        """An order of a component is done, or was not."""
        state = component.state
        if pending.order is Order.CLEANUP:
            if message.succeeded:
                self._escalation.cleaned(component)
            else:
                self._escalation.not_cleaned(component, message.text)
        elif not message.succeeded:
            self._not_done(component, pending, message.text)
        elif pending.order is Order.INSTANTIATE:
            if component.config.is_proxied and state.connection:
                instantiated(component)
                self._model.note(component.name, "instantiated by its proxy")
                return
            if component.config.sa_aware:
                pending.answered = True
                return  # until it has registered
            component.becomes(Presence.INSTANTIATED)
            state.pending, state.attempts = None, 0
            if pending.csi:
                component.takes(pending.csi, HaState.ACTIVE)
            self._model.note(component.name, f"instantiated, process {message.process_id}")
        elif pending.order is Order.TERMINATE:
            self._terminated(component, pending)
        else:
            state.pending = None
            if pending.order is Order.REMOVE:
                kept = component.config.runs_when_active
                component.takes(pending.csi, HaState.QUIESCED if kept else None)
                self._model.note(component.name, f"gave up {pending.csi}")
                if kept and HaState.ACTIVE not in state.csis.values():
                    component.becomes(Presence.UNINSTANTIATED)
            elif pending.state is not None:
                component.takes(pending.csi, pending.state)
                if component.config.runs_when_active:
                    component.becomes(Presence.INSTANTIATED)
                self._model.note(component.name, f"{pending.state.name} for {pending.csi}")

    def _terminated(self, component: Component, pending: Pending) -> None:
        """The supervisor has cleaned up; an SA-aware component that says so is cleaned up now."""
        state = component.state
        if component.config.sa_aware and not component.config.is_proxied:
            state.connection, state.failed = 0, True
            self._workflow.order(component, Order.CLEANUP)
            return
        if pending.csi:
            for csi in [csi for csi, has in state.csis.items() if has is HaState.ACTIVE]:
                component.takes(csi, HaState.QUIESCED)
            self._escalation.ended(component)
        else:
            self._escalation.cleaned(component)
        self._model.note(component.name, "terminated")

    def _not_done(self, component: Component, pending: Pending, text: str) -> None:
        what = f"{pending.order.name} {pending.csi}".strip()
        if pending.order is Order.TERMINATE:
            self._model.note(component.name, f"{what} failed: {text}")
            component.state.connection, component.state.failed = 0, True
            self._workflow.order(component, Order.CLEANUP)
        else:
            self._escalation.failed(component, f"{what} failed: {text}", Recovery.NO_RECOMMENDATION)

    def lost_connection(self, component: Component) -> None:
        """An SA-aware component is gone, or as good as that."""
        component.state.connection = 0
        if component.config.is_proxied:
            self._model.note(component.name, f"its proxy {component.state.proxy} closed its connection")
            return
        pending = component.state.pending
        if pending is not None and pending.order is Order.TERMINATE:
            component.state.failed = True
            self._workflow.order(component, Order.CLEANUP)
        elif component.state.presence is not Presence.TERMINATING:
            why = "it closed its connection without unregistering"
            self._escalation.failed(component, why, Recovery.NO_RECOMMENDATION)

    def why_not_register(
        self, origin: NodeId, component: Component | None, message: messages.GroupRegister
    ) -> tuple[ErrorCode, str] | None:
        """Why a program may not be a component, if so."""
        if component is None:
            return ErrorCode.NOT_EXIST, f"register: there is no component {message.component!r}"
        if not component.config.sa_aware:
            return ErrorCode.BAD_OPERATION, f"register: {component.name} is configured as not SA-aware"
        if component.config.is_proxied:
            return why_not_proxied(self._model, origin, component, message)
        if message.proxy:
            return ErrorCode.BAD_OPERATION, f"register: {component.name} is configured without a proxy"
        host = self._model.host(component.unit)
        if component.unit.config.node and host != origin:
            return ErrorCode.BAD_OPERATION, f"register: {component.name} belongs on node {component.unit.config.node}"
        if host and host != origin:
            return ErrorCode.BAD_OPERATION, f"register: the unit of {component.name} is on node {host}"
        if component.state.connection:
            return ErrorCode.EXIST, f"register: process {component.state.process_id} is {component.name} already"
        pending = component.state.pending
        if component.state.failed or (pending is not None and pending.order is not Order.INSTANTIATE):
            return ErrorCode.TRY_AGAIN, f"register: what {component.name} was before is being cleaned up"
        if component.config.is_run and pending is None:
            return ErrorCode.BAD_OPERATION, f"register: {component.name} was not instantiated by the framework"
        return None
