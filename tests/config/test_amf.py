"""amf.conf and the seed's groups.conf: what they describe, and what is said of their mistakes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.config.amf import read_amf, read_model
from openais.config.problems import ConfigurationError
from openais.messages.amf_model import SECOND_NS, Capability, RedundancyModel, TypeLimit

PAIR = b"""
group {
    name: web
    nodes: alpha, beta
    component {
        name: server
        command: /usr/bin/python3 -m http.server 8080
        recovery: failover
    }
}
"""

SEED = b"""
# three units of two components, as the seed ships it
group {
    name = group_1
    model = nplusm
    active-units = 2
    backup-units = 1
    unit {
        name = unit_1
        component {
            name = component_a1
            model = x_active_and_y_standby
        }
        component {
            name = component_b1
            model = x_active_and_y_standby
        }
    }
    unit {
        name = unit_2
        component {
            name = component_a2
            model = x_active_and_y_standby
        }
        component {
            name = component_b2
            model = x_active_and_y_standby
        }
    }
    protection {
        name = protection_a
        member = component_a1
        member = component_a2
    }
    protection {
        name = protection_b
        member = component_b1
        member = component_b2
    }
}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_amf(text.encode(), "amf.conf")
    return [str(problem) for problem in refused.value.problems]


def test_a_failover_pair_of_a_plain_program_takes_ten_lines() -> None:
    (group,) = read_amf(PAIR, "amf.conf")
    assert len(PAIR.strip().splitlines()) < 15
    assert [(unit.name, unit.node, unit.rank) for unit in group.units] == [
        ("web@alpha", "alpha", 1),
        ("web@beta", "beta", 2),
    ]
    assert [component.name for unit in group.units for component in unit.components] == ["server@alpha", "server@beta"]
    assert group.model is RedundancyModel.TWO_N
    assert [csi.type for csi in group.instances[0].csis] == ["server"]


def test_the_groups_of_the_seed_are_read_as_they_stand() -> None:
    (group,) = read_amf(SEED, "groups.conf")
    assert group.model is RedundancyModel.N_PLUS_M
    assert (group.active_units, group.standby_units) == (2, 1)
    assert [unit.name for unit in group.units] == ["unit_1", "unit_2"]
    component = group.units[0].components[0]
    assert component.sa_aware
    assert not component.is_run
    assert component.capability is Capability.X_ACTIVE_AND_Y_STANDBY
    assert component.types == ("protection_a",)
    assert [instance.name for instance in group.instances] == ["group_1#1", "group_1#2"]
    assert [csi.protection_group for csi in group.instances[0].csis] == ["protection_a", "protection_b"]


def test_types_give_defaults_and_times_have_units() -> None:
    text = """
    type {
        name: daemon
        terminate_limit: 250ms
        recovery: failover
        environment: MODE fast
        healthcheck {
            key: alive
            period: 2s
        }
    }
    group {
        name: g
        model: n-way-active
        nodes: a b
        component {
            name: c
            type: daemon
            command: /bin/sleep 1000
            terminate_limit: 3s
        }
        instance {
            name: work
            csi {
                name: part
                type: c
                set: PORT 8080
            }
        }
    }
    """
    (group,) = read_amf(text.encode(), "amf.conf")
    component = group.units[0].components[0]
    assert component.terminate_limit_ns == 3 * SECOND_NS
    assert component.environment == (("MODE", "fast"),)
    assert component.healthchecks[0].period_ns == 2 * SECOND_NS
    assert group.instances[0].csis[0].attributes == (("PORT", "8080"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "group {\n name: g\n modle: 2n\n}",
            "amf.conf:3: unknown key 'modle' in section 'group', did you mean 'model'?",
        ),
        ("group {\n name: g\n nodes: a\n model: 3n\n}", "amf.conf:4: model: '3n' is not one of the choices"),
        ("group {\n name: g\n}", "amf.conf:1: group 'g' has nothing to run; expected `component {` or `unit {`"),
        ("group {\n nodes: a\n component {\n name: c\n command: x\n }\n}", "amf.conf:1: this group has no name"),
        ("group {\n name: g\n nodes: a\n component {\n name: c\n }\n}", "amf.conf:4: component 'c' has nothing to run"),
        (
            "group {\n name: g\n nodes: a\n component {\n name: c\n command: x\n limit: z 1 2\n }\n}",
            "amf.conf:7: limit: 'c' takes no type 'z'; expected one of c",
        ),
        (
            "group {\n name: g\n nodes: a\n component {\n name: c\n command: x\n limit: c many\n }\n}",
            "amf.conf:7: limit: 'c many' is not a type and two numbers; expected a type and two numbers",
        ),
        (
            "group {\n name: g\n nodes: a\n component {\n name: c\n command: x\n }\n instance {\n name: s\n csi {\n"
            "name: c\n depends: d\n }\n }\n}",
            "amf.conf:11: depends on 'd', which is no csi of 's'; expected a csi of the same instance",
        ),
        (
            "group {\n name: g\n unit {\n name: u\n component {\n name: c\n command: x\n }\n }\n unit {\n name: v\n"
            "component {\n name: d\n command: x\n }\n }\n instance {\n name: s\n }\n}",
            "amf.conf:17: no unit takes all of 's'; expected components of one unit for each of c, d",
        ),
        (
            "group {\n name: web\n nodes: a\n component {\n name: c\n command: x\n }\n instance {\n name: s\n"
            "depends: wed\n }\n instance {\n name: web\n }\n}",
            "amf.conf:9: depends on 'wed', which is no instance, did you mean 'web'?",
        ),
        (
            "node_group {\n name: fast\n where: disk ssd\n}",
            "amf.conf:1: no node is in this node group; expected `nodes: …`, or `where: …` of nodes described",
        ),
        ("node {\n name: a\n}\nnode {\n name: a\n}", "amf.conf:5: node 'a' is there already, in line 2"),
        ("node {\n name: a\n failover_max: some\n}", "amf.conf:3: failover_max: 'some' is not a whole number"),
        ("cluster {\n startup: soon\n}", "amf.conf:2: startup: 'soon' is not a time"),
        (
            "group {\n name: g\n nodes: a\n component {\n name: c\n command: x\n level: -1\n }\n}",
            "amf.conf:7: level: '-1'",
        ),
        ("group {\n name: g", "amf.conf:1: section 'group' is not closed"),
        (
            "grupo {\n}",
            "amf.conf:1: section 'grupo' does not belong here; expected one of cluster, group, node, node_group, type",
        ),
        ("nonsense", "amf.conf:1: 'nonsense' is not understood"),
    ],
)
def test_mistakes_are_told_with_file_line_and_expectation(text: str, said: str) -> None:
    assert any(line.startswith(said) for line in mistakes(text)), mistakes(text)


