"""When the history says that something happened."""

from __future__ import annotations

from openais.services.amf.model import Model


def test_what_a_changed_configuration_did_has_the_time_that_the_next_message_brings() -> None:
    """A configuration brings no time that all nodes agree on; that of the last message may be days ago."""
    model = Model()
    model.at(100)
    model.note("web", "unlocked")
    model.timeless = True
    model.note("beta", "left the cluster")
    model.note("web@beta", "lost with its node")
    model.at(250)
    model.note("web@alpha", "active")
    assert [(line.time_ns, line.entity) for line in model.history] == [
        (100, "web"),
        (250, "beta"),
        (250, "web@beta"),
        (250, "web@alpha"),
    ]


def test_a_clock_that_is_behind_does_not_turn_the_history_round() -> None:
    model = Model()
    model.at(100)
    model.timeless = True
    model.note("beta", "left the cluster")
    model.at(50)
    model.note("web", "unlocked")
    assert [line.time_ns for line in model.history] == [101, 101]
