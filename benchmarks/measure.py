"""One run: a client at every node, one load, checked and counted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from benchmarks.processes import Measured

READY_S: Final = 60.0
RESULT_S: Final = 90.0
LEAD_S: Final = 0.1
"""From the word to go until the first message."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be measured."""

    mode: str
    """tput: as fast as the executives take it; lat: one message at a time."""
    nodes: int
    size: int
    senders: str
    """`one` or `all`."""
    seconds: float
    ramp_s: float = 0.3
    guarantee: str = "agreed"
    rate_s: float = 0.0
    """In latency runs: messages sent a second by each sender, whether those before were delivered or not; 0: the next
    one when the one before was."""

    @property
    def sending(self) -> range:
        """The nodes whose clients send."""
        return range(1, 2 if self.senders == "one" else self.nodes + 1)


@dataclass(slots=True)
class Row:
    """What one run gave."""

    label: str
    """What was measured."""
    load: Load
    correct: bool
    """Every message was delivered once, in one order, at every node."""
    messages_s: float
    """Delivered at the slowest node, a second."""
    cpu_us: float
    """Processor time of all executives and clients for each delivery at each node."""
    executives_cpu_us: float
    """Of it that of the executives."""
    memory_mib: float
    """Resident, of the largest executive."""
    latency_us: dict[str, float] = field(default_factory=dict)
    """From before the call to its own delivery: p50, p99, p999, and p50 at the slowest other node as `others`."""
    faults: list[str] = field(default_factory=list)
    """What was not correct."""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


class _Client:
    """A load client as a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, node: Measured, load: Load, group: str) -> _Client:
        command = node.client(load, group)
        return cls(
            await asyncio.create_subprocess_exec(
                *command.arguments,
                env=command.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        )

    async def hear(self, event: str, within_s: float) -> dict[str, Any]:
        """The next line, which must be this event. Raises RuntimeError when the client ends instead."""
        assert self._process.stdout is not None
        async with asyncio.timeout(within_s):
            line = await self._process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {}
        if told.get("ev") != event:
            raise RuntimeError(f"a client said {told or 'nothing'}, expected {event}")
        return told

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def end(self) -> None:
        if self._process.returncode is None:
            self.say("quit")
            try:
                async with asyncio.timeout(READY_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


async def run(label: str, nodes: Sequence[Measured], load: Load, group: str) -> Row:
    """Runs one load on daemons that are up. Raises RuntimeError or TimeoutError when a client cannot go on."""
    clients = [await _Client.start(node, load, group) for node in nodes]
    try:
        for client in clients:
            await client.hear("ready", READY_S)
        begin = time.monotonic() + LEAD_S
        first = begin + load.ramp_s
        last = first + load.seconds
        for client in clients:
            client.say(f"go {begin:.6f} {first:.6f} {last:.6f}")
        await asyncio.sleep(first - time.monotonic())
        cpu_before, before = sum(node.cpu_s() for node in nodes), time.monotonic()
        await asyncio.sleep(last - time.monotonic())
        cpu_after, after = sum(node.cpu_s() for node in nodes), time.monotonic()
        results = [await client.hear("result", RESULT_S) for client in clients]
    finally:
        for client in clients:
            await client.end()
    memory_mib = max(node.memory_mib() for node in nodes)
    return _row(label, load, results, (cpu_after - cpu_before) / (after - before), memory_mib)


def _row(label: str, load: Load, results: list[dict[str, Any]], executives_cpu: float, memory_mib: float) -> Row:
    """`executives_cpu`: processor time of all executives a second."""
    deliveries_s = sum(each["msgs"] / each["window_s"] for each in results)
    clients_cpu = sum((each["user_s"] + each["sys_s"]) / each["window_s"] for each in results)
    faults = _faults(results)
    return Row(
        label,
        load,
        not faults,
        min(each["msgs"] / each["window_s"] for each in results),
        (executives_cpu + clients_cpu) / deliveries_s * 1e6 if deliveries_s else 0.0,
        executives_cpu / deliveries_s * 1e6 if deliveries_s else 0.0,
        memory_mib,
        _latency(results) if load.mode == "lat" else {},
        faults,
    )


def _latency(results: list[dict[str, Any]]) -> dict[str, float]:
    own = next(each for each in results if each["send"])
    others = [each["lat_p50_us"] for each in results if not each["send"]]
    shares = {name: own[f"lat_{name}_us"] for name in ("p50", "p99", "p999")}
    return {**shares, **({"others": max(others)} if others else {})}


def _faults(results: list[dict[str, Any]]) -> list[str]:
    """What is wrong with what was delivered, in words."""
    sent = sum(each["sent_total"] for each in results)
    faults = []
    for each in results:
        node = f"node {each['self']}"
        if each["delivered_total"] != sent or each.get("ends_total", sent) != sent:
            faults.append(f"{node} was given {each['delivered_total']} of {sent} messages")
        if each["fifo_errors"]:
            faults.append(f"{node}: {each['fifo_errors']} messages out of turn")
        if each["size_errors"]:
            faults.append(f"{node}: {each['size_errors']} messages damaged")
    if len({each["order_hash"] for each in results}) != 1:
        faults.append("the nodes have different orders")
    return faults
