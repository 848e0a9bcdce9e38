"""An SA-aware component: counts as long as it is active, and says so.

type {
    name: counter
    sa_aware: on
    command: /usr/bin/env python3 counting.py
    recovery: failover
}
group {
    name: count
    nodes: alpha, beta
    component {
        name: counter
        type: counter
    }
}
"""

from __future__ import annotations

import asyncio

from openais import amf


class Counter(amf.Component):
    """Counts."""

    async def become_active(self, csi: amf.CsiSet) -> None:
        self.counting = asyncio.create_task(self.count(csi.csi))

    async def become_standby(self, csi: amf.CsiSet) -> None:
        print(f"{self.name} stands by for {csi.csi}", flush=True)

    async def quiesce(self, csi: amf.CsiSet) -> None:
        self.counting.cancel()
        print(f"{self.name} has quiesced {csi.csi}", flush=True)

    async def count(self, work: str) -> None:
        number = 0
        while True:
            print(f"{self.name} counts {number} for {work}", flush=True)
            number += 1
            await asyncio.sleep(1.0)


if __name__ == "__main__":
    asyncio.run(Counter().run())
