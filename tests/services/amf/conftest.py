"""Every change of a state in these tests is one of those that the documentation draws."""

from __future__ import annotations

import pytest

from openais.messages.amf_model import HaState, Presence
from openais.services.amf.model import Component
from openais.services.amf.states import ASSIGNED, PRESENCE

Change = tuple[object, object]


@pytest.fixture(autouse=True)
def changes(monkeypatch: pytest.MonkeyPatch) -> set[Change]:
    """The changes that there were so far."""
    seen: set[Change] = set()
    becomes, takes = Component.becomes, Component.takes

    def checked_becomes(component: Component, presence: Presence) -> None:
        change = (component.state.presence, presence)
        if presence is not component.state.presence:
            assert change in PRESENCE, f"{component.name}: {change} is not drawn"
            seen.add(change)
        becomes(component, presence)

    def checked_takes(component: Component, csi: str, state: HaState | None) -> None:
        change = (component.state.csis.get(csi), state)
        if change[0] is not state:
            assert change in ASSIGNED, f"{component.name}: {change} is not drawn"
            seen.add(change)
        takes(component, csi, state)

    monkeypatch.setattr(Component, "becomes", checked_becomes)
    monkeypatch.setattr(Component, "takes", checked_takes)
    return seen
