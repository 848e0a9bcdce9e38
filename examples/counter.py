"""A counter that survives its node: run it on several nodes, and kill the one that counts.

    python examples/counter.py

The programs elect the one on the lowest node id (CLM). It counts, and keeps the count in a checkpoint; when its node
dies, the next one goes on from there.
"""

from __future__ import annotations

import time

from openais.ckpt import Ckpt
from openais.clm import Clm

PAUSE_S = 0.5


def main() -> None:
    with Clm() as cluster, Ckpt() as ckpt, ckpt.open_checkpoint("counter", retry=True) as checkpoint:
        own = cluster.local_node().node_id
        while True:
            if min(node.node_id for node in cluster.members()) == own:
                count = int(bytes(checkpoint["count"])) if "count" in checkpoint else 0
                checkpoint["count"] = b"%d" % (count + 1)
                print(f"node {own}: {count + 1}", flush=True)
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
