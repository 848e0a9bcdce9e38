"""What is local to a node: its libraries, its supervisor, healthchecks, the time that answers may take.

None of it is replicated. It turns orders for components of this node into callbacks, and what libraries, supervisor and
timers say into group messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from openais.messages.amf import (
    Answered,
    CsiRemove,
    CsiSet,
    Failfast,
    GroupDone,
    GroupFailed,
    GroupQuiesced,
    HealthcheckAsk,
    Keep,
    ProtectionGroup,
    ProtectionGroupChanged,
    ProtectionMember,
    ReadinessSet,
    Respond,
    Supervise,
    Terminate,
)
from openais.messages.amf_model import (
    SECOND_NS,
    CsiConfig,
    HaReadiness,
    HaState,
    Healthcheck,
    Presence,
    Readiness,
    Recovery,
)
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.messages.amf_state import Order, Pending
from openais.messages.amf_time import GroupRetry
from openais.messages.base import Source
from openais.services.amf.model import Component, Model
from openais.services.amf.proxies import speaks_for
from openais.services.amf.readiness import readiness
from openais.services.base import Callback, Effects, LibraryConnection, LocalNode, Reply, SetTimer, ToGroup
from openais.types import ErrorCode, NotExist, Priority, TimeNs, TrackFlags, Version

HEALTHCHECK_INVOCATION: Final = 1 << 48
"""Invocations of healthchecks count from here; those of orders stay below."""
SEED_HEALTHCHECK: Final = Healthcheck("heartbeat", SECOND_NS, 2 * SECOND_NS)
"""That of components of A.01.01 for which none is configured."""
SLACK_NS: Final = 2 * SECOND_NS
"""What the supervisor's own limits are given before its silence counts as failure."""


Role: TypeAlias = tuple[HaState, HaReadiness]
"""What a member of a protection group has, and what it says that it can be assigned."""


@dataclass(slots=True)
class Library:
    """A connection."""

    connection: LibraryConnection
    tracks: dict[str, TrackFlags] = field(default_factory=dict)


@dataclass(slots=True)
class Check:
    """A healthcheck that goes on."""

    component: str
    connection: int
    config: Healthcheck
    by_component: bool
    recovery: Recovery
    waits_for: int = 0
    """The invocation that is not answered; 0 is none."""


