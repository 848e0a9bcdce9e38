"""Availability management: programs that are kept up and failed over (SA Forum AMF B.04.01 and A.01.01)."""

from openais.client.amf import Amf
from openais.client.amf_component import Component
from openais.client.amf_operations import COMPONENT_VARIABLE, AmfCallbacks, AmfEvent
from openais.client.async_amf import AsyncAmf
from openais.messages.amf import (
    CsiRemove,
    CsiSet,
    HealthcheckAsk,
    ProtectionGroup,
    ProtectionGroupChanged,
    ProtectionMember,
    ReadinessSet,
    Terminate,
)
from openais.messages.amf_model import (
    Admin,
    AdminOperation,
    AssignmentState,
    Capability,
    HaReadiness,
    HaState,
    Operational,
    PmErrors,
    PmStop,
    Presence,
    Readiness,
    Recovery,
    RedundancyModel,
)
from openais.messages.amf_proxies import ProxiedCleanup, ProxiedInstantiate
from openais.types import DispatchFlags, ErrorCode, TrackFlags, Version

__all__ = [
    "COMPONENT_VARIABLE",
    "Admin",
    "AdminOperation",
    "Amf",
    "AmfCallbacks",
    "AmfEvent",
    "AssignmentState",
    "AsyncAmf",
    "Capability",
    "Component",
    "CsiRemove",
    "CsiSet",
    "DispatchFlags",
    "ErrorCode",
    "HaReadiness",
    "HaState",
    "HealthcheckAsk",
    "Operational",
    "PmErrors",
    "PmStop",
    "Presence",
    "ProtectionGroup",
    "ProtectionGroupChanged",
    "ProtectionMember",
    "ProxiedCleanup",
    "ProxiedInstantiate",
    "Readiness",
    "ReadinessSet",
    "Recovery",
    "RedundancyModel",
    "Terminate",
    "TrackFlags",
    "Version",
]
