"""One configuration after another: what has not changed goes on undisturbed, what is no longer there ends in order.

A unit that is not configured any more, or that is to run something else, is `leaving`: as if it were locked for
instantiation, it gives its work to others, is terminated, and only then gone, or as it is configured now. A service
instance whose parts have changed is `stale`: it is given up everywhere, and then assigned again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from openais.messages.amf_model import ComponentConfig, GroupConfig, InstanceConfig, ModelConfig, Presence, UnitConfig
from openais.messages.amf_state import ComponentState, GroupState, UnitState
from openais.services.amf.model import Group, Unit

DOWN: Final = (Presence.UNINSTANTIATED, Presence.INSTANTIATION_FAILED)
ON_THE_FLY: Final = (
    "types",
    "terminate",
    "cleanup",
    "am_start",
    "am_stop",
    "instantiate_limit_ns",
    "terminate_limit_ns",
    "cleanup_limit_ns",
    "callback_limit_ns",
    "quiescing_limit_ns",
    "instantiate_attempts",
    "instantiate_delayed_attempts",
    "instantiate_delay_ns",
    "level",
    "restart",
    "recovery",
    "active_max",
    "standby_max",
    "type_limits",
    "healthchecks",
)
"""What of a component may change while it runs; anything else is another program."""


def replaced(old: Mapping[str, Group], config: ModelConfig) -> list[Group]:
    """The groups of a new configuration, with what is still to end of the old one."""
    groups = [_group(each, old.get(each.name)) for each in config.groups]
    names = {group.name for group in groups}
    kept = {component for group in groups for component in group.components}
    for group in old.values():
        leaving = [unit for unit in group.units.values() if not is_down(unit) and not kept & _names(unit.config)]
        if group.name not in names and leaving:
            for unit in leaving:
                unit.state.leaving, unit.state.following = True, None
            units = tuple(unit.config for unit in leaving)
            group.configure(msgspec.structs.replace(group.config, units=units, instances=()))
            groups.append(group)
    return groups


def _group(config: GroupConfig, old: Group | None) -> Group:
    if old is None:
        return Group(config, GroupState(config.name))
    units = []
    for unit in config.units:
        known = old.units.get(unit.name)
        if known is not None and not is_down(known) and runs_otherwise(known.config, unit):
            known.state.leaving, known.state.following = True, unit
            units.append(known.config)
        else:
            if known is not None:
                known.state.leaving, known.state.following = False, None
            units.append(unit)
    names = {unit.name for unit in units}
    components = {name for unit in units for name in _names(unit)}
    for known in old.units.values():
        if known.name not in names and not is_down(known) and not components & _names(known.config):
            known.state.leaving, known.state.following = True, None
            units.append(known.config)
    for instance in config.instances:
        before = old.instances.get(instance.name)
        if before is not None and parts_changed(before.config, instance):
            before.state.stale = True
    old.configure(msgspec.structs.replace(config, units=tuple(units)))
    return old


def retire(group: Group) -> bool:
    """Lets go of units that are leaving and down, or takes them as they are configured now; whether there was any."""
    gone = [unit for unit in group.units.values() if unit.state.leaving and is_down(unit)]
    if not gone:
        return False
    for unit in gone:
        unit.state.leaving = False
        for component in unit.components:
            component.state = ComponentState(component.name, generation=component.state.generation)
    following = {unit.name: unit.state.following for unit in gone}
    units = (following.get(unit.name, unit.config) for unit in group.units.values())
    group.state.components = [each.state for unit in group.units.values() for each in unit.components]
    group.configure(msgspec.structs.replace(group.config, units=tuple(unit for unit in units if unit is not None)))
    for unit in group.units.values():
        unit.state.following = None if unit.name in following else unit.state.following
    return True


def is_down(unit: Unit) -> bool:
    """Whether nothing of a unit runs, or can be left of it."""
    return not unit.state.fenced and all(
        each.state.presence in DOWN and each.free and not each.state.csis for each in unit.components
    )


def runs_otherwise(old: UnitConfig, new: UnitConfig) -> bool:
    """Whether what runs as the old one is not what is to run as the new one."""
    if old.node != new.node or len(old.components) != len(new.components):
        return True
    return any(not _same(before, after) for before, after in zip(old.components, new.components, strict=True))


def _same(before: ComponentConfig, after: ComponentConfig) -> bool:
    harmless = {name: getattr(after, name) for name in ON_THE_FLY}
    return msgspec.structs.replace(before, **harmless) == after


def parts_changed(before: InstanceConfig, after: InstanceConfig) -> bool:
    """Whether a part that both have is another one now."""
    known = {csi.name: csi for csi in before.csis}
    return any(known.get(csi.name, csi) != csi for csi in after.csis)


def _names(unit: UnitConfig) -> set[str]:
    return {each.name for each in unit.components}


def leave(state: UnitState, known: UnitConfig, config: UnitConfig) -> UnitConfig:
    """The configuration of a unit that runs as `known`, where `config` is in force."""
    if runs_otherwise(known, config):
        state.leaving, state.following = True, config
        return known
    return config
