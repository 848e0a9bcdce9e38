"""What the tests of the commands share: commands run in this process or as processes, and an executive to talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from openais.cli.demo_relay import free_ports
from openais.cli.main import cli

WAIT_S = 60.0


def openais(*arguments: str | Path, stdin: bytes | None = None, environment: dict[str, str] | None = None) -> Result:
    """Runs a command in this process, as a user without a configuration would."""
    clean = {name: None for name in os.environ if name.startswith("OPENAIS_")}
    words = [str(argument) for argument in arguments]
    return CliRunner(env={**clean, **(environment or {})}).invoke(cli, words, input=stdin, prog_name="openais")


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """Starts a command as a process of its own, with its output in a pipe."""
    words = [sys.executable, "-m", "openais", *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, **{"stderr": subprocess.PIPE, **options})


def output_of(process: subprocess.Popen[bytes], stdin: bytes | None = None) -> str:
    """Waits for the end of a process that must succeed; what it wrote."""
    output, errors = process.communicate(stdin, timeout=WAIT_S)
    assert process.returncode == 0, (errors or b"").decode()
    return output.decode()


def json_lines(text: str) -> list[Any]:
    """The values, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Leaves nothing of the processes behind, whether they still run or not."""
    for process in processes:
        process.kill()
        process.wait(WAIT_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of an executive that runs, alone in its cluster."""
    folder = tmp_path_factory.mktemp("executive")
    path = folder / "socket"
    assert openais("keygen", folder / "key").exit_code == 0
    flags = {
        "--nodeid": "7",
        "--nodename": "solo",
        "--mcastport": str(free_ports(1)[0]),
        "--authkey": str(folder / "key"),
        "--statedir": str(folder / "state"),
        "--socket": str(path),
    }
    process = start("run", *(word for flag in flags.items() for word in flag), stderr=subprocess.DEVNULL)
    try:
        ready = openais("members", "--wait-for", "1", "--timeout", str(WAIT_S), "--socket", path)
        assert ready.exit_code == 0, ready.output
        yield path
    finally:
        stop([process])
