"""What a call costs from C, beside the same call from Python, with the executive of this machine.

python -m benchmarks.c_libraries [--rounds 7] [--calls 2000]

Calls of 100 bytes, one after the other, each awaited, in microseconds. C and Python take turns; of each the median of
the rounds is told, and the least and the most.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from openais.c_api.install import compiler_flags, install, linker_flags
from openais.ckpt import Ckpt, creation_attributes
from openais.evt import Evt

SOURCE: Final = Path(__file__).parent / "c_cost.c"
DATA: Final = bytes(100)
PATIENCE_S: Final = 10.0


def compiled(folder: Path) -> Path:
    """The C program."""
    install(folder)
    program = folder / "c_cost"
    flags = [*compiler_flags(folder).split(), str(SOURCE), "-o", str(program), *linker_flags(folder).split()]
    subprocess.run(["cc", "-O2", *flags], check=True)
    return program


def in_c(program: Path, calls: int) -> list[float]:
    """First initialize, event publish and checkpoint write in C."""
    told = subprocess.run([program, str(calls)], capture_output=True, text=True, check=True).stdout
    return [float(word) for word in told.split()]


def publish_us(calls: int) -> float:
    """An event publish in Python."""
    with Evt() as evt, evt.open_channel("cost", timeout=PATIENCE_S, retry=True) as channel:
        event = channel.event_allocate()
        before = time.perf_counter()
        for _ in range(calls):
            event.publish(DATA, retry=True)
        return (time.perf_counter() - before) * 1e6 / calls


def write_us(calls: int) -> float:
    """A checkpoint write in Python."""
    attributes = creation_attributes(size=1000, sections_max=1, section_size_max=1000, section_id_size_max=10)
    with Ckpt() as ckpt, ckpt.open_checkpoint("cost-python", attributes=attributes, retry=True) as checkpoint:
        before = time.perf_counter()
        for _ in range(calls):
            checkpoint.write(b"", DATA, retry=True)
        return (time.perf_counter() - before) * 1e6 / calls


def main() -> None:
    """Measures, and prints a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    names = ("first initialize, C", "event publish, C", "checkpoint write, C", "event publish, Python")
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        rounds = [
            [*in_c(program, options.calls), publish_us(options.calls), write_us(options.calls)]
            for _ in range(options.rounds)
        ]
    for name, values in zip((*names, "checkpoint write, Python"), zip(*rounds, strict=True), strict=True):
        print(f"{name:26} {statistics.median(values):10.1f} us   ({min(values):.1f} to {max(values):.1f})")


if __name__ == "__main__":
    main()
