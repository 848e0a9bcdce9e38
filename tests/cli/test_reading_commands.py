"""The commands that read an executive, against a real one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import DEVNULL

import pytest

from openais.cli.demo_relay import free_ports
from openais.cli.exits import ExitCode
from tests.cli.conftest import WAIT_S, json_lines, openais, start, stop

pytestmark = pytest.mark.e2e


def test_status_tells_how_the_executive_is(socket: Path) -> None:
    told = openais("status", "--socket", socket)
    assert told.exit_code == ExitCode.OK
    assert told.stdout.startswith("node       solo (7) at 127.0.0.1\n")
    assert "members    solo (7), this node, together for " in told.stdout
    assert re.search(r"^quorum +yes", told.stdout, re.MULTILINE)
    assert re.search(r"^state +complete", told.stdout, re.MULTILINE)


def test_status_tells_programs_in_json(socket: Path) -> None:
    told = json.loads(openais("status", "--json", "--counters", "--socket", socket).stdout)
    assert (told["node_id"], told["name"], told["healthy"]) == (7, "solo", True)
    assert [member["node_id"] for member in told["members"]] == [7]
    assert isinstance(told["counters"], dict)


def test_status_describes_a_part_of_the_executive(socket: Path) -> None:
    told = json.loads(openais("status", "--describe", "ring", "--socket", socket).stdout)
    assert told["ring"]["members"] == [7]
    assert set(told) == {"ring"}
    everything = json.loads(openais("status", "--describe", "all", "--socket", socket).stdout)
    assert {"ring", "clm", "evs"} <= set(everything)


def test_a_part_that_there_is_not_is_told_with_those_that_there_are(socket: Path) -> None:
    told = openais("status", "--describe", "rign", "--socket", socket)
    assert told.exit_code == ExitCode.FAILED
    assert "'rign'" in told.stderr
    assert "clm" in told.stderr


def test_members_are_listed(socket: Path) -> None:
    told = openais("members", "--socket", socket)
    assert told.exit_code == ExitCode.OK
    assert re.search(r"^7 +solo +127\.0\.0\.1 ", told.stdout, re.MULTILINE)
    assert told.stdout.splitlines()[-1] == "view 1, 1 member"
    view = json.loads(openais("members", "--json", "--socket", socket).stdout)
    assert [each["node"]["name"] for each in view["notifications"]] == ["solo"]


def test_waiting_for_members_that_do_not_come_ends_with_try_again(socket: Path) -> None:
    told = openais("members", "--wait-for", "2", "--timeout", "0.2", "--socket", socket)
    assert told.exit_code == ExitCode.TRY_AGAIN
    assert "1 member after 0.2 s, not 2" in told.stderr


def test_waiting_for_an_executive_that_does_not_come_tells_its_socket(tmp_path: Path) -> None:
    told = openais("members", "--wait-for", "1", "--timeout", "0.2", "--socket", tmp_path / "none")
    assert told.exit_code == ExitCode.NOT_REACHED
    assert f"{tmp_path}/none" in told.stderr


def test_who_comes_and_goes_is_told_while_watching(tmp_path: Path) -> None:
    assert openais("keygen", tmp_path / "key").exit_code == ExitCode.OK
    ports = free_ports(2)
    processes = []
    try:
        for number, port in enumerate(ports, start=1):
            flags = {
                "--nodeid": str(number),
                "--mcastport": str(port),
                "--nodelist": ",".join(f"127.0.0.1:{each}" for each in ports),
                "--authkey": str(tmp_path / "key"),
                "--statedir": str(tmp_path / f"state-{number}"),
                "--socket": str(tmp_path / f"socket-{number}"),
                "--nodename": f"node-{number}",
                "--token": "5000",  # no busy machine parts them
            }
            processes.append(start("run", *(word for flag in flags.items() for word in flag), stderr=DEVNULL))
        first = tmp_path / "socket-1"
        ready = openais("members", "--wait-for", "2", "--timeout", str(WAIT_S), "--socket", first)
        assert ready.exit_code == ExitCode.OK
        watching = start("members", "--watch", "--json", "--socket", first)
        processes.append(watching)
        assert watching.stdout is not None
        assert [each["change"] for each in json.loads(watching.stdout.readline())["notifications"]]
        processes[1].terminate()
        view = json.loads(watching.stdout.readline())
        left = [each["node"]["name"] for each in view["notifications"] if each["change"] == "left"]
        assert (left, view["member_count"]) == (["node-2"], 1)
    finally:
        stop(processes)


def test_why_tells_the_reason_of_the_configuration_with_the_evidence(socket: Path) -> None:
    told = openais("why", "--socket", socket)
    assert told.exit_code == ExitCode.OK
    assert "members: solo (7)" in told.stdout
    assert re.search(r"^ +\+0\.000 s  ", told.stdout, re.MULTILINE)
    assert len(openais("why", "--brief", "--socket", socket).stdout.splitlines()) == 3
    (reason,) = json.loads(openais("why", "--json", "--socket", socket).stdout)
    assert reason["members"] == [7]
    assert reason["sentence"]


def test_the_events_of_the_flight_recorder_can_be_read(socket: Path) -> None:
    events = json_lines(openais("why", "--events", "3", "--json", "--socket", socket).stdout)
    assert len(events) == 3
    assert all({"wall_ns", "kind", "text"} <= set(event) for event in events)
    assert len(openais("why", "--events", "3", "--socket", socket).stdout.splitlines()) == 3


def test_top_prints_a_line_for_each_sample_where_there_is_no_terminal(socket: Path) -> None:
    told = openais("top", "--count", "2", "--interval", "0.05", "--socket", socket)
    assert told.exit_code == ExitCode.OK
    assert [line.count("members 7  quorum  complete") for line in told.stdout.splitlines()] == [1, 1]
    samples = json_lines(openais("top", "-n", "2", "--interval", "0.05", "--json", "--socket", socket).stdout)
    assert [sample["node_id"] for sample in samples] == [7, 7]


def test_the_bench_measures_what_is_delivered(socket: Path) -> None:
    words = ["bench", "evs", "--size", "64", "--size", "4K", "--duration", "0.1", "--probes", "10", "-c", "2"]
    told = openais(*words, "--json", "--socket", socket)
    assert told.exit_code == ExitCode.OK, told.stderr
    results = json.loads(told.stdout)["results"]
    assert [each["size"] for each in results] == [64, 4096]
    assert all(each["messages"] > 0 and 0 < each["p50_ms"] <= each["p99_ms"] <= each["max_ms"] for each in results)
    assert openais(*words, "--socket", socket).stdout.splitlines()[-1].startswith("2 clients, 1 node, agreed")


def test_the_bench_of_events_measures_what_every_subscriber_is_given(socket: Path) -> None:
    words = ["bench", "evt", "--size", "64", "--size", "4K", "--duration", "0.1", "--probes", "10"]
    words += ["--publishers", "2", "--subscribers", "3", "--subscriptions", "70"]
    told = openais(*words, "--json", "--socket", socket)
    assert told.exit_code == ExitCode.OK, told.stderr
    results = json.loads(told.stdout)["results"]
    assert [each["size"] for each in results] == [64, 4096]
    assert all(each["events"] > 0 and 0 < each["p50_ms"] <= each["p99_ms"] for each in results)
    told = openais(*words, "--socket", socket)
    assert told.stdout.splitlines()[0] == "2 publishers, 3 subscribers, 70 subscriptions"
    assert openais("evt", "channels", "--socket", socket).stdout.splitlines()[1:] == []


def test_the_bench_refuses_a_size_that_is_none(socket: Path) -> None:
    told = openais("bench", "evs", "--size", "2M", "--socket", socket)
    assert told.exit_code == ExitCode.USAGE
    assert "2M is too big; expected a number of bytes from 16 to 1M" in told.stderr
