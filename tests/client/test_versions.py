"""The version check of saXxxInitialize, rule by rule."""

from __future__ import annotations

import pytest

from openais.client.versions import VersionDatabase
from openais.types import Version, VersionError

A11, B11, B12, B31, D21 = (
    Version("A", 1, 1),
    Version("B", 1, 1),
    Version("B", 1, 2),
    Version("B", 3, 1),
    Version("D", 2, 1),
)


@pytest.mark.parametrize(
    ("supported", "required", "in_force"),
    [
        ([A11, B11], B11, B11),
        ([A11, B11], A11, A11),
        ([A11, B11], Version("a", 1, 1), A11),
        ([A11, B11], Version("B", 1, 9), B11),
        ([A11, B11], Version("B", 0, 0), B11),
        ([B11, B12], B11, B12),
        ([B11, B31], Version("B", 2, 1), B31),
    ],
)
def test_the_highest_version_of_the_release_code_is_in_force(
    supported: list[Version], required: Version, in_force: Version
) -> None:
    assert VersionDatabase(supported).verify(required) == in_force


@pytest.mark.parametrize("required", [Version("B", 2, 1), Version("C", 1, 1), Version("@", 1, 1)])
def test_a_version_that_is_not_supported_is_refused(required: Version) -> None:
    with pytest.raises(VersionError, match=r"supported: B\.01\.01, A\.01\.01"):
        VersionDatabase([A11, B11]).verify(required)


@pytest.mark.parametrize(
    ("required", "nearest"),
    [
        (Version("B", 9, 9), B31),
        (Version("C", 1, 1), D21),
        (Version("E", 1, 1), D21),
        (Version("@", 1, 1), A11),
    ],
)
def test_the_refusal_tells_the_nearest_version(required: Version, nearest: Version) -> None:
    assert VersionDatabase([A11, B11, B31, D21]).nearest(required) == nearest
