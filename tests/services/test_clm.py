"""The cluster membership service against the words of SA Forum CLM B.01.01 and A.01.01."""

from __future__ import annotations

import pytest

from openais.messages.clm import (
    ClusterChange,
    ClusterNode,
    ClusterState,
    ClusterView,
    NodeFound,
    NodeGet,
    NodeGetAccepted,
    NodeGetAsync,
    NodeGetCallback,
    TrackCallback,
    TrackStart,
    TrackStop,
    TrackStopped,
)
from openais.services.base import ComponentState, ConfigurationChange
from openais.services.clm import Clm
from openais.totem.effects import Configuration, RingId
from openais.types import LOCAL_NODE_ID, BadFlags, ErrorCode, NodeId, NotExist, TimeNs, TrackFlags, TryAgain, Version
from tests.services.ordered_group import Library, OrderedGroup

CURRENT, CHANGES, CHANGES_ONLY = TrackFlags.CURRENT, TrackFlags.CHANGES, TrackFlags.CHANGES_ONLY
JOINED, LEFT = ClusterChange.JOINED, ClusterChange.LEFT
NO_CHANGE, RECONFIGURED = ClusterChange.NO_CHANGE, ClusterChange.RECONFIGURED


def cluster(*node_ids: int) -> OrderedGroup:
    """The nodes in one configuration, in view 1."""
    group = OrderedGroup(Clm)
    group.start(*node_ids)
    group.configure(node_ids)
    return group


def track(library: Library, flags: int, notify_current: bool = False) -> ClusterView:
    view = library.call(TrackStart(flags, notify_current))
    assert isinstance(view, ClusterView)
    return view


def tracker(group: OrderedGroup, node_id: int, flags: int, version: Version | None = None) -> Library:
    library = group.open(node_id, version)
    track(library, flags)
    return library


def told(library: Library) -> list[tuple[int, dict[int, ClusterChange]]]:
    """The track callbacks since the last time: the view number, and by node id what happened to it."""
    return [(view.view_number, changes(view)) for view in views(library)]


def views(library: Library) -> list[ClusterView]:
    callbacks = library.take()
    assert all(isinstance(callback, TrackCallback) for callback in callbacks)
    return [callback.view for callback in callbacks if isinstance(callback, TrackCallback)]


def changes(view: ClusterView) -> dict[int, ClusterChange]:
    listed: dict[int, ClusterChange] = {each.node.node_id: each.change for each in view.notifications}
    assert len(listed) == len(view.notifications), "a node is listed twice"
    return listed


def initial_views(group: OrderedGroup, node_id: int) -> dict[int, int]:
    view = track(group.open(node_id), CURRENT)
    return {each.node.node_id: each.node.initial_view_number for each in view.notifications}


# saClmClusterTrack


def test_current_answers_with_all_members_and_no_change() -> None:
    view = track(cluster(1, 2, 3).open(1), CURRENT)
    assert changes(view) == {1: NO_CHANGE, 2: NO_CHANGE, 3: NO_CHANGE}
    assert (view.view_number, view.member_count, view.quorate) == (1, 3, True)


def test_a_member_is_shown_with_its_name_address_boot_time_and_initial_view() -> None:
    view = track(cluster(1, 2).open(1), CURRENT)
    node = view.notifications[1].node
    assert (node.node_id, node.name, node.address, node.member) == (2, "node2", "192.0.2.2", True)
    assert (node.boot_timestamp_ns, node.initial_view_number) == (2_000_000_000, 1)


def test_current_is_told_in_a_callback_as_well_when_asked_for() -> None:
    library = cluster(1, 2).open(1)
    view = track(library, CURRENT, notify_current=True)
    assert library.take() == [TrackCallback(view)]


def test_without_current_the_answer_lists_no_nodes() -> None:
    library = cluster(1, 2).open(1)
    view = track(library, CHANGES, notify_current=True)
    assert view.notifications == ()
    assert view.member_count == 2
    assert library.take() == []


