"""Whatever stands in a configuration, it is either settings or problems with places; nothing is raised."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from openais.config.load import examine
from openais.config.table import KEYS, SECTIONS, Key

WORDS = [*SECTIONS, *(key.name for key in KEYS)]
LINES = st.one_of(
    st.builds("{} {{".format, st.sampled_from([*SECTIONS, "other"])),
    st.just("}"),
    st.builds("{}: {}".format, st.sampled_from(WORDS), st.text(max_size=20)),
    st.builds("{}: {}".format, st.sampled_from(WORDS), st.integers(-1, 1 << 70)),
    st.builds("{}: {}".format, st.sampled_from(WORDS), st.text("0123456789abcf.:[]%,-/", max_size=20)),
)


def outcome(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        found = examine(Path(file.name), {"HOME": "/nowhere"}, {})
    assert (found.settings is None) is bool(found.problems)
    assert all(str(problem).startswith((file.name, "default")) for problem in found.problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_problems(content: bytes) -> None:
    outcome(content)


@settings(max_examples=500, deadline=None)
@given(st.lists(LINES, max_size=12))
def test_any_keys_and_values_are_settings_or_problems(lines: list[str]) -> None:
    outcome("\n".join(lines).encode())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KEYS), st.text(max_size=30))
def test_any_flag_is_settings_or_a_problem(key: Key, text: str) -> None:
    found = examine(Path("/dev/null"), {"HOME": "/nowhere"}, {key.path: text})
    assert (found.settings is None) is bool(found.problems)
