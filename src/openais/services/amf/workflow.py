"""From the present assignments to the wanted ones, step by step.

Theory of operation. `settle` looks at a group as it is and orders every step that may be taken now; it is called again
after whatever happened, an answer, a failure, a node that is gone. There is no plan that a second failure could upset:
each call compares what is with what is wanted. A component has one order at a time.

The rules of a service instance with one active unit:

* nobody is made ACTIVE while another unit is, or may still be (an order not answered, a failed component that is not
  cleaned up, a node that may not have given up: `fenced`);
* who is ACTIVE and is not wanted so is made QUIESCED first, or QUIESCING when it shuts down;
* who is QUIESCED keeps that until the next one is active, then stands by or gives it up, so that it can help it over;
* a standby is assigned once there is an active one;
* within the instance, a part that depends on another is active after it and quiesced before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from openais.messages.amf_model import (
    Admin,
    CsiConfig,
    HaState,
    Operational,
    Presence,
    Readiness,
    RedundancyModel,
)
from openais.messages.amf_state import Order
from openais.services.amf.capability import may_take, unit_view
from openais.services.amf.model import Component, Group, Instance, Model, Unit
from openais.services.amf.policy import assign
from openais.services.amf.policy.view import GroupView, InstanceView
from openais.services.amf.proxies import follow_proxies, proxy_of
from openais.services.amf.readiness import (
    active_unit,
    admin_states,
    has,
    has_any,
    holds_active,
    is_up,
    may_run,
    readiness,
)
from openais.services.amf.replacing import retire
from openais.services.amf.starting import may_adjust, may_start

ROUNDS_MAX: Final = 32
ACTIVES: Final = (HaState.ACTIVE, HaState.QUIESCING)


class Workflow:
    """Orders the next steps of groups; `take` gives the components that were given an order."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._ordered: list[Component] = []
        self._changed = False

    def take(self) -> list[Component]:
        """The components that have a new order, in the order in which they got it."""
        ordered, self._ordered = self._ordered, []
        return ordered

    def settle(self, group: Group) -> bool:
        """Orders all that may be done in a group now; whether there was anything."""
        changed = False
        for _ in range(ROUNDS_MAX):
            self._changed = False
            follow_proxies(self._model, group, self.order)
            self._settle_admin(group)
            self._want(group)
            for instance in group.instances.values():
                self._assign(group, instance)
            self._forget(group)
            self._bring_up(group)
            self._take_down(group)
            self._repair(group)
            if retire(group):
                self._model.find_components()
                self._changed = True
            if not self._changed:
                break
            changed = True
        return changed

    def order(self, component: Component, order: Order, csi: str = "", state: HaState | None = None) -> None:
        """Gives a component an order, in the place of one that it has."""
        component.state.pending = self._model.new_pending(order, csi, state)
        self._ordered.append(component)
        self._changed = True

    # What is wanted

    def _want(self, group: Group) -> None:
        """Asks the policy, and remembers what it says."""
        model = self._model
        ready = [unit for unit in group.units.values() if readiness(model, unit) is Readiness.IN_SERVICE]
        if not model.quorate or not may_start(model, group, self._units_to_run(group)):
            ready = []
        if group.state.pinned and all(unit.name != group.state.pinned for unit in ready):
            group.state.pinned = ""
        served = [each for each in group.instances.values() if self._is_served(group, each)]
        view = GroupView(
            units=tuple(unit_view(unit) for unit in ready),
            instances=tuple(_instance_view(each) for each in served),
            current={each.name: each.state.wanted for each in served},
            active_units=group.config.active_units,
            standby_units=group.config.standby_units,
            active_max=group.config.active_max,
            standby_max=group.config.standby_max,
            assigned_units=group.config.assigned_units,
            adjust=may_adjust(group, [unit.name for unit in ready]),
            balance=group.config.balance,
            pinned=group.state.pinned,
        )
        wanted = assign(group.config.model, view)
        for instance in group.instances.values():
            instance.state.wanted = wanted.get(instance.name, {})

    def _is_served(self, group: Group, instance: Instance) -> bool:
        """Whether a service instance is unlocked and has all that it depends on, or may do without for a while."""
        if instance.state.admin is not Admin.UNLOCKED:
            return False
        if instance.state.stale:
            instance.state.stale = any(has_any(unit, instance) for unit in group.units.values())
            if instance.state.stale:
                return False
        missing = [each for each in instance.config.sponsors if not self._is_active(each.instance)]
        if not missing:
            instance.state.unsponsored = instance.state.expired = False
            return True
        running = active_unit(group, instance) is not None
        tolerated = running and all(each.tolerance_ns > 0 for each in missing)
        instance.state.tolerance_ns = min(each.tolerance_ns for each in missing)
        instance.state.unsponsored = tolerated and not instance.state.expired
        return instance.state.unsponsored

    def _is_active(self, name: str) -> bool:
        found = self._model.instance(name)
        return found is not None and active_unit(*found) is not None

    # Assignments

    def _assign(self, group: Group, instance: Instance) -> None:
        # 3.6.1: in 2N at most one unit is active, for whatever instance
        alone = tuple(group.instances.values()) if group.config.model is RedundancyModel.TWO_N else (instance,)
        one_active = group.config.model is not RedundancyModel.N_WAY_ACTIVE
        active = active_unit(group, instance)
        wanted_active = [name for name, state in instance.state.wanted.items() if state is HaState.ACTIVE]
        for unit in group.units.values():
            wanted = instance.state.wanted.get(unit.name)
            others = (each for each in group.units.values() if each is not unit)
            if wanted is HaState.ACTIVE:
                if not (one_active and any(holds_active(each, one) for each in others for one in alone)):
                    self._set(unit, instance, HaState.ACTIVE)
                continue
            if any(component.state.csis.get(csi.name) in ACTIVES for csi, component in _parts(unit, instance)):
                self._set(unit, instance, self._quiesced(instance, unit))
                continue
            takes_over = active is not None or not wanted_active
            if wanted is None:
                quiesced = has(unit, instance, HaState.QUIESCED)
                if has_any(unit, instance) and (takes_over or not quiesced or not _ready(group, wanted_active)):
                    self._remove(unit, instance)
            elif takes_over:
                self._set(unit, instance, HaState.STANDBY)

    def _quiesced(self, instance: Instance, unit: Unit) -> HaState:
        states = (instance.state.admin, *admin_states(self._model, unit))
        return HaState.QUIESCING if Admin.SHUTTING_DOWN in states else HaState.QUIESCED

    def _set(self, unit: Unit, instance: Instance, state: HaState) -> None:
        """Orders the next parts of an instance into a state, in the order of their dependencies."""
        up = state in (HaState.ACTIVE, HaState.STANDBY)
        for csi, component in _parts(unit, instance):
            if not component.free or component.state.csis.get(csi.name) is state:
                continue
            if component.state.csis.get(csi.name) is HaState.QUIESCED and state is HaState.QUIESCING:
                continue
            if not up and csi.name not in component.state.csis:
                continue
            if self._waits(unit, instance, csi, state):
                continue
            if not may_take(component, csi.name, state, _wanted_parts(unit)):
                continue
            self._step(component, csi, state)

    def _waits(self, unit: Unit, instance: Instance, csi: CsiConfig, state: HaState) -> bool:
        """Whether another part comes first: one it depends on, or, on the way down, one that depends on it."""
        parts = {each.name: component for each, component in _parts(unit, instance)}
        if state is HaState.ACTIVE:
            return any(parts[name].state.csis.get(name) is not HaState.ACTIVE for name in csi.depends if name in parts)
        if state is HaState.STANDBY:
            return False
        dependents = (each.name for each in instance.config.csis if csi.name in each.depends and each.name in parts)
        return any(parts[name].state.csis.get(name) in ACTIVES for name in dependents)

    def _step(self, component: Component, csi: CsiConfig, state: HaState) -> None:
        """Has a component take a state of an assignment."""
        if component.config.runs_when_active:
            self._step_of_proxied(component, csi.name, state)
        elif component.config.sa_aware:
            if component.state.presence is Presence.INSTANTIATED and component.state.connection:
                self.order(component, Order.SET, csi.name, state)
        elif component.config.pre_instantiable or state is HaState.STANDBY:
            component.takes(csi.name, state)
            self._changed = True
        elif state is HaState.ACTIVE:
            self._start(component, csi.name)
        elif component.state.presence is Presence.INSTANTIATED:
            self.order(component, Order.TERMINATE, csi.name, state)
            component.becomes(Presence.TERMINATING)

    def _step_of_proxied(self, component: Component, csi: str, state: HaState) -> None:
        """The assignment has the proxy instantiate it, and its removal has it terminated."""
        up = (Presence.UNINSTANTIATED, Presence.RESTARTING, Presence.INSTANTIATED)
        if state is HaState.STANDBY:
            component.takes(csi, state)
            self._changed = True
        elif state is HaState.ACTIVE:
            if component.state.connection and component.state.presence in up:
                if component.state.presence is Presence.UNINSTANTIATED:
                    component.becomes(Presence.INSTANTIATING)
                    component.state.generation += 1
                self.order(component, Order.SET, csi, state)
        elif component.state.presence is Presence.INSTANTIATED:
            self.order(component, Order.REMOVE, csi, HaState.QUIESCED)

    def _start(self, component: Component, csi: str) -> None:
        """Instantiates a component that runs as long as it is active; one that runs just takes one more."""
        if component.state.presence is Presence.INSTANTIATED:
            component.takes(csi, HaState.ACTIVE)
            self._changed = True
        elif component.state.presence in (Presence.UNINSTANTIATED, Presence.RESTARTING) and not component.state.delayed:
            self._instantiate(component, csi)

    def _instantiate(self, component: Component, csi: str = "") -> None:
        component.state.generation += 1
        if component.state.presence is not Presence.RESTARTING:
            component.becomes(Presence.INSTANTIATING)
        self.order(component, Order.INSTANTIATE, csi, HaState.ACTIVE if csi else None)

    def _remove(self, unit: Unit, instance: Instance) -> None:
        for csi, component in _parts(unit, instance):
            if csi.name in component.state.csis and component.free:
                self._give_up(component, csi.name)

    def _give_up(self, component: Component, csi: str) -> None:
        if component.config.sa_aware and component.state.connection and not component.config.runs_when_active:
            self.order(component, Order.REMOVE, csi)
        else:
            component.takes(csi, None)
            self._changed = True

    def _forget(self, group: Group) -> None:
        """Takes away what is assigned and not configured any more."""
        known = {csi.name for instance in group.instances.values() for csi in instance.config.csis}
        for component in group.components.values():
            for name in [name for name in component.state.csis if name not in known]:
                if not component.free:
                    break
                if component.state.csis[name] is HaState.ACTIVE:
                    self._step(component, CsiConfig(name, ""), HaState.QUIESCED)
                elif component.state.csis[name] is not HaState.QUIESCING:
                    self._give_up(component, name)

    # Presence

    def _bring_up(self, group: Group) -> None:
        """Instantiates components of the units that are to run, lower levels first; with quorum only."""
        if not self._model.quorate:
            return
        for unit in self._units_to_run(group):
            reached = True
            for component in sorted(unit.components, key=lambda each: each.config.level):
                if not component.config.pre_instantiable:
                    continue
                lower = [
                    each
                    for each in unit.components
                    if each.config.pre_instantiable and each.config.level < component.config.level
                ]
                reached = all(each.state.presence is Presence.INSTANTIATED for each in lower)
                down = component.state.presence in (Presence.UNINSTANTIATED, Presence.RESTARTING)
                startable = component.config.is_run or proxy_of(self._model, component) is not None
                if component.state.delayed or not startable:
                    continue
                if reached and down and component.free:
                    self._instantiate(component)

    def _units_to_run(self, group: Group) -> list[Unit]:
        """The units that may run, at most the preferred number; those with work, then those that run, come first."""
        may = [unit for unit in group.units.values() if may_run(self._model, unit)]
        busy = {name for instance in group.instances.values() for name in instance.state.wanted}
        may.sort(key=lambda unit: (unit.name not in busy, not is_up(unit), unit.config.rank or 2**31, unit.name))
        return may[: group.config.in_service_units]

    def _take_down(self, group: Group) -> None:
        """Terminates what is not to run, once it has nothing assigned; higher levels first."""
        running = {unit.name for unit in self._units_to_run(group)}
        for unit in group.units.values():
            if self._model.host(unit):
                self._take_down_unit(unit, unit.name in running)

    def _take_down_unit(self, unit: Unit, is_to_run: bool) -> None:
        highest_first = sorted(unit.components, key=lambda each: -each.config.level)
        for component in highest_first:
            state = component.state
            if is_to_run and component.config.pre_instantiable:
                continue
            if state.presence is Presence.RESTARTING and component.free and not state.csis and not is_to_run:
                component.becomes(Presence.UNINSTANTIATED)
                self._changed = True
            if state.presence is not Presence.INSTANTIATED or not component.free:
                continue
            if component.lives_by_itself and Admin.LOCKED_INSTANTIATION not in admin_states(self._model, unit):
                continue
            if any(each in ACTIVES for each in state.csis.values()) or (state.csis and state.connection):
                continue
            above = [each for each in unit.components if each.config.level > component.config.level]
            if component.config.pre_instantiable and any(
                each.state.presence is not Presence.UNINSTANTIATED for each in above
            ):
                continue
            component.gives_up_all()
            component.becomes(Presence.TERMINATING)
            self.order(component, Order.TERMINATE)

    def _repair(self, group: Group) -> None:
        """Brings units that failed over back into service, once nothing of them is left."""
        for unit in group.units.values():
            state = unit.state
            gone = all(_is_gone(each) for each in unit.components)
            if state.operational is Operational.DISABLED and not state.worn_out and group.config.auto_repair and gone:
                state.operational = Operational.ENABLED
                for component in unit.components:
                    component.state.operational = Operational.ENABLED
                self._model.note(unit.name, "repaired: enabled again")
                self._changed = True

    def _settle_admin(self, group: Group) -> None:
        """A shutdown is over, and has become a lock, when nothing is assigned any more."""
        for instance in group.instances.values():
            if instance.state.admin is Admin.SHUTTING_DOWN and not any(
                has_any(unit, instance) for unit in group.units.values()
            ):
                instance.state.admin = Admin.LOCKED
                self._changed = True
        idle = {
            unit.name: not any(component.state.csis for component in unit.components) for unit in group.units.values()
        }
        for unit in group.units.values():
            if unit.state.admin is Admin.SHUTTING_DOWN and idle[unit.name]:
                unit.state.admin = Admin.LOCKED
                self._changed = True
        if group.state.admin is Admin.SHUTTING_DOWN and all(idle.values()):
            group.state.admin = Admin.LOCKED
            self._changed = True


