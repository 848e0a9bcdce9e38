"""A proxy of a device, which is a file, $DEVICE, with the name of the component in it as long as that is instantiated.

Says what it is told for itself, and for the device, in the file $SAID.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from openais import amf
from tests.support.amf_program import Program

DEVICE = Path(os.environ["DEVICE"])


class Proxy(Program):
    """The proxy. Becoming active it takes up the device, if that is instantiated already."""

    async def become_active(self, csi: amf.CsiSet) -> None:
        self.say(csi.component, "active")
        if csi.component == self.name and DEVICE.exists():
            self.taking_up = asyncio.create_task(self.amf.register(DEVICE.read_text(), self.name, retry=True))

    async def become_standby(self, csi: amf.CsiSet) -> None:
        self.say(csi.component, "standby")

    async def quiesce(self, csi: amf.CsiSet) -> None:
        self.say(csi.component, "quiesced")

    async def remove(self, csi: str) -> None:
        self.say(csi, "removed")

    async def instantiate_proxied(self, component: str) -> None:
        self.say(component, "instantiated")
        DEVICE.write_text(component)
        await self.amf.register(component, self.name, retry=True)

    async def clean_up_proxied(self, component: str) -> None:
        self.say(component, "cleaned-up")
        DEVICE.unlink(missing_ok=True)

    async def terminate_proxied(self, component: str) -> None:
        self.say(component, "terminated")
        DEVICE.unlink(missing_ok=True)


if __name__ == "__main__":
    asyncio.run(Proxy().run())
