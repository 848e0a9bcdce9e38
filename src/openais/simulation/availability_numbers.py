"""How many units must be active and stand by for a service instance, from the configuration alone.

This says in a few lines what each redundancy model promises of numbers, without a word on which unit it is: the
policies decide that, and are checked against this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from openais.messages.amf_model import Capability, GroupConfig, HaState, InstanceConfig, RedundancyModel, UnitConfig

Assigned = Mapping[str, Mapping[str, HaState]]
"""By service instance: what units have of it."""


def expected_numbers(
    group: GroupConfig, ready: Sequence[UnitConfig], served: Sequence[InstanceConfig], assigned: Assigned
) -> Iterator[str]:
    """What is too few or too many, given the units in service and the instances that are to be assigned."""
    actives = {each.name: _units(assigned, each.name, HaState.ACTIVE) for each in served}
    standbys = {each.name: _units(assigned, each.name, HaState.STANDBY) for each in served}
    yield from _count(group, "active", sum(map(len, actives.values())), _actives(group, ready, served))
    plain = any(not each.sa_aware for unit in group.units for each in unit.components)
    if not plain:  # who does not run does not know that it stands by
        found = sum(map(len, standbys.values()))
        yield from _count(group, "standby", found, _standbys(group, ready, served, actives, standbys))
    yield from _roles(group, actives, standbys)
    for name, states in assigned.items():
        left = [unit for unit, state in states.items() if state in (HaState.QUIESCED, HaState.QUIESCING)]
        if left:
            yield f"{name} is still quiesced on {', '.join(left)}"


def _units(assigned: Assigned, instance: str, state: HaState) -> list[str]:
    return [unit for unit, each in assigned.get(instance, {}).items() if each is state]


def _count(group: GroupConfig, what: str, found: int, expected: int) -> Iterator[str]:
    if found != expected:
        yield f"group {group.name} has {found} {what} assignments, not {expected}"


def _actives(group: GroupConfig, ready: Sequence[UnitConfig], served: Sequence[InstanceConfig]) -> int:
    """The active assignments that there must be; units take what their components and the group allow."""
    room = [min(group.active_max, active_room(unit, served)) for unit in ready]
    if group.model is RedundancyModel.TWO_N:
        return len(served) if any(each >= len(served) for each in room) else min(len(served), max(room, default=0))
    if group.model is RedundancyModel.N_PLUS_M:
        return min(len(served), sum(room[: group.active_units]))
    if group.model is RedundancyModel.N_WAY:
        return min(len(served), sum(room))
    if group.model is RedundancyModel.NO_REDUNDANCY:
        return min(len(served), len([each for each in room if each]))
    return sum(min(each.active_assignments or len(ready), len(ready)) for each in served)


def _standbys(
    group: GroupConfig,
    ready: Sequence[UnitConfig],
    served: Sequence[InstanceConfig],
    actives: Mapping[str, Sequence[str]],
    standbys: Mapping[str, Sequence[str]],
) -> int:
    """The standby assignments that there must be, in groups whose units are alike and take all."""
    if not all(stands_by(unit) for unit in group.units):
        return 0
    has_active = [each for each in served if actives[each.name]]
    if group.model is RedundancyModel.TWO_N:
        return len(has_active) if len(ready) > 1 else 0
    if group.model is RedundancyModel.N_PLUS_M:
        spare = min(group.standby_units, max(0, len(ready) - max(1, group.active_units)))
        return min(len(has_active), spare * group.standby_max)
    if group.model is RedundancyModel.N_WAY:
        if not all(mixes(unit) for unit in group.units):
            return sum(1 for units in standbys.values() for _ in units)  # it depends on who is active
        return sum(min(each.standby_assignments, len(ready) - 1) for each in has_active)
    return 0


def _roles(
    group: GroupConfig, actives: Mapping[str, Sequence[str]], standbys: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    active = {unit for units in actives.values() for unit in units}
    standby = {unit for units in standbys.values() for unit in units}
    if group.model is not RedundancyModel.N_WAY_ACTIVE:
        yield from (f"{name} is active on {', '.join(units)}" for name, units in actives.items() if len(units) > 1)
    if group.model is RedundancyModel.TWO_N and max(len(active), len(standby)) > 1:
        yield f"group {group.name}: {sorted(active)} are active and {sorted(standby)} stand by, in 2N"
    if group.model in (RedundancyModel.TWO_N, RedundancyModel.N_PLUS_M) and active & standby:
        yield f"group {group.name}: {sorted(active & standby)} are active and stand by"


def active_room(unit: UnitConfig, served: Iterable[InstanceConfig]) -> int:
    """How many service instances, each of the same types, the components of a unit can be active for."""
    types = [csi.type for instance in list(served)[:1] for csi in instance.csis]
    if not types:
        return 0
    rooms = []
    for kind in set(types):
        room = sum(_active_max(each.capability, each.active_max) for each in unit.components if kind in each.types)
        rooms.append(room // types.count(kind))
    return min(rooms)


def mixes(unit: UnitConfig) -> bool:
    """Whether all components of a unit can be active and standby at a time."""
    both = (Capability.X_ACTIVE_AND_Y_STANDBY, Capability.NON_PRE_INSTANTIABLE)
    return all(each.capability in both for each in unit.components)


def stands_by(unit: UnitConfig) -> bool:
    """Whether all components of a unit can stand by."""
    return all(each.capability not in (Capability.X_ACTIVE, Capability.ONE_ACTIVE) for each in unit.components)


def _active_max(capability: Capability, configured: int) -> int:
    one = (
        Capability.ONE_ACTIVE,
        Capability.ONE_ACTIVE_OR_ONE_STANDBY,
        Capability.ONE_ACTIVE_OR_Y_STANDBY,
        Capability.NON_PRE_INSTANTIABLE,
    )
    return 1 if capability in one else configured
