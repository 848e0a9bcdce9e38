"""The options that the benchmarks have in common."""

from __future__ import annotations

from typing import Final

UNITS: Final = {"K": 1024, "M": 1024 * 1024}


def sizes(text: str) -> list[int]:
    """`64,1K,1M` in bytes."""
    return [int(each.rstrip("KM")) * UNITS.get(each[-1], 1) for each in text.upper().split(",")]


def numbers(text: str) -> list[int]:
    """`1,2,3`."""
    return [int(each) for each in text.split(",")]


def words(text: str) -> list[str]:
    """`one,all`."""
    return text.split(",")