def test_current_alone_does_not_track() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CURRENT)
    group.crash(2)
    group.configure([1])
    assert told(library) == []


@pytest.mark.parametrize("flags", [0, 8, 255, CHANGES | CHANGES_ONLY, CURRENT | CHANGES | CHANGES_ONLY, CURRENT | 8])
def test_illegal_flags_are_refused(flags: int) -> None:
    with pytest.raises(BadFlags):
        track(cluster(1).open(1), flags)


@pytest.mark.parametrize("flags", [CURRENT, CHANGES, CHANGES_ONLY, CURRENT | CHANGES, CURRENT | CHANGES_ONLY])
def test_legal_flags_are_accepted(flags: int) -> None:
    assert track(cluster(1).open(1), flags).view_number == 1


def test_refused_flags_leave_the_tracking_as_it_was() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES_ONLY)
    with pytest.raises(BadFlags):
        track(library, CHANGES | CHANGES_ONLY)
    group.crash(2)
    group.configure([1])
    assert told(library) == [(2, {2: LEFT})]


def test_changes_lists_all_members_and_those_that_left() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES)
    group.crash(2)
    group.configure([1, 3])
    assert told(library) == [(2, {1: NO_CHANGE, 2: LEFT, 3: NO_CHANGE})]


def test_changes_only_lists_the_nodes_that_changed() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES_ONLY)
    group.crash(2)
    group.configure([1, 3])
    assert told(library) == [(2, {2: LEFT})]


def test_a_node_that_left_is_listed_once_and_is_no_member() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES)
    group.crash(2)
    group.configure([1, 3])
    group.crash(3)
    group.configure([1])
    first, second = views(library)
    assert [each.node.member for each in first.notifications] == [True, False, True]
    assert (first.member_count, second.member_count) == (2, 1)
    assert changes(second) == {1: NO_CHANGE, 3: LEFT}


def test_trackers_are_told_once_of_a_new_node() -> None:
    group = cluster(1, 2)
    both = [tracker(group, 1, CHANGES_ONLY), tracker(group, 2, CHANGES_ONLY)]
    group.start(3)
    group.configure([1, 2, 3])
    assert [told(library) for library in both] == [[(2, {3: JOINED})], [(2, {3: JOINED})]]


def test_tracking_again_changes_what_is_told() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES)
    track(library, CHANGES_ONLY)
    group.crash(2)
    group.configure([1, 3])
    assert told(library) == [(2, {2: LEFT})]
    track(library, CURRENT | CHANGES)
    group.crash(3)
    group.configure([1])
    assert told(library) == [(3, {1: NO_CHANGE, 3: LEFT})]


def test_asking_for_current_leaves_the_tracking_as_it_was() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES_ONLY)
    track(library, CURRENT)
    group.crash(2)
    group.configure([1])
    assert told(library) == [(2, {2: LEFT})]


def test_a_configuration_of_the_same_members_is_no_new_view() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES)
    group.configure([1, 2])
    assert told(library) == []
    assert track(library, CURRENT).view_number == 1


def test_tracking_before_the_first_view_is_to_be_tried_again() -> None:
    group = OrderedGroup(Clm)
    group.start(1)
    library = group.open(1)
    for request in (TrackStart(CURRENT, False), NodeGet(NodeId(1)), NodeGetAsync(NodeId(1), 5)):
        with pytest.raises(TryAgain):
            library.call(request)


# saClmClusterTrackStop


def test_track_stop_ends_the_callbacks() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES)
    assert library.call(TrackStop()) == TrackStopped()
    group.crash(2)
    group.configure([1])
    assert told(library) == []


def test_track_stop_without_tracking_does_not_exist() -> None:
    library = tracker(cluster(1), 1, CURRENT)
    with pytest.raises(NotExist):
        library.call(TrackStop())


