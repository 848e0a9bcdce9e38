"""The table of keys: complete, without ambiguity, and what the documentation says."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from openais.config.document import key_tables
from openais.config.settings import Settings
from openais.config.table import KEYS, SECTIONS, Key
from openais.totem.settings import RingSettings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
BEGIN = "<!-- keys: generated from src/openais/config/settings.py -->\n"
END = "<!-- keys: end -->"


def test_every_key_has_a_flag_and_a_variable_of_its_own() -> None:
    for names in ([key.flag for key in KEYS], [key.variable for key in KEYS]):
        assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_the_default_is_what_may_stand_in_a_file(key: Key) -> None:
    declaration = key.declaration
    value = declaration.kind.read(declaration.default_text({"HOME": "/h"}), Path.cwd())
    assert type(value) is type(getattr(getattr(Settings(), key.section), key.name))


def test_every_key_of_the_settings_is_declared() -> None:
    fields = {f"{section}.{field.name}" for section, cls in SECTIONS.items() for field in dataclasses.fields(cls)}
    assert fields == {key.path for key in KEYS}


def test_the_defaults_are_those_of_the_ring() -> None:
    ring, totem = RingSettings(), Settings().totem
    assert totem.cluster == ring.cluster
    assert (totem.token / 1000, totem.token_coefficient / 1000) == (ring.token_timeout_s, ring.token_coefficient_s)
    assert (totem.window_size, totem.max_messages) == (ring.window, ring.visit_max)
    assert totem.accelerated_window == ring.accelerated_window
    assert (totem.message_max, totem.queue_max) == (ring.message_max, ring.queue_bytes_max)


def test_the_documentation_has_the_table_of_the_declarations() -> None:
    documented = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert documented == key_tables()
