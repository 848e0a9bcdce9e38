"""An SA-aware component: it registers, and does what the callbacks say.

python -m chaos.amf_aware

It imports the blocking library and nothing else, to be small.
"""

from __future__ import annotations

import os

from chaos.amf_work import COMPONENT, HEALTHCHECK, Work
from openais.client.amf import Amf
from openais.client.amf_operations import AmfCallbacks
from openais.messages.amf import CsiRemove, CsiSet, HealthcheckAsk, Terminate
from openais.messages.amf_model import HaState
from openais.types import AisError, DispatchFlags


def main() -> None:
    """Works until it is told to terminate, or the executive is gone."""
    work = Work()

    def csi_set(event: CsiSet) -> None:
        if event.state is HaState.ACTIVE:
            work.take(event.csi)
        else:
            work.leave(event.csi, event.state.name)
        amf.response(event.invocation, retry=True)
        if event.state is HaState.QUIESCING:
            amf.quiescing_complete(event.invocation, retry=True)

    def csi_remove(event: CsiRemove) -> None:
        work.leave(event.csi, "removed")
        amf.response(event.invocation, retry=True)

    def healthcheck(event: HealthcheckAsk) -> None:
        work.beat()
        amf.response(event.invocation, retry=True)

    def terminate(event: Terminate) -> None:
        work.journal.note("ends")
        amf.response(event.invocation, retry=True)
        amf.finalize()

    callbacks = AmfCallbacks(csi_set, csi_remove, healthcheck, terminate)
    try:
        with Amf(callbacks=callbacks) as amf:
            name = os.environ[COMPONENT]
            amf.register(name, retry=True)
            amf.healthcheck_start(name, HEALTHCHECK, retry=True)
            amf.dispatch(DispatchFlags.BLOCKING)
    except AisError as error:
        work.journal.note("gone", error.code.name)


if __name__ == "__main__":
    main()
