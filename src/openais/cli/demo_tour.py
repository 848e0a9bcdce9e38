"""The tour: what the demo shows, and how it is checked.

Every scene does something to real executives, waits until their clients were told, and compares what they were told.
Nothing is claimed that was not compared.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from openais.cli.demo_claims import changes_of_sender, claim_one_order, claim_same_until_change
from openais.cli.demo_ensemble import Ensemble, names
from openais.cli.demo_events import Alarm
from openais.cli.demo_services import Services
from openais.cli.demo_witness import Witness
from openais.client.status import StatusClient
from openais.clm import ClusterChange

MESSAGES: Final = 40
"""What each sender sends in a scene of its own."""
FEW_MESSAGES: Final = 20
"""What each sends to show that something works."""
LOOK_S: Final = 2.0
"""For how long an audience may look at what a scene came to."""


class Tour:
    """The scenes, in the order in which they are played."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble = ensemble
        self._cluster = ensemble.cluster
        self._stage = ensemble.stage
        self._alarm = Alarm(ensemble)
        self._services = Services(ensemble)

    async def run(self) -> None:
        """Plays all scenes. Raises ClaimFailed at the first thing that is not as it should be."""
        scenes = (
            self._ring_forms,
            self._membership,
            self._one_order,
            self._alarm.publish,
            self._services.begin,
            self._crash,
            self._services.take_over,
            self._alarm.arrive_late,
            self._revival,
            self._partition,
            self._merge,
            self._farewell,
        )
        for scene in scenes:
            self._ensemble.clear_stripes()
            await scene()
            await self._stage.pause(LOOK_S)

    async def _ring_forms(self) -> None:
        self._stage.scene(
            "The ring forms",
            f"{len(self._cluster.nodes)} executives, each a process of its own, with a key made for this demo.",
        )
        for node in self._cluster.nodes:
            took = await self._ensemble.start(node)
            self._stage.say(f"{node.name}, process {node.process_id}, is a member {_ms(took)} after it was started")
        self._stage.claim(
            f"{names(self._ensemble.numbers)} see each other, all of them {_ms(took)} after the last one was started",
            all(list(witness.members) == self._ensemble.numbers for witness in self._ensemble.witnesses),
        )

    async def _membership(self) -> None:
        self._stage.scene("Who is there", "Cluster membership (CLM): a program asks its own node.")
        answers = [await witness.clm.members() for witness in self._ensemble.witnesses if witness.clm]
        for member in answers[0]:
            booted = datetime.fromtimestamp(member.boot_timestamp_ns / 1e9).strftime("%H:%M:%S")
            self._stage.say(
                f"node {member.node_id}  {member.name}  {member.address}  up since {booted}"
                f"  joined in view {member.initial_view_number}"
            )
        same = all(answer == answers[0] for answer in answers)
        self._stage.claim("every node gives the same answer", same, f"they give {answers}")
        started = [node.name for node in self._cluster.nodes]
        self._stage.claim("these are the nodes that were started", [each.name for each in answers[0]] == started)

    async def _one_order(self) -> None:
        witnesses = self._ensemble.witnesses
        self._stage.scene(
            "One order",
            f"{len(witnesses)} programs, each at a node of its own, send {MESSAGES} messages each, all at once (EVS).",
        )
        await self._ensemble.send("order", witnesses, MESSAGES)
        self._stage.say(f"from message to message the sender changed {changes_of_sender(witnesses[0], 'order')} times")
        claim_one_order(self._stage, "order", witnesses, MESSAGES)

    async def _crash(self) -> None:
        *survivors, victim = self._ensemble.witnesses
        self._stage.scene(
            "A crash", f"Everybody goes on sending, and in the middle of it {victim.node.name} is killed."
        )
        sending = [asyncio.create_task(self._ensemble.send_until_over("crash", each)) for each in (*survivors, victim)]
        try:
            await self._ensemble.until_delivered("crash", [victim], MESSAGES)
            views_before = [len(witness.views) for witness in survivors]
            killed_at = time.monotonic()
            await self._ensemble.kill(victim)
            await self._ensemble.until_members(survivors)
        finally:
            await _end(sending)
        told = [witness.views[count] for witness, count in zip(survivors, views_before, strict=True)]
        self._stage.claim(
            f"{names(witness.node.number for witness in survivors)} were told that {victim.node.name} left, "
            f"{_range_ms([view.at - killed_at for view in told])} after kill -9",
            all(view.changed(ClusterChange.LEFT) == (victim.node.number,) for view in told),
            f"they were told {told}",
        )
        claim_same_until_change(self._stage, "crash", survivors)
        await self._ensemble.send("crash is over", survivors, 1)
        first, *others = [witness.messages("crash") for witness in survivors]
        self._stage.claim(
            f"and {len(first)} in all, with what they sent in the meantime", all(other == first for other in others)
        )
        await self._say_why(survivors[0])

    async def _revival(self) -> None:
        node = self._cluster.nodes[-1]
        others = self._ensemble.witnesses
        self._stage.scene("Back again", f"{node.name} is started once more.")
        took = await self._ensemble.start(node)
        self._stage.claim(
            f"it is a member again, and the others were told that it joined, {_ms(took)} after it was started",
            all(witness.views[-1].changed(ClusterChange.JOINED) == (node.number,) for witness in others),
            f"they were told {[witness.views[-1] for witness in others]}",
        )
        await self._ensemble.send("revival", self._ensemble.witnesses, FEW_MESSAGES)
        claim_one_order(self._stage, "revival", self._ensemble.witnesses, FEW_MESSAGES)

    async def _partition(self) -> None:
        here, there = self._sides()
        self._stage.scene(
            "A partition", f"The network falls apart: {names(here)} here, {names(there)} there. Both sides carry on."
        )
        cut_at = time.monotonic()
        self._ensemble.cut(here, there)
        for side in (here, there):
            await self._ensemble.until_members(self._ensemble.at(side))
        told = [witness.views[-1].at - cut_at for witness in self._ensemble.witnesses]
        self._stage.claim(
            f"each side is a ring of its own, {_range_ms(told)} after the cut",
            {witness.members for witness in self._ensemble.witnesses} == {tuple(here), tuple(there)},
        )
        for name, side in (("here", here), ("there", there)):
            witnesses = self._ensemble.at(side)
            await self._ensemble.send(name, witnesses, FEW_MESSAGES)
            claim_one_order(self._stage, name, witnesses, FEW_MESSAGES)

    async def _merge(self) -> None:
        here, there = self._sides()
        everybody = self._ensemble.witnesses
        self._stage.scene("The merge", "The network is whole again, and the two rings find each other by themselves.")
        mended_at = time.monotonic()
        self._ensemble.cut((), ())
        await self._ensemble.until_members(everybody)
        told = [witness.views[-1].at - mended_at for witness in everybody]
        self._stage.claim(
            f"they are one ring again, {_range_ms(told)} after the network was mended",
            {witness.picture.ring for witness in everybody} == {everybody[0].picture.ring},
        )
        await self._ensemble.send("merged", everybody, FEW_MESSAGES)
        claim_one_order(self._stage, "merged", everybody, FEW_MESSAGES)
        crossed = [w.node.name for w in self._ensemble.at(here) if w.messages("there")]
        crossed += [w.node.name for w in self._ensemble.at(there) if w.messages("here")]
        self._stage.claim("what one side said while they were apart was said there only", not crossed, f"{crossed}")
        await self._say_why(everybody[0])

    async def _farewell(self) -> None:
        self._stage.scene("Good-bye", "One executive after the other is asked to leave in order (SIGTERM).")
        for witness in reversed(self._ensemble.witnesses):
            asked_at = time.monotonic()
            status = await self._ensemble.leave(witness)
            ended_s = time.monotonic() - asked_at
            await self._ensemble.until_members(self._ensemble.witnesses)
            self._stage.claim(
                f"{witness.node.name} left and ended with status 0 {_ms(ended_s)} after it was asked",
                status == 0,
                f"its status is {status}",
            )

    async def _say_why(self, witness: Witness) -> None:
        """What the executive itself says about the last change."""
        sentence = await asyncio.to_thread(last_reason, witness.node.socket)
        self._stage.say(f"asked why, {witness.node.name} says: {sentence}")

    def _sides(self) -> tuple[list[int], list[int]]:
        """The smaller part of the nodes, and the larger."""
        numbers = self._ensemble.numbers
        half = (len(numbers) - 1) // 2
        return numbers[:half], numbers[half:]


def last_reason(socket: Path) -> str:
    """Why the configuration changed last, in the words of an executive."""
    with StatusClient(socket) as status:
        return status.why(limit=1)[-1].sentence


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _range_ms(seconds: Sequence[float]) -> str:
    first, last = f"{min(seconds) * 1000:.0f}", f"{max(seconds) * 1000:.0f}"
    return f"{last} ms" if first == last else f"{first} to {last} ms"
