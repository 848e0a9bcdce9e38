"""Faults, done to a cluster: each one begins, lasts, and is mended."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Sequence

from chaos.cluster import ClusterSite
from chaos.evidence import Fault
from chaos.schedule import PROGRAM_KINDS, Kind, Planned
from chaos.workload import Workload


async def perform(site: ClusterSite, workload: Workload, plan: Sequence[Planned]) -> None:
    """Does all that is planned, each in its time, and returns when all has ended."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as faults:
        for planned in plan:
            faults.create_task(_at(began, site, workload, planned))


async def mend(site: ClusterSite) -> None:
    """Whatever was done is undone: every link, every executive, every program."""
    await asyncio.to_thread(site.network.mend)
    await asyncio.to_thread(site.network.lose, 0)
    for node, executive in site.executives.items():
        if executive.process is None or executive.process.returncode is not None:
            await executive.start()
            site.down.discard(node)
        executive.signal(signal.SIGCONT)
    for resident in site.residents.values():
        resident.signal(signal.SIGCONT)
        resident.may_live.set()


async def _at(began: float, site: ClusterSite, workload: Workload, planned: Planned) -> None:
    await asyncio.sleep(began + planned.at_s - time.monotonic())
    at = time.monotonic()
    if planned.kind is Kind.OWN:
        await workload.hurt(site, random.Random(planned.at_s))
    else:
        await _begin(site, planned)
        await asyncio.sleep(max(0.0, at + planned.lasts_s - time.monotonic()))
        await _end(site, planned)
    fault = Fault(planned.kind, at, time.monotonic(), planned.nodes, planned.programs, planned.percent)
    site.history.note(fault)


async def _begin(site: ClusterSite, planned: Planned) -> None:
    if planned.kind in PROGRAM_KINDS:
        for name in planned.programs:
            resident = site.residents[name]
            if planned.kind is Kind.KILL_PROGRAM:
                resident.may_live.clear()
                resident.kill()
            else:
                resident.signal(signal.SIGSTOP)
    elif planned.kind is Kind.PARTITION:
        await asyncio.to_thread(site.network.part, planned.nodes)
    elif planned.kind is Kind.LOSS:
        await asyncio.to_thread(site.network.lose, planned.percent)
    else:
        for node in planned.nodes:
            if planned.kind is Kind.KILL_EXECUTIVE:
                site.down.add(node)
                await site.executives[node].kill()
            else:
                site.executives[node].signal(signal.SIGSTOP)


async def _end(site: ClusterSite, planned: Planned) -> None:
    if planned.kind in PROGRAM_KINDS:
        for name in planned.programs:
            resident = site.residents[name]
            resident.may_live.set()
            resident.signal(signal.SIGCONT)
    elif planned.kind is Kind.PARTITION:
        await asyncio.to_thread(site.network.mend)
    elif planned.kind is Kind.LOSS:
        await asyncio.to_thread(site.network.lose, 0)
    else:
        for node in planned.nodes:
            if planned.kind is Kind.KILL_EXECUTIVE:
                await site.executives[node].start()
                site.down.discard(node)
            else:
                site.executives[node].signal(signal.SIGCONT)
