"""The nodes of the demo with their witnesses, and what a scene can have them do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from openais.cli.demo_cluster import LEAVE_S, Cluster, NodeProcess
from openais.cli.demo_stage import NodeState, Stage
from openais.cli.demo_witness import News, Witness
from openais.types import AisError, Guarantee

PACE_S: Final = 0.01
"""Between two messages of one sender that sends until it is over."""
PACE_TO_WATCH_S: Final = 0.03
"""Between two messages of one sender, when somebody watches."""


class Ensemble:
    """The witnesses of the nodes that run, and the cluster and the stage that they act on."""

    def __init__(self, cluster: Cluster, stage: Stage) -> None:
        self.cluster = cluster
        self.stage = stage
        self._news = News()
        self._witnesses: dict[int, Witness] = {}

    @property
    def witnesses(self) -> list[Witness]:
        """Those of all nodes that run, by number."""
        return self.at(self.numbers)

    @property
    def numbers(self) -> list[int]:
        """The nodes that run."""
        return sorted(self._witnesses)

    def at(self, numbers: Iterable[int]) -> list[Witness]:
        """The witnesses of some nodes."""
        return [self._witnesses[number] for number in numbers]

    async def start(self, node: NodeProcess) -> float:
        """Starts a node. The seconds until the clients of all nodes were told that it is a member."""
        picture = self.stage.picture(node.number)
        picture.state = NodeState.STARTING
        began = time.monotonic()
        await node.start()
        picture.process_id = node.process_id
        witness = self._witnesses[node.number] = Witness(node, picture, self._news)
        await witness.connect()
        picture.state = NodeState.MEMBER
        await self.until_members(self.witnesses)
        return max(witness.views[-1].at for witness in self.witnesses) - began

    async def kill(self, witness: Witness) -> None:
        """Ends a node as a power failure would."""
        await witness.node.kill()
        self._remove(witness, NodeState.KILLED)

    async def leave(self, witness: Witness) -> int:
        """Has a node leave in order; the exit status of its executive. Raises ClaimFailed when it does not end."""
        try:
            status = await witness.node.leave()
        except TimeoutError:
            self.stage.fail(f"{witness.node.name} was asked to leave, and is still there {LEAVE_S:.0f} s later")
        self._remove(witness, NodeState.LEFT)
        return status

    def close(self) -> None:
        """Closes all witnesses."""
        for witness in self._witnesses.values():
            witness.close()

    def cut(self, one_side: Sequence[int], other_side: Sequence[int]) -> None:
        """From here on nothing gets from one side to the other; with nobody on a side everything gets everywhere."""
        self.cluster.relay.cut(one_side, other_side)
        self.stage.cut = frozenset(frozenset((one, other)) for one in one_side for other in other_side)

    def clear_stripes(self) -> None:
        """The picture of the delivered messages begins anew at all nodes."""
        for picture in self.stage.nodes:
            picture.stripe.clear()

    async def send(self, scene: str, witnesses: Sequence[Witness], count: int) -> None:
        """Each witness sends `count` messages, all at once, and all are delivered to all of them."""
        await asyncio.gather(*(self._send(scene, witness, count) for witness in witnesses))
        total = count * len(witnesses)
        await self.until_delivered(scene, witnesses, total)

    async def send_until_over(self, scene: str, witness: Witness) -> None:
        """Sends until the task is cancelled or the executive is gone."""
        number = 0
        with suppress(AisError):
            while True:
                await witness.multicast(message_text(scene, witness, number))
                number += 1
                await asyncio.sleep(PACE_S)

    async def until_delivered(self, scene: str, witnesses: Sequence[Witness], count: int) -> None:
        """Waits until `count` messages of a scene were delivered to each witness."""
        await self._until(
            lambda: all(len(witness.messages(scene)) >= count for witness in witnesses),
            f"{count} messages to be delivered at {names(witness.node.number for witness in witnesses)}",
        )

    async def until_members(self, witnesses: Sequence[Witness]) -> None:
        """Waits until these witnesses see exactly one another, through CLM and through EVS."""
        expected = tuple(sorted(witness.node.number for witness in witnesses))
        await self._until(
            lambda: all(witness.members == witness.configuration == expected for witness in witnesses),
            f"{names(expected)} to have each other, and nobody else, as members",
        )

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits for `condition`. Raises ClaimFailed when it does not come to that, or an executive is gone."""
        await self._news.until(lambda: condition() or bool(self._lost()), what)
        if lost := self._lost():
            self.stage.fail(f"{names(lost)} ended without being asked to")

    def _lost(self) -> list[int]:
        return [number for number, witness in self._witnesses.items() if witness.lost]

    async def _send(self, scene: str, witness: Witness, count: int) -> None:
        for number in range(count):
            guarantee = Guarantee.SAFE if number % 2 else Guarantee.AGREED
            await witness.multicast(message_text(scene, witness, number), guarantee)
            await self.stage.pause(PACE_TO_WATCH_S)

    def _remove(self, witness: Witness, state: NodeState) -> None:
        witness.close()
        del self._witnesses[witness.node.number]
        witness.picture.state = state
        witness.picture.members, witness.picture.ring = (), ""


def message_text(scene: str, witness: Witness, number: int) -> str:
    """The message that a witness sends as its `number`th of a scene; no two are the same."""
    return f"{scene}:{witness.node.number}:{number}"


def names(numbers: Iterable[int]) -> str:
    """`node-1, node-2 and node-3`."""
    every = [f"node-{number}" for number in sorted(numbers)]
    return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)