def _parts(unit: Unit, instance: Instance) -> Iterable[tuple[CsiConfig, Component]]:
    """The parts of a service instance with the component of the unit that has, or would have, each."""
    for csi in instance.config.csis:
        component = unit.component_of(csi)
        if component is not None:
            yield csi, component


def _is_gone(component: Component) -> bool:
    """Whether nothing of it is left; of one that somebody else ends, whether it has nothing and no error."""
    state = component.state
    rests = component.lives_by_itself and state.operational is Operational.ENABLED and not state.csis
    return component.free and (state.presence is Presence.UNINSTANTIATED or rests)


def _ready(group: Group, names: list[str]) -> bool:
    """Whether one of these units can still become active."""
    return any(name in group.units and group.units[name].state.operational is Operational.ENABLED for name in names)


def _wanted_parts(unit: Unit) -> dict[str, HaState]:
    """What a unit is to have of each component service instance."""
    return {
        csi.name: instance.state.wanted[unit.name]
        for instance in unit.group.instances.values()
        if unit.name in instance.state.wanted
        for csi in instance.config.csis
    }


def _instance_view(instance: Instance) -> InstanceView:
    config = instance.config
    types = tuple(csi.type for csi in config.csis)
    return InstanceView(instance.name, config.rank, config.active_assignments, config.standby_assignments, types)
