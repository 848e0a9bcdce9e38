"""libSaClm.so in C programs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PROGRAMS, Run


def test_every_function_callback_and_error_is_that_of_the_specification(run: Run) -> None:
    assert run("clm_test.c").endswith("done\n")


def test_forks_in_callbacks_short_threads_signals_and_an_exit_in_the_middle_do_no_harm(run: Run) -> None:
    assert run("clm_edges.c") == "done\n"


def test_a_library_that_is_loaded_locally_and_again_is_served_by_each_of_its_names(
    run: Run, installation: Path
) -> None:
    names = [str(installation / "lib" / f"libSaClm.so{ending}") for ending in ("", ".0", ".1", ".2", ".3")]
    run("loaded.c", *names)


def test_without_an_executive_there_is_an_error(compiled: Callable[[Path], Path], tmp_path: Path) -> None:
    environment = {**os.environ, "OPENAIS_SOCKET": str(tmp_path / "nobody")}
    done = subprocess.run([compiled(PROGRAMS / "plain.cc")], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("saClmInitialize(&clm.handle, nullptr, &version) gave 2\n")


def test_the_environment_of_a_program_cannot_mislead_its_interpreter(
    compiled: Callable[[Path], Path], tmp_path: Path
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit(7)\n")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "OPENAIS_SOCKET": str(tmp_path / "no")}
    done = subprocess.run([compiled(PROGRAMS / "plain.cc")], env=environment, cwd=tmp_path, capture_output=True)
    assert done.returncode == 1
    assert b"gave 2" in done.stderr


def test_an_executive_that_is_killed_kills_no_program(compiled: Callable[[Path], Path], tmp_path: Path) -> None:
    with ProcessCluster(tmp_path, 1) as cluster:
        environment = {**os.environ, "OPENAIS_SOCKET": str(cluster.sockets[0])}
        program = subprocess.Popen(
            [compiled(PROGRAMS / "clm_orphan.c")], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    assert program.wait(60) != -signal.SIGPIPE
    assert program.returncode == 0
    program.stdout.close()
