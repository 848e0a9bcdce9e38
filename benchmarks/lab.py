"""A laboratory of network namespaces: every node has a network of its own, joined by a switch that can be parted.

Nothing is made in the namespace of the machine, and nothing has a name: each namespace is kept by a process that ends
when its standard input does, so that all is gone with who made it, however that ends. A partition is made of two
bridges in the switch: ports are moved from one to the other, which takes no packet filter. Loss is made at every
receiver, by nftables, for datagrams only. It takes root.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator
from typing import Final

TOOLS: Final = ("unshare", "nsenter", "setpriv", "ip")
LOSS: Final = """
table inet lab
delete table inet lab
table inet lab {{
    chain input {{
        type filter hook input priority 0;
        iifname eth0 meta l4proto udp numgen random mod 10000 < {per_10_000} drop
    }}
}}
"""


class Namespace:
    """One network namespace, until it is closed or this process ends, with directories of its own for `private`."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        own = "".join(f"mkdir -p {path} && mount -t tmpfs -o mode=755 tmpfs {path} && " for path in private)
        self._keeper = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
             f"{own}ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"ready\n"
        self.path = f"/proc/{self._keeper.pid}/ns/net"
        spaces = (f"--net={self.path}", f"--mount=/proc/{self._keeper.pid}/ns/mnt")
        self.inside = ("nsenter", *spaces, "--", "setpriv", "--pdeathsig", "KILL", "--")
        """The command that runs another one here. It ends with who ran it, however that ends."""

    def ip(self, *commands: str) -> None:
        """Runs commands of ip(8)."""
        self.run(["ip", "-batch", "-"], "\n".join(commands))

    def run(self, command: list[str], text: str = "") -> None:
        """Runs a command with `text` as its input. Raises CalledProcessError."""
        subprocess.run([*self.inside, *command], input=text.encode(), check=True, capture_output=True)

    def close(self) -> None:
        """The namespace is gone, unless a process is left in it."""
        self._keeper.communicate()


class Lab:
    """Nodes 1 to `count`, each with an address of both versions and `private` directories. Made by `made`."""

    def __init__(self, count: int, at_end: contextlib.ExitStack, private: Collection[str] = ()) -> None:
        self._switch = self._namespace(at_end)
        self._switch.ip(*(f"link add {side} type bridge mcast_snooping 0" for side in ("one", "other")))
        self._switch.ip("link set one up", "link set other up")
        self.nodes = {number: self._namespace(at_end, private) for number in range(1, count + 1)}
        for number, node in self.nodes.items():
            peer = f"type veth peer name eth0 netns {node.path}"
            self._switch.ip(f"link add port{number} {peer}", f"link set port{number} master one up")
            node.ip(
                f"addr add {self.address(number, 4)}/24 dev eth0",
                f"addr add {self.address(number, 6)}/64 dev eth0 nodad",
                "link set eth0 up",
                "route add 224.0.0.0/4 dev eth0",
            )

    def address(self, number: int, version: int = 4) -> str:
        """The address of a node."""
        return f"10.78.0.{number}" if version == 4 else f"fd78::{number}"

    def part(self, side: Collection[int]) -> None:
        """Parts the nodes of `side` from the others; each side stays whole."""
        for number in self.nodes:
            self._switch.ip(f"link set port{number} master {'other' if number in side else 'one'}")

    def mend(self) -> None:
        """All are together again."""
        self.part(())

    def lose(self, percent: float) -> None:
        """From now on every node loses so much of what comes to it, at random: packets, not whole rows of them."""
        for node in self.nodes.values():
            node.ip("link set dev eth0 gso_max_segs 1")
            node.run(["nft", "-f", "-"], LOSS.format(per_10_000=round(percent * 100)))

    def _namespace(self, at_end: contextlib.ExitStack, private: Collection[str] = ()) -> Namespace:
        namespace = Namespace(private)
        at_end.callback(namespace.close)
        return namespace


def obstacle(*tools: str) -> str:
    """Why no lab can be made here, or `tools` are not there, in words; empty when nothing is in the way."""
    for tool in (*TOOLS, *tools):
        if shutil.which(tool) is None:
            return f"needs the program {tool}"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return f"needs root and network namespaces: {tried.stderr.strip()}" if tried.returncode else ""


@contextlib.contextmanager
def made(count: int, private: Collection[str] = ()) -> Iterator[Lab]:
    """A lab of `count` nodes."""
    with contextlib.ExitStack() as at_end:
        yield Lab(count, at_end, private)
