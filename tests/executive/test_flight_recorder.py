"""The flight recorder, and what it says about why configurations changed."""

from __future__ import annotations

from openais.executive.flight_recorder import EVIDENCE_MAX, Event, FlightRecorder
from openais.totem.effects import Configuration, RingId
from openais.types import NodeId, TimeNs


def event(at_s: float, kind: str, text: str = "", **details: object) -> Event:
    return Event(at_s, TimeNs(int(at_s * 1e9)), kind, text or kind, details)


class Story:
    """Tells a recorder what happens to node 1."""

    def __init__(self) -> None:
        self.recorder = FlightRecorder(NodeId(1))
        self.members: tuple[int, ...] = ()
        self.sequence = 0

    def gather(self, at_s: float, why: str) -> None:
        self.recorder.record(event(at_s, "state", f"operational to gather: {why}", state="gather", why=why))

    def install(self, at_s: float, members: tuple[int, ...], reason: str = "", came_back: tuple[int, ...] = ()) -> str:
        """Takes the configurations that lead to `members`, and gives the sentence about them."""
        going_on = tuple(each for each in self.members if each in members and each not in came_back)
        old = RingId(self.sequence, NodeId(1)) if self.sequence else None
        self.sequence += 4
        ring_id = RingId(self.sequence, NodeId(1))
        left = tuple(NodeId(each) for each in self.members if each not in going_on)
        joined = tuple(NodeId(each) for each in members if each not in going_on)
        now_ns = TimeNs(int(at_s * 1e9))
        nodes = tuple(NodeId(each) for each in members)
        if old is not None:
            transitional = tuple(NodeId(each) for each in going_on)
            change = Configuration(ring_id, True, transitional, left, (), old, reason)
            self.recorder.configuration(change, at_s, now_ns)
        self.recorder.configuration(Configuration(ring_id, False, nodes, (), joined, old, reason), at_s, now_ns)
        self.members = members
        return self.recorder.why()[-1].sentence


def formed(*members: int) -> Story:
    story = Story()
    story.install(0.0, members, "started")
    return story


def test_the_oldest_events_make_room() -> None:
    recorder = FlightRecorder(NodeId(1), events_max=3)
    for number in range(5):
        recorder.record(event(number, "state", str(number)))
    assert [each.text for each in recorder.events()] == ["2", "3", "4"]
    assert [each.text for each in recorder.events(2)] == ["3", "4"]


def test_the_first_configuration_is_that_of_the_start() -> None:
    story = Story()
    sentence = story.install(0.5, (1, 2), "this node was started")
    assert sentence == "This executive started, in a configuration of nodes 1 and 2: this node was started."


def test_a_lost_member_is_told_with_the_cause_who_noticed_and_how_long_it_took() -> None:
    story = formed(1, 2, 3)
    story.gather(10.0, "no token for 520 ms")
    sentence = story.install(10.25, (1, 2), "no token for 520 ms; node 3: no answer to joins for 300 ms")
    assert sentence == (
        "Node 3 left, nodes 1 and 2 go on: no token for 520 ms; node 3: no answer to joins for 300 ms; "
        "noticed first by node 1, this one; 0.25 s from the first sign to the new configuration."
    )
    reason = story.recorder.why()[-1]
    assert (reason.left, reason.joined, reason.members) == ((3,), (), (1, 2))
    assert (reason.noticed_by, reason.duration_s) == (1, 0.25)
    assert [each.kind for each in reason.evidence] == ["state", "configuration", "configuration"]


def test_another_node_that_noticed_first_is_named() -> None:
    story = formed(1, 2, 3)
    story.gather(10.0, "node 2: no token for 520 ms")
    story.gather(10.1, "no token for 520 ms")
    sentence = story.install(10.5, (1, 2))
    assert "node 2: no token for 520 ms; noticed first by node 2;" in sentence
    assert story.recorder.why()[-1].noticed_by == 2


def test_a_node_that_left_in_order_noticed_first_itself() -> None:
    story = formed(1, 2)
    story.gather(10.0, "node 2 left in order")
    assert "; noticed first by node 2; " in story.install(10.5, (1,))


def test_what_the_ring_does_before_it_gathers_is_no_sign_of_a_change() -> None:
    story = formed(1, 2)
    story.recorder.record(event(1.0, "state", state="operational", why="ring 4.1 is installed"))
    story.gather(10.0, "token lost")
    story.install(10.5, (1,))
    assert story.recorder.why()[-1].duration_s == 0.5


def test_joining_coming_back_and_going_alone_are_told() -> None:
    story = formed(1, 2)
    assert story.install(1.0, (1, 2, 5, 6)).startswith("Nodes 5 and 6 joined, nodes 1, 2, 5 and 6 go on")
    came_back = story.install(2.0, (1, 2, 5, 6), came_back=(5,))
    assert came_back.startswith("Node 5 left and came back, nodes")
    both = story.install(3.0, (1, 2, 7))
    assert both.startswith("Nodes 5 and 6 left, node 7 joined, nodes 1, 2 and 7 go on")
    assert story.install(4.0, (1,)).startswith("Nodes 2 and 7 left, node 1 goes on")


def test_a_ring_formed_anew_by_the_same_members_says_so() -> None:
    story = formed(1, 2)
    story.gather(5.0, "this node was not scheduled for 900 ms")
    sentence = story.install(5.1, (1, 2))
    assert sentence.startswith("The ring was formed anew by the same members, nodes 1 and 2 go on: this node was not")


def test_evidence_is_bounded_keeps_the_beginning_and_is_not_crowded_out_by_libraries() -> None:
    story = formed(1, 2)
    story.gather(5.0, "the first sign")
    for number in range(1000):
        story.recorder.record(event(6.0, "library", f"library {number}"))
        story.recorder.record(event(6.0, "failed", f"failed {number}"))
    story.install(7.0, (1,))
    evidence = story.recorder.why()[-1].evidence
    assert len(evidence) == EVIDENCE_MAX
    assert evidence[0].details["why"] == "the first sign"
    assert evidence[-1].kind == "configuration"
    assert all(each.kind != "library" for each in evidence)


def test_only_the_last_reasons_are_kept() -> None:
    story = formed(1, 2)
    for number in range(100):
        story.install(float(number), (1, 2, 3 + number))
    assert len(story.recorder.why()) == 64
    assert [reason.members for reason in story.recorder.why(2)] == [(1, 2, 101), (1, 2, 102)]
