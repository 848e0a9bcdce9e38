"""What is done about failures: recovery, and its escalation (SA Forum AMF, 3.11).

A component that fails is cleaned up, whatever else is done; until then what it is assigned counts as its own. The
recovery is the recommended one, or the configured one. More restarts of a component than allowed within the probation
become a restart of its unit; more of these a failover of the unit; more of these leave the unit out of service until
it is REPAIRED. More failovers of units of a node than it allows become a failover of the node. Times are those that the
messages bring, so that all nodes count alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from openais.messages.amf_model import HaState, Operational, Presence, Recovery
from openais.messages.amf_state import NodeState, Order
from openais.services.amf.model import Component, Model, Unit
from openais.services.amf.replacing import is_down
from openais.services.amf.workflow import Workflow


class Escalation:
    """Carries out recoveries."""

    def __init__(self, model: Model, workflow: Workflow) -> None:
        self._model = model
        self._workflow = workflow

    def repair_nodes(self) -> bool:
        """Enables nodes again that are repaired by themselves, once nothing is left there; whether there was any."""
        model, repaired = self._model, False
        for node in model.nodes.values():
            if node.operational is Operational.ENABLED or node.failfast or not model.node_config(node).auto_repair:
                continue
            here = (unit for unit in model.units() if model.host(unit) == node.node_id)
            if all(is_down(unit) for unit in here):
                node.operational = Operational.ENABLED
                model.note(node.name, "repaired: enabled again")
                repaired = True
        return repaired

    def failed(self, component: Component, why: str, recommended: Recovery, gone: bool = False) -> None:
        """A component failed; `gone`: nothing of it runs any more."""
        state = component.state
        if state.failed or state.presence in (Presence.UNINSTANTIATED, Presence.INSTANTIATION_FAILED):
            return
        self._model.note(component.name, f"failed: {why}")
        starting = state.pending is not None and state.pending.order is Order.INSTANTIATE
        if state.presence is Presence.TERMINATION_FAILED:
            return
        if starting:
            self._not_instantiated(component, gone)
        elif state.presence is Presence.TERMINATING:
            self._clean(component, gone)
        else:
            self._recover(component, recommended, gone)

    def stays_out(self, component: Component, why: str) -> None:
        """A component that somebody else runs reported an error (A.01.01): out of service until that is cleared."""
        if component.state.presence is Presence.INSTANTIATED and not component.state.failed:
            component.state.operational = component.unit.state.operational = Operational.DISABLED
            self._model.note(component.name, f"{why}: out of service until it is cleared")

    def cleaned(self, component: Component) -> None:
        """Nothing is left of a component."""
        component.gives_up_all()
        self.ended(component)

    def ended(self, component: Component) -> None:
        """Nothing of it runs any more; what it had it may still be asked about."""
        state = component.state
        state.failed, state.pending = False, None
        self._disconnect(component)
        state.process_id = 0
        state.ha_readiness.clear()
        if state.presence not in (Presence.RESTARTING, Presence.INSTANTIATION_FAILED):
            component.becomes(Presence.UNINSTANTIATED)

    def not_cleaned(self, component: Component, why: str) -> None:
        """A component could not be cleaned up: nobody may take over from it before it is REPAIRED."""
        state = component.state
        component.becomes(Presence.TERMINATION_FAILED)
        state.pending, state.failed = None, True
        state.operational = component.unit.state.operational = Operational.DISABLED
        component.unit.state.worn_out = True
        self._model.note(component.name, f"could not be cleaned up: {why}; what it had stays with it until repaired")
        node = self._node_of(component)
        if node is not None and self._model.node_config(node).failfast_on_termination_failure:
            self._fail_fast(node, f"{component.name} could not be cleaned up")

    def give_up(self, units: Iterable[Unit]) -> None:
        """Cleans up what is active, abruptly: this side has no quorum."""
        for unit in units:
            for component in unit.components:
                pending = component.state.pending
                active = any(component.holds_active(csi) for csi in component.state.csis)
                if not component.state.failed and (active or (pending is not None and pending.state is not None)):
                    component.becomes(Presence.TERMINATING)
                    self._model.note(component.name, "cleaned up: no quorum")
                    self._clean(component, gone=False)

    def lost(self, unit: Unit) -> None:
        """The node of a unit is gone, and all that was on it."""
        for component in unit.components:
            self.cleaned(component)
            component.becomes(Presence.UNINSTANTIATED)
            component.state.connection = 0
            component.state.delayed, component.state.attempts = False, 0
        unit.state.operational, unit.state.worn_out = Operational.ENABLED, False
        if not unit.config.node:
            unit.state.node_id = 0

    def restart(self, component: Component) -> None:
        """Restarts a component in its place, abruptly."""
        if component.state.presence is Presence.INSTANTIATED and not component.state.failed:
            component.becomes(Presence.RESTARTING)
            self._clean(component, gone=False)

    def restart_unit(self, unit: Unit) -> None:
        """Restarts all components of a unit."""
        for component in unit.components:
            self.restart(component)

    # Recoveries

    def _recover(self, component: Component, recommended: Recovery, gone: bool) -> None:
        recovery = recommended
        if recovery is Recovery.NO_RECOMMENDATION:
            recovery = component.config.recovery
        if recovery is Recovery.COMPONENT_RESTART:
            self._restart_or_more(component, gone)
        elif recovery in (Recovery.NODE_SWITCHOVER, Recovery.NODE_FAILOVER, Recovery.NODE_FAILFAST):
            self._node(component, recovery, gone)
        elif recovery in (Recovery.CLUSTER_RESET, Recovery.APPLICATION_RESTART):
            self._restart_all(component, recovery, gone)
        else:
            self._fail_over(component, gone)

    def _restart_or_more(self, component: Component, gone: bool) -> None:
        config, unit, now = component.unit.group.config, component.unit, self._model.time_ns
        if not (component.config.restart and (component.config.is_run or component.config.is_proxied)):
            self._fail_over(component, gone)
        elif (
            _count(component.state.restarts, now, config.component_restart_probation_ns) <= config.component_restart_max
        ):
            self._model.note(component.name, f"restarts ({len(component.state.restarts)} within the probation)")
            component.becomes(Presence.RESTARTING)
            self._clean(component, gone)
        elif _count(unit.state.restarts, now, config.unit_restart_probation_ns) <= config.unit_restart_max:
            self._model.note(unit.name, f"restarts: {component.name} was restarted too often")
            component.state.restarts.clear()
            component.becomes(Presence.RESTARTING)
            self._clean(component, gone)
            self.restart_unit(unit)
        else:
            unit.state.restarts.clear()
            self._fail_over(component, gone)

    def _fail_over(self, component: Component, gone: bool) -> None:
        unit, config, now = component.unit, component.unit.group.config, self._model.time_ns
        unit.state.operational = component.state.operational = Operational.DISABLED
        component.becomes(Presence.TERMINATING)
        self._model.note(unit.name, f"fails over, since {component.name} failed")
        if _count(unit.state.failovers, now, config.failover_probation_ns) > config.failover_max:
            unit.state.worn_out = True
            self._model.note(unit.name, "failed over too often: out of service until it is repaired")
        self._clean(component, gone)
        node = self._node_of(component)
        if node is not None:
            limits = self._model.node_config(node)
            often = _count(node.failovers, now, limits.failover_probation_ns) > limits.failover_max
            if often and node.operational is Operational.ENABLED:
                self._model.note(node.name, "its units failed over too often")
                node.failovers.clear()
                self._fail_node(node, Recovery.NODE_FAILOVER)

    def _node(self, component: Component, recovery: Recovery, gone: bool) -> None:
        """All that is on the node goes elsewhere: in order at a switchover, abruptly else, or with all of the node."""
        node = self._node_of(component)
        if node is not None and recovery is Recovery.NODE_FAILFAST:
            self._fail_fast(node, f"{component.name} failed")
        self._fail_over(component, gone)
        if node is not None:
            self._fail_node(node, recovery)

    def _fail_fast(self, node: NodeState, why: str) -> None:
        """The node is to end; until it has, everything there is out of service."""
        node.operational, node.failfast = Operational.DISABLED, why
        self._model.note(node.name, f"node failfast: {why}")

    def _fail_node(self, node: NodeState, recovery: Recovery) -> None:
        model = self._model
        node.operational = Operational.DISABLED
        model.note(node.name, f"{recovery.name.lower().replace('_', ' ')}: disabled until it is repaired")
        if recovery is not Recovery.NODE_SWITCHOVER:
            for unit in model.units():
                if model.host(unit) == node.node_id:
                    self._abandon(unit)

    def _node_of(self, component: Component) -> NodeState | None:
        return self._model.nodes.get(self._model.host(component.unit))

    def _abandon(self, unit: Unit) -> None:
        for each in unit.components:
            down = each.state.presence in (Presence.UNINSTANTIATED, Presence.INSTANTIATION_FAILED)
            if not down and not each.state.failed:
                each.becomes(Presence.TERMINATING)
                self._clean(each, gone=False)

    def _restart_all(self, component: Component, recovery: Recovery, gone: bool) -> None:
        application = component.unit.group.config.application
        comes_back = component.config.is_run or component.config.is_proxied
        component.becomes(Presence.RESTARTING if comes_back else Presence.TERMINATING)
        self._clean(component, gone)
        for unit in self._model.units():
            if recovery is Recovery.CLUSTER_RESET or unit.group.config.application == application:
                self.restart_unit(unit)

    def _not_instantiated(self, component: Component, gone: bool) -> None:
        """Tries again at once, then with a delay, as often as configured for each; then it has failed for good."""
        state, config = component.state, component.config
        state.attempts += 1
        at_once = max(1, config.instantiate_attempts)
        if state.attempts < at_once + config.instantiate_delayed_attempts:
            state.delayed = state.attempts >= at_once
            if state.presence is not Presence.RESTARTING:
                component.becomes(Presence.TERMINATING)
        else:
            component.becomes(Presence.INSTANTIATION_FAILED)
            state.operational = component.unit.state.operational = Operational.DISABLED
            component.unit.state.worn_out = True
            self._model.note(component.name, f"could not be instantiated in {state.attempts} attempts")
            node = self._node_of(component)
            if node is not None and self._model.node_config(node).failfast_on_instantiation_failure:
                self._fail_fast(node, f"{component.name} could not be instantiated")
        self._clean(component, gone)

    def _clean(self, component: Component, gone: bool) -> None:
        pending = component.state.pending
        self._disconnect(component)
        if pending is not None and pending.state is HaState.ACTIVE:
            component.takes(pending.csi, HaState.ACTIVE)  # it may be, though it has not said so
        if gone and not component.config.cleanup:
            self.cleaned(component)
        else:
            component.state.failed = True
            self._workflow.order(component, Order.CLEANUP)

    @staticmethod
    def _disconnect(component: Component) -> None:
        """It has to register again; but not one that runs only while it is active, whose proxy stays its proxy."""
        if not component.config.runs_when_active:
            component.state.connection = 0


def _count(times: list[int], now: int, probation_ns: int) -> int:
    """Adds `now`, forgets what is before the probation, and gives how many there are."""
    times[:] = [each for each in times if now - each < probation_ns]
    times.append(now)
    return len(times)
