"""The administrative states of AMF as a diagram and a table, from the table that the service runs by."""

from __future__ import annotations

from openais.services.amf.administration import TRANSITIONS


def availability_states() -> str:
    """The document."""
    lines = [
        "# Administrative states of AMF",
        "",
        "Generated from `services/amf/administration.py`: do not edit. Groups, units, service instances, nodes and",
        "applications have an administrative state; [docs/availability.md](../availability.md) tells what it does.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> UNLOCKED",
    ]
    rows = [(before, operation, after) for operation, ways in TRANSITIONS.items() for before, after in ways.items()]
    lines += [f"    {before.name} --> {after.name}: {_word(operation.name)}" for before, operation, after in rows]
    lines += ["    SHUTTING_DOWN --> LOCKED: nothing is assigned any more", "```", ""]
    lines += ["| in | operation | leads to |", "|---|---|---|"]
    lines += [f"| {before.name} | {_word(operation.name)} | {after.name} |" for before, operation, after in rows]
    return "\n".join(lines) + "\n"


def _word(name: str) -> str:
    return name.lower().replace("_", " ")
