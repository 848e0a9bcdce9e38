"""The invariants of the ring, DESIGN 11, each a function of what is remembered of the run.

Each gives the evidence of every violation that it finds, in words. The sentences quoted are from the specification of
extended virtual synchrony (Moser, Amir, Melliar-Smith, Agarwal 1994); "com_p(c)" is the regular configuration c and the
transitional one of p behind it, here a `Stay`. A message counts as sent when the layer above submitted it and was not
refused; the configuration it is sent in is the ring that ordered it, which the first delivery shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openais.simulation.history import Life, Message, Move, RingRecord, Stay
from openais.totem.effects import Configuration, Delivered, RingId
from openais.types import Guarantee, NodeId


def delivery_has_one_send(life: Life, stay: Stay, message: Message, effect: Delivered) -> Iterator[str]:
    """1: "If deliver_p(m, c) occurs, then send_q(m, reg(c)) occurs before it", and no message is delivered twice."""
    if message.identity in life.delivered:
        yield f"{life} delivers {message} a second time, now in ring {stay.ring_id}, before in ring {message.origin}"
    sent = (message.sender.node, message.groups, message.guarantee, message.priority)
    if sent != (effect.sender, effect.groups, effect.guarantee, effect.priority):
        yield f"{life} delivers {message} with another header than it was sent with: {effect}, expected {sent}"
    if message.payload != effect.payload:
        yield f"{life} delivers {message} with a payload of {len(effect.payload)} bytes that is not the one sent"
    if message.origin not in (None, stay.ring_id):
        yield f"{life} delivers {message} in ring {stay.ring_id}; others delivered it in ring {message.origin}"
    elif all(other.ring_id != stay.ring_id for other in reversed(message.sender.stays)):
        yield f"{life} delivers {message} in ring {stay.ring_id}, which its sender never installed"


def installed_by_all(record: RingRecord, lives: Iterable[Life]) -> Iterator[str]:
    """2: if p installs c with q in it, then q installs c, or fails, or installs another configuration (at the end of a
    run: a later one)."""
    for life in lives:
        if life.node not in record.members or life.node in record.stays or life.ended_us is not None:
            continue
        if life.started_us > record.first_installed_us:
            continue
        if life.stay is None or life.stay.ring_id < record.ring_id:
            yield (
                f"node {record.first_installed_by} installed ring {record.ring_id} with node {life.node} in it, which "
                f"neither installed it nor failed nor went on; it is in {life.stay}"
            )


def same_configuration(record: RingRecord, change: Configuration, node: NodeId) -> Iterator[str]:
    """2: the configuration that q installs under the name of c is c."""
    if change.members != record.members:
        yield (
            f"node {node} installs ring {change.ring_id} with members {change.members}; "
            f"node {record.first_installed_by} installed it with {record.members}"
        )


def configurations_in_order(life: Life, change: Configuration) -> Iterator[str]:
    """3: every configuration follows the one installed last, a regular one its transitional one."""
    stay = life.stay
    if stay is None:
        if change.old_ring_id is not None:
            yield f"{life} installs its first configuration, ring {change.ring_id}, as follower of {change.old_ring_id}"
        return
    if change.old_ring_id != stay.ring_id:
        yield f"{life} is in ring {stay.ring_id} and installs ring {change.ring_id} as follower of {change.old_ring_id}"
    if change.transitional and stay.transitional is not None:
        yield f"{life} installs a second transitional configuration behind ring {stay.ring_id}"
    if not change.transitional:
        if stay.transitional is None:
            yield f"{life} goes from ring {stay.ring_id} to {change.ring_id} with no transitional configuration"
        elif stay.transitional.ring_id != change.ring_id:
            yield (
                f"{life} installs ring {change.ring_id} behind the transitional configuration to "
                f"{stay.transitional.ring_id}"
            )
    yield from _changes_are_named(life, stay, change)


def _changes_are_named(life: Life, stay: Stay, change: Configuration) -> Iterator[str]:
    """3: `left` and `joined` are the difference from the configuration installed last."""
    before = set((stay.transitional or stay.configuration).members)
    after = set(change.members)
    if set(change.left) != before - after or set(change.joined) != after - before:
        yield (
            f"{life} goes from members {sorted(before)} to {sorted(after)} in ring {change.ring_id} and names "
            f"{change.left} as left, {change.joined} as joined"
        )


def sender_delivers(stay: Stay, others: Iterable[Stay]) -> Iterator[str]:
    """4: "If send_p(m, c) occurs and p does not fail in com_p(c), then deliver_p(m, com_p(c)) occurs"."""
    for other in others:
        for message in other.delivered:
            if message.sender is stay.life and message.identity not in stay.place and stay.must_want(message):
                yield f"{other} delivered {message}; its sender went on to ring {stay.next_ring} without delivering it"


def delivered_behind_the_sender(record: RingRecord, message: Message, life: Life) -> Iterator[str]:
    """4: the same, when the sender had gone on already."""
    stay = record.stays.get(message.sender.node)
    if stay is None or stay.life is not message.sender or not stay.over:
        return
    if message.identity not in stay.place and stay.must_want(message):
        yield f"{life} delivers {message} in ring {record.ring_id}; its sender went on without delivering it"


def same_set_in_regular(stay: Stay, others: Iterable[Stay]) -> Iterator[str]:
    """5: processors that go together from a regular configuration to the next one deliver the same set in it."""
    for other in others:
        if other.transitional is None or stay.transitional is None:
            continue
        if other.transitional.ring_id == stay.transitional.ring_id and other.node in stay.transitional.members:
            yield from _same_set(stay, other, 0, stay.regular_count, other.regular_count)


def same_set_in_transitional(stay: Stay, others: Iterable[Stay]) -> Iterator[str]:
    """5: and those that go on together from a transitional configuration deliver the same set in that."""
    for other in others:
        if other.next_ring == stay.next_ring and stay.transitional is not None and other.transitional is not None:
            yield from _same_set(stay, other, 1, None, None)


def _same_set(stay: Stay, other: Stay, part: int, end: int | None, other_end: int | None) -> Iterator[str]:
    """Compares the regular part (0) or the transitional part (1) of two stays that went on together."""
    mine = stay.delivered[:end] if part == 0 else stay.delivered[stay.regular_count :]
    theirs = other.delivered[:other_end] if part == 0 else other.delivered[other.regular_count :]
    if mine == theirs:
        return
    only_mine = [message for message in mine if message not in theirs and other.must_want(message)]
    only_theirs = [message for message in theirs if message not in mine and stay.must_want(message)]
    where = "transitional" if part else "regular"
    for holder, lacking, messages in ((stay, other, only_mine), (other, stay, only_theirs)):
        if messages:
            names = ", ".join(map(str, messages[:4]))
            yield (
                f"nodes {stay.node} and {other.node} went together from ring {stay.ring_id} to "
                f"{stay.transitional.ring_id if stay.transitional else '?'}; in its {where} configuration node "
                f"{holder.node} delivered {names} and node {lacking.node} did not"
            )


def one_order(record: RingRecord, stay: Stay, message: Message) -> Iterator[str]:
    """6: "There exists a function, ord" that fits the events of all processors: one total order for each ring."""
    if not stay.delivered:
        record.order.add(message)
        return
    cycle = record.order.precede(stay.delivered[-1], message)
    if cycle:
        chain = " before ".join(map(str, cycle))
        yield f"{stay} delivers {stay.delivered[-1]} before {message}; others delivered {chain}"


def causes_first(stay: Stay, message: Message) -> Iterator[str]:
    """6: "If send(m) precedes send(m') and deliver_r(m', com(c)) occurs, then deliver_r(m, com(c)) occurs before it".

    What precedes a send are the deliveries at its sender. (Sends of one sender in different priorities are free to
    overtake each other; in one priority, invariant 10 has them.)
    """
    cause = message.stay
    if cause is None or cause.ring_id != stay.ring_id or cause is stay:
        return
    known = stay.caused_by.get(cause.life.number, 0)
    for earlier in cause.delivered[known : message.behind]:
        if earlier.identity not in stay.place and stay.must_want(earlier):
            yield f"{stay} delivers {message}, whose sender had delivered {earlier} before sending it, without that one"
    stay.caused_by[cause.life.number] = max(known, message.behind)


def no_holes(stay: Stay, other: Stay) -> Iterator[str]:
    """6: if p delivers m before m', q delivers m' and the sender of m is in q's configuration then, q delivers m.

    So a regular configuration has no holes, and in a transitional one only messages of senders outside it may miss.
    `stay` is q's, `other` is p's.
    """
    shorter = min(len(stay.delivered), len(other.delivered))
    if stay.delivered[:shorter] == other.delivered[:shorter]:
        return
    place: int | None = None
    for message in reversed(other.delivered):
        here = stay.place.get(message.identity)
        if here is not None:
            place = here
        elif place is not None and message.sender.node in stay.members_at(place) and stay.must_want(message):
            yield (
                f"{stay} delivered {stay.delivered[place]} and not {message}, which {other} delivered before it, and "
                f"whose sender is among the members {stay.members_at(place)}"
            )
            return


def safe_everywhere(stay: Stay, others: Iterable[Stay]) -> Iterator[str]:
    """7: "If deliver_p(m, c) occurs for a safe message m, then every q in c delivers m in com_q(c), or fails there"."""
    for other in others:
        for place, message in enumerate(other.delivered):
            if message.guarantee is not Guarantee.SAFE or message.identity in stay.place:
                continue
            if stay.node in other.members_at(place) and stay.must_want(message):
                yield (
                    f"{other} delivered the safe message {message} in a configuration of {other.members_at(place)}; "
                    f"node {stay.node} went on to ring {stay.next_ring} without delivering it"
                )


def safe_behind_a_member(record: RingRecord, stay: Stay, message: Message) -> Iterator[str]:
    """7: the same, when a member had gone on already."""
    for node in stay.members_at(len(stay.delivered)):
        member = record.stays.get(node)
        if member is not None and member.over and message.identity not in member.place and member.must_want(message):
            yield (
                f"{stay} delivers the safe message {message}; node {node} went on to ring {member.next_ring} without it"
            )


def safe_ring_passed_by(record: RingRecord, life: Life, next_ring: RingId) -> Iterator[str]:
    """7: "If deliver_p(m, c) occurs for a safe message m in a regular configuration c, every q in c installs c", or
    fails."""
    message = record.safe_in_regular
    if message is not None and life.node in record.members and life.node not in record.stays:
        yield (
            f"node {record.first_installed_by} is in ring {record.ring_id} with node {life.node}, where the safe "
            f"message {message} was delivered; node {life.node} never installed it and goes to ring {next_ring}"
        )


def transitional_within_both(life: Life, change: Configuration) -> Iterator[str]:
    """8: a transitional configuration is within the old and the new one."""
    stay = life.stay
    if life.node not in change.members:
        yield f"{life} installs ring {change.ring_id} with members {change.members}, itself not among them"
    if stay is None:
        return
    if change.transitional:
        strangers = set(change.members) - set(stay.configuration.members)
        if strangers:
            yield f"{life} takes {sorted(strangers)} into a transitional configuration; they were not in {stay.ring_id}"
    elif stay.transitional is not None:
        lost = set(stay.transitional.members) - set(change.members)
        if lost:
            yield f"{life} installs ring {change.ring_id} without {sorted(lost)} of the transitional configuration"


def same_companions(ring_id: RingId, mine: Move, others: Iterable[Move]) -> Iterator[str]:
    """8: those and only those that go from the same ring to the same ring are in the transitional configuration."""
    for other in others:
        if other.old_ring_id != mine.old_ring_id:
            for move, stranger in ((mine, other), (other, mine)):
                if stranger.node in move.companions:
                    yield (
                        f"node {move.node} goes from ring {move.old_ring_id} to {ring_id} with a transitional "
                        f"configuration of {move.companions}; node {stranger.node} comes from {stranger.old_ring_id}"
                    )
        elif other.companions != mine.companions:
            yield (
                f"nodes {mine.node} and {other.node} go from ring {mine.old_ring_id} to {ring_id}; the one's "
                f"transitional configuration is {mine.companions}, the other's {other.companions}"
            )


def ring_ids_rise(highest: RingId | None, change: Configuration, node: NodeId) -> Iterator[str]:
    """8: ring ids rise strictly at each processor, restarts included. (A processor that lost its disk is a new one.)"""
    if highest is not None and change.ring_id <= highest:
        yield f"node {node} installs ring {change.ring_id}; it was in ring {highest} before"


def ring_id_is_new(record: RingRecord, change: Configuration, node: NodeId) -> Iterator[str]:
    """8: no ring id is used twice, whatever became of the disk."""
    if node in record.stays:
        yield f"node {node} installs ring {change.ring_id} a second time"


def no_strangers(stay: Stay, message: Message) -> Iterator[str]:
    """8: nothing crosses between components before a merge."""
    if message.sender.node not in stay.configuration.members:
        yield f"{stay} with members {stay.configuration.members} delivers {message}, whose sender is not among them"


def in_order_of_sending(life: Life, message: Message) -> Iterator[str]:
    """10: priorities never reorder one sender's messages of one priority."""
    last = life.last_of.get((message.sender.number, message.priority))
    if last is not None and last.index > message.index:
        yield f"{life} delivers {message} after {last}, which its sender sent later in the same priority"