class Local:
    """This node's side."""

    def __init__(self, node: LocalNode, model: Model) -> None:
        self._node = node
        self._model = model
        self.supervisor = 0
        """The connection of the supervisor; 0 is none."""
        self.libraries: dict[int, Library] = {}
        self.checks: dict[tuple[str, str], Check] = {}
        self._invocation = HEALTHCHECK_INVOCATION
        self._groups: dict[str, dict[str, Role]] = {}
        """What the trackers of each protection group were told last."""
        self._ending = False
        self._readiness: dict[str, Readiness] = {}
        self._quiescing: dict[int, tuple[str, str]] = {}
        """The component and the CSI, by the invocation of the callback that told it to quiesce gently."""

    # Orders

    def carry_out(self, components: Iterable[Component]) -> Effects:
        """Hands new orders to those on this node whom they are for."""
        for component in components:
            pending = component.state.pending
            if pending is None or self._model.host(component.unit) != self._node.node_id:
                continue
            limit_ns = component.config.callback_limit_ns
            connection = speaks_for(self._model, component)
            if pending.state is HaState.QUIESCING:
                yield from self._quiesce(component, pending)
            if pending.order in (Order.SET, Order.REMOVE) and connection in self.libraries:
                yield Callback((connection,), self._assignment(component, pending))
            elif pending.order is Order.TERMINATE and connection in self.libraries:
                limit_ns = component.config.terminate_limit_ns
                yield Callback((connection,), Terminate(pending.invocation, component.name))
            elif component.config.is_proxied:
                if connection not in self.libraries:
                    continue  # until there is a proxy
                limit_ns = _supervised_limit(component, pending)
                kind = ProxiedInstantiate if pending.order is Order.INSTANTIATE else ProxiedCleanup
                yield Callback((connection,), kind(pending.invocation, component.name))
            else:
                limit_ns = _supervised_limit(component, pending)
                yield from self._supervise(component, pending)
            yield SetTimer(f"order/{component.name}", limit_ns / SECOND_NS)

    def _quiesce(self, component: Component, pending: Pending) -> Effects:
        """A component is given its time to finish its work; one that was told so before is not waited for any more."""
        own = component.name
        gone = [number for number, (name, csi) in self._quiescing.items() if (name, csi) == (own, pending.csi)]
        for number in gone:
            del self._quiescing[number]
        self._quiescing[pending.invocation] = (own, pending.csi)
        yield SetTimer(f"quiescing/{own}/{pending.csi}", component.config.quiescing_limit_ns / SECOND_NS)

    def again(self, components: Iterable[Component]) -> Effects:
        """The supervisor is there: gives it the orders that it did not get."""
        waiting = (each for each in components if each.state.pending is not None and not each.state.connection)
        yield from self.carry_out(each for each in waiting if not each.config.is_proxied)

    def keep(self) -> Effects:
        """Tells the supervisor what may run here."""
        if self.supervisor:
            units = [unit for unit in self._model.units() if self._model.host(unit) == self._node.node_id]
            gone = (Presence.UNINSTANTIATED, Presence.INSTANTIATION_FAILED)
            names = (each.name for unit in units for each in unit.components if each.state.presence not in gone)
            yield Callback((self.supervisor,), Keep(tuple(names)))

    def _supervise(self, component: Component, pending: Pending) -> Iterator[Callback]:
        if self.supervisor:
            attributes = _attributes(self._model, component, pending.csi)
            environment = (
                ("SA_AMF_COMPONENT_NAME", component.name),
                *((name, value) for name, value in attributes),
                *component.config.environment,
            )
            process_id = component.state.process_id
            message = Supervise(
                component.config,
                component.state.generation,
                pending.invocation,
                pending.order,
                process_id,
                environment,
            )
            yield Callback((self.supervisor,), message)

    def _assignment(self, component: Component, pending: Pending) -> CsiSet | CsiRemove:
        if pending.order is Order.REMOVE:
            return CsiRemove(pending.invocation, component.name, pending.csi)
        assert pending.state is not None
        wanted = HaState.ACTIVE if pending.state is HaState.STANDBY else HaState.QUIESCED
        other = next(
            (
                each.name
                for unit in component.unit.group.units.values()
                for each in unit.components
                if each is not component and each.state.csis.get(pending.csi) is wanted
            ),
            "",
        )
        flags = 2 if pending.csi in component.state.csis else 1
        attributes = _attributes(self._model, component, pending.csi)
        rank = component.unit.config.rank
        return CsiSet(pending.invocation, component.name, pending.csi, pending.state, attributes, flags, other, rank)

    def order_expired(self, name: str) -> Effects:
        """An order was not answered in time."""
        component = self._model.component(name)
        pending = component.state.pending if component is not None else None
        if component is None or pending is None or self._model.host(component.unit) != self._node.node_id:
            return
        now = self._node.wall_time_ns
        if component.config.is_proxied and not speaks_for(self._model, component):
            return  # it is told again, by another proxy
        if pending.order in (Order.TERMINATE, Order.CLEANUP):
            text = f"{pending.order.name} was not answered in time"
            yield ToGroup(GroupDone(name, pending.invocation, False, text, now), Priority.HIGH)
        else:
            what = f"{pending.order.name} {pending.csi}".strip()
            yield self.fails(component, f"{what} was not answered in time")

    def delay(self, component: Component) -> Effects:
        """A component of this node waits before it is instantiated again."""
        state = component.state
        if state.delayed and component.free and self._model.host(component.unit) == self._node.node_id:
            yield SetTimer(f"delay/{component.name}", component.config.instantiate_delay_ns / SECOND_NS)

    def delay_expired(self, name: str) -> Effects:
        """It has waited long enough."""
        component = self._model.component(name)
        if component is not None and component.state.delayed:
            yield ToGroup(GroupRetry(name, component.state.generation), Priority.HIGH)

    def fail_fast(self) -> Effects:
        """Has this node end, if it is to."""
        node = self._model.nodes.get(self._node.node_id)
        if node is not None and node.failfast and self.supervisor and not self._ending:
            self._ending = True
            yield Callback((self.supervisor,), Failfast(node.failfast))

    def fails(
        self,
        component: Component,
        why: str,
        recovery: Recovery = Recovery.NO_RECOMMENDATION,
        stays: bool = False,
    ) -> ToGroup:
        """Tells all that a component of this node failed."""
        now: TimeNs = self._node.wall_time_ns
        generation = component.state.generation
        return ToGroup(GroupFailed(component.name, generation, why[:1024], recovery, False, now, stays), Priority.HIGH)

    # Healthchecks

    def is_seed(self, connection: int) -> bool:
        """Whether a library speaks A.01.01."""
        library = self.libraries.get(connection)
        return library is not None and _release(library) == "A"

    def check_seed(self, component: Component) -> Effects:
        """A component of A.01.01, which has no call to begin healthchecks, is asked from its registration on."""
        connection = component.state.connection
        if self.is_seed(connection):
            for config in component.config.healthchecks or (SEED_HEALTHCHECK,):
                none = Recovery.NO_RECOMMENDATION
                yield from self.start_check(Check(component.name, connection, config, False, none))

    def start_check(self, check: Check) -> Effects:
        """Begins a healthcheck, in the place of one of that key."""
        self.checks[check.component, check.config.key] = check
        if check.by_component:
            yield SetTimer(_timer(check), check.config.period_ns / SECOND_NS)
        else:
            yield from self._ask(check)

    def stop_check(self, component: str, key: str) -> Effects:
        """Ends a healthcheck."""
        yield SetTimer(_timer(self.checks.pop((component, key))), None)

    def _ask(self, check: Check) -> Effects:
        self._invocation += 1
        check.waits_for = self._invocation
        yield Callback((check.connection,), HealthcheckAsk(check.waits_for, check.component, check.config.key))
        yield SetTimer(_timer(check), check.config.limit_ns / SECOND_NS)

    def check_answered(self, connection: int, invocation: int, error: int) -> Effects | None:
        """The answer to a healthcheck; None when there is none that waits for it."""
        for check in self.checks.values():
            if check.waits_for == invocation and check.connection == connection:
                check.waits_for = 0
                return self._check_result(check, error)
        return None

    def _check_result(self, check: Check, error: int) -> Effects:
        component = self._model.component(check.component)
        if error == ErrorCode.OK or component is None:
            yield SetTimer(_timer(check), check.config.period_ns / SECOND_NS)
        else:
            yield from self.stop_check(check.component, check.config.key)
            yield self.fails(component, f"healthcheck {check.config.key} says {ErrorCode(error).name}", check.recovery)

    def confirmed(self, check: Check, error: int) -> Effects:
        """A component confirmed its own health."""
        return self._check_result(check, error)

    def check_expired(self, component_name: str, key: str) -> Effects:
        """The time of a healthcheck has come: to ask again, or it was not answered."""
        check = self.checks.get((component_name, key))
        component = self._model.component(component_name)
        if check is None or component is None:
            return
        if not check.by_component and not check.waits_for:
            yield from self._ask(check)
            return
        yield from self.stop_check(component_name, key)
        yield self.fails(component, f"healthcheck {key} was not answered in time", check.recovery)

    # What libraries ask for

    def quiescing_complete(self, caller: Source, request: Respond) -> Effects:
        """A component has quiesced; its answer that it began to may still be on its way. Raises NotExist."""
        name, csi = self._quiescing.get(request.invocation, ("", ""))
        component = self._model.component(name)
        if component is None or component.state.connection != caller.connection or not _quiesces(component, csi):
            raise NotExist(f"quiescing complete: invocation {request.invocation} of this caller is not quiescing")
        del self._quiescing[request.invocation]
        yield SetTimer(f"quiescing/{name}/{csi}", None)
        if request.error == ErrorCode.OK:
            yield ToGroup(GroupQuiesced(name, csi, self._node.wall_time_ns), Priority.HIGH)
        else:
            yield self.fails(component, f"it could not quiesce {csi}, and says {request.error}")
        yield Reply(caller, Answered())

    def quiescing_expired(self, name: str, csi: str) -> Effects:
        """A component was given its time to quiesce."""
        component = self._model.component(name)
        if component is not None and component.state.csis.get(csi) is HaState.QUIESCING:
            yield self.fails(component, f"it did not finish to quiesce {csi} in time")

    def is_protection_group(self, name: str) -> bool:
        """Whether there is a component service instance, or a protection group of the seed, of this name."""
        return any(
            name in (csi.name, csi.protection_group)
            for group in self._model.groups.values()
            for instance in group.instances.values()
            for csi in instance.config.csis
        )

    def component(self, name: str) -> Component:
        """The component of that name. Raises NotExist."""
        component = self._model.component(name)
        if component is None:
            raise NotExist(f"there is no component {name!r}")
        return component

    def registered(self, caller: Source, name: str) -> Component:
        """The component, if it is registered over the connection of the caller. Raises NotExist."""
        component = self.component(name)
        here = self._model.host(component.unit) == caller.node_id
        if not here or component.state.connection != caller.connection:
            raise NotExist(f"{name} is not registered by this caller")
        return component

    def answers(self, caller: Source, component: Component) -> None:
        """Raises NotExist when the order of a component was not given to the caller."""
        here = self._model.host(component.unit) == caller.node_id
        if not here or speaks_for(self._model, component) != caller.connection:
            raise NotExist(f"{component.name} is not registered by this caller")

    def check(self, caller: Source, name: str, key: str) -> Check:
        check = self.checks.get((name, key))
        if check is None or check.connection != caller.connection:
            raise NotExist(f"healthcheck {key!r} of {name} was not started by this caller")
        return check

    def own_components(self) -> Iterator[Component]:
        for unit in self._model.units():
            if self._model.host(unit) == self._node.node_id:
                yield from unit.components

    def done(self, component: Component, pending: Pending, succeeded: bool, text: str) -> ToGroup:
        message = GroupDone(component.name, pending.invocation, succeeded, text, self._node.wall_time_ns)
        return ToGroup(message, Priority.HIGH)

    # Libraries

    def closed(self, connection: int) -> Effects:
        """A connection is gone, and with it its healthchecks."""
        self.libraries.pop(connection, None)
        for check in [each for each in self.checks.values() if each.connection == connection]:
            yield from self.stop_check(check.component, check.config.key)
        if connection == self.supervisor:
            self.supervisor = 0

    def track(self) -> Effects:
        """Tells trackers of protection groups, and components of A.01.01, what has changed."""
        for connection, library in self.libraries.items():
            for csi, flags in library.tracks.items():
                group = self.protection_group(csi, flags & TrackFlags.CHANGES_ONLY == 0)
                if any(member.change != 1 for member in group.members):
                    count = sum(member.change != 3 for member in group.members)
                    yield Callback((connection,), ProtectionGroupChanged(group, count))
        tracked = {csi for library in self.libraries.values() for csi in library.tracks}
        self._groups = {csi: self._members(csi) for csi in sorted(tracked)}
        yield from self._tell_readiness()

    def protection_group(self, csi: str, everybody: bool = True) -> ProtectionGroup:
        """The members of a protection group, and what changed since trackers were told last."""
        members, before = self._members(csi), self._groups.get(csi, {})
        known = csi in self._groups
        told = []
        for name, role in {**before, **members}.items():
            change = 1
            if known and name not in before:
                change = 2
            elif name not in members:
                change = 3
            elif known and before[name] != role:
                change = 4
            component = self._model.component(name)
            rank = component.unit.config.rank if component is not None else 0
            if everybody or change != 1:
                told.append(ProtectionMember(name, role[0], rank, change, role[1]))
        return ProtectionGroup(csi, tuple(told))

    def _members(self, csi: str) -> dict[str, Role]:
        found: dict[str, Role] = {}
        for group in self._model.groups.values():
            names = {
                each.name
                for instance in group.instances.values()
                for each in instance.config.csis
                if csi in (each.name, each.protection_group)
            }
            if names:
                for component in group.components.values():
                    for name, state in component.state.csis.items():
                        if name in names:
                            ready = component.state.ha_readiness.get(name, HaReadiness.READY)
                            found[component.name] = (state, ready)
        return found

    def _tell_readiness(self) -> Effects:
        if not any(_release(each) == "A" for each in self.libraries.values()):
            return
        for unit in self._model.units():
            if self._model.host(unit) != self._node.node_id:
                continue
            state = readiness(self._model, unit)
            for component in unit.components:
                library = self.libraries.get(component.state.connection)
                if library is None or _release(library) != "A":
                    self._readiness.pop(component.name, None)
                elif self._readiness.get(component.name) is not state:
                    self._readiness[component.name] = state
                    connection = component.state.connection
                    yield Callback((connection,), ReadinessSet(component.name, state))


