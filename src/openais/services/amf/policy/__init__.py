"""Who should be active and who should stand by: one module for each redundancy model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from openais.messages.amf_model import RedundancyModel
from openais.services.amf.policy.n_plus_m import n_plus_m
from openais.services.amf.policy.n_way import n_way
from openais.services.amf.policy.n_way_active import n_way_active
from openais.services.amf.policy.no_redundancy import no_redundancy
from openais.services.amf.policy.two_n import two_n
from openais.services.amf.policy.view import Assignments, GroupView

POLICIES: Final[Mapping[RedundancyModel, Callable[[GroupView], Assignments]]] = {
    RedundancyModel.TWO_N: two_n,
    RedundancyModel.N_PLUS_M: n_plus_m,
    RedundancyModel.N_WAY: n_way,
    RedundancyModel.N_WAY_ACTIVE: n_way_active,
    RedundancyModel.NO_REDUNDANCY: no_redundancy,
}

ROUNDS_MAX: Final = 8


def assign(model: RedundancyModel, view: GroupView) -> Assignments:
    """The wanted assignments, which are still wanted once they are there.

    Where components have limits, what is kept may be placed otherwise than what is new, and make room for more.
    """
    wanted = POLICIES[model](view)
    for _ in range(ROUNDS_MAX):
        following = POLICIES[model](replace(view, current=wanted))
        if following == wanted:
            break
        wanted = following
    return wanted
