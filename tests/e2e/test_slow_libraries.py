"""Programs that do not read what their executive has for them: they are told and let go, and nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openais.evs import AsyncEvs, MessageDelivered
from openais.messages.base import Kind, ServiceId, decode, encode
from openais.messages.evs import Deliver, Join, payloads_of
from openais.messages.frame import Frame
from openais.messages.session import GOODBYE_NUMBER, Goodbye
from openais.types import ErrorCode
from tests.support.processes import ExecutiveProcess, executives
from tests.support.rings import STEADY_MS, run, witnesses_of
from tests.support.rogue import Rogue, rogue
from tests.support.witness import Witness, hear_each_other

pytestmark = pytest.mark.e2e

KIB = 1024
MIB = 1024 * KIB
PAYLOAD = 8 * KIB
COUNT = 6000
"""Messages of a load: twelve times what may wait for a program."""
QUEUE_MAX = 4 * MIB
GROWTH_MAX_KIB = 6 * QUEUE_MAX // KIB
"""How much an executive's memory may grow: queues of programs that do not read, or not soon on a busy machine."""


@asynccontextmanager
async def two_nodes(directory: Path) -> AsyncIterator[list[Witness]]:
    """Witnesses of a ring of two, with small limits for libraries."""
    async with executives(directory, 2) as nodes:
        for node in nodes:
            node.sections["totem"]["token"] = str(STEADY_MS)
            node.sections["ipc"] |= {"queue_max": str(QUEUE_MAX), "queue_throttle": str(QUEUE_MAX // 8)}
        async with witnesses_of(nodes) as witnesses:
            yield witnesses


def peak_memory_kib(executive: ExecutiveProcess) -> int:
    """The most memory that the process has had."""
    status = Path(f"/proc/{executive.process_id}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


async def load(sender: AsyncEvs, readers: list[AsyncEvs], count: int = COUNT) -> None:
    """Sends `count` messages; returns when all readers have them."""

    async def read(reader: AsyncEvs) -> None:
        for _ in range(count):
            while not isinstance(await reader.receive(), MessageDelivered):
                pass

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for each in readers:
            tasks.create_task(read(each))
        payloads = (number.to_bytes(PAYLOAD, "big") for number in range(count))
        await sender.multicast("load", payloads, retry=True, timeout=120)


async def heard_before_the_goodbye(program: Rogue) -> tuple[list[int], Goodbye]:
    """The numbers of the messages that a program reads at last, and what it is told at their end."""
    frames: list[Frame] = []
    while (frame := await program.frame()) is not None:
        frames.append(frame)
    last = frames.pop()
    assert (last.kind, last.number) == (Kind.CALLBACK, GOODBYE_NUMBER)
    return [number for frame in frames for number in numbers_in(frame)], decode(Goodbye, last.body)


def numbers_in(frame: Frame) -> list[int]:
    """The numbers of the messages that a frame delivers."""
    if (frame.kind, frame.number) != (Kind.CALLBACK, Deliver.number):
        return []
    return [int.from_bytes(payload, "big") for payload in payloads_of(decode(Deliver, frame.body).payloads)]


def test_a_program_that_does_not_read_is_told_and_let_go_and_the_others_hear_all(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_nodes(tmp_path) as witnesses:
            before = [each.configurations for each in witnesses]
            path, other_path = (each.executive.socket for each in witnesses)
            async with AsyncEvs.open(path) as one, AsyncEvs.open(other_path) as other, rogue(path) as deaf:
                for each in (one, other):
                    await each.join("load", retry=True)
                await load(one, [one, other])
                memory = peak_memory_kib(witnesses[0].executive)
                await deaf.initialize(ServiceId.EVS)
                deaf.request(Join.number, encode(Join(("load",))))
                assert (await deaf.answer(1)).error is ErrorCode.OK
                await load(one, [one, other])
                assert peak_memory_kib(witnesses[0].executive) - memory < GROWTH_MAX_KIB
                numbers, goodbye = await heard_before_the_goodbye(deaf)
                assert goodbye.code == ErrorCode.NO_RESOURCES
                assert f"were not read, expected at most {QUEUE_MAX}" in goodbye.reason
                assert numbers == list(range(len(numbers)))
                assert 0 < len(numbers) < COUNT
                groups = await other.groups()
                assert [member.node_id for member in groups["load"]] == [1, 2]
            await hear_each_other(witnesses)
            assert [each.configurations for each in witnesses] == before

    run(scenario)


def test_a_program_that_reads_late_but_not_too_late_loses_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_nodes(tmp_path) as witnesses:
            path = witnesses[0].executive.socket
            async with AsyncEvs.open(path) as one, rogue(path) as late:
                await one.join("load", retry=True)
                await late.initialize(ServiceId.EVS)
                late.request(Join.number, encode(Join(("load",))))
                assert (await late.answer(1)).error is ErrorCode.OK
                count = QUEUE_MAX // PAYLOAD // 2
                await load(one, [one], count)
                late.request(Join.number, encode(Join(("other",))), call=2)
                numbers: list[int] = []
                while (frame := await late.frame()) is not None and frame.kind is not Kind.RESPONSE:
                    numbers += numbers_in(frame)
                assert numbers == list(range(count))
                assert frame is not None
                assert frame.error is ErrorCode.OK

    run(scenario)
