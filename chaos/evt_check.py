"""What EVT promises, checked on what real programs wrote down.

* Nothing is given that was not published so, or was refused; once; on its channel, past its filters, under its one id.
* What is published in one session comes in its order within each priority, and all see one order of each priority.
* An accepted event is owed to each subscription whose filters it passes and that was there before, when both nodes were
  together from before it was asked for until it had left its node for certain; see `rings`. A lost-event notice says
  that some are missing. A subscription that its program lost, or that was killed with it, may miss the last ones only.
* What is retained is owed to who comes later; what was cleared or has expired comes to nobody. In the end all nodes
  retain the same, and whoever is subscribed has been given it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from chaos.evidence import Evidence
from chaos.evt_events import BULK, Identity
from chaos.evt_journals import NEVER, Journals, Published, Subscribed
from chaos.evt_order import cycle_in
from chaos.rings import Gone
from chaos.workload import Verdict

Stream: TypeAlias = tuple[int, int, int, int]

EXPIRY_S: Final = 15.0
"""So long after its time an event may still come: the node that ends it may be stopped, or have to be noticed gone."""
RETAINED_S: Final = 3.0
"""Between an event and a later subscription: so long after it was accepted it is retained for certain."""


def check(evidence: Evidence) -> Verdict:
    """The verdict over a run."""
    judge = Judge(evidence)
    violations = list(judge.violations())
    return Verdict(violations, judge.figures())


class Judge:
    """Judges one run."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._journals = Journals.read(evidence)
        self._given_of: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        """Of the publishers of a node: when events were given first, and the latest time at which one until then was
        asked for. What a node sends arrives in order: all that was accepted by that time had arrived."""
        for event in sorted(self._journals.events.values(), key=lambda event: event.first_given_at):
            if event.first_given_at < NEVER:
                of_node = self._given_of[event.node]
                of_node.append((event.first_given_at, max(event.asked_at, of_node[-1][1] if of_node else 0.0)))
        self._owed = 0
        """Deliveries that had to happen, and were looked for."""
        self._excused = 0
        """Of these: did not, and a lost-event notice says so."""

    def violations(self) -> Iterator[str]:
        """All that is wrong."""
        yield from self._journals.bad
        yield from self._ids()
        for each in self._journals.subscriptions:
            yield from self._given(each)
        yield from self._given_again()
        yield from self._orders()
        yield from self._missing()
        yield from self._retained_at_the_end()

    def figures(self) -> dict[str, float]:
        """Counts, once the violations were taken."""
        journals = self._journals
        accepted = sum(event.accepted for event in journals.events.values())
        return {
            "events accepted": accepted,
            "events refused, try again": journals.refused,
            "events of unknown fate": journals.unknown,
            "events retained": sum(event.retention_s > 0 for event in journals.events.values() if event.accepted),
            "subscriptions": len(journals.subscriptions),
            "deliveries": sum(len(each.given) for each in journals.subscriptions),
            "deliveries owed, and looked for": self._owed,
            "lost-event notices": sum(len(each.lost) for each in journals.subscriptions),
            "events lost and told": self._excused,
            "longest gap, undisturbed, s": round(self._longest_gap(), 2),
        }

    # What is given.

    def _ids(self) -> Iterator[str]:
        by_id: dict[int, Published] = {}
        for event in self._journals.events.values():
            if event.accepted and by_id.setdefault(event.event_id, event) is not event:
                yield f"{event} and {by_id[event.event_id]} were given one id"

    def _given(self, to: Subscribed) -> Iterator[str]:
        seen = set()
        last: dict[Stream, Published] = {}
        for at, identity, event_id in to.given:
            event = self._journals.events.get(identity)
            if event is None or event.refused:
                yield f"{to} was given {identity} at {at:.2f} s, which {'was refused' if event else 'nobody published'}"
                continue
            if identity in seen:
                yield f"{to} was given {event} a second time at {at:.2f} s"
            seen.add(identity)
            if event.channel != to.channel or not to.lets_through(event):
                yield f"{to} was given {event}, which does not pass"
            if event.accepted and event.event_id != event_id:
                yield f"{to} was given {event} with the id {event_id}"
            if _is_over(event, to.began):
                yield f"{to} was given {event} at {at:.2f} s, which was retained for {event.retention_s} s only"
            before = last.get(event.stream)
            if before is not None and before.identity > identity:
                yield f"{to} was given {event} after {before}"
            last[event.stream] = event

    def _given_again(self) -> Iterator[str]:
        """What is not retained reaches a program at most once, however often it subscribes."""
        seen: dict[tuple[str, Published], Subscribed] = {}
        for to in self._journals.subscriptions:
            for _, identity, _ in to.given:
                event = self._journals.events.get(identity)
                if event is not None and not event.retention_s:
                    before = seen.setdefault((to.name, event), to)
                    if before is not to:
                        yield f"{to} was given {event}, which {before} had been given"

    def _orders(self) -> Iterator[str]:
        """What is not retained comes in one order everywhere."""
        after: defaultdict[Published, set[Published]] = defaultdict(set)
        for to in self._journals.subscriptions:
            last: dict[int, Published] = {}
            for _, identity, _ in to.given:
                event = self._journals.events.get(identity)
                if event is None or event.retention_s:
                    continue
                if event.priority in last:
                    after[last[event.priority]].add(event)
                last[event.priority] = event
        chain = cycle_in(after)
        if chain:
            yield f"there is no one order: {' before '.join(map(str, chain))}"

    # What is owed.

    def _missing(self) -> Iterator[str]:
        events: defaultdict[tuple[str, int], list[Published]] = defaultdict(list)
        for event in sorted(self._journals.events.values(), key=lambda event: event.asked_at):
            if event.accepted:
                events[event.channel, event.node].append(event)
        for to in self._journals.subscriptions:
            if to.late:
                continue
            given = {identity for _, identity, _ in to.given}
            last = self._last_given(to)
            for node in self._evidence.nodes:
                for event in self._due(to, node, events[to.channel, node]):
                    self._owed += 1
                    if event.identity not in given and not self._may_miss(to, event, last):
                        yield f"{to} was not given {event}, which was accepted at {event.accepted_at:.2f} s"
            yield from self._missing_retained(to, given)

    def _due(self, to: Subscribed, node: int, events: Sequence[Published]) -> Iterator[Published]:
        """The events of the publishers of a node that are owed to a subscription."""
        for window in self._evidence.windows[node, to.node]:
            began = max(window.began, to.began)
            ended = min(self._arrived(node, window.ended), to.ended)
            for place in range(bisect_right(events, began, key=lambda event: event.asked_at), len(events)):
                event = events[place]
                if event.asked_at >= ended:
                    break
                came = event.first_given_at if event.first_given_at < NEVER else event.accepted_at
                there = event.accepted_at < ended and came < window.ended
                if there and to.lets_through(event):
                    yield event

    def _may_miss(self, to: Subscribed, event: Published, last: dict[Stream, int]) -> bool:
        """Whether it was told that events were lost, or its end may have come before this one."""
        if any(at >= event.asked_at for at in to.lost):
            self._excused += 1
            return True
        return not to.final and last.get(event.stream, -1) < event.identity.number

    def _last_given(self, to: Subscribed) -> dict[Stream, int]:
        """The number of the last event of each stream that it was given."""
        last: dict[Stream, int] = {}
        for _, identity, _ in to.given:
            event = self._journals.events.get(identity)
            if event is not None:
                last[event.stream] = identity.number
        return last

    def _missing_retained(self, to: Subscribed, given: set[Identity]) -> Iterator[str]:
        """What was retained at its node when it came."""
        if not to.final or to.lost:
            return
        gone = [event.at for event in self._evidence.rings[to.node] if isinstance(event, Gone)]
        for event in self._journals.events.values():
            ends = min(event.clear_asked_at, event.asked_at + event.retention_s) - RETAINED_S
            lasts = event.accepted_at + RETAINED_S < to.began < ends
            if not lasts or event.channel != to.channel or not to.lets_through(event):
                continue
            was_there = any(
                window.began < event.asked_at and event.accepted_at < self._arrived(event.node, window.ended)
                for window in self._evidence.windows[event.node, to.node]
            )
            if was_there and not any(event.asked_at < at < to.began for at in gone):
                self._owed += 1
                if event.identity not in given:
                    yield f"{to} was not given {event}, which was retained"

    def _retained_at_the_end(self) -> Iterator[str]:
        """Who comes last is given the same everywhere, and everybody else has been given it."""
        late: defaultdict[str, dict[int, set[Published]]] = defaultdict(dict)
        for to in self._journals.subscriptions:
            if to.late:
                events = (self._journals.events.get(identity) for _, identity, _ in to.given)
                late[to.channel][to.node] = {event for event in events if event is not None and event.for_ever}
        for channel, by_node in late.items():
            everywhere = set.union(*by_node.values())
            for node, found in by_node.items():
                for event in everywhere - found:
                    yield f"{event} is retained in the end, and not at node {node}"
            yield from self._kept(channel, everywhere)

    def _kept(self, channel: str, retained: set[Published]) -> Iterator[str]:
        for event in self._journals.events.values():
            if event.channel == channel and event.accepted and event.for_ever:
                cleared = event.clear_asked_at < NEVER
                if (
                    event not in retained
                    and not cleared
                    and self._all_had(event.node, event.asked_at, event.accepted_at)
                ):
                    yield f"{event} was retained by all nodes for ever, and is not in the end"
                told = event in retained and event.cleared_at < NEVER
                if told and self._all_had(event.node, event.clear_asked_at, event.cleared_at):
                    yield f"{event} was cleared at {event.cleared_at:.2f} s, and is retained in the end"
        for to in self._journals.subscriptions:
            if to.final and not to.late and not to.lost and to.channel == channel:
                given = {identity for _, identity, _ in to.given}
                for event in retained:
                    if to.lets_through(event) and event.identity not in given:
                        yield f"{to} was not given {event}, which is retained in the end"

    def _all_had(self, node: int, began: float, ended: float) -> bool:
        """Whether what a node did in this time surely reached all nodes."""
        return any(
            window.began < began and ended < self._arrived(node, window.ended) for window in self._evidence.all_together
        )

    def _arrived(self, node: int, until: float) -> float:
        """All that a node had accepted before this time had arrived when a time of being together ended."""
        if until == NEVER:
            return until
        of_node = self._given_of[node]
        place = bisect_right(of_node, (until, NEVER))
        return min(until, of_node[place - 1][1]) if place else 0.0

    # Figures.

    def _longest_gap(self) -> float:
        """The longest time between two events of one that takes all of a channel, and whose node no fault disturbed."""
        longest = 0.0
        for to in self._journals.subscriptions:
            if to.late or to.filters or to.channel == BULK:
                continue
            disturbed = [
                (fault.began, fault.ended) for fault in self._evidence.faults if fault.disturbs(to.name, to.node)
            ]
            for (before, *_), (at, *_) in zip(to.given, to.given[1:], strict=False):
                if at - before > longest and not any(began < at and before < ended for began, ended in disturbed):
                    longest = at - before
        return longest


def _is_over(event: Published, at: float) -> bool:
    """Whether the retention time of an event surely was over when somebody came."""
    return (
        event.retention_s > 0
        and not event.for_ever
        and event.accepted
        and (event.accepted_at + event.retention_s + EXPIRY_S < at)
    )
