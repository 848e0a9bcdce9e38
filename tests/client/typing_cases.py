"""What the type checker must find for users of the libraries; checked by mypy, never run (see test_typing)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from typing import assert_type

from openais.clm import AsyncClm, Clm, ClusterNode, ClusterView, NotificationBuffer, TrackFlags, Version
from openais.evs import (
    AsyncEvs,
    ConfigurationChanged,
    Evs,
    EvsEvent,
    GroupChanged,
    GroupMember,
    Guarantee,
    Membership,
    MessageDelivered,
    Priority,
)
from openais.types import NodeId


def blocking_clm() -> None:
    with Clm() as cluster:
        assert_type(cluster, Clm)
        assert_type(cluster.version, Version)
        assert_type(cluster.node_id, NodeId)
        assert_type(cluster.fileno(), int)
        assert_type(cluster.members(), tuple[ClusterNode, ...])
        assert_type(cluster.view(), ClusterView)
        assert_type(cluster.node_get(1, 0.5), ClusterNode)
        assert_type(cluster.local_node(), ClusterNode)
        assert_type(cluster.track(), Generator[ClusterView, None, None])
        cluster.cluster_track(TrackFlags.CURRENT, NotificationBuffer())
        cluster.node_get("one")  # type: ignore[arg-type]


async def asyncio_clm() -> None:
    assert_type(await AsyncClm.open(), AsyncClm)
    async with AsyncClm.open() as cluster:
        assert_type(cluster, AsyncClm)
        assert_type(await cluster.members(), tuple[ClusterNode, ...])
        assert_type(await cluster.view(), ClusterView)
        assert_type(await cluster.node_get(1, 0.5), ClusterNode)
        assert_type(await cluster.local_node(), ClusterNode)
        assert_type(cluster.track(), AsyncGenerator[ClusterView, None])
        async for change in cluster.track():
            assert_type(change, ClusterView)
        await cluster.node_get("one")  # type: ignore[arg-type]


def blocking_evs() -> None:
    with Evs() as evs:
        assert_type(evs, Evs)
        assert_type(evs.multicast("chat", b"one"), int)
        assert_type(evs.multicast_joined([b"one", memoryview(b"two")], guarantee=Guarantee.SAFE), int)
        assert_type(evs.membership("chat"), Membership)
        assert_type(evs.groups(), dict[str, tuple[GroupMember, ...]])
        assert_type(evs.receive(), EvsEvent)
        for event in evs:
            match event:
                case MessageDelivered(payload=payload, priority=priority):
                    assert_type(payload, bytes)
                    assert_type(priority, Priority)
                case ConfigurationChanged():
                    assert_type(event.members, tuple[NodeId, ...])
                case _:
                    assert_type(event, GroupChanged)
        evs.multicast("chat", "a text")  # type: ignore[arg-type]


async def asyncio_evs() -> None:
    assert_type(await AsyncEvs.open(), AsyncEvs)
    async with AsyncEvs.open() as evs:
        assert_type(evs, AsyncEvs)
        assert_type(await evs.multicast("chat", b"one"), int)
        assert_type(await evs.membership("chat"), Membership)
        assert_type(await evs.groups(), dict[str, tuple[GroupMember, ...]])
        assert_type(await evs.receive(), EvsEvent)
        assert_type(aiter(evs), AsyncIterator[EvsEvent])
        async for event in evs:
            assert_type(event, EvsEvent)
