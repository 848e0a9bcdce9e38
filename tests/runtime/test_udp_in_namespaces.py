"""What loopback cannot show: multicast over IPv6, and a network slower than its sender."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.netns

LINK = """
ip link set lo up
ip link add d0 type veth peer name d1
ip link set d0 up multicast on
ip link set d1 up
"""

MULTICAST_OVER_IPV6 = """
import asyncio
from openais.runtime.udp import UdpSettings, UdpTransport
from openais.totem.effects import Multicast, Scope

async def main():
    heard = [asyncio.Event(), asyncio.Event()]
    first = UdpTransport(UdpSettings("fd77::1", 0, multicast_address="ff15::77"), lambda burst: heard[0].set())
    port = first.address[1]
    second = UdpTransport(UdpSettings("fd77::2", port, multicast_address="ff15::77"), lambda burst: heard[1].set())
    first.start(), second.start()
    first.multicast(Multicast(Scope.RING, (), ()), [b"x"])
    async with asyncio.timeout(20):
        await asyncio.gather(*(event.wait() for event in heard))
    first.close(), second.close()

asyncio.run(main())
"""

SLOW_NETWORK = """
import asyncio
from openais.runtime.udp import SEND_QUEUE_MAX, UdpSettings, UdpTransport

async def main():
    udp = UdpTransport(UdpSettings("10.77.0.1", 0), lambda burst: None)
    udp.start()
    udp.send(("10.77.0.2", 9), [bytes(1400)] * 20_000)
    sent, dropped = udp.counters["sent"], udp.counters["send_queue_full"]
    assert 0 < sent < 20_000 - SEND_QUEUE_MAX, udp.counters
    assert sent + dropped + SEND_QUEUE_MAX == 20_000, udp.counters
    async with asyncio.timeout(20):
        while udp.counters["sent"] == sent:
            await asyncio.sleep(0.01)
    udp.close()

asyncio.run(main())
"""


def run_in_a_namespace(setup: str, program: str) -> None:
    """Runs `program` in a network namespace of its own, made by the shell commands `setup`."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root and network namespaces")
    command = f"set -e\n{LINK}\n{setup}\nexec {sys.executable} -c '{program}'"
    subprocess.run(["unshare", "--net", "sh", "-c", command], check=True, timeout=60)


def test_a_multicast_group_over_ipv6_is_heard_by_all_executives_of_a_machine() -> None:
    addresses = "ip addr add fd77::1/64 dev d0 nodad; ip addr add fd77::2/64 dev d0 nodad"
    run_in_a_namespace(addresses, MULTICAST_OVER_IPV6)


def test_what_the_kernel_does_not_take_waits_and_beyond_the_limit_is_dropped_and_counted() -> None:
    slow = (
        "ip addr add 10.77.0.1/24 dev d0; ip neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev d0;"
        "tc qdisc add dev d0 root tbf rate 8mbit burst 16000 limit 100000000"
    )
    run_in_a_namespace(slow, SLOW_NETWORK)
