"""What AMF promises, checked against what the components themselves were told and did.

The checker knows the configuration, and from the components which of them run, where, and what each was assigned. It
does not ask the policies or the workflow. At any time:

* of a service instance no two units have active parts, where the model has one active unit (`one active`);
* in 2N no two units are active at all, in N+M no unit is active and standby (`roles`);
* no component has more active or standby parts than it takes (`capability`).

`unsettled` says what is wrong once all has come to rest: numbers that are not reached though units suffice, views that
differ from the model, programs that nobody knows of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from openais.messages.amf_model import (
    Capability,
    ComponentConfig,
    GroupConfig,
    HaState,
    RedundancyModel,
    UnitConfig,
)
from openais.simulation.availability_numbers import expected_numbers
from openais.types import NodeId

ACTIVES: Final = (HaState.ACTIVE, HaState.QUIESCING)
State = dict[str, Any]
"""What `describe` of the service gives."""


@dataclass(slots=True)
class Place:
    """Where a component is in the configuration."""

    group: GroupConfig
    unit: UnitConfig
    config: ComponentConfig


@dataclass(slots=True)
class Running:
    """A component that runs, as it knows itself."""

    node_id: NodeId
    csis: dict[str, HaState] = field(default_factory=dict)


class AvailabilityChecker:
    """Is told what components do. `report` is given the name of the promise that is broken, and the evidence."""

    def __init__(self, groups: Iterable[GroupConfig], report: Callable[[str, str], None]) -> None:
        self.running: dict[str, Running] = {}
        self.starts = 0
        self.assignments = 0
        self._report = report
        self._places: dict[str, Place] = {}
        self._groups: tuple[GroupConfig, ...] = ()
        self._instances: dict[str, str] = {}
        """The service instance, by component service instance."""
        self.configured(groups)

    def configured(self, groups: Iterable[GroupConfig]) -> None:
        """This configuration is in force."""
        self._groups = tuple(groups)
        for group in self._groups:  # what was configured before may still run
            for unit in group.units:
                self._places.update({each.name: Place(group, unit, each) for each in unit.components})
            for instance in group.instances:
                self._instances.update({csi.name: instance.name for csi in instance.csis})

    # What components do

    def started(self, component: str, node_id: NodeId, csi: str = "") -> None:
        """A component runs; one that runs only while it is active says for what."""
        if component in self.running:
            at = self.running[component].node_id
            self._report("one program", f"{component} starts on node {node_id}, and runs on node {at} already")
        self.starts += 1
        self.running[component] = Running(node_id)
        if csi:
            self.took(component, csi, HaState.ACTIVE)

    def ended(self, component: str) -> None:
        """It does not any more."""
        self.running.pop(component, None)

    def took(self, component: str, csi: str, state: HaState) -> None:
        """It took a state of an assignment."""
        self.assignments += 1
        here, place = self.running.get(component), self._places.get(component)
        if here is None or place is None:
            return
        here.csis[csi] = state
        if state is HaState.ACTIVE and place.group.model is not RedundancyModel.N_WAY_ACTIVE:
            self._check_single(component, place, csi)
        self._check_limits(component, place, here)

    def gave_up(self, component: str, csi: str) -> None:
        """It has it no more."""
        if component in self.running:
            self.running[component].csis.pop(csi, None)

    # What must always hold

    def _check_single(self, component: str, place: Place, csi: str) -> None:
        instance = self._instances.get(csi)
        for name, other in self.running.items():
            theirs = self._places.get(name)
            if theirs is None or theirs.group.name != place.group.name or theirs.unit.name == place.unit.name:
                continue
            active = [each for each, state in other.csis.items() if state in ACTIVES]
            same = [each for each in active if self._instances.get(each) == instance]
            what = f"{component} becomes active for {csi} while {name} on node {other.node_id} is"
            if same:
                self._report("one active", f"{what} for {', '.join(same)}")
            elif active and place.group.model is RedundancyModel.TWO_N:
                self._report("roles", f"{what} for {', '.join(active)}")

    def _check_limits(self, component: str, place: Place, here: Running) -> None:
        counts = Counter(here.csis.values())
        active = counts[HaState.ACTIVE] + counts[HaState.QUIESCING]
        most = 1 if place.config.capability in _SINGLE_ACTIVE else place.config.active_max
        if active > most:
            self._report("capability", f"{component} is active for {active}, at most {most}: {here.csis}")
        least = 1 if place.config.capability is Capability.ONE_ACTIVE_OR_ONE_STANDBY else place.config.standby_max
        if counts[HaState.STANDBY] > least:
            self._report("capability", f"{component} stands by for more than {least}: {here.csis}")

    # What must hold when all has come to rest

    def unsettled(self, state: State, nodes: Iterable[NodeId]) -> Iterator[str]:
        """What is not as it should be; `state` is what the service says of itself, `nodes` those that are there."""
        there = set(nodes)
        described = {group["name"]: group for group in state["groups"]}
        active = {name: instance["assignment"] != "unassigned" for name, instance in _instances(state)}
        for group in self._groups:
            said = described.get(group.name)
            if said is None:
                yield f"group {group.name} is not in force"
                continue
            yield from self._views(said)
            left = {each["name"] for each in said["units"]} ^ {each.name for each in group.units}
            if left:
                yield f"group {group.name}: {', '.join(sorted(left))} should have gone, or be there: {said['units']}"
                continue
            yield from self._numbers(group, said, active, there, {each["node_id"]: each for each in state["nodes"]})
        known = {each["name"] for group in state["groups"] for unit in group["units"] for each in unit["components"]}
        yield from (f"{name} runs, and is not in the model" for name in self.running if name not in known)

    def _views(self, said: State) -> Iterator[str]:
        """Every component has what the model says it has, and runs if and only if the model says so."""
        current = {instance.name for group in self._groups for instance in group.instances}
        for unit in said["units"]:
            for each in unit["components"]:
                name, here = each["name"], self.running.get(each["name"])
                if each["pending"]:
                    yield f"{name} has not answered {each['pending']}"
                runs = each["presence"] == "instantiated"
                if runs != (here is not None):
                    yield f"{name} is {each['presence']}, and {'runs' if here else 'does not run'}"
                own = {csi: state.name.lower() for csi, state in here.csis.items()} if here is not None else {}
                configured = {csi for csi, name in self._instances.items() if name in current}
                yield from (f"{name} has {csi}, which is not configured" for csi in own if csi not in configured)
                told = {csi: state for csi, state in each["assignments"].items() if self._is_told(name, state)}
                if own != told:
                    yield f"{name} knows of {own}, the model of {told}"

    def _is_told(self, component: str, state: str) -> bool:
        """Whether a component knows that it has an assignment: one that does not run does not."""
        place = self._places.get(component)
        return state == "active" or (place is not None and place.config.sa_aware)

    def _numbers(
        self, group: GroupConfig, said: State, active: dict[str, bool], there: set[NodeId], nodes: dict[int, State]
    ) -> Iterator[str]:
        ready = []
        for config, unit in zip(group.units, said["units"], strict=True):
            host = next((each for each in nodes.values() if each["name"] == config.node), None)
            up = host is not None and host["node_id"] in there
            admins = (unit["admin"], said["admin"], host["admin"] if host else "")
            free = all(each == "unlocked" for each in admins) and said.get("application_admin", "") in ("", "unlocked")
            works = not unit["worn_out"] and host is not None and host["operational"] == "enabled"
            wanted = up and free and works
            if wanted and group.in_service_units >= len(group.units) and unit["readiness"] != "in-service":
                yield f"unit {config.name} could be in service, and is {unit['readiness']}"
            if unit["readiness"] == "in-service":
                if not wanted:
                    yield f"unit {config.name} is in service: host up {up}, admin {admins}, works {works}"
                ready.append(config)
        served = []
        for config_of, instance in zip(group.instances, said["instances"], strict=True):
            sponsored = all(active.get(each.instance, False) for each in config_of.sponsors)
            if instance["admin"] == "unlocked" and sponsored:
                served.append(config_of)
            elif instance["assignment"] != "unassigned":
                yield f"{config_of.name} is {instance['assignment']}, {instance['admin']}, sponsors: {sponsored}"
        yield from expected_numbers(group, ready, served, self._assigned(group))

    def _assigned(self, group: GroupConfig) -> dict[str, dict[str, HaState]]:
        """By service instance, which unit has what of it, as the components know; DISAGREE is not settled."""
        found: dict[str, dict[str, HaState]] = {instance.name: {} for instance in group.instances}
        for name, here in self.running.items():
            place = self._places.get(name)
            if place is None or place.group.name != group.name:
                continue
            for csi, state in here.csis.items():
                if csi in self._instances:
                    found.setdefault(self._instances[csi], {})[place.unit.name] = state
        return found


def _instances(state: State) -> Iterator[tuple[str, State]]:
    for group in state["groups"]:
        for instance in group["instances"]:
            yield instance["name"], instance


_SINGLE_ACTIVE: Final = (
    Capability.ONE_ACTIVE,
    Capability.ONE_ACTIVE_OR_ONE_STANDBY,
    Capability.ONE_ACTIVE_OR_Y_STANDBY,
    Capability.NON_PRE_INSTANTIABLE,
)
