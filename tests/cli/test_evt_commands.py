"""Events by command, against a real executive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.cli.exits import ExitCode
from tests.cli.conftest import json_lines, openais, output_of, start, stop

pytestmark = pytest.mark.e2e


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end with the test."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    stop(running)


def published(socket: Path, *arguments: str, stdin: bytes | None = None) -> list[int]:
    """The ids of what `openais evt publish` published."""
    result = openais("evt", "publish", *arguments, "--json", "--socket", socket, stdin=stdin)
    assert result.exit_code == ExitCode.OK, result.output
    event_ids: list[int] = json.loads(result.stdout)["event_ids"]
    return event_ids


def test_events_that_pass_the_filters_are_printed(socket: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    arguments = ("--retain", "inf", "--publisher", "me")
    published(socket, "commands", "hot", "-p", "sensor.7", "-p", "x", "--priority", "0", *arguments)
    published(socket, "commands", "cold", "-p", "fan.1", *arguments)
    published(socket, "commands", "-p", "sensor.8", *arguments, stdin=b"one\n\xff\n")
    process = start("evt", "subscribe", "commands", "sensor.*", "--count", "3", "--socket", socket)
    processes.append(process)
    lines = [line.split(" ", 2)[2] for line in output_of(process).splitlines()]
    assert lines == ["solo/me [0] sensor.7 x: hot", "solo/me [3] sensor.8: one", "solo/me [3] sensor.8: \\xff"]
    process = start("evt", "subscribe", "commands", "*.1", "*", "--count", "1", "--json", "--socket", socket)
    processes.append(process)
    (event,) = json_lines(output_of(process))
    assert (event["data"], event["patterns"], event["node_id"], event["lost"]) == ("cold", ["fan.1"], 7, False)


def test_channels_are_listed_cleared_and_unlinked(socket: Path) -> None:
    (event_id,) = published(socket, "listed", "x", "--retain", "inf")
    (listed,) = [line for line in channels(socket) if line.startswith("listed")]
    assert listed.split() == ["listed", "nobody", "1", "1"]
    assert openais("evt", "clear", "listed", str(event_id), "--socket", socket).exit_code == ExitCode.OK
    found = json.loads(openais("evt", "channels", "--json", "--socket", socket).stdout)
    assert [each["retained"] for each in found if each["name"] == "listed"] == [0]
    assert openais("evt", "unlink", "listed", "--socket", socket).exit_code == ExitCode.OK
    assert not any(line.startswith("listed") for line in channels(socket))


def test_what_is_not_there_is_told(socket: Path) -> None:
    result = openais("evt", "unlink", "nothing", "--socket", socket)
    assert result.exit_code == ExitCode.FAILED
    assert "there is no channel 'nothing'" in result.output


def channels(socket: Path) -> list[str]:
    result = openais("evt", "channels", "--socket", socket)
    assert result.exit_code == ExitCode.OK
    return result.stdout.splitlines()
