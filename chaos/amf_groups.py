"""The service groups of the workload of AMF: all redundancy models, SA-aware components and plain programs.

Each group has a unit of two components on every node. In half of the groups the first component is SA-aware; all others
are plain programs. A plain program is told its assignment when it starts, so no unit is active for more than one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chaos.amf_work import CSI, FOLDER, HEALTHCHECK, SHARED

MODELS: Final = {
    "2n": (1, ""),
    "n+m": (2, "active_units: 2\n    standby_units: 1"),
    "n-way": (2, ""),
    "n-way-active": (1, ""),
    "no-redundancy": (3, ""),
}
"""Of each redundancy model: how many service instances a group has, and further keys of it."""
ACTIVES: Final = 3
"""Units that are active for a service instance, in N-way active."""
GROUP: Final = """\
group {{
    name: {name}
    model: {model}
    nodes: {nodes}
    active_max: 1
    component_restart_max: 2
    component_restart_probation: 10s
    failover_max: 1000000
    {keys}
    component {{
        name: {name}.a
        csi_types: a
        {first}
        {every}
    }}
    component {{
        name: {name}.b
        csi_types: b
        {second}
        {every}
    }}
{instances}}}
"""
INSTANCE: Final = """\
    instance {{
        name: {name}
        active_assignments: {actives}
        csi {{
            name: a
            set: {variable} {name}/a
        }}
        csi {{
            name: b
            set: {variable} {name}/b
            {depends}
        }}
    }}
"""
NICE: Final = "nice -n 19"
"""Many programs start at one time: the executives come first."""
AWARE: Final = f"""\
sa_aware: on
        command: {NICE} {sys.executable} -m chaos.amf_aware
        recovery: failover
        healthcheck {{
            key: {HEALTHCHECK}
            period: 1s
            limit: 3s
        }}"""
PLAIN: Final = f"command: {NICE} {sys.executable} -S -m chaos.amf_plain"


@dataclass(frozen=True, slots=True)
class Size:
    """So many groups of each model; of them so many with SA-aware components."""

    groups: int
    aware: int


def configuration(size: Size, nodes: Sequence[int], folder: str) -> str:
    """The text of amf.conf."""
    return "".join(
        _group(f"{model}-{number}", model, nodes, folder, number <= size.aware, number % 2 == 0)
        for model in MODELS
        for number in range(1, size.groups + 1)
    )


def _group(name: str, model: str, nodes: Sequence[int], folder: str, aware: bool, variant: bool) -> str:
    """`variant`: with a cleanup command, failover of plain programs, and parts that depend on one another."""
    count, keys = MODELS[model]
    every = f"environment: {FOLDER} {folder}\n        instantiate_attempts: 5"
    if model == "n-way-active":
        every += f"\n        environment: {SHARED} yes"
    if variant:
        every += "\n        cleanup: /bin/true"
    second = f"{PLAIN}\n        recovery: failover" if variant else PLAIN
    depends = "depends: a" if variant else ""
    instances = "".join(
        INSTANCE.format(name=f"{name}.{number}", actives=ACTIVES, depends=depends, variable=CSI)
        for number in range(1, count + 1)
    )
    return GROUP.format(
        name=name,
        model=model,
        nodes=", ".join(f"node-{node}" for node in nodes),
        keys=keys,
        first=AWARE if aware else PLAIN,
        second=second,
        every=every,
        instances=instances,
    )
