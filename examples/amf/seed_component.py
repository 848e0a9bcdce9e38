"""A component of the seed's sample (AMF A.01.01): told its name, it registers, and says what it is told."""

from __future__ import annotations

import sys

from openais.amf import (
    Amf,
    AmfCallbacks,
    CsiRemove,
    CsiSet,
    DispatchFlags,
    HealthcheckAsk,
    ReadinessSet,
    Terminate,
    Version,
)


def main(name: str) -> None:
    """Registers, and dispatches until it is terminated."""

    def say(text: str) -> None:
        print(f"{name}: {text}", flush=True)

    def readiness(event: ReadinessSet) -> None:
        say(f"readiness {event.readiness.name}")

    def csi_set(event: CsiSet) -> None:
        say(f"{event.state.name} for {event.csi}")
        amf.response(event.invocation)

    def csi_remove(event: CsiRemove) -> None:
        say(f"gives {event.csi} up")
        amf.response(event.invocation)

    def healthcheck(event: HealthcheckAsk) -> None:
        amf.response(event.invocation)

    def terminate(event: Terminate) -> None:
        amf.response(event.invocation)
        amf.finalize()

    callbacks = AmfCallbacks(csi_set, csi_remove, healthcheck, terminate, readiness_set=readiness)
    with Amf(callbacks=callbacks, version=Version("A", 1, 1)) as amf:
        amf.register(name, retry=True)
        say("is registered")
        amf.dispatch(DispatchFlags.BLOCKING)


if __name__ == "__main__":
    main(sys.argv[1])
