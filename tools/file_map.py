"""docs/reference/files.md: all files, their purpose and their dependencies, from the files themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).resolve().parent.parent / "src" / "openais"
OPENING: Final = """\
# All files, purpose and dependencies

Generated from the first sentence of each file and its imports by `make docs`; do not edit.

What a package as a whole is for, and which may import which, stands in [ARCHITECTURE.md](../../ARCHITECTURE.md).
"""
HEADER: Final = "| file | purpose | depends on |\n|---|---|---|"


def file_map() -> str:
    """The document."""
    folders = [SOURCE, *sorted(path.parent for path in SOURCE.rglob("__init__.py") if path.parent != SOURCE)]
    parts = [OPENING]
    for folder in folders:
        rows = [_row(path) for path in sorted(folder.glob("*.py")) if path.read_text(encoding="utf-8").strip()]
        if rows:
            parts.append(f"## `{folder.relative_to(SOURCE.parent)}/`\n\n" + "\n".join((HEADER, *rows)) + "\n")
    return "\n".join(parts)


def _row(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    purpose = " ".join((ast.get_docstring(tree) or "").split("\n\n")[0].split()).replace("|", "\\|")
    return f"| `{path.name}` | {purpose} | {', '.join(_dependencies(tree, path))} |"


def _dependencies(tree: ast.Module, path: Path) -> list[str]:
    """The modules of ours that a file imports, those of its own package without its name."""
    package = ".".join(("openais", *path.parent.relative_to(SOURCE).parts))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("openais"):
            found |= {f"{node.module}.{alias.name}" if _is_module(node, alias) else node.module for alias in node.names}
    return sorted(str(name).removeprefix(package + ".").removeprefix("openais.") for name in found)


def _is_module(node: ast.ImportFrom, alias: ast.alias) -> bool:
    """Whether `from package import name` names a module."""
    folder = SOURCE.parent.joinpath(*(node.module or "").split("."))
    return folder.joinpath(f"{alias.name}.py").exists() or folder.joinpath(alias.name, "__init__.py").exists()
