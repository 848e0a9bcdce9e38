"""The workload of AMF: service groups of all redundancy models, run by the executives; and their components are hurt.

The programs are none of the run's own: AMF runs them. They are known by their environment, and by their journals. What
AMF says in the end, and which processes there are then, is written into `outcome.journal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from chaos.amf_check import OUTCOME, check
from chaos.amf_groups import Size, configuration
from chaos.amf_work import COMPONENT, FOLDER, LOCKS
from chaos.evidence import Evidence
from chaos.journal import Journal
from chaos.schedule import Kind
from chaos.workload import Program, Site, Verdict, Workload
from openais.amf import AsyncAmf
from openais.config.amf import read_amf
from openais.types import AisError

CONFIGURATION: Final = "amf {\n    fence: 5000\n}\n"
LASTS_S: Final = {
    Kind.KILL_EXECUTIVE: (0.0, 12.0),
    Kind.PARTITION: (0.5, 12.0),
    Kind.STOP_EXECUTIVE: (0.2, 4.0),
}
"""Longer than the fence, so that work is taken over; but an executive that stands still is let go on before."""
HURT_MAX: Final = 5
STOPPED_S: Final = (0.5, 5.0)
PATIENCE_S: Final = 120.0
GONE_S: Final = 20.0
LOOK_S: Final = 0.25


class AmfWorkload(Workload):
    """20 groups of 200 components, 50 of them SA-aware; 5 groups of 50, 25 of them SA-aware, when small."""

    name = "amf"
    token_ms = 1000  # a hundred programs start at one time, on as many processors as there are
    lasts_s = LASTS_S

    def __init__(self, small: bool = False) -> None:
        super().__init__(small)
        self._size = Size(1, 1) if small else Size(4, 2)

    def totem(self, nodes: int) -> Mapping[str, str]:
        return {"quorum": "majority", "expected_votes": str(nodes)}

    def configuration(self, site: Site, node: int) -> str:
        return CONFIGURATION

    async def start(self, site: Site) -> None:
        (site.folder / LOCKS).mkdir()
        text = configuration(self._size, site.nodes, str(site.folder.resolve()))
        (site.folder / "amf.conf").write_text(text)
        outcome = Journal(site.folder / OUTCOME)
        async with AsyncAmf.open(site.socket(site.nodes[0]), timeout=PATIENCE_S) as amf:
            outcome.note("applies")
            await amf.apply(read_amf(text.encode(), "amf.conf"), retry=True)
        await _all_assigned(site)
        outcome.note("began")

    def programs(self, node: int) -> Iterable[Program]:
        return ()

    async def hurt(self, site: Site, chance: random.Random) -> None:
        """Some components are killed, or stopped for a while."""
        found = sorted(await asyncio.to_thread(processes, site.folder))
        chosen = chance.sample(found, min(len(found), chance.randint(1, HURT_MAX)))
        if chance.random() < 0.5:
            _send(chosen, signal.SIGKILL)
        else:
            _send(chosen, signal.SIGSTOP)
            await asyncio.sleep(chance.uniform(*STOPPED_S))
            _send(chosen, signal.SIGCONT)

    async def after_faults(self, site: Site) -> None:
        outcome = Journal(site.folder / OUTCOME)
        try:
            state = await _all_assigned(site)
        except TimeoutError as error:
            outcome.note("unassigned", str(error))
            return
        outcome.note("assigned")
        known: dict[int, str] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE_S):
                while (known := _known(state)) != await asyncio.to_thread(processes, site.folder):
                    await asyncio.sleep(LOOK_S)
                    state = await _all_assigned(site)
        outcome.note("looked")
        for process_id, name in known.items():
            outcome.note("known", name, process_id)
        for process_id, name in processes(site.folder).items():
            outcome.note("alive", name, process_id)
        for component in _components(state):
            for csi, ha_state in component["assignments"].items():
                outcome.note("holds", component["name"], component["process_id"], csi, ha_state)

    async def ended(self, site: Site) -> None:
        """What components run though no executive does."""
        outcome = Journal(site.folder / OUTCOME)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GONE_S):
                while await asyncio.to_thread(processes, site.folder):
                    await asyncio.sleep(LOOK_S)
        for process_id, name in processes(site.folder).items():
            outcome.note("left", name, process_id)
            _send([process_id], signal.SIGKILL)
        outcome.note("ended")

    def check(self, evidence: Evidence) -> Verdict:
        return check(evidence)


def processes(folder: Path) -> dict[int, str]:
    """The components that run, with all that they have begun: names by process id."""
    mark = f"{FOLDER}={folder.resolve()}"
    found = {}
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            variables = path.read_bytes().decode(errors="replace").split("\0")
            if mark in variables:
                name = next(each for each in variables if each.startswith(f"{COMPONENT}="))
                found[int(path.parent.name)] = name.partition("=")[2]
    return found


def _send(process_ids: Iterable[int], number: signal.Signals) -> None:
    for process_id in process_ids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, number)


async def _all_assigned(site: Site) -> dict[str, Any]:
    """Waits until all service instances are fully assigned, and all nodes say so alike. Raises TimeoutError."""
    states: list[dict[str, Any]] = []
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_S:
        with contextlib.suppress(AisError):
            states = [await _state(site.socket(node)) for node in site.nodes]
            if all(state == states[0] for state in states) and not any(_unfinished(states[0])):
                return states[0]
        await asyncio.sleep(LOOK_S)
    differ = [node for node, state in zip(site.nodes, states, strict=False) if state != states[0]]
    missing = list(_unfinished(states[0])) if states else ["no node answers"]
    raise TimeoutError(f"after {PATIENCE_S:.0f} s: {missing[:10]}; nodes that differ from the first: {differ}")


async def _state(socket: Path) -> dict[str, Any]:
    async with AsyncAmf.open(socket) as amf:
        return await amf.state(retry=True)


def _unfinished(state: dict[str, Any]) -> Iterable[str]:
    """The service instances that are not fully assigned, and the components that have not done what they were told."""
    for group in state["groups"]:
        yield from (each["name"] for each in group["instances"] if each["assignment"] != "fully-assigned")
    yield from (f"{each['name']} {each['pending']}" for each in _components(state) if each["pending"])


def _components(state: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (each for group in state["groups"] for unit in group["units"] for each in unit["components"])


def _known(state: dict[str, Any]) -> dict[int, str]:
    return {each["process_id"]: each["name"] for each in _components(state) if each["process_id"]}
