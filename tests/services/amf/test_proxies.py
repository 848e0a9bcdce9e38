"""Proxied components: what their proxy is told for them, and what becomes of them when the proxy fails."""

from __future__ import annotations

import pytest

from openais.messages import amf as messages
from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    InstanceConfig,
    Recovery,
    UnitConfig,
)
from openais.types import AisError, ErrorCode, TimeNs
from tests.services.amf.harness import SA_AWARE, Cluster, group

Op = AdminOperation
PROXY = "proxy-csi1"


def modem(capability: Capability = SA_AWARE, node: str = "") -> GroupConfig:
    """A group of one proxied component."""
    config = ComponentConfig("modem", ("line",), capability, sa_aware=True, proxy_csi=PROXY)
    unit = UnitConfig("modem-u", (config,), node=node)
    return GroupConfig("modem", (unit,), (InstanceConfig("modem-si", (CsiConfig("modem-csi", "line"),)),))


def started(capability: Capability = SA_AWARE, count: int = 2) -> Cluster:
    """A modem that is proxied by a component on the first node; another stands by."""
    numbers = range(1, count + 1)
    cluster = Cluster((group("proxy", numbers, sa_aware=True), modem(capability)))
    if capability is Capability.NON_PRE_INSTANTIABLE:
        cluster.proxied = {PROXY: ("modem",)}
    cluster.start(*numbers)
    assert cluster.component("modem")["proxy"] == "proxy-c1"
    return cluster


def told_of_modem(cluster: Cluster) -> list[str]:
    return [each for each in cluster.take() if "modem" in each]


def test_a_proxy_is_told_to_instantiate_and_then_what_is_assigned() -> None:
    cluster = started()
    assert told_of_modem(cluster) == ["instantiate modem by proxy-c1", "active modem modem-csi"]
    assert cluster.assigned()["modem modem-csi"] == "active"
    assert cluster.component("modem")["presence"] == "instantiated"


def test_a_lock_is_told_to_the_proxy_until_the_component_is_terminated() -> None:
    cluster = started()
    cluster.take()
    assert cluster.administrate(Op.LOCK, "modem-u") is ErrorCode.OK
    assert cluster.administrate(Op.LOCK_INSTANTIATION, "modem-u") is ErrorCode.OK
    assert told_of_modem(cluster) == ["quiesced modem modem-csi", "csiremove modem", "terminate modem"]
    assert cluster.component("modem")["presence"] == "uninstantiated"


def test_one_that_is_not_pre_instantiable_runs_from_its_assignment_to_its_removal() -> None:
    cluster = started(Capability.NON_PRE_INSTANTIABLE)
    assert told_of_modem(cluster) == ["active modem modem-csi"]
    assert cluster.component("modem")["presence"] == "instantiated"
    cluster.administrate(Op.LOCK, "modem-u")
    assert told_of_modem(cluster) == ["csiremove modem"]
    assert cluster.component("modem")["presence"] == "uninstantiated"
    cluster.administrate(Op.UNLOCK, "modem-u")
    assert told_of_modem(cluster) == ["active modem modem-csi"]


@pytest.mark.parametrize("capability", [SA_AWARE, Capability.NON_PRE_INSTANTIABLE])
def test_when_a_proxy_fails_its_component_goes_on_and_the_next_proxy_takes_it_up(capability: Capability) -> None:
    cluster = started(capability)
    cluster.proxied = {PROXY: ("modem",)}
    cluster.take()
    cluster.kill("proxy-c1", 1)
    assert told_of_modem(cluster) == []
    assert cluster.component("modem")["proxy"] == "proxy-c2"
    assert cluster.assigned()["modem modem-csi"] == "active"
    cluster.administrate(Op.LOCK, "modem-u")
    removed = ["quiesced modem modem-csi", "csiremove modem"]
    assert told_of_modem(cluster) == removed[capability is Capability.NON_PRE_INSTANTIABLE :]


def test_nothing_is_ordered_of_a_component_without_a_proxy_and_all_of_it_once_it_has_one() -> None:
    cluster = started()
    cluster.take()
    cluster.kill("proxy-c1", 1)
    assert cluster.component("modem")["proxy"] == ""
    cluster.administrate(Op.LOCK, "modem-u")
    assert told_of_modem(cluster) == []
    assert cluster.assigned()["modem modem-csi"] == "active"
    cluster.programs["proxy-c2"].send(messages.Register("modem", "proxy-c2"))
    cluster.settle()
    assert told_of_modem(cluster) == ["quiesced modem modem-csi", "csiremove modem"]


