"""An SA-aware component that says what it is told: a line for each callback, in the file $SAID.

With HEALTH=asked it is asked for its health, with HEALTH=confirms it confirms it by itself.
"""

from __future__ import annotations

import asyncio
import os

from openais import amf

KEY = "alive"
CONFIRM_S = 0.1


class Program(amf.Component):
    """Says what it is told."""

    healthcheck_key = KEY if os.environ.get("HEALTH") == "asked" else ""
    confirming = False

    async def become_active(self, csi: amf.CsiSet) -> None:
        self.say("active", csi.csi)
        await self.confirm_health()

    async def become_standby(self, csi: amf.CsiSet) -> None:
        self.say("standby", csi.csi)
        await self.confirm_health()

    async def quiesce(self, csi: amf.CsiSet) -> None:
        self.say("quiesced", csi.csi)

    async def finish(self, csi: amf.CsiSet) -> None:
        self.say("finishes", csi.csi)

    async def remove(self, csi: str) -> None:
        self.say("removed", csi)

    async def terminate(self) -> None:
        self.say("terminates")

    def say(self, *words: str) -> None:
        with open(os.environ["SAID"], "a", encoding="utf-8") as said:
            said.write(" ".join((self.name, *words)) + "\n")

    async def confirm_health(self) -> None:
        if os.environ.get("HEALTH") == "confirms" and not self.confirming:
            self.confirming = True
            await self.amf.healthcheck_start(self.name, KEY, by_component=True, retry=True)
            self.confirm()

    def confirm(self) -> None:
        loop = asyncio.get_running_loop()
        self.last = loop.create_task(self.amf.healthcheck_confirm(self.name, KEY, retry=True))
        loop.call_later(CONFIRM_S, self.confirm)


if __name__ == "__main__":
    asyncio.run(Program().run())
