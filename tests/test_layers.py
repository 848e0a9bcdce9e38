"""The import table of ARCHITECTURE.md, and the purity of the core, enforced over the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = SOURCE / "openais"

# Layer: what of ours it may import. A name covers everything below it.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "types": (),
    "paths": (),
    "messages": ("types",),
    "config": ("types", "paths", "messages.amf_model"),
    "totem": ("types", "messages"),
    "services": ("types", "messages", "totem.effects"),
    "executive": ("types", "messages", "totem", "services"),
    "client": ("types", "messages", "paths"),
    "c_api": ("types", "messages", "client"),
    "runtime": ("types", "paths", "messages", "totem", "services", "executive", "config", "client"),
    "simulation": ("types", "messages", "totem", "services", "executive", "client"),
    "cli": ("types", "paths", "client", "amf", "ckpt", "clm", "evs", "evt", "config", "simulation", "runtime", "c_api"),
    # The public names: modules that only hand on what their layer offers.
    "amf": ("types", "messages", "client"),
    "ckpt": ("types", "messages", "client"),
    "clm": ("types", "messages", "client"),
    "evs": ("types", "messages", "client"),
    "evt": ("types", "messages", "client"),
    "__init__": ("types", "runtime"),
    "__main__": ("cli",),
}

PURE = ("totem", "services", "executive", "messages")
IMPURE_MODULES = frozenset(
    [
        "asyncio",
        "concurrent",
        "ctypes",
        "datetime",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "uuid",
        "uvloop",
    ]
)
IMPURE_CALLS = frozenset(("open", "print", "input", "exec", "eval", "__import__"))


def imported_names(tree: ast.AST, module: str) -> Iterator[str]:
    """Every module that `tree` imports, in full, wherever in it the import statement stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def layer_of(module: str) -> str:
    """The layer that `module`, a dotted name without the leading `openais.`, belongs to."""
    return module.split(".")[0]


def forbidden_imports(text: str, module: str) -> list[str]:
    """What of ours `module` imports though its layer may not."""
    layer = layer_of(module)
    allowed = (layer, *MAY_IMPORT[layer])
    imported = imported_names(ast.parse(text), f"openais.{module}")
    own = (name.removeprefix("openais.") for name in imported if name.startswith("openais."))
    return sorted({name for name in own if not any(name == ok or name.startswith(ok + ".") for ok in allowed)})


def impurities(text: str, module: str) -> list[str]:
    """The I/O, clocks and chance that `module` reaches for."""
    tree = ast.parse(text)
    modules = {name.split(".")[0] for name in imported_names(tree, f"openais.{module}")}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return sorted((modules & IMPURE_MODULES) | (calls & IMPURE_CALLS))


def all_modules() -> list[str]:
    """Every module of the package, as dotted names without the leading `openais.`."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in paths]


def text_of(module: str) -> str:
    return PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text()


@pytest.mark.parametrize("module", all_modules())
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    assert layer_of(module) in MAY_IMPORT, f"{module} belongs to no layer of ARCHITECTURE.md"
    assert forbidden_imports(text_of(module), module) == []


@pytest.mark.parametrize("module", [name for name in all_modules() if layer_of(name) in PURE])
def test_the_core_does_no_io_reads_no_clock_and_draws_no_chance(module: str) -> None:
    assert impurities(text_of(module), module) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from openais.executive.executive import Executive",
        "import openais.executive.executive",
        "from openais import executive",
        "from ..executive import executive",
        "def late() -> None:\n    from openais.executive import executive",
    ],
)
def test_an_import_against_the_table_is_noticed(statement: str) -> None:
    assert forbidden_imports(statement, "totem.processor")


@pytest.mark.parametrize(
    "statement",
    [
        "import time",
        "from os import environ",
        "import asyncio.events",
        "def f() -> None:\n    import random",
        "open('x')",
    ],
)
def test_an_impurity_is_noticed(statement: str) -> None:
    assert impurities(statement, "totem.processor")


def test_the_table_is_the_one_of_the_architecture() -> None:
    documented = (SOURCE.parent / "ARCHITECTURE.md").read_text()
    for layer in MAY_IMPORT:
        if not layer.startswith("__"):
            assert f"`{layer}`" in documented or f"`{layer}/`" in documented, f"ARCHITECTURE.md does not name {layer}"
