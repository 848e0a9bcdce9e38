"""The memory that long messages leave is kept for the next ones, unless the user wants otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from openais.client.heap import SETTINGS

ROUNDS = 50
BLOCKS = 16
BLOCK_BYTES = 256 * 1024
PAGES = ROUNDS * BLOCKS * BLOCK_BYTES // os.sysconf("SC_PAGE_SIZE")
PROGRAM = f"""
import resource
from openais.client.heap import keep_freed_memory
keep_freed_memory()
def burst():
    return [bytes((number,)) * {BLOCK_BYTES} for number in range({BLOCKS})]
burst()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    burst()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_taken(**settings: str) -> int:
    """Pages that the kernel gives a program for some bursts of long messages, after the first one."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    run = subprocess.run(
        (sys.executable, "-c", PROGRAM), env={**environment, **settings}, capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides this by itself")
def test_bursts_of_long_messages_take_no_new_memory() -> None:
    assert pages_taken() < PAGES / 20
    assert pages_taken(MALLOC_TRIM_THRESHOLD_="65536") > PAGES / 2
