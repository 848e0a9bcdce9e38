"""One log for the whole cluster: a handler for `logging` that publishes events, and a program that prints them.

On one node, warnings and worse of all programs:  python examples/cluster_log.py WARNING
In the programs:                                  logging.getLogger().addHandler(ClusterHandler())
"""

import logging
import sys

from openais.evt import Evt, Prefix
from openais.types import AisError

CHANNEL = "log"
RETAINED_S = 60.0
"""Errors are retained for who looks a minute later."""


class ClusterHandler(logging.Handler):
    """Publishes records; errors at the highest priority. A record that cannot be published is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._evt = Evt()
        self._channel = self._evt.open_channel(CHANNEL, retry=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Patterns are the level and the logger."""
        serious = record.levelno >= logging.ERROR
        try:
            self._channel.publish(
                self.format(record).encode(),
                record.levelname,
                record.name,
                priority=0 if serious else 2,
                retention=RETAINED_S if serious else 0.0,
                publisher=record.processName or "",
                timeout=1.0,
            )
        except AisError:
            self.handleError(record)

    def close(self) -> None:
        """Ends the session."""
        self._evt.finalize()
        super().close()


def main() -> None:
    """Prints the records of the levels given, or all, until it is ended."""
    with Evt() as evt, evt.open_channel(CHANNEL, retry=True) as channel:
        filters = [Prefix(sys.argv[1])] if len(sys.argv) > 1 else []
        subscription = channel.subscribe(*filters)
        print("listening", flush=True)
        for event in subscription:
            if event.lost:
                print("some records were lost", flush=True)
            else:
                level, logger = (pattern.decode() for pattern in event.patterns)
                print(f"node {event.node_id} {level} {logger}: {event.data.decode()}", flush=True)


if __name__ == "__main__":
    main()
