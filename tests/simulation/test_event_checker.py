"""What subscribers are given: each promise is broken once on purpose, and the checker reports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest

from openais.messages.evs import batch_of
from openais.messages.evt import (
    RETENTION_MAX_NS,
    ChannelUnlinked,
    Deliver,
    GroupExpire,
    GroupPublish,
    GroupUnlink,
    PublishedRun,
    Subscribe,
    decode_run,
    encode_run,
)
from openais.services.base import Callback, Effects, LocalNode, Reply, Service, executive, library
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.services.evt import Evt
from openais.simulation.events import FILTERS, QUEUE_BYTES_MAX, WINDOW, EvtProgram
from openais.simulation.executives import ExecutiveCluster
from openais.types import NodeId
from tests.simulation.test_library_checker import cluster_of, reported

TWO = NodeId(2)
Give = Callable[[Callback], Iterator[Callback]]


def programs(cluster: ExecutiveCluster) -> list[EvtProgram]:
    """Two programs on every node, all on one channel."""
    opened = [cluster.open_evt(node_id, "news") for node_id in cluster.nodes for _ in range(2)]
    assert cluster.run(1.0, lambda: all(program.ready for program in opened))
    return opened


def publish(
    cluster: ExecutiveCluster, program: EvtProgram, *bodies: bytes, retained: bool = False, retention_s: float = 0.0
) -> None:
    program.publish(list(bodies), b"sensor.1", 3, RETENTION_MAX_NS if retained else int(retention_s * 1e9))
    cluster.run(0.2)


def unlink(cluster: ExecutiveCluster, program: EvtProgram) -> None:
    program.unlink()
    cluster.run(0.2)


def broken(**overrides: Callable[..., Effects]) -> Callable[[LocalNode], Sequence[Service]]:
    """The services, with an event service of which these handlers are others."""
    handlers = {
        name: member
        for name, member in vars(Evt).items()
        if hasattr(member, "library_handler") or hasattr(member, "executive_handler")
    }
    made = type("Broken", (Evt,), handlers | overrides)
    return lambda local: (Clm(local), Evs(local), made(local, WINDOW, QUEUE_BYTES_MAX))


def giving(give: Give) -> Callable[[LocalNode], Sequence[Service]]:
    """The services, with an event service that on node 2 gives its subscribers something else than it should."""

    def group_publish(self: Evt, origin: NodeId, message: GroupPublish) -> Effects:
        for effect in Evt.group_publish(self, origin, message):
            if self.node.node_id == TWO and isinstance(effect, Callback):
                yield from give(effect)
            else:
                yield effect

    return broken(group_publish=executive(GroupPublish)(group_publish))


def changed(effect: Callback, change: Callable[[PublishedRun], PublishedRun]) -> Callback:
    assert isinstance(effect.message, Deliver)
    run = encode_run(change(decode_run(effect.message.run)))
    return Callback(effect.connections, Deliver(effect.message.matches, run))


def test_nothing_is_reported_of_events_that_are_delivered() -> None:
    cluster = cluster_of(3)
    some = programs(cluster)
    for number, program in enumerate(some):
        publish(cluster, program, b"%d" % number, b"and", b"more", retained=number % 2 == 0)
    cluster.crash(NodeId(3))
    cluster.run(2.0)
    publish(cluster, some[0], b"after", retained=True)
    cluster.boot(NodeId(3))
    cluster.run(3.0)
    late = cluster.open_evt(NodeId(3), "news")
    cluster.run(1.0)
    assert late.ready
    assert reported(cluster) == set()
    assert cluster.events.deliveries > 20


def test_a_notice_excuses_events_that_were_lost() -> None:
    cluster = cluster_of(2)
    some = programs(cluster)
    slow = next(each for each in some if each.filters == FILTERS[0] and each.node_id == TWO)
    slow.stalled = True
    for _ in range(60):
        publish(cluster, some[0], bytes(1500))
    slow.resume()
    assert reported(cluster) == set()
    assert cluster.events.notices == 1


def test_a_lost_event_without_a_notice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from openais.services.evt_queue import SubscriberQueue

    monkeypatch.setattr(SubscriberQueue, "put", lambda *_: None)
    cluster = cluster_of(2)
    some = programs(cluster)
    slow = next(each for each in some if each.filters == FILTERS[0] and each.node_id == TWO)
    slow.stalled = True
    for _ in range(60):
        publish(cluster, some[0], bytes(1500))
    slow.resume()
    assert reported(cluster) == {"11"}


def test_an_event_that_is_not_given_is_noticed() -> None:
    cluster = cluster_of(2, make_services=giving(lambda _: iter(())))
    publish(cluster, programs(cluster)[0], b"x")
    assert reported(cluster) == {"11"}


def test_an_event_that_is_given_twice_is_noticed() -> None:
    cluster = cluster_of(2, make_services=giving(lambda effect: iter((effect, effect))))
    publish(cluster, programs(cluster)[0], b"x")
    assert reported(cluster) == {"events"}


def test_events_of_one_publisher_out_of_order_are_noticed() -> None:
    held: list[Callback] = []

    def swap(effect: Callback) -> Iterator[Callback]:
        held.append(effect)
        if len(held) == 6:
            yield from reversed(held)

    cluster = cluster_of(2, make_services=giving(swap))
    sender = programs(cluster)[0]
    for _ in range(6):
        publish(cluster, sender, b"x")
    assert reported(cluster) >= {"events"}


def test_two_orders_of_two_publishers_are_noticed() -> None:
    held: list[Callback] = []

    def swap(effect: Callback) -> Iterator[Callback]:
        held.append(effect)
        publishers = {decode_run(each.message.run).publisher for each in held if isinstance(each.message, Deliver)}
        if len(publishers) == 2:
            yield from reversed(held)
            held.clear()

    cluster = cluster_of(2, make_services=giving(swap))
    some = programs(cluster)
    publish(cluster, some[0], b"x")
    publish(cluster, some[-1], b"y")
    assert reported(cluster) >= {"events"}


def test_an_event_that_is_changed_on_its_way_is_noticed() -> None:
    def other_data(run: PublishedRun) -> PublishedRun:
        return msgspec.structs.replace(run, payloads=batch_of((b"nobody sent this",)))

    cluster = cluster_of(2, make_services=giving(lambda effect: iter((changed(effect, other_data),))))
    publish(cluster, programs(cluster)[0], b"x")
    assert "events" in reported(cluster)


def test_an_event_that_does_not_pass_is_noticed() -> None:
    def subscribe(self: Evt, caller: object, request: Subscribe) -> Effects:
        return Evt.subscribe(self, caller, msgspec.structs.replace(request, filters=()))  # type: ignore[arg-type]

    cluster = cluster_of(2, make_services=broken(subscribe=library(Subscribe)(subscribe)))
    publish(cluster, programs(cluster)[0], b"x")
    assert reported(cluster) == {"events"}


def test_a_retained_event_that_a_late_subscriber_is_not_given_is_noticed() -> None:
    def subscribe(self: Evt, caller: object, request: Subscribe) -> Effects:
        for effect in list(Evt.subscribe(self, caller, request)):  # type: ignore[arg-type]
            if not isinstance(effect, Callback):
                yield effect

    cluster = cluster_of(2, make_services=broken(subscribe=library(Subscribe)(subscribe)))
    publish(cluster, programs(cluster)[0], b"x", retained=True)
    programs(cluster)
    assert reported(cluster) == {"11"}


def test_one_id_for_two_events_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from openais.services.evt_ids import IdSource

    monkeypatch.setattr(IdSource, "take", lambda *_: 4096 * 1000)
    cluster = cluster_of(2)
    some = programs(cluster)
    publish(cluster, some[0], b"x")
    publish(cluster, some[-1], b"y")
    assert "events" in reported(cluster)


def test_a_channel_that_was_unlinked_and_the_next_one_of_its_name_have_nothing_to_do_with_each_other() -> None:
    cluster = cluster_of(3)
    old = programs(cluster)
    publish(cluster, old[0], b"x", retained=True)
    unlink(cluster, old[1])
    new = programs(cluster)
    for program in (old[0], new[0]):
        publish(cluster, program, b"y", retained=True)
    unlink(cluster, old[2])
    for program in old:
        program.disconnect()
    cluster.run(0.5)
    assert reported(cluster) == set()
    assert cluster.events.deliveries > 2 * len(old)


def test_an_unlink_that_does_not_free_the_name_is_noticed() -> None:
    def group_unlink(self: Evt, origin: NodeId, message: GroupUnlink) -> Effects:
        yield Reply(message.caller, ChannelUnlinked())

    cluster = cluster_of(2, make_services=broken(group_unlink=executive(GroupUnlink)(group_unlink)))
    unlink(cluster, programs(cluster)[0])
    assert reported(cluster) == {"11"}


def test_an_unlinked_channel_that_stays_for_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from openais.services.evt_channels import Channels

    monkeypatch.setattr(Channels, "close", lambda self, channel, node, count: channel.opens.pop(node, None))
    cluster = cluster_of(2)
    some = programs(cluster)
    unlink(cluster, some[0])
    for program in some:
        program.disconnect()
    cluster.run(0.5)
    assert reported(cluster) == {"11"}


def test_an_event_of_another_channel_of_the_name_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from openais.services.evt_subscribers import Subscribers

    cluster = cluster_of(2)
    old = programs(cluster)
    unlink(cluster, old[0])
    new = programs(cluster)
    rightly = Subscribers.distribute

    def to_all(self: Subscribers, channel_id: int, run: PublishedRun, raw: msgspec.Raw) -> Effects:
        for program in (old[0], new[0]):
            if program.node_id == NodeId(1):
                yield from rightly(self, cluster.channel_of(program), run, raw)

    monkeypatch.setattr(Subscribers, "distribute", to_all)
    publish(cluster, new[0], b"x")
    assert "11" in reported(cluster)


def test_an_event_is_retained_for_its_time_and_no_longer() -> None:
    cluster = cluster_of(3)
    some = programs(cluster)
    publish(cluster, some[0], b"x", retention_s=2.0)
    publish(cluster, some[0], b"y", retention_s=60.0)
    cluster.crash(NodeId(1))
    cluster.run(4.0)
    cluster.boot(NodeId(1))
    programs(cluster)
    assert reported(cluster) == set()


def test_an_event_that_never_expires_is_noticed() -> None:
    def group_expire(self: Evt, origin: NodeId, message: GroupExpire) -> Effects:
        return ()

    cluster = cluster_of(2, make_services=broken(group_expire=executive(GroupExpire)(group_expire)))
    publish(cluster, programs(cluster)[0], b"x", retention_s=0.3)
    cluster.run(3.0)
    assert reported(cluster) == {"11"}


@pytest.mark.parametrize("retained", [False, True])
def test_an_event_that_expires_too_early_is_noticed(retained: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from openais.services.evt_channels import Channels

    monkeypatch.setattr(Channels, "retain", lambda *_: [])
    cluster = cluster_of(2)
    publish(cluster, programs(cluster)[0], b"x", retained=retained, retention_s=30.0)
    assert reported(cluster) == {"11"}
