"""When a service group may be given work, and when it is given back: the start of the cluster, and the probation.

A group that is new waits until all its units are in service, or cannot be, and at most the startup time: so the units
that are ranked best have its work at first, and not those that came first. A group that is adjusted to its ranks by
itself waits until no unit has come into service for the probation. A service instance that depends on another goes on
without it for the tolerance time.

The time is kept by the member with the lowest node id; the messages that it sends when it is over change the model.
"""

from __future__ import annotations

from openais.messages.amf_model import SECOND_NS
from openais.messages.amf_time import GroupProven, GroupStarted, GroupTolerance
from openais.services.amf.model import Group, Instance, Model, Unit
from openais.services.amf.readiness import is_up, may_run
from openais.services.base import Effects, LocalNode, Service, SetTimer, ToGroup, executive
from openais.types import NodeId, Priority


def may_start(model: Model, group: Group, to_run: list[Unit]) -> bool:
    """Whether a group may be given work; remembers that it began to be. `to_run` are the units that are to run."""
    if not group.state.started:
        waits = any(_is_awaited(model, unit, unit in to_run) for unit in group.units.values())
        group.state.started = not (model.startup_ns and waits) and model.quorate
    return group.state.started


def _is_awaited(model: Model, unit: Unit, is_to_run: bool) -> bool:
    if not model.host(unit):
        return True
    delayed = any(component.state.delayed for component in unit.components)
    return is_to_run and may_run(model, unit) and not is_up(unit) and not delayed


def may_adjust(group: Group, ready: list[str]) -> bool:
    """Whether ranks win over what is; a unit that came into service begins a new probation."""
    if not group.config.auto_adjust or group.state.pinned:
        return False
    if group.config.auto_adjust_probation_ns and set(ready) - set(group.state.ready):
        group.state.probation += 1
    group.state.ready = ready
    return not group.config.auto_adjust_probation_ns or group.state.probation == group.state.proven


class Starting(Service):
    """The part of the framework that waits for units."""

    _model: Model

    def __init__(self, node: LocalNode) -> None:
        super().__init__(node)
        self._timed: dict[str, int] = {}
        """The timers that run, with the probation that each is for."""

    def settled(self, groups: list[Group]) -> Effects:
        """Orders the next steps of groups, and carries out those of this node."""
        raise NotImplementedError

    def keep_time(self) -> Effects:
        """Sets the timers of groups that wait."""
        model = self._model
        if min(model.members) != self.node.node_id:
            for timer in list(self._timed):  # another keeps the time now
                del self._timed[timer]
                yield SetTimer(timer, None)
            return
        for group in model.groups.values():
            state = group.state
            if not state.started and model.startup_ns and f"startup/{group.name}" not in self._timed:
                self._timed[f"startup/{group.name}"] = 0
                yield SetTimer(f"startup/{group.name}", model.startup_ns / SECOND_NS)
            timer = f"probation/{group.name}"
            if state.probation != state.proven and self._timed.get(timer) != state.probation:
                self._timed[timer] = state.probation
                yield SetTimer(timer, group.config.auto_adjust_probation_ns / SECOND_NS)
            for instance in group.instances.values():
                yield from self._tolerate(instance)

    def _tolerate(self, instance: Instance) -> Effects:
        """What depends on another may do without it for a time, which begins when that is not active any more."""
        state, timer = instance.state, f"tolerance/{instance.name}"
        running = state.unsponsored and not state.expired
        if running and timer not in self._timed:
            self._timed[timer] = 0
            yield SetTimer(timer, state.tolerance_ns / SECOND_NS)
        elif not running and self._timed.pop(timer, None) is not None:
            yield SetTimer(timer, None)

    def time_is_over(self, timer: str) -> Effects:
        """One of them expired."""
        kind, _, name = timer.partition("/")
        probation = self._timed.pop(timer, 0)
        if kind == "startup":
            yield ToGroup(GroupStarted(name), Priority.HIGH)
        elif kind == "tolerance":
            yield ToGroup(GroupTolerance(name), Priority.HIGH)
        else:
            yield ToGroup(GroupProven(name, probation), Priority.HIGH)

    @executive(GroupStarted)
    def started(self, origin: NodeId, message: GroupStarted) -> Effects:
        group = self._model.groups.get(message.group)
        if group is not None and self._model.quorate:
            group.state.started = True
            yield from self.settled([group])

    @executive(GroupTolerance)
    def tolerance(self, origin: NodeId, message: GroupTolerance) -> Effects:
        found = self._model.instance(message.instance)
        if found is not None and found[1].state.unsponsored:
            found[1].state.expired = True
            yield from self.settled([found[0]])

    @executive(GroupProven)
    def proven(self, origin: NodeId, message: GroupProven) -> Effects:
        group = self._model.groups.get(message.group)
        if group is not None and group.state.probation == message.probation:
            group.state.proven = message.probation
            yield from self.settled([group])
