"""What follows a failure or the word of an administrator, with real programs: dependencies, recoveries, escalation."""

from __future__ import annotations

import os
import signal
import time

import pytest

from openais.amf import AdminOperation
from tests.support.amf import Components, Condition, Site, gone, has, is_idle

pytestmark = pytest.mark.e2e

Op = AdminOperation


def group(name: str, nodes: str, *parts: str) -> str:
    return "\n".join((f"group {{\nname: {name}\nnodes: {nodes}", *parts, "}\n"))


def generation(name: str, number: int) -> Condition:
    """A component has been instantiated so often, and runs."""

    def so(found: Components) -> bool:
        each = found[name]
        return each["generation"] == number and each["presence"] == "instantiated" and not each["pending"]

    return so


async def kill(site: Site, name: str) -> None:
    """kill -9."""
    os.kill((await site.components())[name]["process_id"], signal.SIGKILL)


async def first_started(site: Site, after: str) -> str:
    """Who was started first after the last line of the history in which `after` stands."""
    lines = await site.amf.history(1000, retry=True)
    last = max(place for place, line in enumerate(lines) if after in f"{line.entity}: {line.what}")
    return next(line.entity for line in lines[last:] if line.what.startswith("instantiated"))


def test_parts_of_a_service_instance_become_active_and_quiesce_in_the_order_of_their_dependencies(
    amf_site: Site,
) -> None:
    async def scenario() -> None:
        parts = "".join(f"csi {{\nname: {name}\n{depends}\n}}\n" for name, depends in
                        (("top", "depends: middle"), ("middle", "depends: base"), ("base", "")))  # fmt: skip
        await amf_site.apply(
            group("stack", "node-1, node-2", *(amf_site.aware(each) for each in ("top", "middle", "base")),
                  f"instance {{\nname: stack\n{parts}}}")
        )  # fmt: skip
        first = (await amf_site.pair("top@node-1", "top@node-2"))[0].partition("@")[2]
        up = [f"{part}@{first} active stack/{part}" for part in ("base", "middle", "top")]
        assert [line for line in amf_site.said() if " active " in line] == up
        await amf_site.administrate(Op.LOCK, f"stack@{first}")
        await amf_site.until(*(is_idle(f"{part}@{first}") for part in ("base", "middle", "top")))
        down = [f"{part}@{first} quiesced stack/{part}" for part in ("top", "middle", "base")]
        assert [line for line in amf_site.said() if " quiesced " in line] == down

    amf_site.run(scenario())


def test_who_depends_on_a_service_instance_ends_with_it_or_after_the_tolerance_and_comes_back(amf_site: Site) -> None:
    async def scenario() -> None:
        groups = [group("base", "node-1", amf_site.plain("base"))]
        for name, tolerance in (("strict", ""), ("patient", " 700ms")):
            instance = f"instance {{\nname: {name}\ndepends: base{tolerance}\n}}"
            groups.append(group(name, "node-2", amf_site.plain(name), instance))
        await amf_site.apply("".join(groups))
        names = ("base@node-1", "strict@node-2", "patient@node-2")
        await amf_site.until(*(has(name, "active") for name in names))
        assert await first_started(amf_site, "configuration: version") == "base@node-1"
        await amf_site.administrate(Op.LOCK, "base@node-1")
        found = await amf_site.until(is_idle("strict@node-2"))
        assert found["patient@node-2"]["assignments"] == {"patient/patient": "active"}
        begun = time.monotonic()
        await amf_site.until(is_idle("patient@node-2"))
        assert time.monotonic() - begun > 0.3
        await amf_site.administrate(Op.UNLOCK, "base@node-1")
        await amf_site.until(*(has(name, "active") for name in names))
        assert await first_started(amf_site, "base@node-1: unlock") == "base@node-1"

    amf_site.run(scenario())


