"""The administrative operations (SA Forum AMF, 8), for the entities for which they exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from openais.messages.amf_model import (
    Admin,
    AdminOperation,
    Entity,
    HaState,
    Operational,
    Presence,
    RedundancyModel,
)
from openais.services.amf.escalation import Escalation
from openais.services.amf.model import Group, Instance, Model, Unit
from openais.types import BadOperation, NoOp, NotExist, NotSupported

Op = AdminOperation

TRANSITIONS: Final[Mapping[AdminOperation, Mapping[Admin, Admin]]] = {
    Op.UNLOCK: {Admin.LOCKED: Admin.UNLOCKED, Admin.SHUTTING_DOWN: Admin.UNLOCKED},
    Op.LOCK: {Admin.UNLOCKED: Admin.LOCKED, Admin.SHUTTING_DOWN: Admin.LOCKED},
    Op.LOCK_INSTANTIATION: {Admin.LOCKED: Admin.LOCKED_INSTANTIATION},
    Op.UNLOCK_INSTANTIATION: {Admin.LOCKED_INSTANTIATION: Admin.LOCKED},
    Op.SHUTDOWN: {Admin.UNLOCKED: Admin.SHUTTING_DOWN},
}
"""From which administrative state each operation leads to which."""

RESULT: Final[Mapping[AdminOperation, Admin]] = {
    Op.UNLOCK: Admin.UNLOCKED,
    Op.LOCK: Admin.LOCKED,
    Op.LOCK_INSTANTIATION: Admin.LOCKED_INSTANTIATION,
    Op.UNLOCK_INSTANTIATION: Admin.LOCKED,
    Op.SHUTDOWN: Admin.SHUTTING_DOWN,
}


class Administration:
    """Carries out administrative operations on a model. All raise AisError, and nothing is changed then."""

    def __init__(self, model: Model, escalation: Escalation) -> None:
        self._model = model
        self._escalation = escalation
        self._special: Final[Mapping[AdminOperation, Callable[[Entity, str], None]]] = {
            Op.RESTART: self._restart,
            Op.SG_ADJUST: self._adjust,
            Op.REPAIRED: self._repaired,
        }

    def find(self, operation: AdminOperation, name: str) -> Entity:
        """What kind of entity has this name: a group, unit, service instance, component, node or application.

        A group and its service instance may have one name: then it is the instance that is swapped, else the group.
        """
        model = self._model
        if operation is Op.SI_SWAP and model.instance(name) is not None:
            return Entity.INSTANCE
        if name in model.groups:
            return Entity.GROUP
        if model.unit(name) is not None:
            return Entity.UNIT
        if model.instance(name) is not None:
            return Entity.INSTANCE
        if model.component(name) is not None:
            return Entity.COMPONENT
        if any(node.name == name for node in model.nodes.values()):
            return Entity.NODE
        if any(group.config.application == name for group in model.groups.values()):
            return Entity.APPLICATION
        raise NotExist(f"{name!r} is no group, unit, service instance, component, node or application")

    def operate(self, operation: AdminOperation, entity: Entity, name: str) -> str:
        """saAmfAdminOperationInvoke; gives the unit that a swap makes active.

        Raises NotExist, BadOperation, NoOp, NotSupported.
        """
        swapped_to = ""
        if operation is Op.SI_SWAP:
            swapped_to = self._swap(entity, name)
        elif operation in self._special:
            self._special[operation](entity, name)
        else:
            self._change(operation, entity, name)
        self._model.note(name, f"{operation.name.lower().replace('_', ' ')}, asked for by an administrator")
        return swapped_to

    def _change(self, operation: AdminOperation, entity: Entity, name: str) -> None:
        if entity is Entity.COMPONENT:
            raise NotSupported(f"{_words(operation)}: a component has no administrative state, its unit has")
        if entity is Entity.INSTANCE and operation in (Op.LOCK_INSTANTIATION, Op.UNLOCK_INSTANTIATION):
            raise NotSupported(f"{_words(operation)}: a service instance is never instantiated")
        present = self._admin(entity, name)
        if present is RESULT[operation] and operation is not Op.UNLOCK_INSTANTIATION:
            raise NoOp(f"{name} is {_words(present)} already")
        following = TRANSITIONS[operation].get(present)
        if following is None:
            raise BadOperation(f"{_words(operation)}: {name} is {_words(present)}")
        self._set_admin(entity, name, following)

    def _admin(self, entity: Entity, name: str) -> Admin:
        if entity is Entity.APPLICATION:
            return self._model.applications.get(name, Admin.UNLOCKED)
        state: Admin = self._state(entity, name).admin
        return state

    def _set_admin(self, entity: Entity, name: str, admin: Admin) -> None:
        if entity is Entity.APPLICATION:
            self._model.applications[name] = admin
        else:
            self._state(entity, name).admin = admin

    def _state(self, entity: Entity, name: str):  # type: ignore[no-untyped-def]
        model = self._model
        if entity is Entity.GROUP and name in model.groups:
            return model.groups[name].state
        if entity is Entity.UNIT:
            return self._unit(name).state
        if entity is Entity.INSTANCE:
            return self._instance(name)[1].state
        for node in model.nodes.values():
            if entity is Entity.NODE and node.name == name:
                return node
        raise NotExist(f"there is no {entity.name.lower()} {name!r}")

    def _unit(self, name: str) -> Unit:
        unit = self._model.unit(name)
        if unit is None:
            raise NotExist(f"there is no unit {name!r}")
        return unit

    def _instance(self, name: str) -> tuple[Group, Instance]:
        found = self._model.instance(name)
        if found is None:
            raise NotExist(f"there is no service instance {name!r}")
        return found

    def _restart(self, entity: Entity, name: str) -> None:
        model = self._model
        if entity is Entity.COMPONENT:
            component = model.component(name)
            if component is None or component.state.presence is not Presence.INSTANTIATED:
                raise BadOperation(f"restart: {name} is not instantiated")
            self._escalation.restart(component)
            return
        units = {
            Entity.UNIT: [unit for unit in model.units() if unit.name == name],
            Entity.GROUP: [unit for unit in model.units() if unit.group.name == name],
            Entity.APPLICATION: [unit for unit in model.units() if unit.group.config.application == name],
        }.get(entity)
        if units is None:
            raise NotSupported(f"restart: not for a {entity.name.lower()}")
        for unit in units:
            self._escalation.restart_unit(unit)

    def _swap(self, entity: Entity, name: str) -> str:
        """Lets the best standby be active and the other stand by: for the instance in N-way, else for all they have.

        It is what is wanted from here on; policies keep what they find.
        """
        if entity is not Entity.INSTANCE:
            raise NotSupported(f"swap: for a service instance, not for a {entity.name.lower()}")
        group, instance = self._instance(name)
        if group.config.model in (RedundancyModel.N_WAY_ACTIVE, RedundancyModel.NO_REDUNDANCY):
            raise NotSupported(f"swap: in {group.config.model.name} nobody stands by")
        wanted = instance.state.wanted
        active = [unit for unit, state in wanted.items() if state is HaState.ACTIVE]
        standby = [unit for unit, state in wanted.items() if state is HaState.STANDBY]
        if not standby or not active:
            raise BadOperation(f"swap: nobody stands by for {name}")
        old, new = active[0], standby[0]
        together = (instance,) if group.config.model is RedundancyModel.N_WAY else tuple(group.instances.values())
        for each in together:
            states = each.state.wanted
            was = {unit: states.pop(unit, None) for unit in (old, new)}
            states.update({other: state for other, state in ((new, was[old]), (old, was[new])) if state is not None})
        group.state.pinned = new
        return new

    def _adjust(self, entity: Entity, name: str) -> None:
        if entity is not Entity.GROUP:
            raise NotSupported(f"adjust: for a service group, not for a {entity.name.lower()}")
        group = self._model.groups[name]
        group.state.pinned = ""
        for instance in group.instances.values():
            instance.state.wanted = {}

    def _repaired(self, entity: Entity, name: str) -> None:
        model = self._model
        for node in model.nodes.values():
            if entity is Entity.NODE and node.name == name:
                node.operational, node.failfast = Operational.ENABLED, ""
                node.failovers.clear()
                for unit in model.units():
                    if model.host(unit) == node.node_id:
                        self._repair(unit)
                return
        if entity is Entity.COMPONENT:
            component = model.component(name)
            assert component is not None
            self._repair(component.unit)
        elif entity is Entity.UNIT:
            self._repair(self._unit(name))
        else:
            raise NotSupported(f"repaired: for a node, a unit or a component, not for a {entity.name.lower()}")

    def _repair(self, unit: Unit) -> None:
        unit.state.worn_out = False
        unit.state.operational = Operational.ENABLED
        unit.state.failovers.clear()
        unit.state.restarts.clear()
        for component in unit.components:
            state = component.state
            state.operational, state.attempts, state.delayed = Operational.ENABLED, 0, False
            state.restarts.clear()
            if state.presence in (Presence.INSTANTIATION_FAILED, Presence.TERMINATION_FAILED):
                component.becomes(Presence.UNINSTANTIATED)
                self._escalation.cleaned(component)


def _words(member: Admin | AdminOperation) -> str:
    """As the commands say it."""
    return member.name.lower().replace("_", "-")
