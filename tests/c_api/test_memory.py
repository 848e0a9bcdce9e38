"""C programs leave nothing behind: no memory, no descriptors, no threads.

`make leaks` has 10,000 rounds of each service, and all programs under valgrind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PATIENCE_S, PROGRAMS, run_program
from tests.c_api.test_hostile import source_in

ROUNDS = int(os.environ.get("OPENAIS_ROUNDS", "400"))
GROWTH_MAX_KB = 3000
"""A heap finds its size late. In 10,000 rounds a loss of a third of a kilobyte a round is more."""
VALGRIND = ["valgrind", "--error-exitcode=99", "--child-silent-after-fork=yes"]
LEAKS = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]
VALGRIND_S = 1800
LONG = pytest.mark.skipif(ROUNDS < 10000, reason="it takes minutes; see make leaks")
ALL = ("clm_test.c", "ckpt_test.c", "evt_test.c", "evs_test.c", "amf_test.c")


@pytest.mark.parametrize("service", ["clm", "ckpt", "evt", "amf", "evs"])
def test_rounds_of_initialize_and_finalize_leave_nothing_behind(
    service: str, compiled: Callable[[Path], Path], cluster: ProcessCluster
) -> None:
    arguments = (service, str(ROUNDS), str(max(300, ROUNDS // 10)))
    told = run_program(compiled(PROGRAMS / "rounds.c"), cluster, *arguments, patience_s=PATIENCE_S + ROUNDS / 5)
    matched = re.fullmatch(rf"{service}: {ROUNDS} rounds, (-?\d+) kB, 0 descriptors, 0 threads more\n", told)
    assert matched, told
    assert int(matched[1]) < GROWTH_MAX_KB, told


def under_valgrind(executable: Path, cluster: ProcessCluster, *arguments: str, options: Sequence[str] = LEAKS) -> None:
    """Runs a program, which has to lose no memory, and to read and write none but its own."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is not installed")
    environment = {**os.environ, "OPENAIS_SOCKET": str(cluster.sockets[0])}
    command = [*VALGRIND, *options, str(executable), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=VALGRIND_S)
    assert done.returncode == 0, done.stderr


def test_valgrind_finds_nothing_lost(compiled: Callable[[Path], Path], cluster: ProcessCluster) -> None:
    under_valgrind(compiled(PROGRAMS / "rounds.c"), cluster, "all", "2", "1")


@LONG
@pytest.mark.parametrize("program", ALL)
def test_valgrind_finds_nothing_lost_in_a_test_program(
    program: str, compiled: Callable[[Path], Path], cluster: ProcessCluster
) -> None:
    under_valgrind(compiled(PROGRAMS / program), cluster)


@LONG
def test_wrong_arguments_have_nothing_read_or_written_that_is_not_the_programs(
    compiled: Callable[[Path], Path], cluster: ProcessCluster, tmp_path: Path
) -> None:
    under_valgrind(compiled(source_in(tmp_path)), cluster, options=())


def test_valgrind_finds_what_is_lost(compiled: Callable[[Path], Path], cluster: ProcessCluster, tmp_path: Path) -> None:
    text = (PROGRAMS / "rounds.c").read_text()
    forgotten = "    GIVES(SA_AIS_OK, saCkptIOVectorElementDataFree(checkpoint, whole.dataBuffer));\n"
    assert forgotten in text
    source = tmp_path / "loses.c"
    source.write_text(text.replace(forgotten, "").replace('"check.h"', f'"{PROGRAMS}/check.h"'))
    with pytest.raises(AssertionError, match="definitely lost: 8 bytes in 2 blocks"):
        under_valgrind(compiled(source), cluster, "ckpt", "1", "1")
