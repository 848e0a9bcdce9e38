"""The scenes of the demo in which programs are kept up: a plain web server, and a counter with its checkpoint.

A client asks the server for its page, and looks at the count, all the time. Both programs run at the last node, until
that is killed; then AMF has them run elsewhere, and the client says for how long it was not served.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

from openais.amf import AdminOperation, AsyncAmf
from openais.ckpt import AsyncCkpt, OpenFlags
from openais.cli.demo_component import CHECKPOINT, SECTION
from openais.cli.demo_ensemble import Ensemble
from openais.cli.demo_relay import LOOPBACK
from openais.cli.demo_stage import Stage
from openais.cli.demo_witness import PATIENCE_S
from openais.config.amf import read_amf
from openais.types import AisError

ASK_S: Final = 0.01
GROUPS: Final = """\
group {{
    name: web
{servers}}}
group {{
    name: counter
{counters}}}
"""
SERVER: Final = """\
    unit {{
        name: web@{node}
        node: {node}
        rank: {rank}
        component {{
            name: web@{node}
            csi_types: web
            command: {python} -m http.server {port} --bind {host} --directory {site}/{node}
        }}
    }}
"""
COUNTER: Final = """\
    unit {{
        name: counter@{node}
        node: {node}
        rank: {rank}
        component {{
            name: counter@{node}
            csi_types: counter
            sa_aware: on
            command: {python} -m openais.cli.demo_component
            environment: DEMO_NODE {node}
        }}
    }}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client saw, when it had asked, when it was answered, and whose it was."""

    asked_at: float
    at: float
    text: str

    @property
    def node(self) -> str:
        return self.text.split()[-1]


class Services:
    """Two programs that are kept up, and the client that uses them."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self._stage: Stage = ensemble.stage
        self._port = _free_port()
        self._pages: list[Seen] = []
        self._counts: list[Seen] = []
        self._client: list[asyncio.Task[None]] = []
        self._node = ""

    async def begin(self) -> None:
        """Both run at the last node, and the client is served. Raises ClaimFailed."""
        first, *_, last = self._ensemble.witnesses
        self._node = last.node.name
        self._stage.scene(
            "Programs that are kept up",
            f"A plain web server, and a counter that keeps its count in a checkpoint, on {self._node} (AMF).",
        )
        async with self._amf() as amf:
            await amf.apply(read_amf(self._configuration(last.node.name, first.node.name).encode(), "demo"), retry=True)
            found = await self._until(amf, "both to run", _runs_twice)
            if _active(found)["counter"][0] != self._node:
                await amf.administrate(AdminOperation.SI_SWAP, "counter", retry=True)
                found = await self._until(amf, "the swap", _runs_twice)
        self._client = [asyncio.create_task(self._ask_for_pages()), asyncio.create_task(self._look_at_the_count())]
        await self._served("the client to be served", lambda: len(self._pages) > 2 and len(self._counts) > 2)
        for name, (node, process_id) in sorted(_active(found).items()):
            self._stage.say(f"{name} runs on {node}, process {process_id}")
        self._stage.claim(
            f"a client is served by both on {self._node}, and goes on asking",
            {self._pages[-1].node, self._counts[-1].node} == {self._node},
            f"it saw {self._counts[-1].text}; {_active(found)}",
        )

    async def take_over(self) -> None:
        """Their node is dead: they run elsewhere. Raises ClaimFailed."""
        self._stage.scene("They go on", f"{self._node} is dead, and all that ran there; the client goes on asking.")
        await self._served("the web server to answer again", lambda: self._pages[-1].node != self._node)
        await self._served("the counter to go on", lambda: self._counts[-1].node != self._node)
        _, page, waited_ms = self._failover(self._pages)
        nodes = [seen.node for seen in self._pages]
        self._stage.claim(
            f"the web server answers on {page.node}, {waited_ms:.0f} ms after its last answer",
            nodes == sorted(nodes, key=page.node.__eq__),
            "the dead one answered once more",
        )
        last, first, waited_ms = self._failover(self._counts)
        numbers = [int(seen.text.split()[0]) for seen in self._counts]
        self._stage.claim(
            f"the counter went on from {last.text.split()[0]} with {first.text.split()[0]} on {first.node}, "
            f"{waited_ms:.0f} ms later: none that the client saw is lost",
            numbers == sorted(set(numbers)),
            f"it saw {numbers}",
        )
        await self._put_away()

    async def _put_away(self) -> None:
        for task in self._client:
            task.cancel()
        await asyncio.gather(*self._client, return_exceptions=True)
        async with self._amf() as amf:
            await amf.apply((), retry=True)
            await self._until(amf, "the programs to end", lambda found: not found["groups"])

    # The client

    async def _ask_for_pages(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    asked_at = time.monotonic()
                    if page := await self._page():
                        self._pages.append(Seen(asked_at, time.monotonic(), page))
            await asyncio.sleep(ASK_S)

    async def _page(self) -> str:
        """What the server answers; nothing when it does not."""
        reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        try:
            writer.write(b"GET /index.html HTTP/1.0\r\n\r\n")
            head, _, body = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")
            return body if " 200 " in head else ""
        finally:
            writer.close()

    async def _look_at_the_count(self) -> None:
        socket_path = self._ensemble.witnesses[0].node.socket
        async with AsyncExitStack() as stack:
            ckpt = await stack.enter_async_context(AsyncCkpt.open(socket_path, timeout=PATIENCE_S))
            checkpoint = None
            while True:
                with contextlib.suppress(AisError):
                    if checkpoint is None:
                        opened = await ckpt.open_checkpoint(CHECKPOINT, OpenFlags.READ)
                        checkpoint = await stack.enter_async_context(opened)
                    asked_at = time.monotonic()
                    text = bytes(await checkpoint.read(SECTION)).decode()
                    if not self._counts or text != self._counts[-1].text:
                        self._counts.append(Seen(asked_at, time.monotonic(), text))
                await asyncio.sleep(ASK_S)

    def _failover(self, seen: list[Seen]) -> tuple[Seen, Seen, float]:
        """The last of the node that died, the first of another one, and the milliseconds between."""
        place = next(place for place, each in enumerate(seen) if each.node != self._node)
        before, after = seen[place - 1], seen[place]
        return before, after, (after.at - before.asked_at) * 1000

    # Small helpers

    async def _served(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                self._stage.fail(f"waited {PATIENCE_S:.0f} s for {what}")
            await asyncio.sleep(ASK_S)

    async def _until(self, amf: AsyncAmf, what: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while not condition(found := await amf.state(retry=True)):
            if time.monotonic() > deadline:
                self._stage.fail(f"waited {PATIENCE_S:.0f} s for {what}")
            await asyncio.sleep(ASK_S)
        return found

    @contextlib.asynccontextmanager
    async def _amf(self) -> AsyncIterator[AsyncAmf]:
        try:
            async with AsyncAmf.open(self._ensemble.witnesses[0].node.socket, timeout=PATIENCE_S) as amf:
                yield amf
        except AisError as error:
            self._stage.fail(f"the availability management framework says: {error}")

    def _configuration(self, *nodes: str) -> str:
        site = self._ensemble.cluster.folder / "site"
        for node in nodes:
            (site / node).mkdir(parents=True)
            (site / node / "index.html").write_text(f"this is {node}")
        keys = {"python": sys.executable, "port": self._port, "host": LOOPBACK, "site": site}
        servers, counters = (
            "".join(unit.format(node=node, rank=rank, **keys) for rank, node in enumerate(nodes, 1))
            for unit in (SERVER, COUNTER)
        )
        return GROUPS.format(servers=servers, counters=counters)


def _components(state: dict[str, Any], group: str) -> list[tuple[str, dict[str, Any]]]:
    """The components of a group, each with its node."""
    return [
        (unit["node"], each)
        for found in state["groups"]
        if found["name"] == group
        for unit in found["units"]
        for each in unit["components"]
    ]


def _active(state: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """The groups of which a component is active: its node, and its process."""
    return {
        group["name"]: (node, each["process_id"])
        for group in state["groups"]
        for node, each in _components(state, group["name"])
        if "active" in each["assignments"].values()
    }


def _runs_twice(state: dict[str, Any]) -> bool:
    """Whether the web server runs, and the counter, with one that stands by."""
    words = [
        word
        for _, each in _components(state, "counter")
        if not each["pending"]
        for word in each["assignments"].values()
    ]
    return "web" in _active(state) and sorted(words) == ["active", "standby"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
