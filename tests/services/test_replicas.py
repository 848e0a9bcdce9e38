"""Whatever happens to a cluster, the replicas of a service are equal, and applications can follow them.

Random histories of crashes, restarts, partitions, merges, interrupted exchanges and requests, over the ordered group.
That the members of one component bring equal states to a merge is checked in every exchange by `OrderedGroup`.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from openais.messages import evt
from openais.messages.base import Message
from openais.messages.clm import ClusterChange, TrackCallback, TrackStart
from openais.messages.evs import (
    Deliver,
    GroupChange,
    GroupMember,
    Join,
    Leave,
    Multicast,
    SetOptions,
    batch_of,
    payloads_of,
)
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.services.evt import Evt
from openais.types import Guarantee, NodeId, Priority, TimeNs, TrackFlags
from tests.services.ordered_group import Library, Node, OrderedGroup

NODE_IDS = range(1, 6)
GROUP_NAMES = ("a", "b", "c")

node_ids = st.sampled_from(NODE_IDS)
group_names = st.lists(st.sampled_from(GROUP_NAMES), min_size=1, max_size=3, unique=True).map(tuple)


class History(RuleBasedStateMachine):
    """The faults. A service adds its requests and what must hold."""

    def __init__(self, group: OrderedGroup) -> None:
        super().__init__()
        self.group = group
        group.start(*NODE_IDS)
        group.configure(NODE_IDS)

    @rule(node_id=node_ids)
    def crash(self, node_id: int) -> None:
        """A node stops, and those it was with go on without it."""
        together = self._with(node_id)
        if together:
            self.group.crash(node_id)
        if len(together) > 1:
            self.group.configure([each for each in together if each != node_id])

    @rule(node_id=node_ids)
    def restart(self, node_id: int) -> None:
        """A node is back in the next configuration after it stopped, or comes back after it was away."""
        together = self._with(node_id)
        if together:
            self.group.crash(node_id)
        self.group.start(node_id)
        self.group.configure(together or [node_id])

    @precondition(lambda self: bool(self.group.nodes))
    @rule(sides=st.lists(st.integers(0, 2), min_size=5, max_size=5), interrupted=st.booleans())
    def regroup(self, sides: list[int], interrupted: bool) -> None:
        """Partitions and merges at will."""
        parts = [[each for each in self.group.nodes if sides[each - 1] == side] for side in range(3)]
        self.group.configure(*[part for part in parts if part], interrupted=interrupted)

    @rule()
    def deliver(self) -> None:
        self.group.deliver()

    def synchronized(self) -> list[list[Node]]:
        """The configurations in which all nodes have the complete state."""
        return [nodes for nodes in self.group.configurations() if all(node.synchronized for node in nodes)]

    def _with(self, node_id: int) -> list[int]:
        node = self.group.nodes.get(NodeId(node_id))
        return [each.node_id for each in self.group.nodes.values() if node and each.ring_id == node.ring_id]


class ClmHistory(History):
    """Each tracker keeps its own picture of the cluster, from what it is told alone."""

    def __init__(self) -> None:
        super().__init__(OrderedGroup(Clm))
        self.trackers: list[tuple[Library, dict[int, int], list[int]]] = []
        """Each with its picture (initial view numbers by node id), and the view numbers that it was told."""

    @rule(node_id=node_ids, flags=st.sampled_from([TrackFlags.CHANGES, TrackFlags.CHANGES_ONLY]))
    def track(self, node_id: int, flags: TrackFlags) -> None:
        node = self.group.nodes.get(NodeId(node_id))
        if node is not None and node.synchronized:
            library = self.group.open(node_id)
            library.call(TrackStart(flags | TrackFlags.CURRENT, notify_current=True))
            self.trackers.append((library, {}, []))

    @invariant()
    def replicas_are_equal_and_know_their_configuration(self) -> None:
        for nodes in self.synchronized():
            first = nodes[0].service.describe()
            assert [member["node_id"] for member in first["members"]] == [node.node_id for node in nodes]
            for node in nodes:
                described = node.service.describe()
                assert described["view_number"] == first["view_number"]
                assert described["members"] == first["members"]

    @invariant()
    def trackers_can_follow(self) -> None:
        for library, picture, numbers in self.trackers:
            if not library.open:
                continue
            for callback in library.take():
                assert isinstance(callback, TrackCallback)
                _follow(picture, callback)
                numbers.append(callback.view.view_number)
            described = library.node.service.describe()
            assert picture == {each["node_id"]: each["initial_view_number"] for each in described["members"]}
            assert numbers == sorted(set(numbers))
            assert numbers[-1] == described["view_number"]


def _follow(picture: dict[int, int], callback: TrackCallback) -> None:
    """Changes the picture by what was told; fails when that contradicts the picture."""
    for notification in callback.view.notifications:
        node, change = notification.node, notification.change
        if change is ClusterChange.LEFT:
            del picture[node.node_id]
        elif change is ClusterChange.JOINED:
            assert node.node_id not in picture
        picture.update({node.node_id: node.initial_view_number} if node.member else {})
    assert len(picture) == callback.view.member_count


class EvsHistory(History):
    """Applications join, leave and multicast; each keeps its own picture of its groups, from what it is told alone."""

    def __init__(self) -> None:
        super().__init__(OrderedGroup(Evs))
        self.libraries: list[Library] = []
        self.pictures: dict[int, dict[str, tuple[GroupMember, ...]]] = {}
        self.received: dict[int, list[int]] = {}
        self.sent = 0
        for node_id in NODE_IDS:
            self.open(node_id)
        for library in self.libraries:
            library.call(Join(GROUP_NAMES[:2]))

    @rule(node_id=node_ids)
    def open(self, node_id: int) -> None:
        if node_id in self.group.nodes:
            library = self.group.open(node_id)
            library.call(SetOptions(transitional=True, group_changes=True))
            self.libraries.append(library)
            self.pictures[library.connection], self.received[library.connection] = {}, []

    @rule(chosen=st.integers(0, 9), groups=group_names)
    def join(self, chosen: int, groups: tuple[str, ...]) -> None:
        for library in self._chosen(chosen):
            library.send(Join(groups))

    @rule(node_id=node_ids)
    def open_and_join(self, node_id: int) -> None:
        self.open(node_id)
        self.join(-1, GROUP_NAMES)
        self.deliver()

    @rule(chosen=st.integers(0, 9), groups=group_names)
    def leave(self, chosen: int, groups: tuple[str, ...]) -> None:
        for library in self._chosen(chosen):
            library.send(Leave(groups))

    @rule(chosen=st.integers(0, 9))
    def close(self, chosen: int) -> None:
        for library in self._chosen(chosen):
            library.close()

    @rule(chosen=st.integers(0, 9), groups=group_names, priority=st.sampled_from(Priority))
    def multicast(self, chosen: int, groups: tuple[str, ...], priority: Priority) -> None:
        for library in self._chosen(chosen):
            self.sent += 1
            library.send(Multicast(groups, Guarantee.AGREED, priority, False, batch_of([b"%d" % self.sent])))

    @invariant()
    def replicas_are_equal(self) -> None:
        for nodes in self.synchronized():
            directories = [node.service.describe()["groups"] for node in nodes]
            assert directories == directories[:1] * len(directories)
            connected = {each.connection for each in self.libraries if each.node in nodes}
            assert {member[2] for members in directories[0].values() for member in members} <= connected

    @invariant()
    def members_can_follow(self) -> None:
        for library in self.libraries:
            for callback in library.take():
                if isinstance(callback, GroupChange):
                    _follow_group(self.pictures[library.connection], callback)
                elif isinstance(callback, Deliver):
                    self.received[library.connection] += [int(payload) for payload in payloads_of(callback.payloads)]
            if library.open:
                described = library.node.service.describe()
                picture = self.pictures[library.connection]
                for group in described["libraries"][library.connection]:
                    assert described["groups"][group] == [
                        [each.node_id, each.process_id, each.connection] for each in picture[group]
                    ]

    @invariant()
    def a_node_is_in_the_ring_groups_that_its_libraries_need(self) -> None:
        for node in self.group.nodes.values():
            joined = {group for groups in node.service.describe()["libraries"].values() for group in groups}
            assert node.ring_groups >= {b"evs:" + group.encode() for group in joined}

    def teardown(self) -> None:
        for one in self.received.values():
            assert max(Counter(one).values(), default=0) <= 1, "delivered twice"
            for other in self.received.values():
                common = set(one) & set(other)
                assert [each for each in one if each in common] == [each for each in other if each in common]

    def _chosen(self, number: int) -> list[Library]:
        """One library that is open, or none."""
        alive = [library for library in self.libraries if library.open]
        return [alive[number % len(alive)]] if alive else []


def _follow_group(picture: dict[str, tuple[GroupMember, ...]], change: GroupChange) -> None:
    """Changes the picture by what was told; fails when that contradicts itself or, in a group followed, the picture."""
    assert change.joined or change.left
    assert set(change.joined) <= set(change.members)
    assert not set(change.left) & set(change.members)
    picture[change.group] = change.members


class EvtHistory(History):
    """Applications open, publish, clear and unlink; each subscriber keeps what it was given."""

    def __init__(self) -> None:
        super().__init__(OrderedGroup(Evt))
        self.libraries: list[tuple[Library, int]] = []
        """Those that have a channel open, and what they call it."""
        self.opening: list[tuple[Library, int]] = []
        self.received: dict[int, list[int]] = {}
        self.published: dict[int, bytes] = {}
        """By id."""
        self.ids: list[tuple[Library, int, bytes]] = []
        """Publish calls that may not be answered yet."""

    @rule(node_id=node_ids, name=st.sampled_from(GROUP_NAMES))
    def open(self, node_id: int, name: str) -> None:
        node = self.group.nodes.get(NodeId(node_id))
        if node is not None and node.synchronized:
            node.service.node.wall_time_ns = TimeNs(node.service.node.wall_time_ns + 1_000_000)
            library = self.group.open(node_id)
            self.opening.append((library, library.send(evt.OpenChannel(name, 7))))

    @rule(chosen=st.integers(0, 9), retained=st.booleans())
    def publish(self, chosen: int, retained: bool) -> None:
        for library, channel in self._chosen(chosen):
            retention_ns = evt.RETENTION_MAX_NS if retained else 0
            data = b"%d" % (len(self.ids) + 1)
            call = library.send(evt.Publish(channel, False, (evt.Run((b"p",), 0, retention_ns, "", batch_of([data])),)))
            self.ids.append((library, call, data))

    @rule(chosen=st.integers(0, 9), event=st.integers(0, 9))
    def clear(self, chosen: int, event: int) -> None:
        for library, channel in self._chosen(chosen):
            if self.published:
                library.send(evt.ClearRetention(channel, sorted(self.published)[-1 - event % len(self.published)]))

    @rule(chosen=st.integers(0, 9), name=st.sampled_from(GROUP_NAMES))
    def unlink(self, chosen: int, name: str) -> None:
        for library, _ in self._chosen(chosen):
            library.send(evt.UnlinkChannel(name))

    @rule(chosen=st.integers(0, 9))
    def close(self, chosen: int) -> None:
        for library, channel in self._chosen(chosen):
            library.send(evt.CloseChannel(channel))
            self.libraries.remove((library, channel))

    @rule(chosen=st.integers(0, 9))
    def disconnect(self, chosen: int) -> None:
        for library, channel in self._chosen(chosen):
            library.close()
            self.libraries.remove((library, channel))

    @invariant()
    def replicas_are_equal_and_know_who_has_what_open(self) -> None:
        for nodes in self.synchronized():
            described = [node.service.describe()["channels"] for node in nodes]
            assert described == described[:1] * len(described)
            here = {node.node_id for node in nodes}
            assert {node_id for channel in described[0] for node_id in channel["opens"]} <= here

    @invariant()
    def opens_are_answered_and_subscribed(self) -> None:
        for library, call in list(self.opening):
            answer = library.answers.get(call)
            if isinstance(answer, evt.ChannelOpened) and library.open:
                self.opening.remove((library, call))
                library.send(evt.Subscribe(answer.channel, 1, ()))
                self.libraries.append((library, answer.channel))

    @invariant()
    def ids_never_collide_and_events_come_once(self) -> None:
        for library, call, data in self.ids:
            answer = library.answers.pop(call, None)
            if isinstance(answer, evt.Published):
                assert self.published.setdefault(answer.first_id, data) == data, "an id was given twice"
        for connection, given in self._given():
            self.received.setdefault(connection, []).append(given.first_id)
            assert self.published.get(given.first_id, payloads_of(given.payloads)[0]) == payloads_of(given.payloads)[0]

    def teardown(self) -> None:
        for one in self.received.values():
            assert max(Counter(one).values(), default=0) <= 1, "delivered twice"

    def _given(self) -> list[tuple[int, evt.PublishedRun]]:
        libraries = {library.connection: library for library, _ in self.libraries}
        return [
            (connection, evt.decode_run(each.run))
            for connection, library in libraries.items()
            for each in _deliveries(library.take())
        ]

    def _chosen(self, number: int) -> list[tuple[Library, int]]:
        alive = [(library, channel) for library, channel in self.libraries if library.open]
        return [alive[number % len(alive)]] if alive else []


def _deliveries(callbacks: list[Message]) -> list[evt.Deliver]:
    return [each for each in callbacks if isinstance(each, evt.Deliver)]


histories = settings(max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))

TestClmHistories = ClmHistory.TestCase
TestClmHistories.settings = histories
TestEvsHistories = EvsHistory.TestCase
TestEvsHistories.settings = histories
TestEvtHistories = EvtHistory.TestCase
TestEvtHistories.settings = histories
