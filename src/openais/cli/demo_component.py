"""The SA-aware component of the demo: it counts as long as it is active, and keeps the count in a checkpoint.

python -m openais.cli.demo_component, started by AMF
"""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import AsyncExitStack
from typing import Final

from openais import amf
from openais.ckpt import EVERYTHING, AsyncCkpt, creation_attributes
from openais.types import NotExist

CHECKPOINT: Final = "demo counter"
SECTION: Final = "count"
PAUSE_S: Final = 0.002
TIMEOUT_S: Final = 20.0


class Counter(amf.Component):
    """Writes `COUNT NODE` into the checkpoint, again and again."""

    counting: asyncio.Task[None] | None = None

    async def become_active(self, csi: amf.CsiSet) -> None:
        self.counting = asyncio.create_task(self.count())

    async def quiesce(self, csi: amf.CsiSet) -> None:
        if self.counting is not None:
            self.counting.cancel()

    async def remove(self, csi: str) -> None:
        if self.counting is not None:
            self.counting.cancel()

    async def count(self) -> None:
        """Goes on where the checkpoint stands."""
        async with AsyncExitStack() as stack:
            ckpt = await stack.enter_async_context(AsyncCkpt.open(timeout=TIMEOUT_S))
            kept = creation_attributes(retention=math.inf)
            opened = await ckpt.open_checkpoint(CHECKPOINT, EVERYTHING, kept, retry=True)
            checkpoint = await stack.enter_async_context(opened)
            try:
                count = int(bytes(await checkpoint.read(SECTION, retry=True)).split()[0])
            except NotExist:
                count = 0
            while True:
                count += 1
                await checkpoint.put(SECTION, f"{count} {os.environ['DEMO_NODE']}".encode(), retry=True)
                await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    asyncio.run(Counter().run())