def test_track_stop_twice_does_not_exist() -> None:
    library = tracker(cluster(1), 1, CHANGES)
    library.call(TrackStop())
    with pytest.raises(NotExist):
        library.call(TrackStop())


def test_a_closed_library_is_told_nothing() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES)
    library.close()
    group.crash(2)
    group.configure([1])
    assert library.take() == []


# saClmClusterNodeGet, saClmClusterNodeGetAsync


def test_node_get_gives_a_member() -> None:
    found = cluster(1, 2).open(1).call(NodeGet(NodeId(2)))
    assert isinstance(found, NodeFound)
    assert found.node.name == "node2"


def test_node_get_of_the_local_node_gives_the_node_of_the_caller() -> None:
    found = cluster(1, 2).open(2).call(NodeGet(LOCAL_NODE_ID))
    assert isinstance(found, NodeFound)
    assert found.node.node_id == 2


def test_a_node_that_is_no_member_does_not_exist() -> None:
    group = cluster(1, 2)
    library = group.open(1)
    group.crash(2)
    group.configure([1])
    for node_id in (2, 9):
        with pytest.raises(NotExist):
            library.call(NodeGet(NodeId(node_id)))


def test_node_get_async_answers_in_a_callback() -> None:
    library = cluster(1, 2).open(1)
    assert library.call(NodeGetAsync(NodeId(2), invocation=2**64 - 1)) == NodeGetAccepted()
    (callback,) = library.take()
    assert isinstance(callback, NodeGetCallback)
    assert (callback.invocation, callback.error) == (2**64 - 1, ErrorCode.OK)
    assert callback.node is not None
    assert callback.node.node_id == 2


def test_node_get_async_of_a_stranger_tells_so_in_the_callback() -> None:
    library = cluster(1).open(1)
    library.call(NodeGetAsync(NodeId(7), invocation=3))
    assert library.take() == [NodeGetCallback(3, ErrorCode.NOT_EXIST, None)]


# Views


def test_a_restarted_node_has_left_and_then_joined() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES_ONLY)
    group.crash(2)
    group.start(2)
    group.configure([1, 2, 3])
    left, joined = views(library)
    assert (left.view_number, changes(left)) == (2, {2: LEFT})
    assert (joined.view_number, changes(joined)) == (3, {2: JOINED})
    before, after = left.notifications[0].node, joined.notifications[0].node
    assert after.boot_timestamp_ns > before.boot_timestamp_ns
    assert (before.initial_view_number, after.initial_view_number) == (1, 3)


def test_both_sides_of_a_partition_carry_on_with_views_of_their_own() -> None:
    group = cluster(1, 2, 3, 4, 5)
    few, many = tracker(group, 1, CHANGES_ONLY), tracker(group, 3, CHANGES_ONLY)
    group.configure([1, 2], [3, 4, 5])
    assert told(few) == [(2, {3: LEFT, 4: LEFT, 5: LEFT})]
    assert told(many) == [(2, {1: LEFT, 2: LEFT})]


def test_a_merge_has_the_number_after_the_highest_of_its_components() -> None:
    group = cluster(1, 2, 3, 4, 5)
    few, many = tracker(group, 1, CHANGES_ONLY), tracker(group, 3, CHANGES_ONLY)
    group.configure([1], [2], [3, 4, 5])
    group.configure([1, 2])
    few.take(), many.take()
    group.configure([1, 2, 3, 4, 5])
    assert told(many) == [(4, {1: JOINED, 2: JOINED})]
    assert told(few) == [(4, {1: RECONFIGURED, 2: RECONFIGURED, 3: JOINED, 4: JOINED, 5: JOINED})]


def test_in_a_merge_the_largest_component_keeps_its_initial_views() -> None:
    group = cluster(1, 2, 3, 4, 5)
    group.configure([1, 2], [3, 4, 5])
    group.configure([1, 2, 3, 4, 5])
    for node_id in (1, 3):
        assert initial_views(group, node_id) == {1: 3, 2: 3, 3: 1, 4: 1, 5: 1}


