"""Who should be active and who should stand by: one module for each redundancy model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
