"""An installation of the C libraries, programs compiled against it, and executives for them to run with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openais.c_api.build import CannotBuild
from openais.c_api.install import compiler_flags, install, linker_flags
from tests.c_api.cluster import ProcessCluster

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_S = 180

Run = Callable[..., str]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix below which everything is installed. Tests are skipped where it cannot be built."""
    prefix = tmp_path_factory.mktemp("c-libraries")
    try:
        install(prefix)
    except CannotBuild as error:
        pytest.skip(f"the C libraries cannot be built here: {error}")
    return prefix


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    """A cluster of one, for all tests."""
    with ProcessCluster(tmp_path_factory.mktemp("cluster"), 1) as one:
        yield one


@pytest.fixture(scope="session")
def compiled(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Compiles a program, without a warning, and gives its executable."""
    directory = tmp_path_factory.mktemp("programs")

    def compile_one(source: Path) -> Path:
        target = directory / source.stem
        compiler = ["g++"] if source.suffix == ".cc" else ["gcc", "-std=gnu11"]
        flags = ["-Wall", "-Wextra", "-Werror", *compiler_flags(installation).split()]
        libraries = [*linker_flags(installation).split(), "-lpthread", "-ldl"]
        done = subprocess.run(
            [*compiler, *flags, str(source), "-o", str(target), *libraries], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return target

    return compile_one


@pytest.fixture
def run(compiled: Callable[[Path], Path], cluster: ProcessCluster) -> Run:
    """Compiles a program of `programs/`, runs it with the executive, and gives what it printed."""

    def run_one(name: str, *arguments: str) -> str:
        return run_program(compiled(PROGRAMS / name), cluster, *arguments)

    return run_one


def run_program(executable: Path, cluster: ProcessCluster, *arguments: str, patience_s: float = PATIENCE_S) -> str:
    """Runs a program with the executive, and gives what it printed. It has to end well, and without a traceback."""
    environment = {**os.environ, "OPENAIS_SOCKET": str(cluster.sockets[0])}
    done = subprocess.run([executable, *arguments], env=environment, capture_output=True, text=True, timeout=patience_s)
    assert done.returncode == 0, f"{executable.name} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout
