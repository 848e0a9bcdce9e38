"""The guardian: ends what an executive ran when that is gone, however it went. A process of its own.

It reads lines of JSON from the executive, and does nothing as long as they come: `[name, group, cleanup, environment]`
of a component that runs, or `[name, 0]` of one that does not any more. At the end of the stream the executive is dead:
every process group is killed, and every cleanup command run, so that the node holds nothing that others take over.

It is run as a script, without the rest of the package, to be small.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

CLEANUP_S = 10.0
"""How long a cleanup command may take."""


def main() -> None:
    """Reads to the end, then ends all that is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    running: dict[str, list[Any]] = {}
    for line in sys.stdin:
        said = json.loads(line)
        if said[1]:
            running[said[0]] = said[1:]
        else:
            running.pop(said[0], None)
    for group, _, _ in running.values():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for _, cleanup, environment in running.values():
        if cleanup:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(cleanup, env=environment, timeout=CLEANUP_S, check=False, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
