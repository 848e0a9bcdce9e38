"""The scenes of the demo in which a counter survives its node."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import AsyncExitStack, suppress

from openais.ckpt import EVERYTHING, READ_WRITE, AsyncCheckpoint, AsyncCkpt, creation_attributes
from openais.cli.demo_ensemble import Ensemble
from openais.cli.demo_witness import PATIENCE_S, Witness
from openais.types import AisError, LibraryError

NAME = "demo counter"
SECTION = "count"
COUNTS = 20
"""How far it has counted before its node may die, and how far it counts afterwards."""
PAUSE_S = 0.002


class Counter:
    """A program that counts, and keeps the count in a checkpoint."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self._stage = ensemble.stage
        self._answered = 0
        """The last count of which the program was told that every node has it."""
        self._far_enough = asyncio.Event()
        self._counting: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """It counts at the last node, and goes on until that dies. Raises ClaimFailed."""
        witness = self._ensemble.witnesses[-1]
        self._stage.scene("A counter", f"A program at {witness.node.name} counts, and keeps the count (CKPT).")
        self._counting = asyncio.create_task(self._count_until_dead(witness))
        async with asyncio.timeout(PATIENCE_S):
            await self._far_enough.wait()
        self._stage.say(f"it has counted to {self._answered}, each count written to all nodes, and goes on")

    async def take_over(self) -> None:
        """Its node is dead; another program goes on at another one. Raises ClaimFailed."""
        witness = self._ensemble.witnesses[0]
        self._stage.scene("The counter goes on", f"Its node is dead; a program at {witness.node.name} takes over.")
        assert self._counting is not None
        await self._counting
        try:
            async with AsyncExitStack() as stack:
                begun = time.monotonic()
                checkpoint = await self._open(stack, witness, made=False)
                found = int(bytes(await checkpoint.read(SECTION, retry=True)))
                took_ms = (time.monotonic() - begun) * 1000
                for count in range(found + 1, found + 1 + COUNTS):
                    await checkpoint.put(SECTION, b"%d" % count, retry=True)
                last = int(bytes(await checkpoint.read(SECTION, consistent=True, retry=True)))
        except AisError as error:
            self._stage.fail(f"the checkpoint service says: {error}")
        self._stage.claim(
            f"it finds the count, {found}, in {took_ms:.0f} ms: none that the dead program was told of is lost",
            self._answered <= found <= self._answered + 1,
            f"{self._answered} was answered",
        )
        self._stage.claim(f"and counts on from there to {last}", last == found + COUNTS)

    async def _count_until_dead(self, witness: Witness) -> None:
        with suppress(LibraryError):  # its node is dead
            async with AsyncExitStack() as stack:
                checkpoint = await self._open(stack, witness, made=True)
                while True:
                    await checkpoint.put(SECTION, b"%d" % (self._answered + 1), retry=True)
                    self._answered += 1
                    if self._answered >= COUNTS:
                        self._far_enough.set()
                    await asyncio.sleep(PAUSE_S)

    async def _open(self, stack: AsyncExitStack, witness: Witness, made: bool) -> AsyncCheckpoint:
        ckpt = await stack.enter_async_context(AsyncCkpt.open(witness.node.socket, timeout=PATIENCE_S))
        flags, attributes = (EVERYTHING, creation_attributes(retention=math.inf)) if made else (READ_WRITE, None)
        return await stack.enter_async_context(await ckpt.open_checkpoint(NAME, flags, attributes, retry=True))
