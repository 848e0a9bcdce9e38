"""The state machines of components, as tables: every way that a state may change, and what brings it about.

The diagrams of the documentation are drawn from these tables, and the tests check every change against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openais.messages.amf_model import HaState, Operational, Presence

P, H = Presence, HaState

PRESENCE: Final[Mapping[tuple[Presence, Presence], str]] = {
    (P.UNINSTANTIATED, P.INSTANTIATING): "it is to run",
    (P.UNINSTANTIATED, P.INSTANTIATED): "it is run by others, and has registered",
    (P.INSTANTIATING, P.INSTANTIATED): "it runs, and has registered if it is SA-aware",
    (P.INSTANTIATING, P.TERMINATING): "an attempt failed",
    (P.INSTANTIATING, P.INSTANTIATION_FAILED): "the last attempt failed",
    (P.INSTANTIATING, P.UNINSTANTIATED): "its node was lost",
    (P.INSTANTIATED, P.TERMINATING): "it is not to run any more, or its unit fails over",
    (P.INSTANTIATED, P.RESTARTING): "it is restarted in its place",
    (P.INSTANTIATED, P.UNINSTANTIATED): "its node was lost",
    (P.RESTARTING, P.INSTANTIATED): "it runs again",
    (P.RESTARTING, P.TERMINATING): "its unit fails over, or its node",
    (P.RESTARTING, P.INSTANTIATION_FAILED): "the last attempt failed",
    (P.RESTARTING, P.UNINSTANTIATED): "it is not to run any more, or its node was lost",
    (P.RESTARTING, P.TERMINATION_FAILED): "it could not be cleaned up",
    (P.TERMINATING, P.UNINSTANTIATED): "nothing is left of it",
    (P.TERMINATING, P.TERMINATION_FAILED): "it could not be cleaned up",
    (P.INSTANTIATION_FAILED, P.UNINSTANTIATED): "REPAIRED, or its node was lost",
    (P.INSTANTIATION_FAILED, P.TERMINATION_FAILED): "it could not be cleaned up",
    (P.TERMINATION_FAILED, P.UNINSTANTIATED): "REPAIRED, or its node was lost",
}

ASSIGNED: Final[Mapping[tuple[HaState | None, HaState | None], str]] = {
    (None, H.ACTIVE): "it is to be active, and no other is",
    (None, H.STANDBY): "it is to stand by for one that is active",
    (H.STANDBY, H.ACTIVE): "nobody is active any more",
    (H.ACTIVE, H.QUIESCED): "another is to be active, or none",
    (H.ACTIVE, H.QUIESCING): "it is shut down",
    (H.QUIESCING, H.QUIESCED): "it has finished its work",
    (H.QUIESCING, H.ACTIVE): "it is unlocked before it has",
    (H.QUIESCED, H.ACTIVE): "it is to be active after all",
    (H.QUIESCED, H.STANDBY): "another is active",
    (H.STANDBY, None): "it gives it up, or has failed",
    (H.QUIESCED, None): "it gives it up, or has failed",
    (H.QUIESCING, None): "it has failed",
    (H.ACTIVE, None): "it has failed",
}
"""None: it is not assigned."""

OPERATIONAL: Final[Mapping[tuple[Operational, Operational], str]] = {
    (Operational.ENABLED, Operational.DISABLED): "it fails over, or could not be instantiated or cleaned up",
    (Operational.DISABLED, Operational.ENABLED): "REPAIRED, or nothing is left of it and it repairs itself",
}
"""Of units; of nodes when all of a node fails over."""
