"""What becomes of the entities of AMF while the cluster runs: the part of the replicated state that changes.

These are not messages: the service changes them in place, and sends them in the messages of its state transfer.
"""

from __future__ import annotations

import enum

import msgspec

from openais.messages.amf_model import Admin, HaReadiness, HaState, Operational, Presence, UnitConfig


class Order(enum.IntEnum):
    """What a component, or the supervisor of its node, is told to do. One at a time for each component."""

    INSTANTIATE = 1
    """By the supervisor; of an SA-aware component it is done once that has registered."""
    TERMINATE = 2
    """By the callback of an SA-aware component, else by the supervisor, which also cleans up."""
    CLEANUP = 3
    """By the supervisor: nothing of the component is left afterwards."""
    SET = 4
    """By the callback: take an assignment, or change its HA state."""
    REMOVE = 5
    """By the callback: give an assignment up."""


class Mutable(msgspec.Struct, array_like=True):
    """Base of what changes in place."""


class Pending(Mutable):
    """The order that a component has not answered yet."""

    invocation: int
    order: Order
    csi: str = ""
    state: HaState | None = None
    answered: bool = False
    """To be instantiated, its proxy has answered, and is to register it."""


class ComponentState(Mutable):
    """A component, as it is."""

    name: str
    presence: Presence = Presence.UNINSTANTIATED
    operational: Operational = Operational.ENABLED
    generation: int = 0
    """Counts its instantiations; what is said of an earlier one is out of date."""
    connection: int = 0
    """The connection on the node of its unit over which it registered; 0 is none."""
    process_id: int = 0
    csis: dict[str, HaState] = {}
    """What it is assigned, as it has confirmed."""
    pending: Pending | None = None
    failed: bool = False
    """It failed, and is not cleaned up yet. Until then what it is assigned counts as its own."""
    attempts: int = 0
    """Instantiations that failed in a row."""
    delayed: bool = False
    """The next one waits until the configured delay is over."""
    restarts: list[int] = []
    """When it was restarted, within the probation."""
    ha_readiness: dict[str, HaReadiness] = {}
    """What it says that it can be assigned, by component service instance; else it is ready."""
    proxy: str = ""
    """The component that is its proxy now. It is proxied once that has registered it."""


class UnitState(Mutable):
    """A service unit, as it is."""

    name: str
    node_id: int = 0
    """The node that hosts it; 0 is none."""
    admin: Admin = Admin.UNLOCKED
    operational: Operational = Operational.ENABLED
    restarts: list[int] = []
    failovers: list[int] = []
    worn_out: bool = False
    """It failed over too often, or could not be brought up: only the operation REPAIRED brings it back."""
    fenced: bool = False
    """Its node was lost, and may not have given up what it was active for."""
    leaving: bool = False
    """It is not configured any more, or otherwise (`following`): what it was ends in order, and then it is gone."""
    following: UnitConfig | None = None


class InstanceState(Mutable):
    """A service instance, as it is."""

    name: str
    admin: Admin = Admin.UNLOCKED
    wanted: dict[str, HaState] = {}
    """What the policy said last: which unit is to have which state."""
    unsponsored: bool = False
    """It is active without one that it depends on, within the tolerance time."""
    tolerance_ns: int = 0
    """That time: the shortest of those that are missing."""
    expired: bool = False
    """That time is over."""
    stale: bool = False
    """Its parts were configured anew, and units have them as they were: it is given up everywhere first."""


class GroupState(Mutable):
    """A service group, as it is, with all that is in it, in the order of its configuration."""

    name: str
    admin: Admin = Admin.UNLOCKED
    pinned: str = ""
    """The unit that a swap made active."""
    started: bool = False
    """It had its first assignments, by rank."""
    ready: list[str] = []
    """The units in service, as policies saw them last."""
    probation: int = 0
    """Counts when units came into service; none is adjusted to before the probation is over since the last."""
    proven: int = 0
    """The probation that is over."""
    units: list[UnitState] = []
    components: list[ComponentState] = []
    instances: list[InstanceState] = []


class NodeState(Mutable):
    """A node, as it is."""

    node_id: int
    name: str
    admin: Admin = Admin.UNLOCKED
    operational: Operational = Operational.ENABLED
    failovers: list[int] = []
    """When units of it failed over, within the probation."""
    failfast: str = ""
    """Why it is to end at once, if so."""


class Happened(msgspec.Struct, array_like=True, frozen=True):
    """A line of the history: when, to what, what, and why."""

    time_ns: int
    entity: str
    what: str
