"""What becomes of active components when the network parts, with a quorum and without, with real programs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from chaos.amf_check import check
from chaos.amf_work import CSI, FOLDER, LOCKS
from chaos.evidence import Evidence

from openais.config.amf import read_amf
from tests.support.amf import ROOT, all_of, has, is_idle, parted_cluster, until

pytestmark = pytest.mark.e2e


def workers(folder: Path, nodes: str) -> bytes:
    """A program that holds a lock as long as it runs, and writes down when another one has it."""
    (folder / LOCKS).mkdir()
    return f"""
    group {{
        name: work
        nodes: {nodes}
        component {{
            name: worker
            command: {sys.executable} -m chaos.amf_plain
            directory: {ROOT}
            environment: {FOLDER} {folder}
        }}
        instance {{
            name: work
            csi {{
                name: worker
                set: {CSI} work/worker
            }}
        }}
    }}
    """.encode()


def journals(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.glob("*.journal")}


def two_at_once(folder: Path) -> list[str]:
    """What the workers wrote down of two that worked at one time."""
    told = check(Evidence.of([], journals(folder))).violations
    return [each for each in told if "two were active" in each or "while another process" in each]


def test_the_side_that_loses_quorum_gives_up_and_the_other_takes_over_no_earlier(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with parted_cluster(tmp_path, 3, quorum="majority", expected_votes="3") as (relay, (first, second, _)):
            await first.apply(read_amf(workers(tmp_path, "node-1, node-2"), "amf.conf"), retry=True)
            await until(first, has("worker@node-1", "active"))
            relay.cut((1,), (2, 3))
            await until(first, is_idle("worker@node-1"))
            assert "active" not in str((await second.state(retry=True))["groups"][0]["units"][1])
            await until(second, has("worker@node-2", "active"))
            (line,) = [each for each in await first.history(retry=True) if each.what == "cleaned up: no quorum"]
            assert line.entity == "worker@node-1"
            relay.mend()
            merged = all_of(has("worker@node-2", "active"), has("worker@node-1", "standby"))
            await until(first, merged)
            await until(second, merged)
        assert len(journals(tmp_path)) == 2
        assert two_at_once(tmp_path) == []

    asyncio.run(scenario())


def test_without_quorum_both_sides_are_active_and_after_the_merge_one_is_told_to_stand_by(tmp_path: Path) -> None:
    async def scenario() -> None:
        said = tmp_path / "said"
        async with parted_cluster(tmp_path, 3) as (relay, (first, second, _)):
            text = f"""
            group {{
                name: work
                nodes: node-1, node-2, node-3
                component {{
                    name: worker
                    sa_aware: on
                    command: {sys.executable} -m tests.support.amf_program
                    directory: {ROOT}
                    environment: SAID {said}
                }}
            }}
            """
            await first.apply(read_amf(text.encode(), "amf.conf"), retry=True)
            names = [f"worker@node-{number}" for number in (1, 2, 3)]
            await until(first, lambda found: sum(has(name, "active")(found) for name in names) == 1)
            await until(first, lambda found: sum(has(name, "standby")(found) for name in names) == 1)
            relay.cut((1,), (2, 3))
            await until(first, has(names[0], "active"))
            await until(second, lambda found: any(has(name, "active")(found) for name in names[1:]))
            relay.mend()
            found = await until(
                first,
                lambda found: (
                    not found[names[0]]["pending"]
                    and "active" not in found[names[0]]["assignments"].values()
                    and any(has(name, "active")(found) for name in names[1:])
                ),
            )
            assert found[names[0]]["generation"] == 1  # it is told by the ordinary callbacks, and goes on running
            assert any(line == f"{names[0]} quiesced work/worker" for line in said.read_text().splitlines())

    asyncio.run(scenario())
