"""Each kind of value: what it takes, what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openais.config.values import (
    Choice,
    FilePath,
    FilePaths,
    HostPort,
    Hosts,
    Integer,
    MulticastAddress,
    OptionalHost,
    Size,
    Switch,
    Text,
    UnicastAddress,
    ValueKind,
    size_text,
)

BASE = Path("/etc/ais")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Switch(), "on", True),
        (Switch(), "OFF", False),
        (Switch(), "yes", True),
        (Integer(1, 10), "10", 10),
        (Size(1, 1 << 30), "65536", 65536),
        (Size(1, 1 << 30), "64K", 65536),
        (Size(1, 1 << 30), "4 MiB", 4 << 20),
        (Choice(("file", "stderr")), "File", "file"),
        (Text(8), "node-1.a", "node-1.a"),
        (Text(8, may_be_empty=True), "", ""),
        (UnicastAddress(), "::1", "::1"),
        (UnicastAddress(), "192.168.1.0", "192.168.1.0"),
        (UnicastAddress(), "fe80::1%eth0", "fe80::1%eth0"),
        (MulticastAddress(), "226.94.1.1", "226.94.1.1"),
        (MulticastAddress(), "FF15::1", "ff15::1"),
        (MulticastAddress(), "", ""),
        (Hosts(9), "", ()),
        (Hosts(9), "a, b.example:1,", (HostPort("a", 0), HostPort("b.example", 1))),
        (Hosts(9), "10.0.0.1:5405,[::1]:5406", (HostPort("10.0.0.1", 5405), HostPort("::1", 5406))),
        (Hosts(9), "::2,[::3]", (HostPort("::2", 0), HostPort("::3", 0))),
        (OptionalHost(), "", None),
        (OptionalHost(), "127.0.0.1:9405", HostPort("127.0.0.1", 9405)),
        (FilePath(), "/a/b", Path("/a/b")),
        (FilePath(), "b", Path("/etc/ais/b")),
        (FilePaths(2), "old, /new", (Path("/etc/ais/old"), Path("/new"))),
    ],
)
def test_a_value_is_read_from_its_text(kind: ValueKind, text: str, value: object) -> None:
    assert kind.read(text, BASE) == value


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        (Switch(), "maybe", "'maybe' is neither on nor off"),
        (Integer(1, 10), "11", "11 is too big"),
        (Integer(1, 10), "0", "0 is too small"),
        (Integer(1, 10), "5s", "'5s' is not a whole number"),
        (Integer(1, 10), "9" * 40, f"'{'9' * 40}' is not a whole number"),
        (Size(1024, 2048), "1", "1 is too small"),
        (Size(1024, 2048), "4X", "'4X' is not a size"),
        (Choice(("a", "b")), "c", "'c' is not one of the choices"),
        (Text(4), "", "the name is missing"),
        (Text(4), "äöü", "a name of 6 bytes is too long"),
        (Text(4), "a b", "'a b' has characters that a name may not have"),
        (UnicastAddress(), "10.0.0.300", "'10.0.0.300' is not an IP address"),
        (UnicastAddress(), "226.94.1.1", "226.94.1.1 is a multicast address"),
        (MulticastAddress(), "10.0.0.1", "10.0.0.1 is not a multicast address"),
        (Hosts(1), "a,b", "2 hosts are too many"),
        (Hosts(9), "a:0", "'a:0' has no port from 1 to 65535"),
        (Hosts(9), "a:", "'a:' has no port from 1 to 65535"),
        (Hosts(9), "10.0.0.300:1", "'10.0.0.300' is not an IP address"),
        (Hosts(9), "a b", "'a b' does not name a host"),
        (Hosts(9), "[]:1", "'[]:1' does not name a host"),
        (OptionalHost(), "localhost", "'localhost' has no port"),
        (FilePath(), "", "the path is missing"),
        (FilePath(), "a\0b", "a path cannot hold the character 0"),
        (FilePath(), "~no-such-user/key", "'~no-such-user/key' starts in the home directory of nobody"),
        (FilePaths(2), "", "0 paths are given"),
        (FilePaths(2), "a,b,c", "3 paths are given"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_wrong(kind: ValueKind, text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
        kind.read(text, BASE)


@pytest.mark.parametrize(("size", "text"), [(0, "0"), (1000, "1000"), (65536, "64K"), (4 << 20, "4M"), (1 << 30, "1G")])
def test_a_size_is_written_as_it_may_be_read(size: int, text: str) -> None:
    assert size_text(size) == text
    assert Size(0, 1 << 40).read(text, BASE) == size


def test_a_host_and_port_are_written_as_they_may_be_read() -> None:
    hosts = (HostPort("::1", 5405), HostPort("10.0.0.1", 1), HostPort("a.example", 65535))
    assert Hosts(9).read(",".join(map(str, hosts)), BASE) == hosts
