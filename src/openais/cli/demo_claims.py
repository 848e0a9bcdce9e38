"""What the demo claims of the messages that its witnesses heard, and how that is checked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from openais.cli.demo_ensemble import message_text, names
from openais.cli.demo_stage import Stage
from openais.cli.demo_witness import Heard, Witness


def claim_one_order(stage: Stage, scene: str, witnesses: Sequence[Witness], count: int) -> None:
    """That all `count` messages of each witness were delivered to all, once, in one order. Raises ClaimFailed."""
    orders = [witness.messages(scene) for witness in witnesses]
    total = count * len(witnesses)
    where = names(witness.node.number for witness in witnesses)
    stage.claim(
        f"{where} delivered {total} messages" + (", in the same order" if len(orders) > 1 else ""),
        all(order == orders[0] for order in orders),
        f"they begin to differ at message {_first_difference(orders)}",
    )
    sent = {message_text(scene, witness, number) for witness in witnesses for number in range(count)}
    delivered = [heard.text for heard in orders[0]]
    stage.claim(
        "nothing was lost, nothing came twice",
        len(delivered) == total and set(delivered) == sent,
        f"{total} were sent, {len(delivered)} delivered, {len(set(delivered))} different ones",
    )
    stage.claim(
        "the messages of each sender came in the order in which it sent them",
        all(
            _of(witness, orders[0]) == [message_text(scene, witness, n) for n in range(count)] for witness in witnesses
        ),
    )


def claim_same_until_change(stage: Stage, scene: str, survivors: Sequence[Witness]) -> None:
    """Virtual synchrony: who goes on together delivered the same before it was told of the change."""
    before = [_before_last_configuration(witness.heard, scene) for witness in survivors]
    stage.claim(
        f"until they were told they had delivered the same {len(before[0])} messages, in the same order",
        all(order == before[0] for order in before),
        f"they begin to differ at message {_first_difference(before)}",
    )


def changes_of_sender(witness: Witness, scene: str) -> int:
    """How often two messages that follow one another are of different senders."""
    senders = [heard.sender for heard in witness.messages(scene)]
    return sum(one != other for one, other in itertools.pairwise(senders))


def _of(sender: Witness, order: Sequence[Heard]) -> list[str]:
    return [heard.text for heard in order if heard.sender == sender.node.number]


def _before_last_configuration(heard: Sequence[Heard], scene: str) -> list[Heard]:
    """The messages of a scene that were delivered before the last regular configuration was installed."""
    last = max(place for place, item in enumerate(heard) if item.configuration and not item.transitional)
    return [item for item in heard[:last] if item.text.startswith(f"{scene}:")]


def _first_difference(orders: Sequence[Sequence[Heard]]) -> int:
    """The place of the first message that is not the same in all orders."""
    for place, items in enumerate(zip(*orders, strict=False)):
        if len(set(items)) > 1:
            return place
    return min(len(order) for order in orders)
