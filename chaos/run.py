"""One run: a cluster, a workload, faults, and then peace; what was written down is judged afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import lab
from benchmarks.executives import HERE, Executive, Tree, executives

from chaos.cluster import ClusterSite, watched
from chaos.evidence import Evidence, History, Remark
from chaos.faults import mend, perform
from chaos.rings import Configured
from chaos.schedule import LASTS_S, Kind, Planned, schedule
from chaos.workload import Verdict, Workload

TOOLS: Final = ("nft",)
"""What a laboratory needs besides, for packets that get lost."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for."""

    seed: int
    seconds: float
    nodes: int
    kinds: tuple[Kind, ...]
    token_ms: int


def obstacle() -> str:
    """Why no run can be made here, in words; empty when nothing is in the way."""
    return lab.obstacle(*TOOLS)


async def run(options: Options, workload: Workload, folder: Path) -> None:
    """Does everything; what is to be known of it is in `folder` when this returns, or raises."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    totem = {"token": str(options.token_ms), **workload.totem(options.nodes)}
    with lab.made(options.nodes) as network, History(folder) as history:
        async with executives(Tree("this", HERE), options.nodes, totem, start=False, lab=network) as nodes:
            site = ClusterSite(network, nodes, history)
            for node in nodes:
                with node.configuration.open("a") as configuration:
                    configuration.write(workload.configuration(site, node.number))
            try:
                for node in nodes:
                    await node.start()
                async with watched(site):
                    await _run_watched(site, workload, options)
            finally:
                _keep_logs(nodes, folder)
        await workload.ended(site)


async def _run_watched(site: ClusterSite, workload: Workload, options: Options) -> None:
    await site.settled()
    await workload.start(site)
    for node in site.nodes:
        for program in workload.programs(node):
            site.start(program, node)
    await site.lived_in()
    await perform(site, workload, _plan(site, workload, options))
    await mend(site)
    try:
        await site.settled()
        await workload.after_faults(site)
    except TimeoutError as error:
        site.history.note(Remark(time.monotonic(), f"after all was mended: {error}"))
    await site.end_all()


def _plan(site: ClusterSite, workload: Workload, options: Options) -> list[Planned]:
    has_own = type(workload).hurt is not Workload.hurt
    kinds = [kind for kind in options.kinds if has_own or kind is not Kind.OWN]
    lasts_s = {**LASTS_S, **workload.lasts_s}
    return schedule(options.seed, options.seconds, site.nodes, tuple(site.residents), kinds, lasts_s)


def judge(workload: Workload, folder: Path) -> Verdict:
    """What was wrong in the run of which `folder` is left, and the figures of faults, rings and memory with it."""
    evidence = Evidence.read(folder)
    verdict = workload.check(evidence)
    verdict.violations[:0] = [remark.text for remark in evidence.remarks]
    verdict.figures = {**_figures(evidence), **verdict.figures}
    return verdict


def _figures(evidence: Evidence) -> dict[str, float]:
    kinds = Counter(fault.kind for fault in evidence.faults)
    rings = {
        event.ring
        for events in evidence.rings.values()
        for event in events
        if isinstance(event, Configured) and not event.transitional
    }
    figures: dict[str, float] = {"faults": len(evidence.faults)}
    figures |= {f"faults: {kind}": kinds[kind] for kind in Kind if kinds[kind]}
    figures["rings"] = len(rings)
    figures["lives of programs"] = len(evidence.lives)
    figures["largest executive, MiB"] = round(max((sample.mib for sample in evidence.samples), default=0.0), 1)
    return figures


def _keep_logs(nodes: list[Executive], folder: Path) -> None:
    for node in nodes:
        with contextlib.suppress(FileNotFoundError):
            shutil.copy(node.log, folder / f"executive-{node.number}.log")


def run_and_judge(options: Options, workload: Workload, folder: Path) -> Verdict:
    """Both. Raises KeyboardInterrupt or CancelledError, for SIGINT and SIGTERM, once everything is ended."""
    asyncio.run(run(options, workload, folder))
    return judge(workload, folder)
