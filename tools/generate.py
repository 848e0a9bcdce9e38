"""Writes the generated documents, or checks that they are what the code says now.

python -m tools.generate            writes them
python -m tools.generate --check    exits 1 when one is out of date, and says which
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.availability_states import availability_states
from tools.command_reference import command_reference
from tools.configuration_reference import configuration_reference
from tools.file_map import file_map
from tools.message_reference import message_reference
from tools.space_time_diagram import space_time_diagram
from tools.state_diagram import state_diagram

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENTS: Final[dict[str, Callable[[], str]]] = {
    "docs/reference/messages.md": message_reference,
    "docs/configuration.md": configuration_reference,
    "docs/commands.md": command_reference,
    "docs/reference/files.md": file_map,
    "docs/reference/states.md": state_diagram,
    "docs/reference/availability-states.md": availability_states,
    "docs/space-time.svg": space_time_diagram,
}


def outdated() -> list[str]:
    """The documents that are not what the code says."""
    return [name for name, make in DOCUMENTS.items() if not _says(ROOT / name, make())]


def write() -> None:
    """Writes all documents."""
    for name, make in DOCUMENTS.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Exit status 0, or 1 when a document is out of date."""
    if arguments != ["--check"]:
        write()
        return 0
    late = outdated()
    for name in late:
        print(f"{name} is not what the code says: make docs", file=sys.stderr)
    return 1 if late else 0


def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
