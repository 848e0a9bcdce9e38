"""What components say that they can be assigned, and what becomes of their assignments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openais.messages import amf as messages
from openais.messages.amf_model import Capability, HaReadiness, HaState, RedundancyModel
from openais.messages.amf_readiness import HaReadinessSet
from openais.services.amf.policy import POLICIES
from openais.services.amf.policy.view import GroupView, InstanceView, UnitView
from openais.types import AisError, ErrorCode, TrackFlags
from tests.services.amf.harness import Cluster, group
from tests.services.amf.test_proxies import modem

CSI = "web-csi1"


def started(count: int, **keywords: object) -> Cluster:
    """So many units of an SA-aware component, on a node each."""
    numbers = range(1, count + 1)
    cluster = Cluster((group("web", numbers, sa_aware=True, **keywords),))
    cluster.start(*numbers)
    cluster.take()
    return cluster


def says(cluster: Cluster, component: str, readiness: HaReadiness, csi: str = CSI) -> None:
    cluster.programs[component].call(HaReadinessSet(component, csi, readiness))
    cluster.settle()


def states(cluster: Cluster) -> dict[str, str]:
    return {name.partition(" ")[0]: state for name, state in cluster.assigned().items()}


def test_who_is_not_ready_to_be_active_is_quiesced_and_stands_by() -> None:
    cluster = started(2)
    says(cluster, "web-c1", HaReadiness.NOT_READY_FOR_ACTIVE)
    assert cluster.take() == [f"quiesced web-c1 {CSI}", f"active web-c2 {CSI}", f"standby web-c1 {CSI}"]


def test_who_is_not_ready_for_any_assignment_gives_it_up() -> None:
    cluster = started(2)
    says(cluster, "web-c1", HaReadiness.NOT_READY)
    assert states(cluster) == {"web-c2": "active"}
    says(cluster, "web-c2", HaReadiness.NOT_READY)
    assert states(cluster) == {}
    says(cluster, "web-c1", HaReadiness.READY)
    assert states(cluster) == {"web-c1": "active"}


def test_who_stands_by_and_is_not_ready_to_be_active_does_not_take_over() -> None:
    cluster = started(3)
    says(cluster, "web-c2", HaReadiness.NOT_READY_FOR_ACTIVE)
    cluster.crash(1)
    assert states(cluster) == {"web-c2": "standby", "web-c3": "active"}


@pytest.mark.parametrize("model", [RedundancyModel.TWO_N, RedundancyModel.N_WAY, RedundancyModel.N_PLUS_M])
def test_a_degraded_one_is_active_only_where_nobody_can_do_better(model: RedundancyModel) -> None:
    cluster = started(2, model=model)
    says(cluster, "web-c2", HaReadiness.READY_FOR_ACTIVE_DEGRADED)
    assert states(cluster)["web-c1"] == "active"
    cluster.crash(1)
    assert states(cluster) == {"web-c2": "active"}


def test_a_ready_spare_is_preferred_to_a_degraded_standby() -> None:
    cluster = started(3)
    says(cluster, "web-c2", HaReadiness.READY_FOR_ACTIVE_DEGRADED)
    cluster.crash(1)
    assert states(cluster)["web-c3"] == "active"


def test_what_was_said_is_forgotten_with_the_program_that_said_it() -> None:
    cluster = started(2)
    says(cluster, "web-c1", HaReadiness.NOT_READY)
    cluster.kill("web-c1", 1)
    assert states(cluster) == {"web-c1": "standby", "web-c2": "active"}


def test_trackers_of_the_protection_group_are_told() -> None:
    cluster = started(2)
    tracker = cluster.group.open(2)
    tracker.call(messages.ProtectionGroupTrack(CSI, TrackFlags.CHANGES_ONLY))
    says(cluster, "web-c1", HaReadiness.READY_FOR_ACTIVE_DEGRADED)
    (told,) = tracker.take()
    assert isinstance(told, messages.ProtectionGroupChanged)
    (member,) = told.group.members
    assert (member.component, member.state, member.change) == ("web-c1", HaState.ACTIVE, 4)
    assert member.readiness is HaReadiness.READY_FOR_ACTIVE_DEGRADED


@pytest.mark.parametrize(
    ("by", "component", "csi", "error"),
    [
        ("web-c2", "web-c1", CSI, ErrorCode.NOT_EXIST),
        ("web-c1", "nobody", CSI, ErrorCode.NOT_EXIST),
        ("web-c1", "web-c1", "nothing", ErrorCode.NOT_EXIST),
    ],
)
def test_one_speaks_only_for_oneself_and_of_what_one_may_be_assigned(
    by: str, component: str, csi: str, error: ErrorCode
) -> None:
    cluster = started(2)
    with pytest.raises(AisError) as refused:
        cluster.programs[by].call(HaReadinessSet(component, csi, HaReadiness.NOT_READY))
    assert refused.value.code is error


def test_what_runs_only_while_it_is_active_has_no_readiness() -> None:
    cluster = Cluster((group("proxy", (1,), sa_aware=True), modem(Capability.NON_PRE_INSTANTIABLE)))
    cluster.proxied = {"proxy-csi1": ("modem",)}
    cluster.start(1)
    with pytest.raises(AisError) as refused:
        cluster.programs["proxy-c1"].call(HaReadinessSet("modem", "modem-csi", HaReadiness.NOT_READY))
    assert refused.value.code is ErrorCode.BAD_OPERATION


@st.composite
def views(draw: st.DrawFn) -> GroupView:
    instances = tuple(InstanceView(f"s{number}") for number in range(draw(st.integers(1, 3))))
    said = st.dictionaries(st.sampled_from([each.name for each in instances]), st.sampled_from(HaReadiness))
    units = tuple(UnitView(f"u{number}", unready=draw(said)) for number in range(draw(st.integers(1, 4))))
    held = st.dictionaries(
        st.sampled_from([unit.name for unit in units]), st.sampled_from((HaState.ACTIVE, HaState.STANDBY))
    )
    current = {each.name: draw(held) for each in instances}
    return GroupView(units, instances, current, active_units=draw(st.integers(1, 3)), adjust=draw(st.booleans()))


@settings(max_examples=1000, deadline=None)
@given(views(), st.sampled_from(RedundancyModel))
def test_no_model_gives_anybody_what_he_is_not_ready_for(view: GroupView, model: RedundancyModel) -> None:
    units = {unit.name: unit for unit in view.units}
    for instance, wanted in POLICIES[model](view).items():
        assert all(units[name].may_have(instance, state) for name, state in wanted.items())
