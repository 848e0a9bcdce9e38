"""The command as a whole: its list, its help, how it starts, how it ends when something is wrong."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from openais.cli.exits import ExitCode, failure_of
from openais.cli.main import COMMANDS
from openais.types import AccessDenied, AisError, ErrorCode, LibraryError, NotExist, TimeoutExpired, TryAgain
from tests.cli.conftest import openais, start

READING = (
    ["status"],
    ["members"],
    ["why"],
    ["top"],
    ["evs", "groups"],
    ["evs", "listen", "g"],
    ["evs", "send", "g", "m"],
    ["evs", "chat", "g"],
    ["evt", "channels"],
    ["evt", "subscribe", "c"],
    ["evt", "publish", "c", "d"],
    ["evt", "unlink", "c"],
    ["evt", "clear", "c", "1"],
    ["bench", "evs"],
    ["bench", "evt"],
)


def test_the_help_lists_every_command() -> None:
    listed = openais("--help").stdout
    assert all(f"\n  {name} " in listed and lazy.help in listed for name, lazy in COMMANDS.items())


def test_the_help_loads_no_command_and_nothing_slow() -> None:
    program = """
import sys
from openais.cli.main import main
try:
    main()
finally:
    slow = ("asyncio", "cryptography", "msgspec", "rich", "openais.runtime", "openais.client", "openais.cli.run")
    sys.stderr.write(" ".join(name for name in slow if name in sys.modules))
"""
    ended = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, check=True, text=True)
    assert "Commands:" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_begins_with_its_usage(command: str) -> None:
    told = openais(command, "--help")
    assert told.exit_code == ExitCode.OK
    assert told.stdout.startswith(f"Usage: openais {command} ")


def test_the_version_is_that_of_the_package() -> None:
    assert importlib.metadata.version("openais") in openais("--version").stdout


def test_an_unknown_command_is_a_mistake_of_usage() -> None:
    told = openais("sttus")
    assert told.exit_code == ExitCode.USAGE
    assert "No such command 'sttus'" in told.stderr


def test_aisexec_is_the_executive() -> None:
    program = "from openais.cli.main import aisexec; aisexec()"
    ended = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, check=True, text=True)
    assert ended.stdout.startswith("Usage: aisexec ")
    assert "--bindnetaddr" in ended.stdout


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_without_an_executive_the_socket_and_the_way_out_are_told_in_a_line(command: list[str], tmp_path: Path) -> None:
    told = openais(*command, "--socket", tmp_path / "none")
    assert told.exit_code == ExitCode.NOT_REACHED
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert f"{tmp_path}/none: no executive listens there" in told.stderr
    assert "`openais run`" in told.stderr


def test_the_socket_is_found_by_its_variable(tmp_path: Path) -> None:
    told = openais("status", environment={"OPENAIS_SOCKET": str(tmp_path / "elsewhere")})
    assert f"{tmp_path}/elsewhere" in told.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LibraryError(), ExitCode.NOT_REACHED),
        (TryAgain(), ExitCode.TRY_AGAIN),
        (TimeoutExpired(), ExitCode.TRY_AGAIN),
        (AccessDenied(), ExitCode.DENIED),
        (NotExist(), ExitCode.FAILED),
        (AisError.of(ErrorCode.NO_RESOURCES), ExitCode.FAILED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_of_a_library_has_its_exit_code(error: AisError, code: ExitCode) -> None:
    failure = failure_of(error)
    assert failure.code is code
    assert str(failure).startswith(str(error))


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path: Path) -> None:
    process = start("check", "--show", "--text-only", tmp_path / "none")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