def _quiesces(component: Component, csi: str) -> bool:
    pending = component.state.pending
    told = pending is not None and pending.csi == csi and pending.state is HaState.QUIESCING
    return told or component.state.csis.get(csi) is HaState.QUIESCING


def csi_config(model: Model, component: Component, name: str) -> CsiConfig | None:
    """The configuration of a component service instance of the group of a component."""
    for instance in component.unit.group.instances.values():
        for csi in instance.config.csis:
            if csi.name == name:
                return csi
    return None


def _attributes(model: Model, component: Component, csi: str) -> tuple[tuple[str, str], ...]:
    found = csi_config(model, component, csi)
    return found.attributes if found is not None else ()


def _supervised_limit(component: Component, pending: Pending) -> int:
    """How long the supervisor, and then the component until it has registered, may take."""
    config = component.config
    if pending.order is Order.INSTANTIATE:
        return config.instantiate_limit_ns + (0 if config.sa_aware else SLACK_NS)
    if pending.order is Order.TERMINATE:
        return config.terminate_limit_ns + config.cleanup_limit_ns + SLACK_NS
    return config.cleanup_limit_ns + SLACK_NS


def _release(library: Library) -> str:
    version: Version = library.connection.version
    return version.release


def _timer(check: Check) -> str:
    return f"check/{check.component}/{check.config.key}"
