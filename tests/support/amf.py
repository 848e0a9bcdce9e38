"""AMF on real executives: a cluster that is used by many tests, one after the other, and what its components are."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from openais.amf import AdminOperation, AsyncAmf
from openais.cli.demo_relay import Relay
from openais.config.amf import read_amf
from tests.support.processes import ExecutiveProcess, executives, start_all

WAIT_S = 30.0
TOKEN_MS = 1500
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "amf"

Components: TypeAlias = dict[str, dict[str, Any]]
Condition: TypeAlias = Callable[[Components], bool]


async def components(amf: AsyncAmf) -> Components:
    """The components by name."""
    return components_in(await amf.state(retry=True))


def components_in(state: dict[str, Any]) -> Components:
    return {each["name"]: each for group in state["groups"] for unit in group["units"] for each in unit["components"]}


async def until(amf: AsyncAmf, condition: Condition) -> Components:
    """Waits for a condition on the components; gives them."""
    found: Components = {}
    try:
        async with asyncio.timeout(WAIT_S):
            while not condition(found := await components(amf)):
                await asyncio.sleep(0)
    except TimeoutError:
        lines = [f"{line.entity}: {line.what}" for line in await amf.history(60, retry=True)]
        raise AssertionError("\n".join((f"it never was so: {found}", *lines))) from None
    return found


def has(name: str, state: str) -> Condition:
    """A component has an assignment in this state, and nothing left to do."""
    return lambda found: state in found[name]["assignments"].values() and not found[name]["pending"]


def all_of(*conditions: Condition) -> Condition:
    return lambda found: all(each(found) for each in conditions)


def is_idle(name: str) -> Condition:
    """A component has no assignment, and nothing left to do."""
    return lambda found: not found[name]["assignments"] and not found[name]["pending"]


def runs(process_id: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return " Z " not in Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(process_id: int) -> None:
    """Waits for the end of a process."""
    async with asyncio.timeout(WAIT_S):
        while runs(process_id):
            await asyncio.sleep(0)


def guardian_of(node: ExecutiveProcess) -> int:
    """The id of the guardian of an executive."""
    assert node.process is not None
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            if int(parent) == node.process.pid and b"guardian.py" in path.with_name("cmdline").read_bytes():
                return int(path.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise AssertionError("there is no guardian")


@contextlib.asynccontextmanager
async def cluster(
    directory: Path, count: int = 2, amf: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[list[ExecutiveProcess], list[AsyncAmf]]]:
    """Executives, and a handle of AMF on each; `amf` is that section of their configuration."""
    async with executives(directory, count) as nodes, contextlib.AsyncExitStack() as stack:
        for node in nodes:
            node.sections["totem"]["token"] = str(TOKEN_MS)
            if amf is not None:
                node.sections["amf"] = dict(amf)
        await start_all(nodes)
        handles = [await stack.enter_async_context(AsyncAmf.open(node.socket, timeout=WAIT_S)) for node in nodes]
        await members(handles[0], count)
        yield nodes, handles


async def members(amf: AsyncAmf, count: int) -> None:
    """Waits until so many nodes are there."""
    async with asyncio.timeout(WAIT_S):
        while sum(each["member"] for each in (await amf.state(retry=True))["nodes"]) != count:
            await asyncio.sleep(0)


@dataclass
class Site:
    """Three executives that many tests use, each with groups of its own."""

    runner: asyncio.Runner
    nodes: list[ExecutiveProcess]
    amf: AsyncAmf
    folder: Path
    count: int = 0

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        """Runs a test. Components of those before may still be ending."""
        self.count += 1
        self.runner.run(scenario)

    async def apply(self, text: str) -> None:
        """Has these groups, and no others, in force."""
        await self.amf.apply(read_amf(text.encode(), "amf.conf"), retry=True)

    async def administrate(self, operation: AdminOperation, name: str) -> None:
        await self.amf.administrate(operation, name, retry=True)

    async def components(self) -> Components:
        return await components(self.amf)

    async def until(self, *conditions: Condition) -> Components:
        return await until(self.amf, all_of(*conditions))

    async def pair(self, one: str, other: str) -> tuple[str, str]:
        """Waits until of two components one is active and the other stands by; gives them in this order."""
        ways = [all_of(has(each, "active"), has(rest, "standby")) for each, rest in ((one, other), (other, one))]
        found = await self.until(lambda found: any(way(found) for way in ways))
        return (one, other) if ways[0](found) else (other, one)

    async def happened(self, entity: str) -> list[str]:
        """What the history says of an entity."""
        return [line.what for line in await self.amf.history(1000, retry=True) if line.entity == entity]

    @property
    def log(self) -> Path:
        """Where the components of this test say what they are told."""
        return self.folder / f"said-{self.count}"

    def said(self) -> list[str]:
        """What components have said, in order: `component word`, of SA-aware ones with the assignment."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def plain(self, name: str, *keys: str) -> str:
        """A component section: a program that says that it starts, and at SIGTERM that it ends."""
        program = "trap 'echo $SA_AMF_COMPONENT_NAME ends >> $SAID; exit' TERM"
        program += "; echo $SA_AMF_COMPONENT_NAME starts >> $SAID; while :; do sleep 1000 & wait; done"
        return self._component(name, f'command: /bin/sh -c "{program}"', *keys)

    def aware(self, name: str, *keys: str) -> str:
        """A component section: an SA-aware component that says what it is told."""
        return self._component(
            name,
            "sa_aware: on",
            f"command: {sys.executable} -m tests.support.amf_program",
            f"directory: {ROOT}",
            *keys,
        )

    def _component(self, name: str, *keys: str) -> str:
        lines = "\n".join((f"name: {name}", f"environment: SAID {self.log}", *keys))
        return f"component {{\n{lines}\n}}"


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Three executives, until the context ends."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        nodes, handles = runner.run(stack.enter_async_context(cluster(folder, 3)))
        try:
            yield Site(runner, nodes, handles[0], folder)
        finally:
            runner.run(stack.aclose())


@contextlib.asynccontextmanager
async def parted_cluster(directory: Path, count: int, **keys: str) -> AsyncIterator[tuple[Relay, list[AsyncAmf]]]:
    """Executives with a network that can be cut, and a handle of AMF on each. `keys`: of the section totem."""
    async with executives(directory, count) as nodes, contextlib.AsyncExitStack() as stack:
        relay = Relay({node.number: int(node.sections["network"]["mcastport"]) for node in nodes})
        relay.open()
        stack.callback(relay.close)
        for node in nodes:
            node.sections["totem"] |= {
                "token": str(TOKEN_MS),
                "nodelist": ", ".join(relay.doors_of(node.number)),
                **keys,
            }
        await start_all(nodes)
        handles = [await stack.enter_async_context(AsyncAmf.open(node.socket, timeout=WAIT_S)) for node in nodes]
        await members(handles[0], count)
        yield relay, handles