def test_when_the_node_of_a_proxy_crashes_the_next_proxy_instantiates_the_component() -> None:
    cluster = started()
    cluster.take()
    cluster.crash(1)
    assert told_of_modem(cluster) == ["instantiate modem by proxy-c2", "active modem modem-csi"]


def test_what_a_failed_proxy_has_not_answered_is_told_to_the_next() -> None:
    cluster = started()
    cluster.silent = {"proxy-c1"}
    cluster.administrate(Op.LOCK, "modem-u")
    assert told_of_modem(cluster)[-1:] == ["quiesced modem modem-csi"]
    cluster.silent = set()
    cluster.proxied = {PROXY: ("modem",)}
    cluster.kill("proxy-c1", 1)
    assert told_of_modem(cluster) == ["quiesced modem modem-csi", "csiremove modem"]


def test_an_error_of_a_proxied_component_is_cleaned_up_by_its_proxy_and_it_is_restarted() -> None:
    cluster = started()
    cluster.take()
    cluster.programs["proxy-c1"].send(messages.ErrorReport("modem", TimeNs(0), Recovery.COMPONENT_RESTART))
    cluster.settle()
    told = ["cleanup modem by proxy-c1", "instantiate modem by proxy-c1", "active modem modem-csi"]
    assert told_of_modem(cluster) == told


def test_a_component_that_its_proxy_cannot_instantiate_is_given_up() -> None:
    cluster = Cluster((group("proxy", (1,), sa_aware=True), modem()), silent={"proxy-c1"})
    cluster.silent = set()
    cluster.start(1)
    cluster.take()
    cluster.silent = {"proxy-c1"}
    cluster.programs["proxy-c1"].send(messages.ErrorReport("modem", TimeNs(0), Recovery.COMPONENT_RESTART))
    cluster.settle()
    for _ in range(4):
        cluster.node(1).expire("order/modem")
        cluster.settle()
    assert cluster.component("modem")["presence"] in ("instantiation-failed", "termination-failed")


def test_an_unregistered_component_goes_on_until_it_is_registered_again() -> None:
    cluster = started()
    cluster.take()
    program = cluster.programs["proxy-c1"]
    program.call(messages.Unregister("modem", "proxy-c1"))
    cluster.settle()
    assert (cluster.component("modem")["proxy"], cluster.assigned()["modem modem-csi"]) == ("", "active")
    program.call(messages.Register("modem", "proxy-c1"))
    cluster.settle()
    assert told_of_modem(cluster) == []
    assert cluster.component("modem")["proxy"] == "proxy-c1"


@pytest.mark.parametrize(
    ("by", "component", "proxy", "error"),
    [
        ("proxy-c1", "modem", "", ErrorCode.BAD_OPERATION),
        ("proxy-c1", "modem", "nobody", ErrorCode.NOT_EXIST),
        ("proxy-c1", "modem", "proxy-c1", ErrorCode.EXIST),
        ("proxy-c1", "modem", "proxy-c2", ErrorCode.BAD_OPERATION),
        ("proxy-c2", "modem", "proxy-c2", ErrorCode.BAD_OPERATION),
        ("proxy-c2", "modem", "proxy-c1", ErrorCode.BAD_OPERATION),
        ("proxy-c1", "proxy-c1", "proxy-c1", ErrorCode.BAD_OPERATION),
    ],
)
def test_only_the_active_proxy_registers_a_proxied_component(
    by: str, component: str, proxy: str, error: ErrorCode
) -> None:
    cluster = started()
    with pytest.raises(AisError) as refused:
        cluster.programs[by].call(messages.Register(component, proxy))
    assert refused.value.code is error


def test_a_component_that_is_not_configured_any_more_and_has_no_proxy_is_let_go() -> None:
    cluster = started()
    cluster.take()
    cluster.programs["proxy-c1"].call(messages.Unregister("modem", "proxy-c1"))
    cluster.apply()
    assert cluster.units() == []
