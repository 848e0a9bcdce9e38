"""Each claim of the demo is seen to fail when what it says is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from openais.cli.demo_claims import changes_of_sender, claim_one_order, claim_same_until_change
from openais.cli.demo_cluster import NodeProcess
from openais.cli.demo_stage import ClaimFailed, PlainStage
from openais.cli.demo_witness import Heard, News, Witness

FIRST, SECOND = Heard(1, "scene:1:0"), Heard(2, "scene:2:0")
CHANGE = Heard(0, "", configuration=(1, 2))
TRANSITION = Heard(0, "", configuration=(1, 2), transitional=True)


def witness(number: int, *heard: Heard) -> Witness:
    """A witness of node `number` that heard this."""
    stage = PlainStage(2)
    made = Witness(NodeProcess(number, Path("nowhere"), 1), stage.picture(number), News())
    made.heard.extend(heard)
    return made


def test_one_order_everywhere_holds() -> None:
    stage = PlainStage(2)
    claim_one_order(stage, "scene", [witness(1, FIRST, SECOND), witness(2, CHANGE, FIRST, SECOND)], 1)
    assert stage.claims_held == 3


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ((FIRST, SECOND), (SECOND, FIRST)),
        ((FIRST,), (FIRST,)),
        ((FIRST, FIRST, SECOND), (FIRST, FIRST, SECOND)),
        ((FIRST, Heard(2, "scene:2:1")), (FIRST, Heard(2, "scene:2:1"))),
    ],
    ids=["another order", "one lost", "one twice", "one that nobody sent"],
)
def test_a_message_out_of_place_is_noticed(here: tuple[Heard, ...], there: tuple[Heard, ...]) -> None:
    with pytest.raises(ClaimFailed):
        claim_one_order(PlainStage(2), "scene", [witness(1, *here), witness(2, *there)], 1)


def test_messages_of_a_sender_in_the_wrong_order_are_noticed() -> None:
    swapped = (Heard(1, "scene:1:1"), Heard(1, "scene:1:0"))
    with pytest.raises(ClaimFailed, match="in the order in which it sent them"):
        claim_one_order(PlainStage(2), "scene", [witness(1, *swapped)], 2)


def test_the_same_messages_before_a_change_hold_whatever_comes_after() -> None:
    stage = PlainStage(2)
    claim_same_until_change(
        stage, "scene", [witness(1, FIRST, TRANSITION, CHANGE, SECOND), witness(2, FIRST, TRANSITION, CHANGE)]
    )
    assert stage.claims_held == 1


def test_a_message_that_one_survivor_misses_before_the_change_is_noticed() -> None:
    with pytest.raises(ClaimFailed):
        claim_same_until_change(
            PlainStage(2), "scene", [witness(1, FIRST, SECOND, CHANGE), witness(2, FIRST, CHANGE, SECOND)]
        )


def test_changes_of_sender_are_counted_from_message_to_message() -> None:
    assert changes_of_sender(witness(1, FIRST, SECOND, SECOND, FIRST), "scene") == 2
