"""A node of the cluster inside the program: no executive beside it, nothing else to install or to start.

Run it in several terminals on one machine, each with its own port first and then those of the others:

    openais keygen key
    python examples/embedded.py key 7001 7002 7003
    python examples/embedded.py key 7002 7001 7003
"""

import asyncio
import sys

import openais


async def main(key: str, port: str, *others: str) -> None:
    """Tells who is in the cluster, until it is ended."""
    node = openais.Node(
        authkey=key,
        mcastport=port,
        nodelist=[f"127.0.0.1:{other}" for other in others],
        nodename=f"port-{port}",
        statedir=f"{key}-{port}",
    )
    async with node, node.clm() as cluster:
        async for view in cluster.track():
            names = [each.node.name for each in view.notifications if each.node.member]
            print(f"view {view.view_number}: {', '.join(names)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
