"""How AMF bears many components: the time until all are assigned, and what that costs the executives.

python -m benchmarks.availability_scale [--components 1000] [--nodes 8]

Groups of N-way active with a unit of one plain program (`/bin/sleep`) on each node, so that all components run. The
time is from the call of `apply` until every service instance is fully assigned; then one node is killed, and the time
until the others have noticed, and all that is left is assigned as it can be, is told as well.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.executives import HERE, Executive, Tree, executives
from openais.amf import AsyncAmf
from openais.config.amf import read_amf
from openais.types import AisError

TOKEN_MS: Final = 1000
LOOK_S: Final = 0.05
WAIT_S: Final = 300.0
GROUP: Final = """\
group {{
    name: g{number}
    model: n-way-active
    nodes: {nodes}
    component {{
        name: c{number}
        command: /bin/sleep 100000
    }}
}}
"""


async def connected(executive: Executive, members: int) -> AsyncAmf:
    """A handle on an executive that is being started, once so many nodes are there."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            handle = await AsyncAmf.open(executive.socket, timeout=WAIT_S)
            break
        except AisError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(LOOK_S)
    async with asyncio.timeout(WAIT_S):
        while sum(node["member"] for node in (await handle.state(retry=True))["nodes"]) < members:
            await asyncio.sleep(LOOK_S)
    return handle


async def assigned(handle: AsyncAmf, count: int) -> None:
    """Waits until so many components are active, and none has anything left to do."""
    async with asyncio.timeout(WAIT_S):
        while _active(await handle.state(retry=True)) != count:
            await asyncio.sleep(LOOK_S)


def _active(state: Mapping[str, Any]) -> int:
    """The components that are active; -1 while one still has an order."""
    components = [each for group in state["groups"] for unit in group["units"] for each in unit["components"]]
    if any(each["pending"] for each in components):
        return -1
    return sum("active" in each["assignments"].values() for each in components)


async def measure(components: int, count: int) -> None:
    """Prints what was measured."""
    groups = components // count
    names = ", ".join(f"node-{number}" for number in range(1, count + 1))
    model = read_amf("".join(GROUP.format(number=n, nodes=names) for n in range(groups)).encode(), "benchmark")
    async with executives(Tree("this", HERE), count, {"token": str(TOKEN_MS)}) as nodes:
        handle = await connected(nodes[0], count)
        before_s = [node.cpu_s() for node in nodes]
        begun = time.monotonic()
        await handle.apply(model, retry=True)
        await assigned(handle, groups * count)
        took_s = time.monotonic() - begun
        cpu_s = [node.cpu_s() - before for node, before in zip(nodes, before_s, strict=True)]
        print(f"{groups * count} components on {count} nodes: all assigned {took_s:.1f} s after apply was called")
        print(f"processor time of each executive {min(cpu_s):.2f} to {max(cpu_s):.2f} s")
        print(f"memory of each executive at most {max(node.peak_memory_mib() for node in nodes):.0f} MiB")
        begun = time.monotonic()
        await nodes[-1].kill()
        await assigned(handle, groups * (count - 1))
        print(f"a node killed: known, and settled, {time.monotonic() - begun:.1f} s later")
        handle.finalize()


def main() -> None:
    """Measures once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=8)
    given = parser.parse_args()
    asyncio.run(measure(given.components, given.nodes))


if __name__ == "__main__":
    main()
