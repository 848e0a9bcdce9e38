"""What is wrong with a configuration, in the words that its author reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file and its line (0: the file as a whole), or a flag, or an environment variable."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, or one thing that is probably not meant."""

    place: Place
    message: str
    expected: str = ""

    @property
    def file(self) -> str:
        return self.place.source

    @property
    def line(self) -> int:
        return self.place.line

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f"; expected {self.expected}" if self.expected else "")


class ConfigurationError(Exception):
    """The configuration has mistakes; all of them are in `problems`, the text has a line for each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