def test_cycles_and_unknown_names_are_mistakes() -> None:
    base = "group {\n name: g\n nodes: a\n component {\n name: c\n command: x\n }\n"
    one = " instance {\n name: one\n depends: two\n }\n"
    two = " instance {\n name: two\n depends: one 5s\n }\n"
    assert any("'one' depends on itself" in line for line in mistakes(f"{base}{one}{two}}}"))
    assert any("depends on 'two', which is no instance" in line for line in mistakes(f"{base}{one}}}"))
    again = base + "}\n" + base + "}"
    assert any("group 'g' is there already, in line 2" in line for line in mistakes(again))


@given(st.binary(max_size=300) | st.text("group{}\n name:component = 12", max_size=200).map(str.encode))
def test_any_text_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        read_amf(content, "amf.conf")


NODES = b"""
cluster {
    startup: 5s
}
node {
    name: alpha
    set: disk ssd
    set: rack one
    failover_max: 3
    failfast_on_termination_failure: on
}
node {
    name: beta
    set: disk ssd
}
node {
    name: gamma
}
node_group {
    name: fast
    where: disk ssd
}
node_group {
    name: near
    nodes: alpha, gamma
    where: rack one
}
group {
    name: web
    nodes: fast, delta
    component {
        name: server
        command: x
        instantiate_delayed_attempts: 3
        instantiate_delay: 2s
        limit: server 1 4
    }
}
group {
    name: db
    nodes: near
    component {
        name: db
        command: x
    }
}
"""


def test_nodes_have_attributes_and_limits_and_groups_name_groups_of_nodes() -> None:
    model = read_model(NODES, "amf.conf")
    assert model.startup_ns == 5 * SECOND_NS
    assert [unit.node for unit in model.groups[0].units] == ["alpha", "beta", "delta"]
    assert [unit.node for unit in model.groups[1].units] == ["alpha"]
    alpha, beta, _ = model.nodes
    assert (alpha.failover_max, alpha.failfast_on_termination_failure) == (3, True)
    assert beta.attributes == (("disk", "ssd"),)
    component = model.groups[0].units[0].components[0]
    assert (component.instantiate_delayed_attempts, component.instantiate_delay_ns) == (3, 2 * SECOND_NS)
    assert component.type_limits == (TypeLimit("server", 1, 4),)


def test_new_groups_wait_for_their_units_unless_told_otherwise() -> None:
    assert read_model(PAIR, "amf.conf").startup_ns == 2 * SECOND_NS


def proxied(keys: bytes) -> bytes:
    return b"group {\n name: g\n unit {\n name: u\n component {\n name: c\n %s\n }\n }\n }\n" % keys


def test_a_proxied_component_is_sa_aware_and_runs_nothing_itself() -> None:
    (group,) = read_amf(proxied(b"proxy_csi: g/c"), "amf.conf")
    config = group.units[0].components[0]
    assert (config.proxy_csi, config.sa_aware, config.is_run) == ("g/c", True, False)


@pytest.mark.parametrize(
    ("keys", "line", "words"),
    [(b"proxy_csi: other/c", 7, "'other/c'"), (b"proxy_csi: g/c\n command: /bin/true", 5, "has a command")],
)
def test_a_proxied_component_names_an_instance_and_has_no_command(keys: bytes, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        read_amf(proxied(keys), "amf.conf")
    (problem,) = wrong.value.problems
    assert problem.line == line
    assert words in problem.message
