"""Programs that abuse the library socket of a running executive: each is told why, and the others do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from openais.clm import AsyncClm
from openais.messages.base import Kind, ServiceId, all_declared, encode
from openais.messages.evs import Join, Multicast, batch_of
from openais.messages.frame import HEADER, pack
from openais.messages.session import INITIALIZE_NUMBER, Initialize
from openais.types import ErrorCode
from tests.support.processes import counters_of, executives
from tests.support.rings import STEADY_MS, ring_of, run, witnesses_of
from tests.support.rogue import Rogue, rogue
from tests.support.witness import Witness, assert_complete, hear_each_other, talking

pytestmark = pytest.mark.e2e

SEED = 1996
NOBODY = 65534
HANDSHAKE = pack(INITIALIZE_NUMBER, Kind.REQUEST, 1, encode(Initialize(ServiceId.EVS, "B", 1, 1)))
ABSURD = {
    "a length shorter than a header": HEADER.pack(3, 1, Kind.REQUEST, 1, 1),
    "no length at all": HEADER.pack(0, 1, Kind.REQUEST, 1, 1),
    "four gigabytes": HEADER.pack(0xFFFF_FFFF, 1, Kind.REQUEST, 1, 1),
    "an unknown kind": HEADER.pack(HEADER.size, 1, 200, 1, 1),
    "an answer to a question that nobody asked": pack(1, Kind.RESPONSE, 1, b""),
    "an error code that there is not": HEADER.pack(HEADER.size, 1, Kind.REQUEST, 250, 1),
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}

STRANGER = """
import json, os, sys
from openais.clm import Clm
from openais.types import AisError
path, user = json.loads(sys.argv[1])
os.setgroups([]), os.setgid(user), os.setuid(user)
try:
    Clm(path)
except AisError as error:
    print(error.code.name, error)
