"""The availability management framework on real executives, with real programs that are really killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from openais.amf import AdminOperation
from openais.config.amf import read_amf
from tests.support.amf import EXAMPLES, Site, cluster, gone, has, runs, until

pytestmark = pytest.mark.e2e

WEB = """
group {{
    name: web
    nodes: node-1, node-2
    component {{
        name: server
        command: /bin/sleep 1000
        recovery: failover
        {extra}
    }}
}}
"""


def test_a_plain_program_that_is_killed_runs_on_the_other_node(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(WEB.format(extra=""))
        active = (await amf_site.until(has("server@node-1", "active")))["server@node-1"]
        os.kill(active["process_id"], signal.SIGKILL)
        found = await amf_site.until(has("server@node-2", "active"), has("server@node-1", "standby"))
        assert not runs(active["process_id"])
        await amf_site.apply("")
        await gone(found["server@node-2"]["process_id"])

    amf_site.run(scenario())


def test_when_a_node_is_killed_its_program_dies_with_it_and_runs_on_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        cleaned = tmp_path / "cleaned"
        async with cluster(tmp_path) as (nodes, (amf, other)):
            text = WEB.format(extra=f"cleanup: /usr/bin/touch {cleaned}")
            await amf.apply(read_amf(text.encode(), "amf.conf"))
            active = (await until(amf, has("server@node-1", "active")))["server@node-1"]
            await nodes[0].kill()
            await gone(active["process_id"])
            found = await until(other, has("server@node-2", "active"))
            async with asyncio.timeout(60.0):
                while not cleaned.exists():
                    await asyncio.sleep(0)
        await gone(found["server@node-2"]["process_id"])

    asyncio.run(scenario())


def test_an_sa_aware_component_is_switched_over_and_fails_over(amf_site: Site) -> None:
    async def scenario() -> None:
        counter = f"name: counter\nsa_aware: on\ncommand: {sys.executable} {EXAMPLES / 'counting.py'}"
        await amf_site.apply(
            f"group {{\nname: count\nnodes: node-1, node-2\ncomponent {{\n{counter}\nrecovery: failover\n}}\n}}"
        )
        first, second = await amf_site.pair("counter@node-1", "counter@node-2")
        await amf_site.administrate(AdminOperation.SI_SWAP, "count")
        found = await amf_site.until(has(second, "active"), has(first, "standby"))
        os.kill(found[second]["process_id"], signal.SIGKILL)
        await amf_site.until(has(first, "active"), has(second, "standby"))
        unit = first.replace("counter", "count")
        await amf_site.administrate(AdminOperation.LOCK, unit)
        await amf_site.until(has(second, "active"), lambda found: not found[first]["assignments"])
        await amf_site.administrate(AdminOperation.LOCK_INSTANTIATION, unit)
        await amf_site.until(lambda found: found[first]["presence"] == "uninstantiated")

    amf_site.run(scenario())


def test_commands_that_cannot_be_run_or_hang_or_flood_harm_nobody_else(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(
            "".join(
                f"group {{\nname: {name}\nnodes: node-1\n"
                f"component {{\nname: {name}\n{keys}\ninstantiate_limit: 1s\n}}\n}}\n"
                for name, keys in (
                    ("missing", "command: /no/such/program"),
                    ("hangs", "instantiate: /bin/sleep 1000"),
                    ("fails", "instantiate: /bin/false"),
                    ("floods", "command: /usr/bin/yes"),
                    ("forks", "command: /bin/sh -c 'sleep 1000 & sleep 1000 & wait'"),
                )
            )
        )
        failed = "instantiation-failed"
        found = await amf_site.until(
            lambda found: all(found[f"{name}@node-1"]["presence"] == failed for name in ("missing", "hangs", "fails")),
            has("floods@node-1", "active"),
            has("forks@node-1", "active"),
        )
        await amf_site.apply("")
        await gone(found["floods@node-1"]["process_id"])
        await gone(found["forks@node-1"]["process_id"])

    amf_site.run(scenario())
