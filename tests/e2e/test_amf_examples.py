"""The examples of docs/availability.md, as they stand but for the names of nodes and the programs that are not here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openais.amf import AsyncAmf
from openais.config.amf import read_amf
from tests.support.amf import EXAMPLES, TOKEN_MS, WAIT_S, all_of, has, members, until
from tests.support.lab import Lab, lab, put
from tests.support.processes import ExecutiveProcess, executives, start_all

pytestmark = [pytest.mark.e2e, pytest.mark.netns]

ADDRESS = "192.0.2.80"


def hosts(where: Lab) -> list[int]:
    """The nodes that have the address."""
    found = []
    for number, node in where.nodes.items():
        shown = subprocess.run([*node.inside, "ip", "-json", "address"], capture_output=True, check=True)
        addresses = [each["local"] for link in json.loads(shown.stdout) for each in link.get("addr_info", ())]
        found += [number] if ADDRESS in addresses else []
    return found


def answer(where: Lab, number: int) -> str:
    """What the web server behind the address says to a client on a node; nothing when it does not answer."""
    ask = f"import urllib.request as r; print(r.urlopen('http://{ADDRESS}:8080/', timeout=1).status)"
    done = subprocess.run([*where.nodes[number].inside, sys.executable, "-c", ask], capture_output=True, text=True)
    return done.stdout.strip()


async def until_answered(where: Lab, number: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while await asyncio.to_thread(answer, where, number) != "200":
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def handles(nodes: list[ExecutiveProcess], where: Lab) -> AsyncIterator[list[AsyncAmf]]:
    """A handle of AMF on each of these executives, which are started in the lab."""
    put(where, nodes)
    for node in nodes:
        node.sections["totem"]["token"] = str(TOKEN_MS)
    await start_all(nodes)
    async with contextlib.AsyncExitStack() as stack:
        found = [await stack.enter_async_context(AsyncAmf.open(each.socket, timeout=60.0)) for each in nodes]
        await members(found[0], len(nodes))
        yield found


def test_a_virtual_address_follows_the_node_that_serves_it(tmp_path: Path) -> None:
    text = (EXAMPLES / "address.conf").read_text().replace("alpha, beta", "node-1, node-2")
    text = text.replace('/usr/sbin/nginx -g "daemon off;"', f"{sys.executable} -m http.server 8080")

    async def scenario(where: Lab) -> None:
        async with executives(tmp_path, 2) as nodes, handles(nodes, where) as (first, second):
            await first.apply(read_amf(text.encode(), "address.conf"), retry=True)
            await until(first, all_of(has("address@node-1", "active"), has("proxy@node-1", "active")))
            assert hosts(where) == [1]
            await until_answered(where, 1)
            await nodes[0].kill()
            await until(second, all_of(has("address@node-2", "active"), has("proxy@node-2", "active")))
            assert hosts(where) == [2]
            await until_answered(where, 2)

    with lab(2) as where:
        asyncio.run(scenario(where))


TOOLS = Path("/usr/lib/postgresql/15/bin")


def query(where: Lab, number: int, statement: str) -> str:
    """What the database of a node answers; nothing when it does not."""
    command = (TOOLS / "psql", "-h", where.address(number), "-U", "postgres", "-Atc", statement)
    done = subprocess.run([*where.nodes[number].inside, *command], capture_output=True, text=True)
    return done.stdout.strip()


def test_a_database_has_a_primary_and_a_replica_which_takes_over_with_all_that_was_written(tmp_path: Path) -> None:
    if not (TOOLS / "pg_basebackup").exists():
        pytest.skip("needs PostgreSQL 15")
    data = Path(tempfile.mkdtemp(prefix="openais-database-"))  # its user may not look into the folder of the test
    shutil.chown(data, "postgres")
    text = (EXAMPLES / "database.conf").read_text()
    for old, new in (
        ("alpha=192.0.2.1 beta=192.0.2.2", "node-1=10.78.0.1 node-2=10.78.0.2"),
        ("alpha, beta", "node-1, node-2"),
        ("/usr/bin/env python3 database_controller.py", f"{sys.executable} database_controller.py"),
        ("/usr/local/lib/database", str(EXAMPLES)),
        ("/var/lib/database", str(data)),
        ("/usr/local/bin/shop", "/bin/sleep 1000"),
    ):
        text = text.replace(old, new)

    async def scenario(where: Lab) -> None:
        async with executives(tmp_path, 2) as nodes, handles(nodes, where) as (first, second):
            await first.apply(read_amf(text.encode(), "database.conf"), retry=True)
            names = {1: "controller@node-1", 2: "controller@node-2"}
            ways = {number: all_of(has(names[number], "active"), has(names[3 - number], "standby")) for number in names}
            found = await until(first, lambda found: any(way(found) for way in ways.values()))
            primary = 1 if ways[1](found) else 2
            assert query(where, primary, "create table said (text text); insert into said values ('hello')") != ""
            assert query(where, 3 - primary, "select pg_is_in_recovery()") == "t"
            async with asyncio.timeout(WAIT_S):
                while query(where, 3 - primary, "select text from said") != "hello":
                    await asyncio.sleep(0)
            os.kill(found[names[primary]]["process_id"], signal.SIGKILL)
            await until(second, ways[3 - primary])
            assert query(where, 3 - primary, "insert into said values ('again') returning text").startswith("again")
            assert query(where, primary, "select pg_is_in_recovery()") == "t"
            await until(second, lambda found: any(has(f"shop@node-{number}", "active")(found) for number in names))
            await first.apply((), retry=True)
            await until(second, lambda found: not found)

    try:
        with lab(2) as where:
            asyncio.run(scenario(where))
    finally:
        shutil.rmtree(data)
