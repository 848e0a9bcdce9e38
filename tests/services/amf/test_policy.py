"""The policies: what holds of every group, whatever its units, instances and present assignments."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from openais.messages.amf_model import FOR_EVER, HaState, RedundancyModel
from openais.services.amf.policy import assign
from openais.services.amf.policy.view import (
    Assignments,
    ComponentView,
    GroupView,
    InstanceView,
    UnitView,
    ranked_units,
)

MANY = settings(max_examples=int(os.environ.get("OPENAIS_EXAMPLES", "300")), deadline=None)
SINGLE_ACTIVE = [model for model in RedundancyModel if model is not RedundancyModel.N_WAY_ACTIVE]


@st.composite
def views(draw: st.DrawFn) -> GroupView:
    """Any group, with assignments that units, gone ones too, happen to have."""
    units = [f"u{n}" for n in range(draw(st.integers(0, 6)))]
    instances = [f"s{n}" for n in range(draw(st.integers(0, 6)))]
    states = st.sampled_from((HaState.ACTIVE, HaState.STANDBY))
    known = [*units, "gone"]
    current = {name: draw(st.dictionaries(st.sampled_from(known), states, max_size=3)) for name in instances}
    ranks = st.integers(0, 4)
    return GroupView(
        tuple(UnitView(name, draw(ranks), mixes=draw(st.booleans())) for name in units),
        tuple(InstanceView(name, draw(ranks), draw(st.integers(0, 3)), draw(st.integers(0, 3))) for name in instances),
        current,
        active_units=draw(st.integers(1, 4)),
        standby_units=draw(st.integers(0, 3)),
        active_max=draw(st.sampled_from((1, 2, FOR_EVER))),
        standby_max=draw(st.sampled_from((1, 2, FOR_EVER))),
        adjust=draw(st.booleans()),
        balance=draw(st.booleans()),
    )


def again(view: GroupView, current: Assignments) -> GroupView:
    """The view once `current` is assigned."""
    return replace(view, current=current)


def loads(wanted: Assignments, state: HaState) -> Counter[str]:
    return Counter(unit for units in wanted.values() for unit, each in units.items() if each is state)


@MANY
@given(views(), st.sampled_from(RedundancyModel))
def test_only_units_in_service_are_assigned_and_only_what_exists(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, view)
    assert wanted.keys() <= {instance.name for instance in view.instances}
    assert {unit for units in wanted.values() for unit in units} <= {unit.name for unit in view.units}


@MANY
@given(views(), st.sampled_from(SINGLE_ACTIVE))
def test_no_instance_has_two_actives_where_the_model_forbids_it(view: GroupView, model: RedundancyModel) -> None:
    for units in assign(model, view).values():
        assert list(units.values()).count(HaState.ACTIVE) == 1


@MANY
@given(views(), st.sampled_from(RedundancyModel))
def test_what_is_wanted_once_is_still_wanted_when_it_is_there(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, view)
    assert assign(model, again(view, wanted)) == wanted


@MANY
@given(views())
def test_in_2n_every_instance_is_active_on_one_unit_and_another_stands_by(view: GroupView) -> None:
    wanted = assign(RedundancyModel.TWO_N, view)
    assert len(wanted) == (len(view.instances) if view.units else 0)
    assert len(loads(wanted, HaState.ACTIVE)) <= 1
    assert len(loads(wanted, HaState.STANDBY)) == (1 if len(view.units) > 1 and view.instances else 0)


@MANY
@given(views())
def test_in_n_plus_m_units_are_active_or_stand_by_but_never_both(view: GroupView) -> None:
    wanted = assign(RedundancyModel.N_PLUS_M, view)
    active, standby = loads(wanted, HaState.ACTIVE), loads(wanted, HaState.STANDBY)
    assert not active.keys() & standby.keys()
    assert len(active) <= view.active_units
    assert len(standby) <= view.standby_units
    assert max(active.values(), default=0) <= view.active_max
    assert max(standby.values(), default=0) <= view.standby_max
    units = min(len(view.units), view.active_units)
    assert len(wanted) == min(len(view.instances), units * view.active_max)


@MANY
@given(views())
def test_in_n_way_limits_of_units_are_kept_and_all_that_can_is_assigned(view: GroupView) -> None:
    wanted = assign(RedundancyModel.N_WAY, view)
    assert max(loads(wanted, HaState.ACTIVE).values(), default=0) <= view.active_max
    assert max(loads(wanted, HaState.STANDBY).values(), default=0) <= view.standby_max
    assert len(wanted) == min(len(view.instances), len(view.units) * view.active_max)
    mixing = {unit.name for unit in view.units if not unit.mixes}
    assert not mixing & loads(wanted, HaState.ACTIVE).keys() & loads(wanted, HaState.STANDBY).keys()


@MANY
@given(views())
def test_in_n_way_active_nobody_stands_by(view: GroupView) -> None:
    wanted = assign(RedundancyModel.N_WAY_ACTIVE, view)
    assert not loads(wanted, HaState.STANDBY)
    assert max(loads(wanted, HaState.ACTIVE).values(), default=0) <= view.active_max


@MANY
@given(views())
def test_without_redundancy_a_unit_has_at_most_one_instance(view: GroupView) -> None:
    wanted = assign(RedundancyModel.NO_REDUNDANCY, view)
    assert max(loads(wanted, HaState.ACTIVE).values(), default=0) <= 1
    assert len(wanted) == min(len(view.instances), len(view.units))


@MANY
@given(views(), st.sampled_from((RedundancyModel.TWO_N, RedundancyModel.NO_REDUNDANCY, RedundancyModel.N_WAY)))
def test_a_unit_that_comes_back_moves_no_active_without_adjusting(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, again(view, assign(model, view)))
    more = GroupView(
        (*view.units, UnitView("new", 1)),
        view.instances,
        wanted,
        active_max=view.active_max,
        standby_max=view.standby_max,
    )
    after = assign(model, more)
    for name, units in wanted.items():
        active = [unit for unit, state in units.items() if state is HaState.ACTIVE]
        assert [unit for unit, state in after[name].items() if state is HaState.ACTIVE] == active


@MANY
@given(views())
def test_with_adjusting_the_best_ranked_unit_of_2n_is_active(view: GroupView) -> None:
    best = ranked_units(view.units)[:1]
    adjusted = GroupView(view.units, view.instances, view.current, adjust=True)
    for units in assign(RedundancyModel.TWO_N, adjusted).values():
        assert units[best[0].name] is HaState.ACTIVE


def test_the_standby_becomes_active_when_the_active_unit_is_gone() -> None:
    current = {"s": {"a": HaState.ACTIVE, "c": HaState.STANDBY}}
    view = GroupView((UnitView("b"), UnitView("c")), (InstanceView("s"),), current)
    for model in (RedundancyModel.TWO_N, RedundancyModel.N_PLUS_M, RedundancyModel.N_WAY):
        assert assign(model, view) == {"s": {"c": HaState.ACTIVE, "b": HaState.STANDBY}}, model


def test_a_swap_makes_the_chosen_unit_active() -> None:
    current = {"s": {"a": HaState.ACTIVE, "b": HaState.STANDBY}}
    view = GroupView((UnitView("a"), UnitView("b")), (InstanceView("s"),), current, pinned="b")
    assert assign(RedundancyModel.TWO_N, view) == {"s": {"b": HaState.ACTIVE, "a": HaState.STANDBY}}


KINDS = ("a", "b")


@st.composite
def limited_views(draw: st.DrawFn) -> GroupView:
    """Groups whose components take only some types, and only so many parts."""
    most = st.sampled_from((0, 1, 2, FOR_EVER))

    def component() -> ComponentView:
        kinds = draw(st.sets(st.sampled_from(KINDS), min_size=1))
        limits = {kind: (draw(most), draw(most)) for kind in sorted(kinds)}
        return ComponentView(limits, draw(most), draw(most), draw(st.booleans()))

    def unit(name: str) -> UnitView:
        components = tuple(component() for _ in range(draw(st.integers(1, 2))))
        return UnitView(name, draw(st.integers(0, 3)), components=components, mixes=all(c.mixes for c in components))

    units = tuple(unit(f"u{n}") for n in range(draw(st.integers(0, 4))))
    parts = st.sampled_from((("a",), ("b",), ("a", "b"), ("a", "a")))
    instances = tuple(
        InstanceView(f"s{n}", draw(st.integers(0, 3)), draw(st.integers(0, 2)), draw(st.integers(0, 2)), draw(parts))
        for n in range(draw(st.integers(0, 4)))
    )
    states = st.sampled_from((HaState.ACTIVE, HaState.STANDBY))
    known = [unit.name for unit in units] or ["gone"]
    current = {each.name: draw(st.dictionaries(st.sampled_from(known), states, max_size=3)) for each in instances}
    return GroupView(
        units, instances, current, active_units=draw(st.integers(1, 3)), standby_units=draw(st.integers(0, 2))
    )


def fits(parts: list[tuple[str, HaState]], components: tuple[ComponentView, ...], given: list[Counter[object]]) -> bool:
    """Whether there is any way to give these parts to components, by trying all."""
    if not parts:
        return True
    (kind, state), *rest = parts
    which = 0 if state is HaState.ACTIVE else 1
    other = HaState.STANDBY if state is HaState.ACTIVE else HaState.ACTIVE
    for component, has in zip(components, given, strict=True):
        most = (component.active_max, component.standby_max)[which]
        limit = component.limits.get(kind, (0, 0))[which]
        if has[state] >= most or has[kind, state] >= limit or (not component.mixes and has[other]):
            continue
        has.update((state, (kind, state)))
        if fits(rest, components, given):
            return True
        has.subtract((state, (kind, state)))
    return False


def parts_of(view: GroupView, wanted: Assignments, unit: str) -> list[tuple[str, HaState]]:
    return [
        (kind, wanted[instance.name][unit])
        for instance in view.instances
        if unit in wanted.get(instance.name, {})
        for kind in instance.types
    ]


@MANY
@given(limited_views(), st.sampled_from(RedundancyModel))
def test_no_unit_is_given_more_than_its_components_take(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, view)
    for unit in view.units:
        given = [Counter[object]() for _ in unit.components]
        assert fits(parts_of(view, wanted, unit.name), unit.components, given), (unit, wanted)


@MANY
@given(limited_views(), st.sampled_from(RedundancyModel))
def test_with_limits_too_what_is_wanted_once_is_still_wanted(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, view)
    assert assign(model, again(view, wanted)) == wanted


@MANY
@given(limited_views(), st.sampled_from((RedundancyModel.N_WAY, RedundancyModel.N_WAY_ACTIVE)))
def test_no_instance_goes_without_while_a_unit_has_room(view: GroupView, model: RedundancyModel) -> None:
    wanted = assign(model, view)
    actives = {
        name: {unit: state for unit, state in units.items() if state is HaState.ACTIVE}
        for name, units in wanted.items()
    }
    for instance in view.instances:
        if actives.get(instance.name):
            continue
        for unit in view.units:
            if len(unit.components) > 1:
                continue  # more than one way to place what it has; the first way that is found stays
            more = {**actives, instance.name: {unit.name: HaState.ACTIVE}}
            given = [Counter[object]() for _ in unit.components]
            assert not fits(parts_of(view, more, unit.name), unit.components, given), (instance, unit, wanted)


def test_an_important_instance_finds_room_though_what_is_kept_is_in_its_way() -> None:
    only_b = ComponentView({"b": (FOR_EVER, FOR_EVER)}, active_max=1, mixes=False)
    both = ComponentView({"a": (2, 2), "b": (FOR_EVER, 0)}, active_max=2, standby_max=1, mixes=False)
    unit = UnitView("u", components=(only_b, both), mixes=False)
    instances = (
        InstanceView("s0", 1, types=("b",)),
        InstanceView("s1", 3, types=("b",)),
        InstanceView("s2", 1, types=("a", "a")),
    )
    view = GroupView((unit,), instances, {"s1": {"u": HaState.ACTIVE}})
    assert assign(RedundancyModel.N_WAY, view) == {"s0": {"u": HaState.ACTIVE}, "s2": {"u": HaState.ACTIVE}}


def test_in_2n_the_active_unit_is_one_that_has_room_for_something() -> None:
    none, some = ComponentView({"a": (0, 2)}), ComponentView({"a": (1, 1)})
    units = (UnitView("a", components=(none,)), UnitView("b", components=(some,)))
    view = GroupView(units, (InstanceView("s", types=("a",)),), {"s": {"a": HaState.ACTIVE}})
    assert assign(RedundancyModel.TWO_N, view) == {"s": {"b": HaState.ACTIVE, "a": HaState.STANDBY}}
