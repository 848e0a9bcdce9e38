"""Datagrams that no executive sent, or not so, or not now: they are counted, and the ring does not notice."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from openais.runtime.authkey import load_authkey
from openais.runtime.seal import Cipher, Opener, Sealer
from openais.totem.wire import HEADER
from openais.types import NodeId
from tests.support.processes import counters_of, executives
from tests.support.rings import STEADY_MS, run, witnesses_of
from tests.support.tap import Captured, Tap, tapped
from tests.support.witness import Witness, assert_complete, hear_each_other, in_one_ring, talking

pytestmark = pytest.mark.e2e

SEED = 2005
BURST = 300
"""Forged datagrams between two signs of life: no more than a receive buffer holds, so that no token gets lost."""
ROUNDS = 10
STRANGER = 99
NEWER = (1 << 64) - 2
"""A session of whoever forges, newer than all that there were."""


@contextlib.asynccontextmanager
async def tapped_ring(directory: Path) -> AsyncIterator[tuple[Tap, list[Witness]]]:
    """Witnesses of a ring of three, and the tap on its network."""
    async with executives(directory, 3) as nodes:
        for node in nodes:
            node.sections["totem"]["token"] = str(STEADY_MS)
        with tapped(nodes) as tap:
            async with witnesses_of(nodes) as witnesses:
                yield tap, witnesses


async def attack(tap: Tap, witnesses: Sequence[Witness], datagrams: Iterable[Captured]) -> None:
    """Sends forged datagrams while the witnesses talk; now and then each must still hear all others."""
    async with talking(witnesses):
        for count, forged in enumerate(datagrams, 1):
            tap.send(*forged)
            if not count % BURST:
                await hear_each_other(witnesses)
    await hear_each_other(witnesses)


async def counted(witnesses: Sequence[Witness], cause: str) -> list[int]:
    """A counter of each executive."""
    return [(await counters_of(each.executive)).get(cause, 0) for each in witnesses]


def noise(chance: random.Random, captured: Sequence[Captured], count: int) -> Iterable[Captured]:
    """Random bytes, and captured datagrams with bits flipped, cut off, or with something behind them."""
    for _ in range(count):
        sender, receiver, datagram = chance.choice(captured)
        match chance.randrange(4):
            case 0:
                datagram = chance.randbytes(chance.randrange(1500))
            case 1:
                datagram = flipped(chance, datagram)
            case 2:
                datagram = datagram[: chance.randrange(len(datagram))]
            case 3:
                datagram += chance.randbytes(chance.randrange(1, 100))
        yield Captured(sender, receiver, datagram)


def flipped(chance: random.Random, datagram: bytes) -> bytes:
    """The datagram with one to eight bits flipped."""
    changed = bytearray(datagram)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


class Insider:
    """Somebody who has the key, and seals captured datagrams again after it has changed them."""

    def __init__(self, authkey: Path, seed: int) -> None:
        key = load_authkey(authkey)
        self._chance = random.Random(seed)
        self._opener = Opener((key,), "openais", NodeId(STRANGER), NEWER)
        nodes = (1, 2, 3, STRANGER)
        self._sealers = {node: Sealer((key,), Cipher.AES256GCM, "openais", NodeId(node), NEWER) for node in nodes}
        self._plain: list[Captured] = []

    def forge(self, captured: Sequence[Captured]) -> Iterator[Captured]:
        """As many datagrams as were captured, from what was captured now or before."""
        opened = ((each, self._opener.open(each.datagram)) for each in captured)
        self._plain += [each._replace(datagram=plain) for each, plain in opened if plain]
        for _ in captured:
            sender, receiver, plain = self._chance.choice(self._plain)
            sealer = self._sealers[self._chance.choice((sender, STRANGER))]
            yield Captured(sender, receiver, sealer.seal(self._changed(plain)))

    def _changed(self, plain: bytes) -> bytes:
        chance = self._chance
        match chance.randrange(8):
            case 0:
                return chance.randbytes(chance.randrange(1400))
            case 1:
                return plain[: chance.randrange(len(plain))]
            case 2:
                return plain
        return plain[: HEADER.size] + flipped(chance, plain[HEADER.size :])


def test_noise_is_counted_and_nobody_notices(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tapped_ring(tmp_path) as (tap, witnesses):
            async with talking(witnesses):
                await hear_each_other(witnesses)
            before = [each.configurations for each in witnesses]
            await attack(tap, witnesses, noise(random.Random(SEED), list(tap.captured), 5_000))
            assert [each.configurations for each in witnesses] == before, "the membership changed"
            for cause in ("seal.too_short", "seal.not_authentic", "seal.wire_version"):
                assert all(await counted(witnesses, cause)), cause
            for each in witnesses:
                assert each.messages == witnesses[0].messages
                assert_complete(each, witnesses)

    run(scenario)


def test_a_capture_that_is_replayed_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with tapped_ring(tmp_path) as (tap, witnesses):
            async with talking(witnesses):
                for _ in range(5):
                    await hear_each_other(witnesses)
            before = [each.configurations for each in witnesses]
            capture = list(tap.captured)
            await attack(tap, witnesses, capture)
            assert [each.configurations for each in witnesses] == before, "the membership changed"
            assert sum(await counted(witnesses, "seal.replayed")) >= len(capture) * 0.9
            for each in witnesses:
                assert each.messages == witnesses[0].messages
                assert_complete(each, witnesses)

    run(scenario)


def test_a_capture_from_before_a_restart_of_all_is_worth_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 3) as nodes:
            for node in nodes:
                node.sections["totem"]["token"] = str(STEADY_MS)
            with tapped(nodes) as tap:
                async with witnesses_of(nodes) as witnesses, talking(witnesses):
                    await hear_each_other(witnesses)
                for node in nodes:
                    await node.kill()
                capture = list(tap.captured)
                async with witnesses_of(nodes) as witnesses:
                    before = [each.configurations for each in witnesses]
                    await attack(tap, witnesses, capture)
                    assert [each.configurations for each in witnesses] == before, "the membership changed"
                    refused = await counted(witnesses, "seal.stale_session")
                    assert sum(refused) >= len(capture) * 0.9
                    for each in witnesses:
                        assert_complete(each, witnesses)

    run(scenario)


def test_what_somebody_with_the_key_seals_wrongly_ends_no_executive(tmp_path: Path) -> None:
    """Such a one can disturb the ring, as any member could; afterwards it must be whole, and messages flow."""

    async def scenario() -> None:
        async with tapped_ring(tmp_path) as (tap, witnesses):
            async with talking(witnesses):
                await hear_each_other(witnesses)
            insider = Insider(tmp_path / "authkey", SEED)
            for _ in range(ROUNDS):
                for forged in insider.forge(tap.captured[-BURST:]):
                    tap.send(*forged)
                await in_one_ring(witnesses)
                await hear_each_other(witnesses)
            for each in witnesses:
                assert each.executive.runs
                assert each.ended is None
            for cause in ("ring.malformed_data", "ring.malformed_token", "ring.settings_differ"):
                assert any(await counted(witnesses, cause)), cause

    run(scenario)
