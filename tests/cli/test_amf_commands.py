"""`openais amf`, against a real executive that runs real programs."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from openais.cli.exits import ExitCode
from tests.cli.conftest import WAIT_S, json_lines, openais, start, stop

pytestmark = pytest.mark.e2e

PAIR = """\
group {{
    name: {name}
    {keys}
    unit {{
        name: {name}-1
        node: solo
        component {{
            name: {name}-1-program
            csi_types: work
            command: /bin/sleep {seconds}
        }}
    }}
    unit {{
        name: {name}-2
        node: solo
        component {{
            name: {name}-2-program
            csi_types: work
            command: /bin/sleep {seconds}
        }}
    }}
}}
"""


def pair(name: str, seconds: int = 1000, keys: str = "") -> str:
    return PAIR.format(name=name, seconds=seconds, keys=keys)


def amf(socket: Path, *arguments: str | Path, stdin: bytes | None = None, code: ExitCode = ExitCode.OK) -> str:
    """What a command says; it must end with `code`."""
    done = openais("amf", *arguments, "--socket", socket, stdin=stdin)
    assert done.exit_code == code, done.output
    return done.stdout if code is ExitCode.OK else done.stderr


def apply(socket: Path, folder: Path, text: str) -> None:
    (folder / "amf.conf").write_text(text)
    amf(socket, "apply", folder / "amf.conf", "--yes")


def until_told(socket: Path, condition: Callable[[str], object]) -> str:
    """The state as it is printed, once a condition holds."""
    deadline = time.monotonic() + WAIT_S
    while not condition(told := amf(socket, "state")):
        assert time.monotonic() < deadline, told
    return told


def active(name: str, unit: int) -> Callable[[str], object]:
    return lambda told: re.search(rf"{name}-{unit}-program .*active for {name}/work", told)


def test_what_changes_is_shown_and_confirmed_and_what_does_not_is_not_disturbed(socket: Path, tmp_path: Path) -> None:
    file = tmp_path / "amf.conf"
    file.write_text(pair("kept") + pair("old") + pair("other"))
    shown = amf(socket, "apply", file, "--dry-run")
    assert shown.splitlines() == ["added: group kept", "added: group old", "added: group other"]
    assert "kept" not in amf(socket, "state")
    refused = openais("amf", "apply", file, "--socket", socket, stdin=b"n\n")
    assert refused.exit_code == ExitCode.FAILED
    assert "Put this into force?" in refused.stderr
    assert "kept" not in amf(socket, "state")
    amf(socket, "apply", file, stdin=b"y\n")
    (line,) = [line for line in until_told(socket, active("kept", 1)).splitlines() if "kept-1-program" in line]
    until_told(socket, active("other", 1))
    file.write_text(pair("kept") + pair("new") + pair("other", 999))
    shown = amf(socket, "apply", file, "--yes")
    assert shown.splitlines() == ["added: group new", "removed: group old", "changed: group other"]
    changed = (active("other", 1), active("other", 2))
    told = until_told(
        socket, lambda told: active("new", 1)(told) and any(is_so(told) for is_so in changed) and "old" not in told
    )
    assert line in told.splitlines()
    assert amf(socket, "apply", file) == "nothing changes\n"
    assert json.loads(amf(socket, "apply", file, "--json")) == {"added": [], "removed": [], "changed": []}


def test_mistakes_in_a_file_are_told_with_their_place_and_what_was_expected(socket: Path, tmp_path: Path) -> None:
    file = tmp_path / "amf.conf"
    file.write_text(
        "group {\n    name: web\n    model: 3n\n    nodes: solo\n    component {\n        name: a\n    }\n}\n"
    )
    told = amf(socket, "apply", file, code=ExitCode.USAGE)
    assert f"{file}:3: model: '3n' is not one of the choices" in told
    assert "n-way-active" in told
    assert f"{file}:5: component 'a' has nothing to run" in told
    missing = amf(socket, "apply", tmp_path / "nowhere.conf", code=ExitCode.USAGE)
    assert "nowhere.conf" in missing
    assert "No such file" in missing


def test_a_pair_is_locked_swapped_adjusted_shut_down_and_repaired(socket: Path, tmp_path: Path) -> None:
    apply(socket, tmp_path, pair("web", keys="failover_max: 0"))
    told = until_told(socket, active("web", 1))
    assert "web (two-n)" in told
    assert "instance web: fully-assigned" in told
    assert "unit web-1 on solo: in-service, instantiated" in told
    assert "standby for web/work" in told
    amf(socket, "swap", "web")
    until_told(socket, active("web", 2))
    amf(socket, "adjust", "web")
    until_told(socket, active("web", 1))
    amf(socket, "lock", "web-1")
    assert "out-of-service, uninstantiated, locked" in until_told(socket, active("web", 2))
    assert "web-1 is locked already" in amf(socket, "lock", "web-1", code=ExitCode.FAILED)
    amf(socket, "lock-instantiation", "web-1")
    assert "locked-instantiation" in until_told(socket, active("web", 2))
    assert "unlock: web-1 is locked-instantiation" in amf(socket, "unlock", "web-1", code=ExitCode.FAILED)
    amf(socket, "unlock-instantiation", "web-1")
    amf(socket, "unlock", "web-1")
    until_told(socket, lambda told: "web-1-program: standby" in told)
    amf(socket, "shutdown", "web-2")
    until_told(socket, active("web", 1))
    amf(socket, "restart", "web-1-program")
    amf(socket, "unlock", "web-2")
    told = "'nothing' is no group, unit, service instance, component, node or application"
    assert told in amf(socket, "lock", "nothing", code=ExitCode.FAILED)
    assert "a component has no administrative state" in amf(socket, "lock", "web-1-program", code=ExitCode.FAILED)
    history = amf(socket, "history")
    assert re.search(r"web: si swap, asked for by an administrator", history)
    last = json_lines(amf(socket, "history", "--count", "1", "--json"))
    assert len(last) == 1
    assert last[0].keys() == {"time_ns", "entity", "what"}


def test_a_unit_that_failed_is_out_of_service_until_it_is_repaired(socket: Path, tmp_path: Path) -> None:
    program = "command: /bin/sleep 1000\n            recovery: failover"
    apply(socket, tmp_path, pair("worn", keys="failover_max: 0").replace("command: /bin/sleep 1000", program))
    told = until_told(socket, active("worn", 1))
    process = re.search(r"worn-1-program \(process (\d+)\)", told)
    assert process is not None
    os.kill(int(process[1]), signal.SIGKILL)
    told = until_told(socket, active("worn", 2))
    assert "unit worn-1 on solo: out-of-service, uninstantiated, disabled, to be repaired" in told
    amf(socket, "repaired", "worn-1")
    until_told(socket, lambda told: "unit worn-1 on solo: in-service" in told)


def test_the_state_is_watched_and_printed_as_json(socket: Path, tmp_path: Path) -> None:
    apply(socket, tmp_path, pair("seen"))
    until_told(socket, active("seen", 1))
    state = json.loads(amf(socket, "state", "--json"))
    (unit, _) = state["groups"][0]["units"]
    assert unit["components"][0]["assignments"] == {"seen/work": "active"}
    watching = start("amf", "state", "--watch", "--json", "--socket", socket)
    try:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["groups"][0]["admin"] == "unlocked"
        amf(socket, "lock", "seen")
        while json.loads(watching.stdout.readline())["groups"][0]["admin"] != "locked":
            pass
    finally:
        stop([watching])