"""


async def undisturbed(witnesses: list[Witness], before: list[object]) -> None:
    """The executives run, in the same ring, and their libraries are served."""
    await hear_each_other(witnesses)
    assert [each.configurations for each in witnesses] == before
    for each in witnesses:
        assert each.ended is None
        assert each.messages == witnesses[0].messages
        assert_complete(each, witnesses)


def test_frames_that_cannot_be_are_answered_with_a_goodbye_that_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(2, tmp_path, STEADY_MS) as witnesses:
            before: list[object] = [each.configurations for each in witnesses]
            path = witnesses[0].executive.socket
            async with talking(witnesses):
                for handshake in (b"", HANDSHAKE):
                    for what, data in ABSURD.items():
                        async with rogue(path) as program:
                            program.send(handshake + data)
                            goodbye = await program.goodbye()
                            assert goodbye.code == ErrorCode.LIBRARY, what
                            assert "expected" in goodbye.reason or "SaAisErrorT" in goodbye.reason, goodbye.reason
            await undisturbed(witnesses, before)
            counters = await counters_of(witnesses[0].executive)
            assert counters["library.malformed_frame"] >= 2 * (len(ABSURD) - 1)
            assert counters["library.not_a_request"] == 2

    run(scenario)


def test_requests_that_cannot_be_are_refused_and_the_session_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(2, tmp_path, STEADY_MS) as witnesses:
            before: list[object] = [each.configurations for each in witnesses]
            path = witnesses[0].executive.socket
            async with talking(witnesses), rogue(path) as program:
                await program.initialize(ServiceId.EVS)
                for call, (number, body, code) in enumerate(
                    (
                        (999, b"", ErrorCode.NOT_SUPPORTED),
                        (Join.number, b"", ErrorCode.INVALID_PARAM),
                        (Join.number, b"\xc1" * 100, ErrorCode.INVALID_PARAM),
                        (Join.number, b"\x91" * 100_000, ErrorCode.INVALID_PARAM),
                        (Join.number, encode(Join(("x" * 65,))), ErrorCode.INVALID_PARAM),
                        (
                            Multicast.number,
                            encode(Multicast(("g",), 7, 9, False, batch_of([b"x"]))),
                            ErrorCode.INVALID_PARAM,
                        ),
                        (INITIALIZE_NUMBER, encode(Initialize(ServiceId.CLM, "B", 1, 1)), ErrorCode.BAD_OPERATION),
                    ),
                    10,
                ):
                    program.request(number, body, call)
                    answer = await program.answer(call)
                    assert answer.error is code, bytes(answer.body)
                    assert bytes(answer.body), "no explanation"
                program.request(Join.number, encode(Join(("g",))), 100)
                assert (await program.answer(100)).error is ErrorCode.OK
            await undisturbed(witnesses, before)

    run(scenario)


def test_before_the_handshake_nothing_is_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(1, tmp_path) as (witness,):
            async with rogue(witness.executive.socket) as program:
                program.request(Join.number, encode(Join(("g",))))
                assert "before Initialize" in (await program.goodbye()).reason
            for service, release, code in (
                (200, "B", ErrorCode.NOT_SUPPORTED),
                (ServiceId.EVS, "Z", ErrorCode.VERSION),
            ):
                async with rogue(witness.executive.socket) as program:
                    program.request(INITIALIZE_NUMBER, encode(Initialize(service, release, 1, 1)))
                    assert (await program.answer(1)).error is code

    run(scenario)


def test_mutilated_requests_of_every_service_end_no_executive(tmp_path: Path) -> None:
    chance = random.Random(SEED)

    def mutilated(body: bytes) -> bytes:
        changed = bytearray(body) or bytearray(b"\0")
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed[: chance.randint(0, len(changed))] if chance.random() < 0.3 else changed)

    async def abuse(program: Rogue, service: ServiceId) -> None:
        await program.initialize(service)
        requests = [each for each in all_declared() if (each.service, each.kind) == (service, Kind.REQUEST)]
        bodies = [
            encode(Join(("g", "h"))),
            encode(Multicast(("g",), 0, 2, False, batch_of([b"x" * 50]))),
            b"\x92\x05\xc3",
        ]
        for call in range(2, 502):
            program.request(chance.choice(requests).number, mutilated(chance.choice(bodies)), call)
        await program.answer(501)

    async def scenario() -> None:
        async with ring_of(2, tmp_path, STEADY_MS) as witnesses:
            before: list[object] = [each.configurations for each in witnesses]
            path = witnesses[0].executive.socket
            async with talking(witnesses):
                for service in (ServiceId.EVS, ServiceId.CLM, ServiceId.STATUS):
                    async with rogue(path) as program:
                        await abuse(program, service)
            await undisturbed(witnesses, before)
            assert (await counters_of(witnesses[0].executive))["library.malformed_request"]

    run(scenario)


def test_programs_that_go_away_in_the_middle_of_a_frame_leave_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(2, tmp_path, STEADY_MS) as witnesses:
            before: list[object] = [each.configurations for each in witnesses]
            path = witnesses[0].executive.socket
            frame = HANDSHAKE + pack(Join.number, Kind.REQUEST, 2, encode(Join(("rogues",))))
            async with talking(witnesses):
                for length in range(1, len(frame) + 1):
                    async with rogue(path) as program:
                        program.send(frame[:length])
            await undisturbed(witnesses, before)
            async with AsyncClm.open(path), rogue(path) as program:
                await program.initialize(ServiceId.EVS)
                groups = await witnesses[1].evs.groups()
                assert set(groups) <= {"witnesses", "rogues"}

    run(scenario)


def test_more_connections_than_may_be_are_told_so_and_the_others_are_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(1, tmp_path) as witnesses, contextlib.AsyncExitStack() as stack:
            path = witnesses[0].executive.socket
            programs = [await stack.enter_async_context(rogue(path)) for _ in range(300)]
            assert "connections already" in (await programs[-1].goodbye()).reason
            await hear_each_other(witnesses)
            await stack.aclose()
            async with AsyncClm.open(path, timeout=60) as cluster:
                assert len(await cluster.members()) == 1

    run(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_program_of_another_user_is_denied_access_and_told_why(tmp_path: Path) -> None:
    async def scenario(open_to_all: Path) -> None:
        async with executives(tmp_path, 1) as nodes:
            nodes[0].socket = open_to_all / "socket"
            nodes[0].sections["ipc"]["socket"] = str(nodes[0].socket)
            async with witnesses_of(nodes) as (witness,):
                who = json.dumps([str(nodes[0].socket), NOBODY])
                stranger = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", STRANGER, who, stdout=subprocess.PIPE
                )
                told, _ = await stranger.communicate()
                assert told.decode().startswith(f"ACCESS user id {NOBODY} may not connect"), told
                await hear_each_other([witness])

    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        asyncio.run(scenario(Path(directory)))
