"""The demo as its audience meets it: real executives, in a terminal or without one."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import pytest

WAIT_S = 120.0

pytestmark = pytest.mark.e2e


async def start_demo(folder: Path, *arguments: str) -> Process:
    """The demo as a process, with `folder` for its temporary files."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "openais", "demo", *arguments),
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )


def processes_named_in(text: str) -> list[int]:
    """The executives that the demo told of."""
    return [int(number) for number in re.findall(r"process (\d+)", text)]


def lives(process_id: int) -> bool:
    """Whether there is such a process."""
    return Path(f"/proc/{process_id}").exists()


def test_the_tour_ends_with_all_claims_checked_and_nothing_left(tmp_path: Path) -> None:
    async def scenario() -> tuple[int | None, str]:
        async with asyncio.timeout(WAIT_S):
            demo = await start_demo(tmp_path)
            output, _ = await demo.communicate()
            return demo.returncode, output.decode()

    status, text = asyncio.run(scenario())
    assert status == 0, text
    assert "all checked" in text
    scenes = ("The ring forms", "One order", "An alarm", "A crash", "A late subscriber", "Back again", "A partition")
    for scene in (*scenes, "Programs that are kept up", "They go on", "The merge", "Good-bye"):
        assert scene in text
    assert not any(map(lives, processes_named_in(text)))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_tour_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> tuple[int | None, str]:
        async with asyncio.timeout(WAIT_S):
            demo = await start_demo(tmp_path)
            assert demo.stdout is not None
            seen = (await demo.stdout.readuntil(b"is a member")).decode()
            demo.send_signal(signal.SIGINT)
            demo.send_signal(signal.SIGTERM)
            output, _ = await demo.communicate()
            return demo.returncode, seen + output.decode()

    status, text = asyncio.run(scenario())
    assert status == 130, text
    assert processes_named_in(text)
    assert not any(map(lives, processes_named_in(text)))
    assert list(tmp_path.iterdir()) == []


def test_a_tour_whose_executive_dies_fails_and_shows_the_logs(tmp_path: Path) -> None:
    async def scenario() -> tuple[int | None, str]:
        async with asyncio.timeout(WAIT_S):
            demo = await start_demo(tmp_path)
            assert demo.stdout is not None
            seen = (await demo.stdout.readuntil(b"is a member")).decode()
            os.kill(processes_named_in(seen)[0], signal.SIGKILL)
            output, _ = await demo.communicate()
            return demo.returncode, seen + output.decode()

    status, text = asyncio.run(scenario())
    assert status == 1, text
    assert "[FAILED]" in text
    assert "node-1: " in text
    assert not any(map(lives, processes_named_in(text)))
    assert list(tmp_path.iterdir()) == []