def test_of_components_of_one_size_that_of_the_lowest_node_id_keeps_its_initial_views() -> None:
    group = cluster(1, 2, 3, 4)
    group.configure([2, 4], [1, 3])
    group.configure([1, 2, 3, 4])
    assert initial_views(group, 4) == {1: 1, 2: 3, 3: 1, 4: 3}


def test_a_member_keeps_its_initial_view_when_a_new_node_has_a_lower_id() -> None:
    group = cluster(5)
    library = tracker(group, 5, CHANGES)
    group.start(1)
    group.configure([1, 5])
    assert told(library) == [(2, {1: JOINED, 5: NO_CHANGE})]
    assert initial_views(group, 1) == {1: 2, 5: 1}


def test_in_version_a_a_reconfigured_node_has_no_change() -> None:
    group = cluster(1, 2, 3)
    all_nodes = tracker(group, 1, CHANGES, Version("A", 1, 1))
    changed = tracker(group, 1, CHANGES_ONLY, Version("A", 1, 1))
    group.configure([1], [2, 3])
    all_nodes.take(), changed.take()
    group.configure([1, 2, 3])
    assert told(all_nodes) == [(3, {1: NO_CHANGE, 2: JOINED, 3: JOINED})]
    assert told(changed) == [(3, {2: JOINED, 3: JOINED})]


def test_nothing_joins_while_the_exchange_is_interrupted() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES_ONLY)
    group.start(3)
    group.configure([1, 2, 3], interrupted=True)
    assert told(library) == []
    group.configure([1, 2, 3])
    assert told(library) == [(2, {3: JOINED})]


def test_a_node_that_never_came_to_be_a_member_does_not_leave() -> None:
    group = cluster(1, 2)
    library = tracker(group, 1, CHANGES_ONLY)
    group.start(3)
    group.configure([1, 2, 3], interrupted=True)
    group.crash(3)
    group.configure([1, 2])
    assert told(library) == []


def test_a_view_says_whether_its_component_has_quorum() -> None:
    group = cluster(1, 2, 3)
    library = tracker(group, 1, CHANGES)
    group.configure([1], quorate=False)
    group.configure([2, 3])
    group.configure([1, 2, 3])
    assert [view.quorate for view in views(library)] == [False, True]


def test_a_component_whose_state_cannot_be_read_is_not_merged() -> None:
    clm = cluster(1, 2).service(1)
    record = ClusterNode(NodeId(3), "192.0.2.3", "node3", True, TimeNs(0), 0)
    list(
        clm.merge_states(
            [
                ComponentState((NodeId(1), NodeId(2)), NodeId(1), tuple(clm.state_to_transfer())),
                ComponentState((NodeId(3),), NodeId(3), (ClusterState(0, (record,)),)),
                ComponentState((NodeId(4),), NodeId(4), ()),
            ]
        )
    )
    ring = Configuration(RingId(2, NodeId(1)), False, (NodeId(1), NodeId(2), NodeId(3), NodeId(4)), (), (), None, "")
    list(clm.synchronized(ConfigurationChange(ring, quorate=True)))
    assert [member["node_id"] for member in clm.describe()["members"]] == [1, 2, 3]


def test_a_cluster_of_the_largest_size_fits_in_its_state_messages() -> None:
    group = OrderedGroup(Clm)
    group.start(*range(1, 65))
    group.configure(range(1, 65))
    assert track(group.open(64), CURRENT).member_count == 64


def test_describe_shows_the_view() -> None:
    group = cluster(1, 2)
    tracker(group, 1, CHANGES)
    described = group.service(1).describe()
    assert (described["view_number"], described["quorate"], described["trackers"]) == (1, True, 1)
    assert [member["name"] for member in described["members"]] == ["node1", "node2"]
