"""The workload of CKPT: programs on all nodes write and read the same registers, and a scratch checkpoint each.

The cluster has a majority rule, and nothing is written without quorum; so all of it is one history, which must be
linearizable. In the end every replica is dumped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chaos.ckpt_check import check
from chaos.evidence import Evidence
from chaos.workload import Program, Site, Verdict, Workload

PER_SECOND: Final = 20.0
"""Operations of one program."""
CONFIGURATION: Final = """\
ckpt {
    without_quorum: refuse
}
"""


class CkptWorkload(Workload):
    """Four writers on each node, and at the end one at each that dumps its replicas; two when small."""

    name = "ckpt"

    def __init__(self, small: bool = False) -> None:
        super().__init__(small)
        self._writers = 2 if small else 4
        self._names: list[str] = []

    def totem(self, nodes: int) -> Mapping[str, str]:
        return {"quorum": "majority", "expected_votes": str(nodes)}

    def configuration(self, site: Site, node: int) -> str:
        return CONFIGURATION

    def programs(self, node: int) -> Iterable[Program]:
        for number in range(self._writers):
            name = f"writer-{node}-{number}"
            self._names.append(name)
            yield Program(name, ("-m", "chaos.ckpt_writer", str(PER_SECOND)))

    async def after_faults(self, site: Site) -> None:
        await site.end(*dict.fromkeys(self._names))
        await site.quiet()
        for node in site.nodes:
            site.start(Program(f"dump-{node}", ("-m", "chaos.ckpt_writer", "dump")), node)
        for node in site.nodes:
            await site.said(f"dump-{node}", "done")

    def check(self, evidence: Evidence) -> Verdict:
        return check(evidence)
