"""What no key can tell alone: values that contradict each other, and values that are probably not meant."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from openais.config.problems import Place, Problem
from openais.config.settings import NODES_MAX, Settings

FAST_TOKEN_MS: Final = 200
"""A token timeout below this needs a short ring and a machine that is not busy."""
FAST_TOKEN_NODES: Final = 8
IPV4_MTU_MIN: Final = 576
IPV6_MTU_MIN: Final = 1280

Places = Mapping[str, Place]
"""Where each key that was given stands, by `section.key`."""


def contradictions(settings: Settings, places: Places) -> Iterator[Problem]:
    """Every combination of values that cannot work."""
    yield from _addresses(settings, places)
    yield from _node_list(settings, places)
    yield from _sizes(settings, places)
    yield from _votes(settings, places)


def warnings(settings: Settings, places: Places) -> Iterator[Problem]:
    """Every combination of values that works, but hardly as meant."""
    yield from _unused(settings, places)
    yield from _alone(settings, places)
    totem = settings.totem
    if totem.token < FAST_TOKEN_MS and len(totem.nodelist) > FAST_TOKEN_NODES:
        message = (
            f"a token timeout of {totem.token} ms is short for {len(totem.nodelist)} nodes: false alarms are likely"
        )
        yield Problem(_place(places, "totem.token"), message, f"{FAST_TOKEN_MS} ms or more")
    if not totem.secauth:
        message = "secauth is off: whoever reaches the port can read, and forge, all that the cluster says"
        yield Problem(_place(places, "totem.secauth"), message)


def _place(places: Places, *names: str) -> Place:
    """The place of the first of `names` that was given."""
    return next((places[name] for name in names if name in places), Place("default"))


def _addresses(settings: Settings, places: Places) -> Iterator[Problem]:
    network, totem = settings.network, settings.totem
    if settings.transport == "multicast" and not network.mcastaddr:
        yield Problem(_place(places, "totem.transport"), "transport is multicast and mcastaddr is not given", "both")
    bind_version = ipaddress.ip_address(network.bindnetaddr).version
    if network.mcastaddr and ipaddress.ip_address(network.mcastaddr).version != bind_version:
        message = f"mcastaddr {network.mcastaddr} and bindnetaddr {network.bindnetaddr} are of different IP versions"
        yield Problem(_place(places, "network.mcastaddr", "network.bindnetaddr"), message, "both IPv4 or both IPv6")
    least = IPV4_MTU_MIN if bind_version == 4 else IPV6_MTU_MIN
    if 0 < totem.netmtu < least:
        message = f"netmtu: {totem.netmtu} is less than IPv{bind_version} allows"
        yield Problem(_place(places, "totem.netmtu"), message, f"{least} or more, or 0")


def _node_list(settings: Settings, places: Places) -> Iterator[Problem]:
    place = _place(places, "totem.nodelist", "network.mcastport")
    for node, count in Counter(settings.nodes).items():
        if count > 1:
            yield Problem(place, f"nodelist: {node} is there {count} times", "each node once")
    bind_version = ipaddress.ip_address(settings.network.bindnetaddr).version
    for node in settings.nodes:
        if _version(node.host) not in (None, bind_version):
            message = f"nodelist: {node} is not of the IP version of bindnetaddr {settings.network.bindnetaddr}"
            yield Problem(place, message, f"IPv{bind_version} addresses or names")


def _version(host: str) -> int | None:
    """4 or 6 for an IP address, None for a name."""
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _sizes(settings: Settings, places: Places) -> Iterator[Problem]:
    totem, ipc = settings.totem, settings.ipc
    at_most = (
        ("totem.max_messages", totem.max_messages, "totem.window_size", totem.window_size),
        ("totem.accelerated_window", totem.accelerated_window, "totem.max_messages", totem.max_messages),
        ("totem.message_max", totem.message_max, "ipc.frame_max", ipc.frame_max),
        ("ipc.queue_throttle", ipc.queue_throttle, "ipc.queue_max", ipc.queue_max),
        ("totem.message_max", totem.message_max, "ipc.queue_max", ipc.queue_max),
    )
    for low, low_value, high, high_value in at_most:
        if low_value > high_value:
            message = f"{low} is {low_value}, and {high} is {high_value}"
            yield Problem(_place(places, low, high), message, f"{low} to be no more than {high}")


def _votes(settings: Settings, places: Places) -> Iterator[Problem]:
    totem = settings.totem
    if totem.quorum == "majority" and not totem.expected_votes and not totem.nodelist:
        message = "quorum is majority, of unknown nodes"
        yield Problem(_place(places, "totem.quorum"), message, f"expected_votes (1 to {NODES_MAX}) or a nodelist")
    votes = totem.expected_votes or len(totem.nodelist)
    if totem.two_node and votes != 2:
        yield Problem(_place(places, "totem.two_node"), f"two_node is on and {votes} votes are expected", "2 votes")


def _unused(settings: Settings, places: Places) -> Iterator[Problem]:
    """Keys that were given and have no effect."""
    totem, unicast = settings.totem, settings.transport == "unicast"
    no_quorum = totem.quorum == "none"
    unused = {
        "network.mcastaddr": unicast and "transport is unicast",
        "totem.nodelist": not unicast and totem.quorum != "majority" and "transport is multicast",
        "totem.expected_votes": no_quorum and "quorum is none",
        "totem.wait_for_all": no_quorum and totem.wait_for_all and "quorum is none",
        "totem.two_node": no_quorum and totem.two_node and "quorum is none",
        "totem.authkey": not totem.secauth and "secauth is off",
        "totem.cipher": not totem.secauth and "secauth is off",
        "logging.logfile": settings.logging.logoutput != "file" and f"logoutput is {settings.logging.logoutput}",
    }
    for name, why in unused.items():
        if name in places and why:
            yield Problem(places[name], f"{name.partition('.')[2]} has no effect, since {why}")


def _alone(settings: Settings, places: Places) -> Iterator[Problem]:
    """Addresses by which nodes cannot find each other."""
    if settings.transport != "unicast":
        return
    bind = settings.network.bindnetaddr
    loopback = ipaddress.ip_address(bind).is_loopback
    if not loopback and not settings.totem.nodelist:
        message = "the transport is unicast and there is no nodelist: this node only meets nodes that list it"
        yield Problem(_place(places, "network.bindnetaddr"), message, "a nodelist, or mcastaddr")
    remote = [
        node for node in settings.nodes if _version(node.host) and not ipaddress.ip_address(node.host).is_loopback
    ]
    if loopback and remote:
        message = f"bindnetaddr {bind} is on this machine only, {remote[0]} cannot be reached from it"
        yield Problem(_place(places, "network.bindnetaddr", "totem.nodelist"), message, "an address of the network")
