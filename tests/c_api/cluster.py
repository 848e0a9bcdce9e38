"""A cluster of executives as processes, for tests that do not run in an event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import executives, start_all

START_S = 60


class ProcessCluster:
    """So many executives, which run as long as the context is open."""

    def __init__(self, directory: Path, count: int) -> None:
        self.sockets: list[Path] = []
        self._directory = directory
        self._count = count
        self._ready: Future[list[Path]] = Future()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        self.sockets = self._ready.result(START_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        except (OSError, AssertionError, TimeoutError) as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
        finally:
            self._loop.close()

    async def _run(self) -> None:
        async with executives(self._directory, self._count) as processes:
            await start_all(processes)
            self._ready.set_result([process.socket for process in processes])
            await self._end.wait()
