"""Which address is taken, and the node id that follows from it."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from openais.runtime.addresses import (
    DEFAULT_PORT,
    AddressError,
    choose_bind_address,
    derive_node_id,
    local_interfaces,
    own_address,
)


def test_the_loopback_interface_is_found() -> None:
    assert (ipaddress.ip_interface("127.0.0.1/8"), socket.if_nametoindex("lo")) in local_interfaces()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.7"])
def test_an_address_of_this_machine_is_taken_as_it_is(address: str) -> None:
    chosen = choose_bind_address(address)
    assert (chosen.host, chosen.family) == (address, socket.AF_INET)
    assert chosen.interface_index == socket.if_nametoindex("lo")


def test_a_network_stands_for_the_local_address_in_it() -> None:
    assert choose_bind_address("127.0.0.0").host == "127.0.0.1"


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_the_wildcard_is_reached_by_an_address_of_its_own(address: str) -> None:
    chosen = choose_bind_address(address)
    assert chosen.wildcard
    assert not ipaddress.ip_address(own_address(chosen)).is_unspecified


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::7"])
def test_an_address_of_elsewhere_is_refused_with_what_there_is(address: str) -> None:
    with pytest.raises(AddressError, match=f"{address}.*here are"):
        choose_bind_address(address)


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(AddressError, match="eth0"):
        choose_bind_address("eth0")


def test_an_ipv4_address_is_the_node_id() -> None:
    assert derive_node_id("192.168.1.17", DEFAULT_PORT) == 0xC0A80111


def test_nodes_on_loopback_differ_by_port_and_address() -> None:
    ids = {derive_node_id(host, port) for host in ("127.0.0.1", "127.0.0.2") for port in range(5405, 5505)}
    assert len(ids) == 200


@pytest.mark.parametrize(("host", "port"), [("192.168.1.17", 5406), ("fd00::1", DEFAULT_PORT)])
def test_a_hash_stands_in_where_the_address_is_not_enough(host: str, port: int) -> None:
    assert derive_node_id(host, port) == derive_node_id(host, port)
    assert derive_node_id(host, port) != derive_node_id(host, port + 1)


def test_the_largest_packet_of_the_interface_is_known() -> None:
    assert choose_bind_address("127.0.0.1").mtu >= 1280
    assert choose_bind_address("0.0.0.0").mtu == 0