def test_an_application_is_restarted_whole_and_a_cluster_reset_restarts_everything(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(
            group("one", "node-1", "application: shop", amf_site.plain("one", "recovery: application-restart"))
            + group("two", "node-2", "application: shop", amf_site.aware("two"))
            + group("other", "node-3", amf_site.plain("other", "recovery: cluster-reset"))
        )
        names = ("one@node-1", "two@node-2", "other@node-3")
        await amf_site.until(*(has(name, "active") for name in names))
        await kill(amf_site, "one@node-1")
        found = await amf_site.until(
            generation("one@node-1", 2), generation("two@node-2", 2), *(has(name, "active") for name in names)
        )
        assert found["other@node-3"]["generation"] == 1
        await kill(amf_site, "other@node-3")
        await amf_site.until(
            generation("one@node-1", 3), generation("two@node-2", 3), generation("other@node-3", 2),
            *(has(name, "active") for name in names),
        )  # fmt: skip

    amf_site.run(scenario())


def test_restarts_within_the_probation_climb_the_ladder_and_those_after_it_do_not(amf_site: Site) -> None:
    async def scenario() -> None:
        limits = ("component_restart_max: 1", "component_restart_probation: 1500ms", "unit_restart_max: 1",
                  "failover_max: 1", "unit_restart_probation: 60s")  # fmt: skip
        await amf_site.apply(group("ladder", "node-1, node-2", *limits, amf_site.plain("a"), amf_site.plain("b")))
        first, second, sibling = "a@node-1", "a@node-2", "b@node-1"
        await amf_site.until(has(first, "active"), has(sibling, "active"))
        for number in (2, 3):  # each alone within the probation: the component is restarted
            await kill(amf_site, first)
            restarted = time.monotonic()
            found = await amf_site.until(generation(first, number), has(first, "active"))
            assert found[sibling]["generation"] == 1
            await amf_site.until(lambda _, restarted=restarted: time.monotonic() > restarted + 1.6)  # type: ignore[misc]
        await kill(amf_site, first)
        await amf_site.until(generation(first, 4), has(first, "active"))
        await kill(amf_site, first)  # the second one within the probation: its unit
        await amf_site.until(generation(first, 5), generation(sibling, 2), has(first, "active"), has(sibling, "active"))
        for number in (6, 7):
            await kill(amf_site, first)
            if number == 6:
                await amf_site.until(generation(first, number), has(first, "active"))
        # the unit was restarted once already: it fails over
        await amf_site.until(has(second, "active"), has("b@node-2", "active"), has(first, "standby"))
        assert any("fails over" in line for line in await amf_site.happened("ladder@node-1"))

    amf_site.run(scenario())


def test_a_unit_that_fails_over_too_often_is_out_of_service_until_it_is_repaired(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(group("worn", "node-1", "failover_max: 1", amf_site.plain("a", "recovery: failover")))
        await amf_site.until(has("a@node-1", "active"))
        await kill(amf_site, "a@node-1")
        await amf_site.until(generation("a@node-1", 2), has("a@node-1", "active"))
        await kill(amf_site, "a@node-1")
        await amf_site.until(is_idle("a@node-1"))
        assert "failed over too often: out of service until it is repaired" in await amf_site.happened("worn@node-1")
        await amf_site.administrate(Op.REPAIRED, "worn@node-1")
        await amf_site.until(generation("a@node-1", 3), has("a@node-1", "active"))

    amf_site.run(scenario())


@pytest.mark.parametrize(("recovery", "in_order"), [("node-switchover", True), ("node-failover", False)])
def test_a_node_gives_everything_up_until_it_is_repaired(amf_site: Site, recovery: str, in_order: bool) -> None:
    async def scenario() -> None:
        bad, good = f"bad-{recovery}", f"good-{recovery}"
        await amf_site.apply(
            group(bad, "node-2, node-3", amf_site.plain(bad, f"recovery: {recovery}"))
            + group(good, "node-2, node-3", amf_site.aware(good))
        )
        await amf_site.until(has(f"{bad}@node-2", "active"))
        if await amf_site.pair(f"{good}@node-2", f"{good}@node-3") == (f"{good}@node-3", f"{good}@node-2"):
            await amf_site.administrate(Op.SI_SWAP, good)
            await amf_site.until(has(f"{good}@node-2", "active"), has(f"{good}@node-3", "standby"))
        said = len(amf_site.said())
        process_id = (await amf_site.components())[f"{good}@node-2"]["process_id"]
        await kill(amf_site, f"{bad}@node-2")
        await amf_site.until(
            *(has(f"{name}@node-3", "active") for name in (bad, good)),
            *(is_idle(f"{name}@node-2") for name in (bad, good)),
        )
        await gone(process_id)
        assert (f"{good}@node-2 quiesced {good}/{good}" in amf_site.said()[said:]) is in_order
        assert any("disabled until it is repaired" in line for line in await amf_site.happened("node-2"))
        await amf_site.administrate(Op.REPAIRED, "node-2")
        await amf_site.until(*(has(f"{name}@node-2", "standby") for name in (bad, good)))

    amf_site.run(scenario())


def test_a_restart_by_an_administrator_keeps_the_assignments(amf_site: Site) -> None:
    async def scenario() -> None:
        await amf_site.apply(group("again", "node-1, node-2", amf_site.aware("x"), amf_site.plain("y")))
        (first, second) = await amf_site.pair("x@node-1", "x@node-2")
        unit = first.replace("x@", "again@")
        await amf_site.administrate(Op.RESTART, unit)
        plain = first.replace("x@", "y@")
        await amf_site.until(generation(first, 2), generation(plain, 2), has(first, "active"), has(plain, "active"))
        assert (await amf_site.components())[second]["generation"] == 1

    amf_site.run(scenario())
