"""Waiting for a condition in a running loop, without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

WAIT_S: Final = 20.0
"""Generous: only a broken test waits this long."""


async def eventually(condition: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Lets the loop run until `condition` holds. Raises TimeoutError when it never does."""
    async with asyncio.timeout(wait_s):
        while not condition():
            await asyncio.sleep(0)
