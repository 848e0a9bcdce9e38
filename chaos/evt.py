"""The workload of EVT: many programs on four channels, and at the end one at each node that comes late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chaos.evidence import Evidence
from chaos.evt_check import check
from chaos.evt_events import BULK, CHANNELS
from chaos.workload import Program, Site, Verdict, Workload

PER_SECOND: Final = 5.0
"""Calls of a publisher, with about two events each."""
BULK_EVERY: Final = 6
"""Of so many publishers, and of so many subscribers, one is for large events."""


class EvtWorkload(Workload):
    """20 publishers and 50 subscribers, spread over the nodes; 5 and 15 when small."""

    name = "evt"

    def __init__(self, small: bool = False) -> None:
        super().__init__(small)
        self._publishers, self._subscribers = (5, 15) if small else (20, 50)
        self._nodes = 1

    async def start(self, site: Site) -> None:
        self._nodes = len(site.nodes)

    def programs(self, node: int) -> Iterable[Program]:
        for number in range(node, self._publishers + 1, self._nodes):
            kind = (BULK,) if number % BULK_EVERY == 1 else ()
            arguments = ("-m", "chaos.evt_publisher", str(number), str(PER_SECOND), *kind)
            yield Program(f"publisher-{number}", arguments)
        for number in range(node, self._subscribers + 1, self._nodes):
            channel = CHANNELS[number % (len(CHANNELS) - 1)] if number % BULK_EVERY else BULK
            yield Program(f"subscriber-{number}", ("-m", "chaos.evt_subscriber", str(number), channel))

    async def after_faults(self, site: Site) -> None:
        await site.end(*(f"publisher-{number}" for number in range(1, self._publishers + 1)))
        await site.quiet()
        for node in site.nodes:
            site.start(Program(f"late-{node}", ("-m", "chaos.evt_subscriber", "late")), node)
        for node in site.nodes:
            await site.said(f"late-{node}", "done")

    def check(self, evidence: Evidence) -> Verdict:
        return check(evidence)
