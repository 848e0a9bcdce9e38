"""Executives in a laboratory of network namespaces; see `benchmarks.lab`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

import pytest
from benchmarks import lab as laboratory
from benchmarks.lab import Lab, Namespace

from tests.support.processes import ExecutiveProcess

__all__ = ["Lab", "Namespace", "lab", "put"]

PORT: Final = "5405"
GROUPS: Final = {4: "239.192.78.1", 6: "ff15::78"}
"""The multicast groups, by version of the internet protocol."""


def put(where: Lab, executives: Iterable[ExecutiveProcess], version: int = 4, transport: str = "unicast") -> None:
    """Has the executives live in the lab, each in the node of its number."""
    host = "{}" if version == 4 else "[{}]"
    everybody = ", ".join(f"{host.format(where.address(number, version))}:{PORT}" for number in where.nodes)
    for each in executives:
        each.inside = where.nodes[each.number].inside
        each.sections["network"] = {"bindnetaddr": where.address(each.number, version), "mcastport": PORT}
        if transport == "unicast":
            each.sections["totem"]["nodelist"] = everybody
        else:
            del each.sections["totem"]["nodelist"]
            each.sections["network"]["mcastaddr"] = GROUPS[version]


@contextlib.contextmanager
def lab(count: int, *tools: str) -> Iterator[Lab]:
    """A lab of `count` nodes. Skips the test where it cannot be made, or where there are no `tools`."""
    if reason := laboratory.obstacle(*tools):
        pytest.skip(reason)
    with laboratory.made(count) as made:
        yield made
