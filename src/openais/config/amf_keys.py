"""The sections and keys of amf.conf, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from openais.messages.amf_model import FOR_EVER, Capability, Recovery, RedundancyModel, TypeLimit
from openais.types import NAME_LENGTH_MAX

_UNITS_NS: Final = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be: `read` gives it or raises ValueError; `expected` completes "expected …"."""

    expected: str
    read: Callable[[str], Any]


def _duration(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,12})\s*(ms|s|m|h)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time")
    return int(match[1]) * _UNITS_NS[match[2]]


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > FOR_EVER:
        raise ValueError(f"{text!r} is not a whole number from 0 to {FOR_EVER}")
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in ("on", "off", "yes", "no"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text.lower() in ("on", "yes")


def _name(text: str) -> str:
    if not text or len(text.encode()) > NAME_LENGTH_MAX or "/" in text:
        raise ValueError(f"{text!r} cannot be a name")
    return text


def _csi_name(text: str) -> str:
    if not text or len(text.encode()) > NAME_LENGTH_MAX:
        raise ValueError(f"{text!r} cannot be the name of a component service instance")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(_name(each) for each in re.split(r"[,\s]+", text.strip()) if each)


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition(" ")
    if not re.fullmatch(r"\w+", name):
        raise ValueError(f"{text!r} does not begin with a name")
    return name, value.strip()


def _limit(text: str) -> TypeLimit:
    words = text.split()
    if len(words) != 3:
        raise ValueError(f"{text!r} is not a type and two numbers")
    return TypeLimit(_name(words[0]), _count(words[1]), _count(words[2]))


def _command(text: str) -> str:
    if not text or len(text) > 4096:
        raise ValueError("a command of 1 to 4096 characters")
    return text


def _choice(words: Mapping[str, Any]) -> Kind:
    def read(text: str) -> Any:
        word = text.lower().replace("_", "-")
        if word not in words:
            raise ValueError(f"{text!r} is not one of the choices")
        return words[word]

    known = list(words)
    return Kind(" or ".join((", ".join(known[:-1]), known[-1])), read)


DURATION: Final = Kind("a time such as 250ms, 5s or 2m", _duration)
COUNT: Final = Kind("a whole number", _count)
SWITCH: Final = Kind("on or off", _switch)
NAME: Final = Kind(f"a name of at most {NAME_LENGTH_MAX} bytes without a slash", _name)
CSI_NAME: Final = Kind("a component service instance, such as `instance/csi`", _csi_name)
NAMES: Final = Kind("names, separated by commas", _names)
PAIR: Final = Kind("a name and a value, such as `PORT 8080`", _pair)
COMMAND: Final = Kind("a command line", _command)
MODELS: Final = _choice(
    {
        "2n": RedundancyModel.TWO_N,
        "n+m": RedundancyModel.N_PLUS_M,
        "nplusm": RedundancyModel.N_PLUS_M,
        "n-way": RedundancyModel.N_WAY,
        "nway": RedundancyModel.N_WAY,
        "n-way-active": RedundancyModel.N_WAY_ACTIVE,
        "nwayactive": RedundancyModel.N_WAY_ACTIVE,
        "no-redundancy": RedundancyModel.NO_REDUNDANCY,
        "noredundancy": RedundancyModel.NO_REDUNDANCY,
    }
)
CAPABILITIES: Final = _choice(
    {
        "x-active-and-y-standby": Capability.X_ACTIVE_AND_Y_STANDBY,
        "x-active-or-y-standby": Capability.X_ACTIVE_OR_Y_STANDBY,
        "1-active-or-y-standby": Capability.ONE_ACTIVE_OR_Y_STANDBY,
        "1-active-or-1-standby": Capability.ONE_ACTIVE_OR_ONE_STANDBY,
        "x-active": Capability.X_ACTIVE,
        "1-active": Capability.ONE_ACTIVE,
        "non-pre-instantiable": Capability.NON_PRE_INSTANTIABLE,
    }
)
RECOVERIES: Final = _choice(
    {
        "restart": Recovery.COMPONENT_RESTART,
        "failover": Recovery.COMPONENT_FAILOVER,
        "node-switchover": Recovery.NODE_SWITCHOVER,
        "node-failover": Recovery.NODE_FAILOVER,
        "node-failfast": Recovery.NODE_FAILFAST,
        "application-restart": Recovery.APPLICATION_RESTART,
        "cluster-reset": Recovery.CLUSTER_RESET,
    }
)

LIMIT: Final = Kind("a type and two numbers, such as `http 1 4`: active and standby parts", _limit)
COMPONENT: Final[Mapping[str, Kind]] = {
    "command": COMMAND,
    "instantiate": COMMAND,
    "terminate": COMMAND,
    "cleanup": COMMAND,
    "am_start": COMMAND,
    "am_stop": COMMAND,
    "directory": COMMAND,
    "sa_aware": SWITCH,
    "capability": CAPABILITIES,
    "recovery": RECOVERIES,
    "restart": SWITCH,
    "level": COUNT,
    "active_max": COUNT,
    "standby_max": COUNT,
    "instantiate_limit": DURATION,
    "terminate_limit": DURATION,
    "cleanup_limit": DURATION,
    "callback_limit": DURATION,
    "quiescing_limit": DURATION,
    "instantiate_attempts": COUNT,
    "instantiate_delayed_attempts": COUNT,
    "instantiate_delay": DURATION,
    "proxy_csi": CSI_NAME,
}
"""What a component and a component type may say, besides name, type and those that may be repeated."""

GROUP: Final[Mapping[str, Kind]] = {
    "model": MODELS,
    "application": NAME,
    "active_units": COUNT,
    "standby_units": COUNT,
    "in_service_units": COUNT,
    "assigned_units": COUNT,
    "active_max": COUNT,
    "standby_max": COUNT,
    "auto_adjust": SWITCH,
    "auto_adjust_probation": DURATION,
    "auto_repair": SWITCH,
    "balance": SWITCH,
    "component_restart_max": COUNT,
    "component_restart_probation": DURATION,
    "unit_restart_max": COUNT,
    "unit_restart_probation": DURATION,
    "failover_max": COUNT,
    "failover_probation": DURATION,
}
NODE: Final[Mapping[str, Kind]] = {
    "auto_repair": SWITCH,
    "failfast_on_instantiation_failure": SWITCH,
    "failfast_on_termination_failure": SWITCH,
    "failover_max": COUNT,
    "failover_probation": DURATION,
}
INSTANCE: Final[Mapping[str, Kind]] = {"rank": COUNT, "active_assignments": COUNT, "standby_assignments": COUNT}

ALIASES: Final[Mapping[str, str]] = {
    "backup_units": "standby_units",
    "preferred_active_units": "active_units",
    "preferred_standby_units": "standby_units",
    "preferred_in_service_units": "in_service_units",
    "preferred_assigned_units": "assigned_units",
    "maximum_active_instances": "active_max",
    "maximum_standby_instances": "standby_max",
}
"""The seed's names of keys of a group."""

SECTIONS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "": (frozenset(), frozenset(("cluster", "group", "type", "node", "node_group"))),
    "cluster": (frozenset(("startup",)), frozenset()),
    "node": (frozenset((*NODE, "name", "set")), frozenset()),
    "node_group": (frozenset(("name", "nodes", "where")), frozenset()),
    "type": (frozenset((*COMPONENT, "name", "type", "environment", "limit", "csi_types")), frozenset(("healthcheck",))),
    "group": (
        frozenset((*GROUP, *ALIASES, "name", "nodes")),
        frozenset(("component", "unit", "instance", "protection")),
    ),
    "unit": (frozenset(("name", "node", "rank")), frozenset(("component",))),
    "component": (
        frozenset((*COMPONENT, "name", "type", "environment", "limit", "model", "csi_types")),
        frozenset(("healthcheck",)),
    ),
    "healthcheck": (frozenset(("key", "period", "limit")), frozenset()),
    "instance": (frozenset((*INSTANCE, "name", "depends")), frozenset(("csi",))),
    "csi": (frozenset(("name", "type", "depends", "set", "protection_group")), frozenset()),
    "protection": (frozenset(("name", "member")), frozenset()),
}
"""Of each section: its keys, and the sections within it."""

REPEATED: Final = frozenset(("environment", "limit", "set", "member", "where"))
"""Keys that may be given more than once."""
