"""What goes wrong with the event library and real executives: limits, strangers, executives that stop or are gone."""

from __future__ import annotations

import asyncio
import contextlib
import math
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openais.client.evt import Channel
from openais.evt import ChannelFlags, Evt
from openais.messages.evt import CHANNELS_MAX, DATA_MAX
from openais.types import BadHandle, LibraryError, NoResources, TimeoutExpired, TryAgain
from tests.client.fake_executive import PATIENCE_S
from tests.client.test_with_executives import Cluster
from tests.support.processes import ExecutiveProcess, executives, see, start_all, views_of

NAME = "alarms"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """One executive, for a test that leaves nothing of it as it was."""
    made = Cluster(tmp_path, totem_token="5000")
    try:
        made.start(1)
        yield made
    finally:
        made.close()


def is_bad_in_child(call: Callable[[], object]) -> bool:
    """Whether a child that was forked gets BadHandle from `call`."""

    def work() -> None:
        with pytest.raises(BadHandle):
            call()

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    return child.exitcode == 0


def test_no_more_channels_than_the_limit(cluster: Cluster) -> None:
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as evt:
        for number in range(CHANNELS_MAX):
            evt.open_channel(f"channel-{number}", retry=True)
        with pytest.raises(NoResources):
            evt.open_channel("one more", retry=True)
        assert len(evt.channels()) == CHANNELS_MAX
        evt.unlink("channel-0")
        with pytest.raises(NoResources):
            evt.open_channel("one more", retry=True)


def test_no_more_is_retained_than_the_limit(cluster: Cluster) -> None:
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as evt, evt.open_channel(NAME, retry=True) as channel:
        event_ids = [channel.publish(bytes(DATA_MAX), retention=math.inf, retry=True) for _ in range(63)]
        with pytest.raises(NoResources):
            channel.publish(bytes(DATA_MAX), retention=math.inf, retry=True)
        channel.publish(bytes(DATA_MAX), retry=True)
        channel.retention_time_clear(event_ids[0], retry=True)
        channel.publish(bytes(DATA_MAX), retention=math.inf, retry=True)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_handle_of_another_process_is_a_bad_handle_there_and_goes_on_here(cluster: Cluster) -> None:
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as evt, evt.open_channel(NAME, retry=True) as channel:
        subscription = channel.subscribe()
        event = channel.event_allocate()
        calls: tuple[Callable[[], object], ...] = (
            channel.publish,
            channel.subscribe,
            channel.close,
            event.publish,
            evt.channels,
            evt.dispatch,
            evt.fileno,
            evt.finalize,
            lambda: subscription.receive(0.0),
        )
        for call in calls:
            assert is_bad_in_child(call)
        channel.publish(b"still here", retry=True)
        assert subscription.receive(PATIENCE_S).data == b"still here"


def test_a_channel_of_one_handle_is_no_channel_of_another(cluster: Cluster) -> None:
    with Evt(cluster.socket(1), timeout=PATIENCE_S) as evt, Evt(cluster.socket(1), timeout=PATIENCE_S) as other:
        channel = evt.open_channel(NAME, retry=True)
        strange = Channel(other, other.handle, NAME, ChannelFlags.PUBLISHER, channel.number)
        for call in (strange.publish, strange.subscribe, strange.close):
            with pytest.raises(BadHandle):
                call(retry=True)


@pytest.mark.e2e
def test_while_the_ring_stands_still_a_full_queue_says_try_again_and_nothing_accepted_is_lost(tmp_path: Path) -> None:
    def use(executive: ExecutiveProcess, peer: ExecutiveProcess) -> None:
        with Evt(executive.socket, timeout=PATIENCE_S) as evt, evt.open_channel(NAME, retry=True) as channel:
            subscription = channel.subscribe()
            peer.signal(signal.SIGSTOP)
            accepted = publish_until_full(channel)
            peer.signal(signal.SIGCONT)
            channel.publish(b"end", retry=True)
            events = [subscription.receive(PATIENCE_S) for _ in range(accepted + 1)]
            assert [event.data for event in events] == [b"%d" % number for number in range(accepted)] + [b"end"]

    with_processes(tmp_path, 2, use)


def publish_until_full(channel: Channel) -> int:
    """Publishes until it is told to try again; how many events were accepted."""
    accepted = 0
    with contextlib.suppress(TryAgain):
        while True:
            channel.publish(b"%d" % accepted)
            accepted += 1
    return accepted


@pytest.mark.e2e
def test_an_executive_that_is_stopped_lets_calls_time_out_and_one_that_is_gone_ends_them(tmp_path: Path) -> None:
    def use(executive: ExecutiveProcess) -> None:
        with Evt(executive.socket, timeout=PATIENCE_S) as evt, evt.open_channel(NAME, retry=True) as channel:
            subscription = channel.subscribe()
            executive.signal(signal.SIGSTOP)
            with pytest.raises(TimeoutExpired):
                channel.publish(b"late", timeout=0.1)
            with pytest.raises(TimeoutExpired):
                evt.open_channel("another", timeout=0.1)
            executive.signal(signal.SIGCONT)
            assert subscription.receive(PATIENCE_S).data == b"late", "what timed out may have been done"
            executive.signal(signal.SIGKILL)
            with pytest.raises(LibraryError):
                subscription.receive(PATIENCE_S)
            for call in (channel.publish, channel.subscribe, evt.channels):
                with pytest.raises(LibraryError):
                    call()

    with_processes(tmp_path, 1, use)


def with_processes(directory: Path, count: int, use: Callable[..., None]) -> None:
    """Has `use` done to executives in one ring, as processes, in a thread of its own."""

    async def scenario() -> None:
        async with executives(directory, count) as nodes:
            for node in nodes:
                node.sections["totem"]["token"] = "8000"
            await start_all(nodes)
            for node in nodes:
                async with views_of(node) as views:
                    await see(views, range(1, count + 1))
            await asyncio.to_thread(use, *nodes)

    asyncio.run(scenario())
