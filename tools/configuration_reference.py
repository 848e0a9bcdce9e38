"""docs/reference/configuration.md: every key of openais.conf, from the table that reads it."""

from __future__ import annotations

from typing import Final

from openais.config.table import KEYS, SECTIONS, Key

OPENING: Final = """\
# Configuration

Generated from `src/openais/config/` by `make docs`; do not edit.

Everything has a default that works on one machine, without privileges and without a file. What is given is looked for
in the flags of `openais run`, then in the environment, then in the configuration file. The file is the one that
`--config` or `OPENAIS_CONF` names, else `/etc/ais/openais.conf` if it exists:

```
totem {
    nodelist: alpha, beta, gamma
    authkey: /etc/ais/authkey
}
```

`openais check` reads a configuration and tells of every mistake with its file, its line and what was expected.
"""


def configuration_reference() -> str:
    """The document."""
    parts = [OPENING]
    for section, settings in SECTIONS.items():
        parts.append(f"## {section}\n\n{(settings.__doc__ or '').strip()}\n")
        parts.append("| key | value | default | what it does | flag | environment |\n|---|---|---|---|---|---|")
        parts += [_row(key) for key in KEYS if key.section == section]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _row(key: Key) -> str:
    declared = key.declaration
    default = declared.default_help or (f"`{declared.default}`" if declared.default else "none")
    cells = (f"`{key.name}`", declared.kind.expected, default, declared.help, f"`{key.flag}`", f"`{key.variable}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
