"""How failures of components are noticed, and who is told, on real executives with real programs."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from openais.amf import AdminOperation, AsyncAmf, HaState, ProtectionGroup, ProtectionGroupChanged, TrackFlags
from openais.types import BadFlags, NotExist
from tests.support.amf import WAIT_S, Site, gone, has, is_idle

pytestmark = pytest.mark.e2e

HEALTHCHECK = "healthcheck {\nkey: alive\nperiod: 200ms\nlimit: 2s\n}"


def pair(site: Site, name: str, *keys: str) -> str:
    component = site.aware(name, "recovery: failover", *keys)
    return f"group {{\nname: {name}\nnodes: node-1, node-2\n{component}\n}}"


@pytest.mark.parametrize("health", ["asked", "confirms"])
def test_a_component_that_stands_still_fails_its_healthcheck_and_the_standby_takes_over(
    amf_site: Site, health: str
) -> None:
    async def scenario() -> None:
        await amf_site.apply(pair(amf_site, health, HEALTHCHECK, f"environment: HEALTH {health}"))
        first, second = await amf_site.pair(f"{health}@node-1", f"{health}@node-2")
        stopped = (await amf_site.components())[first]["process_id"]
        os.kill(stopped, signal.SIGSTOP)
        await amf_site.until(has(second, "active"), has(first, "standby"))
        assert "failed: healthcheck alive was not answered in time" in await amf_site.happened(first)
        await gone(stopped)

    amf_site.run(scenario())


async def changes(tracker: AsyncAmf) -> ProtectionGroup:
    """What a tracker is told next."""
    async with asyncio.timeout(WAIT_S):
        async for event in tracker:
            assert isinstance(event, ProtectionGroupChanged)
            return event.group
    raise AssertionError("it ended")


def told(group: ProtectionGroup) -> set[tuple[str, HaState, int]]:
    return {(member.component, member.state, member.change) for member in group.members}


UNCHANGED, ADDED, REMOVED, CHANGED = 1, 2, 3, 4


def test_trackers_of_a_protection_group_are_told_who_is_in_it_and_what_changes(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(pair(amf_site, "pg"))
        (first, second), csi = await amf_site.pair("pg@node-1", "pg@node-2"), "pg/pg"
        socket = amf_site.nodes[1].socket
        async with AsyncAmf.open(socket, timeout=WAIT_S) as every, AsyncAmf.open(socket, timeout=WAIT_S) as only:
            both = {(first, HaState.ACTIVE, UNCHANGED), (second, HaState.STANDBY, UNCHANGED)}
            assert told(await every.protection_group_track(csi, TrackFlags.CURRENT | TrackFlags.CHANGES)) == both
            await only.protection_group_track(csi, TrackFlags.CHANGES_ONLY)
            await amf_site.administrate(AdminOperation.LOCK, second)
            assert told(await changes(only)) == {(second, HaState.STANDBY, REMOVED)}
            removed = {(first, HaState.ACTIVE, UNCHANGED), (second, HaState.STANDBY, REMOVED)}
            assert told(await changes(every)) == removed
            await amf_site.administrate(AdminOperation.UNLOCK, second)
            assert told(await changes(only)) == {(second, HaState.STANDBY, ADDED)}
            await changes(every)
            await amf_site.until(has(second, "standby"))
            await amf_site.administrate(AdminOperation.SI_SWAP, "pg")
            assert told(await changes(only)) == {(first, HaState.QUIESCED, CHANGED)}
            assert told(await changes(only)) == {(second, HaState.ACTIVE, CHANGED)}
            assert told(await changes(only)) == {(first, HaState.STANDBY, CHANGED)}
            await only.protection_group_track_stop(csi)
            with pytest.raises(NotExist):
                await only.protection_group_track_stop(csi)
            with pytest.raises(NotExist):
                await only.protection_group_track("nowhere")
            with pytest.raises(BadFlags):
                await only.protection_group_track(csi, TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY)

    amf_site.run(scenario())


def test_a_shutdown_waits_until_the_component_has_finished_its_work(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(pair(amf_site, "slow"))
        first, second = await amf_site.pair("slow@node-1", "slow@node-2")
        await amf_site.administrate(AdminOperation.SHUTDOWN, first)
        await amf_site.until(has(second, "active"), is_idle(first))
        said = amf_site.said()
        assert said.index(f"{first} finishes slow/slow") < said.index(f"{second} active slow/slow")
        assert f"{first} quiesced slow/slow" not in said

    amf_site.run(scenario())