def settled(running: list[Life]) -> Iterator[str]:
    """11: one stable configuration of all that run, and all that was accepted is delivered. Gives what is missing."""
    nodes = tuple(sorted(life.node for life in running))
    for life in running:
        stay = life.stay
        if stay is None or stay.transitional is not None or stay.configuration.members != nodes:
            yield f"{life} is in {_where(stay)}; running are {nodes}"
        elif running[0].stay is not None and stay.ring_id != running[0].stay.ring_id:
            yield f"{life} is in {_where(stay)}, {running[0]} in {_where(running[0].stay)}"
        elif running[0].stay is not None and len(stay.delivered) != len(running[0].stay.delivered):
            yield from _not_delivered(stay, running[0].stay)
    for life in running:
        for message in life.sent:
            if message.origin is None and any(_waits_for(other, message) for other in running):
                yield f"{message} was accepted by {life} {message.submitted_us} us into the run and is not delivered"


def _not_delivered(stay: Stay, other: Stay) -> Iterator[str]:
    for one, two in ((stay, other), (other, stay)):
        for message in two.delivered:
            if message.identity not in one.place and one.must_want(message):
                yield f"{one} has not delivered {message}, which {two} delivered"


def _waits_for(life: Life, message: Message) -> bool:
    """Whether the message was surely for this node: it was in the group, and in the sender's ring, all the time."""
    if not message.groups:
        return True
    if life is not message.sender and (
        message.stay is None or life.stay is None or life.stay.ring_id != message.stay.ring_id
    ):
        return False
    since_us = (life.groups.get(group) for group in message.groups)
    return any(us is not None and us < message.submitted_us for us in since_us)


def _where(stay: Stay | None) -> str:
    if stay is None:
        return "no configuration"
    change = stay.transitional or stay.configuration
    return f"{'transitional ' if change.transitional else ''}ring {change.ring_id} of {change.members}"
