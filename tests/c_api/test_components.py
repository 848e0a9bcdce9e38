"""Components in C, kept up by a real executive: each callback, and each function that a registered component has."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openais.amf import AdminOperation, Amf
from openais.config.amf import read_amf
from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PROGRAMS

PATIENCE_S = 60.0
GROUP = """
group {{
    name: c
    auto_repair: {repair}
    {units}
    instance {{
        name: si
        csi {{
            name: csi
            type: work
            set: PORT 8080
        }}
    }}
}}
{more}
"""
UNIT = """
    unit {{
        name: u{number}
        node: node-1
        rank: {number}
        component {{
            name: c{number}
            csi_types: work
            sa_aware: on
            recovery: failover
            command: {program}
            environment: SAID {folder}/said
            environment: COMMANDS {folder}/commands
            environment: INTERFACE {interface}
            {keys}
            healthcheck {{
                key: alive
                period: 200ms
                limit: 3s
            }}
        }}
    }}
"""
PROXIED = """
group {
    name: device
    unit {
        name: device-unit
        component {
            name: device
            csi_types: line
            proxy_csi: si/csi
        }
    }
}
"""

Components = dict[str, dict[str, Any]]


class Pair:
    """Two components on one node: c1 becomes active, c2 stands by."""

    def __init__(self, amf: Amf, program: Path, folder: Path, interface: str) -> None:
        self.amf = amf
        self.interface = interface
        self._program = program
        self._folder = folder

    def start(self, keys: str = "", repair: str = "on", more: str = "") -> None:
        """Waits until both are assigned."""
        units = "".join(
            UNIT.format(number=number, program=self._program, folder=self._folder, interface=self.interface, keys=keys)
            for number in (1, 2)
        )
        self.amf.apply(read_amf(GROUP.format(units=units, repair=repair, more=more).encode(), "amf.conf"), retry=True)
        self.wait(lambda found: len(found) >= 2 and all(found[each]["assignments"] for each in ("c1", "c2")))
        self.wait(lambda found: not any(found[each]["pending"] for each in ("c1", "c2")))
        if "active" in self.components()["c2"]["assignments"].values():  # it was faster
            (self._folder / "said").unlink()
            self.amf.administrate(AdminOperation.SI_SWAP, "si", retry=True)
        self.until(c1="active", c2="standby")

    def components(self) -> Components:
        groups = self.amf.state(retry=True)["groups"]
        return {each["name"]: each for group in groups for unit in group["units"] for each in unit["components"]}

    def until(self, **states: str) -> None:
        """Waits until components have an assignment in this state, or none, and nothing left to do."""
        self.wait(
            lambda found: all(
                name in found
                and not found[name]["pending"]
                and [*found[name]["assignments"].values()] == [state] * (state != "")
                for name, state in states.items()
            )
        )

    def wait(self, condition: Callable[[Components], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition(found := self.components()):
            assert time.monotonic() < deadline, f"{found}\n{self.said()}"

    def said(self) -> list[str]:
        said = self._folder / "said"
        return said.read_text().splitlines() if said.exists() else []

    def hears(self, *lines: str) -> None:
        """Waits until all of this has been said."""
        self.wait(lambda _: set(lines) <= set(self.said()))

    def tell(self, component: str, command: str) -> None:
        """Has a component do something, which works."""
        count = len(self.said())
        with Path(f"{self._folder}/commands.{component}").open("w", encoding="utf-8") as pipe:
            pipe.write(f"{command}\n")
        answer = f"{component} {command.partition(' ')[0]} gives "
        self.wait(lambda _: any(line.startswith(answer) for line in self.said()[count:]))
        assert f"{answer}1" in self.said()[count:]


@pytest.fixture(params=["1", "4"])
def pair(
    request: pytest.FixtureRequest, compiled: Callable[[Path], Path], cluster: ProcessCluster, tmp_path: Path
) -> Iterator[Pair]:
    """Two components that use the functions of B.01.01, or of B.04.01."""
    with Amf(cluster.sockets[0], timeout=PATIENCE_S) as amf:
        made = Pair(amf, compiled(PROGRAMS / "told.c"), tmp_path, request.param)
        try:
            yield made
        finally:
            amf.apply((), retry=True)
            made.wait(lambda found: not found)


@contextlib.contextmanager
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that can be monitored."""
    process = subprocess.Popen(["/bin/sleep", "1000"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_each_assignment_comes_with_its_descriptor_and_attributes(pair: Pair) -> None:
    pair.start()
    pair.hears("c1 active c1", "c1 PORT=8080", "c2 standby c2", "c2 PORT=8080", "c2 behind c1")
    pair.amf.administrate(AdminOperation.SI_SWAP, "si", retry=True)
    pair.until(c1="standby", c2="active")
    pair.hears("c1 quiesced c1", "c2 after 3 c1", "c1 behind c2")
    pair.tell("c2", "state")
    pair.hears("c2 state 1")


def test_a_shutdown_is_quiescing_until_the_component_says_that_it_is_complete(pair: Pair) -> None:
    pair.start()
    pair.amf.administrate(AdminOperation.SHUTDOWN, "u1", retry=True)
    pair.until(c1="", c2="active")
    pair.hears("c1 quiescing c1", "c1 removed c1 si/csi")
    pair.amf.administrate(AdminOperation.LOCK_INSTANTIATION, "u1", retry=True)
    pair.hears("c1 terminate c1")
    pair.wait(lambda found: found["c1"]["presence"] == "uninstantiated")


@pytest.mark.parametrize(
    ("health", "command"), [("asked", "unhealthy"), ("confirms", "unhealthy"), ("confirms", "fail")]
)
def test_a_healthcheck_that_fails_or_is_not_confirmed_has_the_other_take_over(
    pair: Pair, health: str, command: str
) -> None:
    pair.start(f"environment: HEALTH {health}")
    pair.tell("c2", "healthcheck-stop")
    pair.tell("c1", command)
    pair.until(c2="active", c1="standby")


def test_the_protection_group_is_told_at_once_and_when_it_changes(pair: Pair) -> None:
    pair.start()
    pair.tell("c2", "track")
    ready = " ready 1" if pair.interface == "4" else ""
    pair.hears("c2 group of 2", f"c2 member c1 1 1{ready}", f"c2 member c2 2 1{ready}")
    pair.amf.administrate(AdminOperation.SI_SWAP, "si", retry=True)
    pair.hears(f"c2 member c1 3 4{ready}", f"c2 member c2 1 4{ready}", f"c2 member c1 2 4{ready}")


def test_an_error_that_is_reported_fails_over_and_is_cleared_by_another_component(pair: Pair) -> None:
    pair.start(repair="off")
    pair.tell("c2", "report c1")
    pair.until(c2="active", c1="")
    pair.tell("c2", "clear c1")
    pair.until(c2="active", c1="standby")


def test_the_death_of_a_monitored_process_fails_over_unless_it_is_monitored_no_more(pair: Pair) -> None:
    pair.start()
    with child() as ignored, child() as monitored:
        pair.tell("c1", f"monitor {ignored.pid}")
        pair.tell("c1", f"monitor-no-more {ignored.pid}")
        ignored.kill()
        ignored.wait()
        pair.tell("c1", f"monitor {monitored.pid}")
        assert pair.components()["c1"]["generation"] == 1
        os.kill(monitored.pid, signal.SIGKILL)
        pair.until(c2="active", c1="standby")
    assert any(f"process {monitored.pid} was ended" in line.what for line in pair.amf.history(1000, retry=True))


@pytest.mark.parametrize("pair", ["4"], indirect=True)
def test_a_component_that_says_that_it_is_not_ready_gives_its_work_to_the_other(pair: Pair) -> None:
    pair.start()
    pair.tell("c2", "track")
    pair.tell("c1", "ready 3")
    pair.until(c1="standby", c2="active")
    pair.hears("c2 member c1 1 4 ready 3")


def test_a_proxy_is_told_what_its_proxied_component_is_to_do(pair: Pair) -> None:
    pair.start()
    pair.start(more=PROXIED)
    pair.until(device="active")
    pair.hears("c1 instantiate device", "c1 active device")
    pair.tell("c1", "report device")
    pair.wait(lambda found: found["device"]["generation"] == 2)
    pair.until(device="active")
    pair.hears("c1 cleanup device")
    pair.amf.administrate(AdminOperation.LOCK, "device-unit", retry=True)
    pair.until(device="")
    pair.amf.administrate(AdminOperation.LOCK_INSTANTIATION, "device-unit", retry=True)
    pair.hears("c1 quiesced device", "c1 removed device device/line", "c1 terminate device")
