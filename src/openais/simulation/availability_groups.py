"""Service groups of every redundancy model, of plain programs and of SA-aware components, for simulated clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from openais.messages.amf_model import (
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    InstanceConfig,
    Recovery,
    RedundancyModel,
    SponsorConfig,
    UnitConfig,
)

MANY: Final = 1_000_000
LIMIT_NS: Final = 400_000_000
RECOVERIES: Final = (Recovery.COMPONENT_FAILOVER, Recovery.COMPONENT_RESTART)
Model = RedundancyModel


def all_groups(nodes: int) -> tuple[GroupConfig, ...]:
    """A group of each model of SA-aware components, some of plain ones, and one that depends on another."""
    web = _group("web", nodes, Model.TWO_N, kinds=("server",), plain=True)
    shop = _group("shop", nodes, Model.TWO_N, instances=2)
    return (
        web,
        shop,
        _group("pool", nodes, Model.N_PLUS_M, instances=3, active_units=max(1, nodes - 2)),
        _group("mesh", nodes, Model.N_WAY, instances=3),
        _group("farm", nodes, Model.N_WAY_ACTIVE, kinds=("server",), plain=True),
        _group("edge", nodes, Model.N_WAY_ACTIVE, instances=2),
        _group("jobs", nodes, Model.NO_REDUNDANCY, kinds=("job",), plain=True, instances=2),
        _group("desk", nodes, Model.TWO_N, kinds=("desk",), sponsors=("shop-si1",), tolerance_ns=0),
        _group(
            "desks",
            nodes,
            Model.N_PLUS_M,
            kinds=("clerk",),
            instances=2,
            active_units=max(1, nodes - 1),
            capability=Capability.ONE_ACTIVE_OR_Y_STANDBY,
        ),
        _group("till", nodes, Model.TWO_N, kinds=("till",), plain=True, sponsors=("bank-si1", "desk-si1")),
        _group("bank", nodes, Model.N_WAY, kinds=("bank",), sponsors=("shop-si2",), tolerance_ns=700_000_000),
    )


def _group(
    name: str,
    nodes: int,
    model: RedundancyModel,
    kinds: Sequence[str] = ("front", "back"),
    instances: int = 1,
    plain: bool = False,
    sponsors: Sequence[str] = (),
    tolerance_ns: int = 0,
    capability: Capability = Capability.X_ACTIVE_AND_Y_STANDBY,
    **keywords: Any,
) -> GroupConfig:
    """A unit on each node with a component of each kind; every component does a part of every instance, and the first
    is active after the others."""
    units = tuple(
        UnitConfig(
            f"{name}-u{n}",
            tuple(
                _component(f"{name}-{kind}{n}", kind, plain, n + level, level, capability)
                for level, kind in enumerate(kinds)
            ),
            n,
            f"node-{n}",
        )
        for n in range(1, nodes + 1)
    )
    depends_on = tuple(SponsorConfig(each, tolerance_ns) for each in sponsors)
    work = tuple(
        InstanceConfig(f"{name}-si{n}", _parts(f"{name}-si{n}", kinds), n, depends_on) for n in range(1, instances + 1)
    )
    return GroupConfig(name, units, work, model, name, failover_max=MANY, unit_restart_max=2, **keywords)


def _parts(instance: str, kinds: Sequence[str]) -> tuple[CsiConfig, ...]:
    names = [f"{instance}-{kind}" for kind in kinds]
    return tuple(
        CsiConfig(name, kind, (("CSI", name),), tuple(names[1:]) if kind == kinds[0] else ())
        for name, kind in zip(names, kinds, strict=True)
    )


def _component(name: str, kind: str, plain: bool, chosen: int, level: int, capability: Capability) -> ComponentConfig:
    return ComponentConfig(
        name,
        (kind,),
        Capability.NON_PRE_INSTANTIABLE if plain else capability,
        sa_aware=not plain,
        command="program",
        recovery=RECOVERIES[chosen % 2],
        level=level,
        callback_limit_ns=LIMIT_NS,
        quiescing_limit_ns=LIMIT_NS,
        instantiate_limit_ns=LIMIT_NS,
        terminate_limit_ns=LIMIT_NS,
    )
