"""Messages of a group by command, against a real executive."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.cli.demo_relay import free_ports
from openais.cli.exits import ExitCode
from tests.cli.conftest import WAIT_S, json_lines, openais, output_of, start, stop

pytestmark = pytest.mark.e2e


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that end with the test."""
    running: list[subprocess.Popen[bytes]] = []
    yield running
    stop(running)


def listener(processes: list[subprocess.Popen[bytes]], *arguments: str | Path) -> subprocess.Popen[bytes]:
    """`openais evs listen`, of which the first line, that of the configuration, was read: it has joined."""
    process = start("evs", "listen", *arguments)
    processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_what_is_sent_is_heard_in_order(socket: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    hearing = listener(processes, "order", "--count", "4", "--socket", socket)
    assert openais("evs", "send", "order", "one", "two", "--safe", "--socket", socket).exit_code == ExitCode.OK
    assert openais("evs", "send", "order", "--socket", socket, stdin=b"three\nfour").exit_code == ExitCode.OK
    heard = [line for line in output_of(hearing).splitlines() if not line.startswith("*")]
    assert [line.partition(": ")[2] for line in heard] == ["one", "two", "three", "four"]
    assert all(line.startswith("solo/") for line in heard)


def test_what_is_heard_is_told_to_programs_in_json(socket: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    hearing = listener(processes, "a", "b", "--count", "2", "--json", "--socket", socket)
    sent = openais(
        "evs", "send", "a", "--json", "--priority", "low", "--safe", "--socket", socket, stdin=b"text\n\xff\n"
    )
    assert json.loads(sent.stdout) == {"sent": 2}
    events = json_lines(output_of(hearing))
    messages = [event for event in events if event["event"] == "message"]
    assert [message["payload"] for message in messages] == ["text", {"base64": "/w=="}]
    assert {(message["guarantee"], message["priority"], *message["groups"]) for message in messages} == {
        ("safe", "low", "a")
    }
    assert {event["group"] for event in events if event["event"] == "group"} == {"a", "b"}


def test_groups_are_listed_with_their_members(socket: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    hearing = listener(processes, "listed", "--socket", socket)
    assert f"listed  solo (7)  {hearing.pid}" in openais("evs", "groups", "--socket", socket).stdout
    groups = json.loads(openais("evs", "groups", "--json", "--socket", socket).stdout)
    assert [member["process_id"] for member in groups["listed"]] == [hearing.pid]


def test_a_chat_without_a_terminal_says_and_hears_lines(socket: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    hearing = listener(processes, "chat", "--count", "3", "--socket", socket)
    chatting = start("evs", "chat", "chat", "--name", "ann", "--socket", socket, stdin=subprocess.PIPE)
    processes.append(chatting)
    lines = output_of(chatting, b"good morning\n\nhow are you\nbye").splitlines()
    said = ["ann: good morning", "ann: how are you", "ann: bye"]
    assert [line for line in lines if not line.startswith("*")] == said
    assert [line.partition(": ")[2] for line in output_of(hearing).splitlines() if not line.startswith("*")] == said
    assert any(line.startswith(f"* solo/{chatting.pid} joined chat; ") for line in lines)


def test_a_chat_ends_with_its_executive(tmp_path: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    flags: list[str | Path] = ["--statedir", tmp_path, "--authkey", tmp_path / "key", "--socket", tmp_path / "socket"]
    assert openais("keygen", tmp_path / "key").exit_code == ExitCode.OK
    executive = start("run", "--mcastport", str(free_ports(1)[0]), "--nodeid", "9", *flags, stderr=subprocess.DEVNULL)
    processes.append(executive)
    assert (
        openais("members", "--wait-for", "1", "--timeout", str(WAIT_S), "--socket", tmp_path / "socket").exit_code == 0
    )
    chatting = start("evs", "chat", "room", "--socket", tmp_path / "socket", stdin=subprocess.PIPE)
    processes.append(chatting)
    assert chatting.stdout is not None
    assert chatting.stdout.readline()
    executive.kill()
    assert chatting.wait(WAIT_S) == ExitCode.NOT_REACHED


def test_a_group_name_that_is_too_long_is_refused_in_a_line(socket: Path) -> None:
    told = openais("evs", "send", "g" * 65, "hello", "--socket", socket)
    assert told.exit_code == ExitCode.FAILED
    assert told.stderr.count("\n") == 1
    assert "65 bytes, at most 64" in told.stderr
