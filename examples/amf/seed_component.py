"""A component of the seed's sample (AMF A.01.01): told its name, it registers, and says what it is told.

python3 seed_component.py component_a1
python3 seed_component.py component_b1 --trouble     it reports an error, and cancels it a second later
"""

from __future__ import annotations

import select
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

TROUBLE_S = 1.0


class Component:
    """One component."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        callbacks = AmfCallbacks(
            self.csi_set, self.csi_remove, self.healthcheck, self.terminate, readiness_set=self.readiness_set
        )
        self.amf = Amf(callbacks=callbacks, version=Version("A", 1, 1))

    def run(self, trouble: bool) -> None:
        """Registers, and dispatches until it is terminated."""
        self.amf.register(self.name, retry=True)
        self.say("is registered")
        if trouble:
            self.amf.component_error_report(self.name, retry=True)
            self.say("reports an error")
        while not self.ended:
            readable, _, _ = select.select([self.amf], [], [], TROUBLE_S if trouble else None)
            if not readable:
                self.amf.component_error_clear(self.name, retry=True)
                self.say("cancels its error")
                trouble = False
            self.amf.dispatch(DispatchFlags.ALL)
        self.amf.finalize()

    def say(self, text: str) -> None:
        print(f"{self.name}: {text}", flush=True)

    def readiness_set(self, event: ReadinessSet) -> None:
        self.say(f"readiness {event.readiness.name}")

    def csi_set(self, event: CsiSet) -> None:
        self.say(f"{event.state.name} for {event.csi}")
        self.amf.response(event.invocation)

    def csi_remove(self, event: CsiRemove) -> None:
        self.say(f"gives {event.csi} up")
        self.amf.response(event.invocation)

    def healthcheck(self, event: HealthcheckAsk) -> None:
        self.amf.response(event.invocation)

    def terminate(self, event: Terminate) -> None:
        self.say("is terminated")
        self.amf.response(event.invocation)
        self.ended = True


if __name__ == "__main__":
    Component(sys.argv[1]).run(trouble="--trouble" in sys.argv)
