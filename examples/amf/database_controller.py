"""An SA-aware component that controls a PostgreSQL server: primary when active, streaming replica when it stands by.

See database.conf. It has the data of each node in a folder of its own in $DATA, runs the tools of PostgreSQL by
$RUN_AS (they refuse root), and finds the primary at the host that `set: HOSTS …` names for its node.

A replica is copied anew whenever it begins to stand by: pg_rewind is quicker for large databases. Connections are
trusted, for the sake of the example. The server that is started first after all have been down is the primary, whether
it was the last one or not.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from pathlib import Path

from openais import amf

TRUST = "host all,replication all all trust\n"


class Controller(amf.Component):
    """One server."""

    confirming: asyncio.Task[None] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.node = self.name.partition("@")[2]
        self.data = Path(os.environ["DATA"]) / self.node
        self.runs = False
        self.settings = "-c listen_addresses=* -c unix_socket_directories=''"

    async def become_active(self, csi: amf.CsiSet) -> None:
        """Promotes the replica, or starts the server as it was, or a new one."""
        await self.begin_to_confirm()
        if self.runs:
            await self.tool("pg_ctl", "promote", "-w", "-D", self.data)
            return
        if not (self.data / "PG_VERSION").exists():
            await self.tool("initdb", "-D", self.data, "--auth", "trust")
            with (self.data / "pg_hba.conf").open("a") as hosts:
                hosts.write(TRUST)
        (self.data / "standby.signal").unlink(missing_ok=True)
        await self.start()

    async def become_standby(self, csi: amf.CsiSet) -> None:
        """Copies the primary, and follows it."""
        await self.begin_to_confirm()
        await self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        primary = csi.other.partition("@")[2]
        hosts = dict(pair.split("=") for name, text in csi.attributes if name == "HOSTS" for pair in text.split())
        where = ("-h", hosts.get(primary, primary), "-U", "postgres")
        await self.tool("pg_basebackup", *where, "-D", self.data, "-R", "-X", "stream", "-c", "fast")
        await self.start()

    async def quiesce(self, csi: amf.CsiSet) -> None:
        await self.stop()

    async def remove(self, csi: str) -> None:
        await self.stop()

    async def terminate(self) -> None:
        await self.stop()

    async def begin_to_confirm(self) -> None:
        """Confirms its health by itself from now on: to copy a database may take longer than an answer may."""
        if self.confirming is None:
            await self.amf.healthcheck_start(self.name, "alive", by_component=True, retry=True)
            self.confirming = asyncio.create_task(self.confirm())

    async def confirm(self) -> None:
        while True:
            if self.runs:
                await self.tool("pg_isready", "-q", "-h", "127.0.0.1")
            await self.amf.healthcheck_confirm(self.name, "alive", retry=True)
            await asyncio.sleep(1.0)

    async def start(self) -> None:
        log = self.data / "log.txt"
        try:
            await self.tool("pg_ctl", "start", "-w", "-D", self.data, "-l", log, "-o", self.settings)
        except RuntimeError:
            print(log.read_text()[-2000:], flush=True)
            raise
        self.runs = True

    async def stop(self) -> None:
        if self.runs:
            await self.tool("pg_ctl", "stop", "-w", "-m", "fast", "-D", self.data)
            self.runs = False

    async def tool(self, name: str, *arguments: str | Path) -> None:
        """Runs a tool. Raises RuntimeError when it fails: the framework recovers the component then."""
        tool = shutil.which(name, path=os.environ.get("PGBIN")) or name
        command = (*shlex.split(os.environ.get("RUN_AS", "")), tool, *map(str, arguments))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
        if code := await process.wait():
            raise RuntimeError(f"{name} ended with {code}")


if __name__ == "__main__":
    asyncio.run(Controller().run())
