"""The vocabulary of the availability management framework (SA Forum AMF B.04.01), and its configured entities.

States have the values of the C headers. Entities are what a configuration describes; what becomes of them while the
cluster runs is in `amf_state`. Times are nanoseconds.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec

from openais.messages.base import Name

SECOND_NS: Final = 1_000_000_000
FOR_EVER: Final = 2**31 - 1
"""Stands for a count without limit."""

Count = Annotated[int, msgspec.Meta(ge=0, le=FOR_EVER)]
DurationNs = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Command = Annotated[str, msgspec.Meta(max_length=4096)]


class RedundancyModel(enum.IntEnum):
    """SaAmfRedundancyModelT: how the units of a service group stand in for each other."""

    TWO_N = 1
    N_PLUS_M = 2
    N_WAY = 3
    N_WAY_ACTIVE = 4
    NO_REDUNDANCY = 5


class Capability(enum.IntEnum):
    """SaAmfCompCapabilityModelT: how many assignments of which kind a component takes at one time."""

    X_ACTIVE_AND_Y_STANDBY = 1
    X_ACTIVE_OR_Y_STANDBY = 2
    ONE_ACTIVE_OR_Y_STANDBY = 3
    ONE_ACTIVE_OR_ONE_STANDBY = 4
    X_ACTIVE = 5
    ONE_ACTIVE = 6
    NON_PRE_INSTANTIABLE = 7
    """It runs as long as it is active, and not otherwise: any program."""


class HaState(enum.IntEnum):
    """SaAmfHAStateT."""

    ACTIVE = 1
    STANDBY = 2
    QUIESCED = 3
    QUIESCING = 4


class Presence(enum.IntEnum):
    """SaAmfPresenceStateT."""

    UNINSTANTIATED = 1
    INSTANTIATING = 2
    INSTANTIATED = 3
    TERMINATING = 4
    RESTARTING = 5
    INSTANTIATION_FAILED = 6
    TERMINATION_FAILED = 7


class Operational(enum.IntEnum):
    """SaAmfOperationalStateT."""

    ENABLED = 1
    DISABLED = 2


class Readiness(enum.IntEnum):
    """SaAmfReadinessStateT."""

    OUT_OF_SERVICE = 1
    IN_SERVICE = 2
    STOPPING = 3


class Admin(enum.IntEnum):
    """SaAmfAdminStateT."""

    UNLOCKED = 1
    LOCKED = 2
    LOCKED_INSTANTIATION = 3
    SHUTTING_DOWN = 4


class AssignmentState(enum.IntEnum):
    """SaAmfAssignmentStateT: how much of the active assignments of a service instance there is."""

    UNASSIGNED = 1
    FULLY_ASSIGNED = 2
    PARTIALLY_ASSIGNED = 3


class Recovery(enum.IntEnum):
    """SaAmfRecommendedRecoveryT."""

    NO_RECOMMENDATION = 1
    COMPONENT_RESTART = 2
    COMPONENT_FAILOVER = 3
    NODE_SWITCHOVER = 4
    NODE_FAILOVER = 5
    NODE_FAILFAST = 6
    CLUSTER_RESET = 7
    APPLICATION_RESTART = 8


class HaReadiness(enum.IntEnum):
    """SaAmfHAReadinessStateT: what a component says that it can be assigned of a component service instance."""

    READY = 1
    READY_FOR_ACTIVE_DEGRADED = 2
    """Active, if there is nobody who can do it better."""
    NOT_READY_FOR_ACTIVE = 3
    NOT_READY = 4
    """Neither active nor standby."""


class PmErrors(enum.IntFlag):
    """SaAmfPmErrorsT: which ends of a monitored process are failures."""

    ZERO_EXIT = 1
    NON_ZERO_EXIT = 2
    ABNORMAL_END = 4
    """A signal ended it."""


class PmStop(enum.IntEnum):
    """SaAmfPmStopQualifierT: what is not monitored any more."""

    PROCESS = 1
    PROCESS_AND_DESCENDANTS = 2
    ALL_PROCESSES = 3
    """All of the component, whichever process is named."""


class AdminOperation(enum.IntEnum):
    """SaAmfAdminOperationIdT."""

    UNLOCK = 1
    LOCK = 2
    LOCK_INSTANTIATION = 3
    UNLOCK_INSTANTIATION = 4
    SHUTDOWN = 5
    RESTART = 6
    SI_SWAP = 7
    SG_ADJUST = 8
    REPAIRED = 9


class Entity(enum.IntEnum):
    """The kinds of entities that have an administrative state."""

    CLUSTER = 0
    NODE = 1
    APPLICATION = 2
    GROUP = 3
    UNIT = 4
    INSTANCE = 5
    COMPONENT = 6


class Configured(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """Base of what is configured."""


class Healthcheck(Configured, frozen=True):
    """A healthcheck that a component may start: its key, how often, and how long an answer may take."""

    key: Name
    period_ns: DurationNs = 10 * SECOND_NS
    limit_ns: DurationNs = 5 * SECOND_NS


class TypeLimit(Configured, frozen=True):
    """How many parts of one type a component takes at a time (SaAmfCompCsType)."""

    type: Name
    active_max: Count = FOR_EVER
    standby_max: Count = FOR_EVER


class ComponentConfig(Configured, frozen=True):
    """A component: the smallest thing that can fail and be replaced (SaAmfComp)."""

    name: Name
    """Unique in the cluster."""
    types: tuple[Name, ...]
    """The types of component service instances that it takes."""
    capability: Capability = Capability.NON_PRE_INSTANTIABLE
    sa_aware: bool = False
    """Registers through the library and is told of its assignments."""
    command: Command = ""
    """The program itself, run and watched in the foreground."""
    instantiate: Command = ""
    """Or: a command that starts it and ends (INSTANTIATE)."""
    terminate: Command = ""
    cleanup: Command = ""
    am_start: Command = ""
    am_stop: Command = ""
    instantiate_limit_ns: DurationNs = 10 * SECOND_NS
    terminate_limit_ns: DurationNs = 5 * SECOND_NS
    cleanup_limit_ns: DurationNs = 5 * SECOND_NS
    callback_limit_ns: DurationNs = 10 * SECOND_NS
    """How long it may take to answer a callback."""
    quiescing_limit_ns: DurationNs = 60 * SECOND_NS
    """How long it may take to finish its work when it is told to shut down."""
    instantiate_attempts: Count = 2
    """Attempts in a row, without delay."""
    instantiate_delayed_attempts: Count = 0
    instantiate_delay_ns: DurationNs = SECOND_NS
    level: Count = 0
    """Instantiation level: lower ones first, and terminated last."""
    restart: bool = True
    """Whether it may be restarted in its place (not saAmfCompDisableRestart)."""
    recovery: Recovery = Recovery.COMPONENT_RESTART
    """What is done for a failure without a recommendation."""
    active_max: Count = FOR_EVER
    """Component service instances that it is active for at most, as far as its capability lets it be for several."""
    standby_max: Count = FOR_EVER
    type_limits: tuple[TypeLimit, ...] = ()
    healthchecks: tuple[Healthcheck, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    directory: Annotated[str, msgspec.Meta(max_length=4096)] = ""

    proxy_csi: Annotated[str, msgspec.Meta(max_length=256)] = ""
    """It is proxied by whichever component is active for this component service instance; none: it is not proxied."""

    @property
    def is_proxied(self) -> bool:
        return bool(self.proxy_csi)

    @property
    def runs_when_active(self) -> bool:
        """Whether its proxy has it run as long as it is active, and not otherwise."""
        return self.is_proxied and not self.pre_instantiable

    @property
    def pre_instantiable(self) -> bool:
        return self.capability is not Capability.NON_PRE_INSTANTIABLE

    @property
    def is_run(self) -> bool:
        """Whether the framework starts it; else somebody else does, and it registers."""
        return bool(self.command or self.instantiate)


class UnitConfig(Configured, frozen=True):
    """A service unit: components that fail over together (SaAmfSU)."""

    name: Name
    components: tuple[ComponentConfig, ...]
    rank: Count = 0
    """1 is the best; 0 comes last."""
    node: Annotated[str, msgspec.Meta(max_length=255)] = ""
    """The name of the node that hosts it; none: that on which its first component registers."""


class CsiConfig(Configured, frozen=True):
    """A component service instance: the part of the work that one component does (SaAmfCSI)."""

    name: Name
    type: Name
    attributes: tuple[tuple[str, str], ...] = ()
    depends: tuple[Name, ...] = ()
    """Others of its service instance that are active before it."""
    protection_group: str = ""
    """The name by which it is tracked, if not its own (the seed's protection groups)."""


class SponsorConfig(Configured, frozen=True):
    """A service instance that another depends on, which stays active without it for the tolerance time."""

    instance: Name
    tolerance_ns: DurationNs = 0


class InstanceConfig(Configured, frozen=True):
    """A service instance: work that a unit is assigned as a whole (SaAmfSI)."""

    name: Name
    csis: tuple[CsiConfig, ...]
    rank: Count = 0
    """1 is the most important; 0 comes last."""
    sponsors: tuple[SponsorConfig, ...] = ()
    active_assignments: Count = 0
    """Units that are active for it, in N-way active; 0 is all."""
    standby_assignments: Count = 1
    """Units that stand by for it, in N-way."""


class GroupConfig(Configured, frozen=True):
    """A service group: units that protect service instances (SaAmfSG)."""

    name: Name
    units: tuple[UnitConfig, ...]
    instances: tuple[InstanceConfig, ...]
    model: RedundancyModel = RedundancyModel.TWO_N
    application: Name = "default"
    active_units: Count = 1
    """Units with active assignments, in N+M."""
    standby_units: Count = 1
    in_service_units: Count = FOR_EVER
    """Units that are kept instantiated."""
    assigned_units: Count = FOR_EVER
    """Units that have assignments, in N-way and N-way active; the others are spares."""
    active_max: Count = FOR_EVER
    """Instances that a unit may be active for."""
    standby_max: Count = FOR_EVER
    auto_adjust: bool = False
    """Whether the units of better rank get their work back as soon as they are in service."""
    auto_adjust_probation_ns: DurationNs = 0
    """How long all units must have been in service before that."""
    auto_repair: bool = True
    balance: bool = False
    """Whether, in N+M, work moves to units that come into service and have less (the seed's groups)."""
    component_restart_max: Count = 3
    component_restart_probation_ns: DurationNs = 60 * SECOND_NS
    unit_restart_max: Count = 3
    unit_restart_probation_ns: DurationNs = 60 * SECOND_NS
    failover_max: Count = 5
    """Failovers of a unit within the probation, before it stays out of service."""
    failover_probation_ns: DurationNs = 600 * SECOND_NS


class NodeConfig(Configured, frozen=True):
    """A node (SaAmfNode), as far as it differs from others."""

    name: Name
    attributes: tuple[tuple[str, str], ...] = ()
    """What it has that others may not have; groups may ask for it."""
    auto_repair: bool = False
    """Whether it is enabled again after a switchover or failover as soon as nothing of that is left."""
    failfast_on_instantiation_failure: bool = False
    failfast_on_termination_failure: bool = False
    failover_max: Count = FOR_EVER
    """Failovers of its units within the probation, before all of the node fails over."""
    failover_probation_ns: DurationNs = 600 * SECOND_NS


class ModelConfig(Configured, frozen=True):
    """A whole configuration. Of two, the one of the higher version wins."""

    version: int
    """When it was applied, nanoseconds since the epoch; 0 is none."""
    groups: tuple[GroupConfig, ...] = ()
    nodes: tuple[NodeConfig, ...] = ()
    """Those of which something is said."""
    startup_ns: DurationNs = 0
    """How long a group that is new waits for all its units before the first assignment (saAmfClusterStartupTimeout)."""
