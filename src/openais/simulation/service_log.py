"""The log of a service on a simulated disk (`runtime.service_log`)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from openais.services.base import Log


@dataclass(slots=True)
class ServiceLog:
    """What is on the disk of one node."""

    records: list[bytes] = field(default_factory=list)
    """Of the log that counts."""
    goes_on: bool = False
    """Whether that is written by the executive that runs."""
    begun: list[bytes] | None = None
    """Of the log that is to take its place."""

    def restarted(self) -> list[bytes]:
        """What an executive that starts reads."""
        self.goes_on, self.begun = False, None
        return list(self.records)

    def write(self, log: Log) -> None:
        """Writes all of it."""
        self.goes_on = self.goes_on and not log.replaces
        if self.goes_on:
            self.records.extend(log.records)
        if log.begins:
            self.begun = []
        elif self.begun is not None:
            self.begun.extend(log.records)
        if self.begun is not None:
            self.begun.extend(log.snapshot)
        if log.completes and self.begun is not None:
            self.records, self.begun, self.goes_on = self.begun, None, True

    def tear(self, log: Log, chance: random.Random) -> None:
        """The machine stops while it is written: some records at its beginning are there."""
        if self.goes_on and not log.replaces:
            self.records.extend(log.records[: chance.randint(0, len(log.records))])
