"""Rings of executives as processes on loopback, each with a witness."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

from tests.support.processes import ExecutiveProcess, executives, start_all
from tests.support.witness import Witness, in_one_ring, witness

DEFAULT_MS = 500
"""The token timeout unless it is configured."""
CALM_MS = 1200
"""One with which a failure is soon seen, and a busy machine makes none."""
STEADY_MS = 2000
"""One for when no membership may change, whatever else the machine does."""


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs a scenario in an event loop of its own."""
    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def witnesses_of(nodes: list[ExecutiveProcess]) -> AsyncIterator[list[Witness]]:
    """Starts the executives; a witness of each, once they are in one ring."""
    async with contextlib.AsyncExitStack() as stack:
        await start_all(nodes)
        witnesses = [await stack.enter_async_context(witness(node)) for node in nodes]
        await in_one_ring(witnesses)
        yield witnesses


@contextlib.asynccontextmanager
async def ring_of(count: int, directory: Path, token_ms: int = DEFAULT_MS) -> AsyncIterator[list[Witness]]:
    """Witnesses of new executives in one ring."""
    async with executives(directory, count) as nodes:
        for node in nodes:
            node.sections["totem"]["token"] = str(token_ms)
        async with witnesses_of(nodes) as witnesses:
            yield witnesses
