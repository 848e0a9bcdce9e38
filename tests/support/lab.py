"""A laboratory of network namespaces: every node has a network of its own, joined by a switch that can be parted.

Nothing is made in the namespace of the machine, and nothing has a name: each namespace is kept by a process that ends
when its standard input does, so that all is gone with the test, however it ends. A partition is made of two bridges in
the switch: ports are moved from one to the other, which takes no packet filter. Loss is made at every receiver, by
nftables, for datagrams only.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import pytest

from tests.support.processes import ExecutiveProcess

PORT: Final = "5405"
GROUPS: Final = {4: "239.192.78.1", 6: "ff15::78"}
"""The multicast groups, by version of the internet protocol."""
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
    """One network namespace, until it is closed or this process ends."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"ready\n"
        self.path = f"/proc/{self._keeper.pid}/ns/net"
        self.inside = ("nsenter", f"--net={self.path}", "--")
        """The command that runs another one here."""

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
    """Nodes 1 to `count`, each with an address of both versions. Made by `lab`."""

    def __init__(self, count: int, at_end: contextlib.ExitStack) -> None:
        self._switch = self._namespace(at_end)
        self._switch.ip(*(f"link add {side} type bridge mcast_snooping 0" for side in ("one", "other")))
        self._switch.ip("link set one up", "link set other up")
        self._nodes = {number: self._namespace(at_end) for number in range(1, count + 1)}
        for number, node in self._nodes.items():
            peer = f"type veth peer name eth0 netns {node.path}"
            self._switch.ip(f"link add port{number} {peer}", f"link set port{number} master one up")
            node.ip(
                f"addr add {self.address(number, 4)}/24 dev eth0",
                f"addr add {self.address(number, 6)}/64 dev eth0 nodad",
                "link set eth0 up",
            )

    def address(self, number: int, version: int = 4) -> str:
        """The address of a node."""
        return f"10.78.0.{number}" if version == 4 else f"fd78::{number}"

    def put(self, executives: Iterable[ExecutiveProcess], version: int = 4, transport: str = "unicast") -> None:
        """Has the executives live here, each in the node of its number."""
        host = "{}" if version == 4 else "[{}]"
        everybody = ", ".join(f"{host.format(self.address(number, version))}:{PORT}" for number in self._nodes)
        for each in executives:
            each.inside = self._nodes[each.number].inside
            each.sections["network"] = {"bindnetaddr": self.address(each.number, version), "mcastport": PORT}
            if transport == "unicast":
                each.sections["totem"]["nodelist"] = everybody
            else:
                del each.sections["totem"]["nodelist"]
                each.sections["network"]["mcastaddr"] = GROUPS[version]

    def part(self, side: Collection[int]) -> None:
        """Parts the nodes of `side` from the others; each side stays whole."""
        for number in self._nodes:
            self._switch.ip(f"link set port{number} master {'other' if number in side else 'one'}")

    def mend(self) -> None:
        """All are together again."""
        self.part(())

    def lose(self, percent: float) -> None:
        """From now on every node loses so much of what comes to it, at random: packets, not whole rows of them."""
        for node in self._nodes.values():
            node.ip("link set dev eth0 gso_max_segs 1")
            node.run(["nft", "-f", "-"], LOSS.format(per_10_000=round(percent * 100)))

    def _namespace(self, at_end: contextlib.ExitStack) -> Namespace:
        namespace = Namespace()
        at_end.callback(namespace.close)
        return namespace


@contextlib.contextmanager
def lab(count: int, *tools: str) -> Iterator[Lab]:
    """A lab of `count` nodes. Skips the test where it cannot be made, or where there are no `tools`."""
    for tool in ("unshare", "nsenter", "ip", *tools):
        if shutil.which(tool) is None:
            pytest.skip(f"needs the program {tool}")
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"needs root and network namespaces: {tried.stderr.strip()}")
    with contextlib.ExitStack() as at_end:
        yield Lab(count, at_end)
