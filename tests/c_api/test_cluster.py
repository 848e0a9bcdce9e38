"""Programs in C, Python programs over the C libraries, and Python programs, together in a cluster of three nodes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from openais.amf import Amf
from openais.ckpt import Ckpt
from openais.clm import Clm
from openais.config.amf import load_amf
from openais.evt import Evt
from tests.c_api.cluster import ProcessCluster
from tests.c_api.conftest import PROGRAMS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "c"
PATIENCE_S = 60.0

Compile = Callable[[Path], Path]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The sockets of three executives in one ring."""
    with ProcessCluster(tmp_path_factory.mktemp("three"), 3) as cluster:
        with Clm(cluster.sockets[0], timeout=PATIENCE_S) as clm:
            for view in clm.track():
                if view.member_count == 3:
                    break
        yield cluster.sockets


@contextmanager
def started(command: Sequence[str | Path], socket: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that runs with an executive; it has to end well."""
    environment = {**os.environ, "OPENAIS_SOCKET": str(socket)}
    process = subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a program prints."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_the_watcher_sees_all_members(compiled: Compile, three: list[Path]) -> None:
    with started([compiled(EXAMPLES / "watcher.c"), "3"], three[1]) as watcher:
        assert line_of(watcher).endswith("3 members: node-1 node-2 node-3")


def test_the_subscriber_hears_the_publisher_on_another_node(compiled: Compile, three: list[Path]) -> None:
    with started([compiled(EXAMPLES / "subscriber.c"), "news", "sport.", "2"], three[0]) as subscriber:
        assert line_of(subscriber) == "subscribed"
        publisher = compiled(EXAMPLES / "publisher.c")
        for pattern, text in (("sport.a", "first"), ("weather", "unheard"), ("sport.b", "second")):
            with started([publisher, "news", pattern, text], three[2]):
                pass
        assert [line_of(subscriber), line_of(subscriber)] == ["publisher: first", "publisher: second"]


def test_the_reader_reads_what_the_writer_wrote_on_another_node(compiled: Compile, three: list[Path]) -> None:
    for text in ("first", "second"):
        with started([compiled(EXAMPLES / "checkpoint_writer.c"), "notes", "a", text], three[0]):
            pass
    with started([compiled(EXAMPLES / "checkpoint_reader.c"), "notes"], three[2]) as reader:
        assert line_of(reader) == "a: second"


def test_the_watcher_of_a_checkpoint_is_told_of_what_c_and_python_write_on_other_nodes(
    compiled: Compile, three: list[Path]
) -> None:
    with started([compiled(EXAMPLES / "checkpoint_watcher.c"), "watched", "3"], three[1]) as watcher:
        assert line_of(watcher) == "watching"
        with started([compiled(EXAMPLES / "checkpoint_writer.c"), "watched", "a", "by C"], three[0]):
            assert line_of(watcher) == "a: by C"
        with Ckpt(three[2], timeout=PATIENCE_S) as ckpt, ckpt.open_checkpoint("watched", retry=True) as checkpoint:
            checkpoint["b"] = b"by Python"
            assert line_of(watcher) == "b: by Python"
            del checkpoint["a"]
            assert line_of(watcher) == "a is gone"


def test_python_over_the_c_libraries_and_python_see_each_other(installation: Path, three: list[Path]) -> None:
    with (
        Evt(three[0], timeout=PATIENCE_S) as evt,
        evt.open_channel("mixed", retry=True) as channel,
        channel.subscribe("to-python", retry=True) as subscription,
        Ckpt(three[0], timeout=PATIENCE_S) as ckpt,
        ckpt.open_checkpoint("mixed", retry=True) as checkpoint,
    ):
        checkpoint["a"] = b"written by Python"
        with started([sys.executable, PROGRAMS / "with_ctypes.py", installation / "lib"], three[1]) as program:
            assert line_of(program) == "subscribed"
            channel.publish(b"hello from Python", "to-c", retry=True)
            assert line_of(program) == "hello from Python"
            event = subscription.receive(PATIENCE_S)
            assert (event.data, event.publisher) == (b"hello from C", "ctypes")
            assert line_of(program) == "written"
            assert bytes(checkpoint.read("a", consistent=True, retry=True)) == b"written by C"


def states(amf: Amf) -> dict[str, set[str]]:
    """The HA states of each component that has answered all that it was told."""
    components = (
        each for group in amf.state(retry=True)["groups"] for unit in group["units"] for each in unit["components"]
    )
    return {each["name"]: set() if each["pending"] else set(each["assignments"].values()) for each in components}


def until(amf: Amf, wanted: dict[str, str]) -> None:
    """Waits until components have these HA states."""
    deadline = time.monotonic() + PATIENCE_S
    while any(state not in states(amf)[name] for name, state in wanted.items()):
        assert time.monotonic() < deadline, states(amf)


def test_six_components_in_c_are_given_their_states_and_fail_over(compiled: Compile, three: list[Path]) -> None:
    program = compiled(EXAMPLES / "component.c")
    running: dict[str, subprocess.Popen[bytes]] = {}
    with Amf(three[0], timeout=PATIENCE_S) as amf:
        amf.apply(load_amf(EXAMPLES.parent / "amf" / "groups.conf"), retry=True)
        try:
            for number in (1, 2, 3):
                state = "standby" if number == 3 else "active"
                for kind in "ab":
                    name = f"component_{kind}{number}"
                    environment = {**os.environ, "OPENAIS_SOCKET": str(three[number - 1])}
                    running[name] = subprocess.Popen([program, name], env=environment, stdout=subprocess.DEVNULL)
                until(amf, {f"component_{kind}{number}": state for kind in "ab"})
            running["component_a1"].kill()
            until(amf, {"component_a3": "active", "component_b3": "active"})
        finally:
            for process in running.values():
                process.kill()
                process.wait()
            amf.apply((), retry=True)
