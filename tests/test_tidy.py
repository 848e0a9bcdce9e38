"""The house rules that a program can check, over the repository itself.

An exception to a rule stands in an allow-list here, with its reason.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 500
TEST_FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 60
SHORT_METHOD_LINES = 4

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
BOUNDARIES: dict[str, str] = {
    "src/openais/runtime/driver.py": "a mistake in the executive is logged and ends it, so that no node is half alive",
    "src/openais/simulation/runner.py": "a mistake in a simulated run is reported with its seed, and other seeds go on",
}
"""Where `except Exception` logs what nothing below it foresaw: path, and why there."""

OF_NAMED_TUPLES = ("_replace", "_asdict", "_fields", "_make")
BROAD = ("Exception", "BaseException")
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Found(NamedTuple):
    """One thing that should not be there."""

    where: str
    what: str


@cache
def tracked_files() -> tuple[str, ...]:
    """Every file of the repository, committed or about to be; without git, every file that is not generated."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode == 0:
        return tuple(sorted(name for name in set(listed.stdout.splitlines()) if (ROOT / name).is_file()))
    every = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(str(path) for path in every if not {".git", ".venv", "__pycache__"} & set(path.parts)))


def python_files(*folders: str) -> list[str]:
    """The Python files below `folders`, or all."""
    return [name for name in tracked_files() if name.endswith(".py") and (not folders or name.startswith(folders))]


def text_files() -> list[str]:
    endings = (".py", ".md", ".toml", ".conf", ".txt", ".service", "Makefile", "/run", ".gitignore")
    return [name for name in tracked_files() if name.endswith(endings)]


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name))


def functions(tree: ast.Module) -> Iterator[Function]:
    yield from (node for node in ast.walk(tree) if isinstance(node, Function))


def length_without_docstring(function: Function) -> int:
    """Lines of a function; what its contract says does not count."""
    first = function.body[0]
    docstring = ast.get_docstring(function) is not None
    documented = first.end_lineno - first.lineno + 1 if docstring and first.end_lineno else 0
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1 - documented


def broad_handlers(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    """Handlers that catch everything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(name is None or (isinstance(name, ast.Name) and name.id in BROAD) for name in caught):
                yield node


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public classes and functions, and methods of classes without a base, that do not say what they give.

    A short method may be clear without a docstring, and one that has the name of a documented one keeps its contract.
    The contract of a function that is `exported` to C is the specification of its name.
    """
    for node in tree.body:
        if isinstance(node, Function) and any(ast.unparse(each) == "exported" for each in node.decorator_list):
            continue
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node.name
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from (f"{node.name}.{method.name}" for method in node.body if wants_docstring(method))


def wants_docstring(method: ast.stmt) -> bool:
    """Whether it is a public method with more in it than its name and types say, and no docstring."""
    if not isinstance(method, Function) or method.name.startswith("_") or ast.get_docstring(method):
        return False
    clear = method.decorator_list or length_without_docstring(method) <= SHORT_METHOD_LINES
    return not clear and method.name not in documented_names()


@cache
def documented_names() -> frozenset[str]:
    """The functions and methods of the source that have a docstring somewhere."""
    every = (function for name in python_files("src/") for function in functions(tree_of(name)))
    return frozenset(function.name for function in every if ast.get_docstring(function))


def sleeps(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls of a sleep that really waits: `asyncio.sleep(0)` only lets others run."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            yields = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if name == "sleep" and not yields:
                yield node


def private_attributes(tree: ast.Module) -> Iterator[ast.Attribute]:
    """`x._y` where x is not self or cls, and _y not one of the public names of named tuples."""
    for node in ast.walk(tree):
        private = isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if isinstance(node, ast.Attribute) and private and node.attr not in OF_NAMED_TUPLES:
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not own:
                yield node


def lines_max(name: str) -> int:
    """Lines that a file may have; a list of cases may be longer than a train of thought."""
    return TEST_FILE_LINES_MAX if name.startswith("tests/") else FILE_LINES_MAX


def check(found: list[Found]) -> None:
    """Fails with one line for each thing found."""
    lines = "\n".join(f"{where}: {what}" for where, what in found)
    assert not found, f"\n{lines}"


def test_no_file_is_longer_than_its_limit() -> None:
    found = []
    for name in python_files():
        count, most = len(text_of(name).splitlines()), lines_max(name)
        if count > most and name not in LONG_FILES:
            found.append(Found(name, f"{count} lines, at most {most}: split it by idea"))
    check(found)


def test_no_function_is_longer_than_its_limit() -> None:
    found = [
        Found(f"{name}:{function.lineno}", f"{function.name} has {length_without_docstring(function)} lines")
        for name in python_files()
        for function in functions(tree_of(name))
        if length_without_docstring(function) > FUNCTION_LINES_MAX and f"{name}:{function.name}" not in LONG_FUNCTIONS
    ]
    check(found)


def test_nothing_catches_everything() -> None:
    check(
        [
            Found(f"{name}:{handler.lineno}", "catches everything")
            for name in python_files()
            for handler in broad_handlers(tree_of(name))
            if name not in BOUNDARIES
        ]
    )


def test_every_boundary_of_the_allow_list_is_still_one() -> None:
    check(
        [
            Found(name, "catches nothing broad any more: take it off the list")
            for name in BOUNDARIES
            if not (ROOT / name).exists() or not list(broad_handlers(tree_of(name)))
        ]
    )


def test_nothing_is_left_to_do_in_a_comment() -> None:
    words = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")))
    check(
        [
            Found(f"{name}:{number}", line.strip())
            for name in text_files()
            for number, line in enumerate(text_of(name).splitlines(), 1)
            if words.search(line)
        ]
    )


def test_text_ends_in_one_newline_and_lines_in_no_blank() -> None:
    found = []
    for name in text_files():
        text = text_of(name)
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            found.append(Found(name, "ends in no newline, or in more than one"))
        lines = text.splitlines()
        found += [Found(f"{name}:{n}", "trailing blank") for n, line in enumerate(lines, 1) if line != line.rstrip()]
    check(found)


def test_no_path_of_somebodys_own_machine_is_named() -> None:
    private = re.compile(r"/(?:" + "|".join(("work", "home", "root", "Users")) + r")/[a-z.]")
    check(
        [
            Found(f"{name}:{number}", line.strip())
            for name in text_files()
            for number, line in enumerate(text_of(name).splitlines(), 1)
            if private.search(line)
        ]
    )


def test_every_public_thing_says_what_it_gives() -> None:
    check(
        [
            Found(name, f"{thing} has no docstring")
            for name in python_files("src/")
            for thing in undocumented(tree_of(name))
        ]
    )


def test_every_module_opens_with_what_it_is_for() -> None:
    check(
        [
            Found(name, "has no docstring")
            for name in python_files("src/", "tests/", "examples/", "tools/")
            if text_of(name).strip() and not ast.get_docstring(tree_of(name))
        ]
    )


def test_every_test_is_named_by_a_sentence() -> None:
    check(
        [
            Found(f"{name}:{function.lineno}", f"{function.name} is no sentence")
            for name in python_files("tests/")
            for function in functions(tree_of(name))
            if function.name.startswith("test_") and len(function.name.split("_")) < 4
        ]
    )


def test_no_test_sleeps() -> None:
    check(
        [
            Found(f"{name}:{call.lineno}", "sleeps: wait on a condition")
            for name in python_files("tests/")
            for call in sleeps(tree_of(name))
        ]
    )


def test_no_test_reads_a_private_attribute_or_mocks() -> None:
    found = [
        Found(f"{name}:{node.lineno}", f"reads {node.attr}")
        for name in python_files("tests/")
        for node in private_attributes(tree_of(name))
    ]
    found += [Found(name, "mocks") for name in python_files("tests/") if "unittest" + ".mock" in text_of(name)]
    check(found)


def test_nothing_is_ever_unpickled() -> None:
    unsafe = re.compile(r"^\s*(?:import|from) (?:pickle|marshal|shelve|dill)\b", re.MULTILINE)
    check([Found(name, "can run what it reads") for name in python_files() if unsafe.search(text_of(name))])


def test_tests_mirror_the_source() -> None:
    layers = {path.name for path in (ROOT / "src/openais").iterdir() if path.is_dir()}
    allowed = layers | {"chaos", "e2e", "scenarios", "support", "__pycache__"}
    strangers = {Path(name).parts[1] for name in tracked_files() if name.startswith("tests/") and name.count("/") > 1}
    assert strangers <= allowed, f"{sorted(strangers - allowed)} mirror no package of src/openais"


@pytest.mark.parametrize(
    ("checker", "text"),
    [
        (broad_handlers, "try:\n    pass\nexcept Exception:\n    pass"),
        (broad_handlers, "try:\n    pass\nexcept (OSError, BaseException):\n    pass"),
        (broad_handlers, "try:\n    pass\nexcept:\n    pass"),
        (undocumented, "class Ring:\n    pass"),
        (undocumented, "def join() -> None: ..."),
        (sleeps, "import time\ntime.sleep(1)"),
        (private_attributes, "ring._queue"),
    ],
)
def test_each_checker_notices_what_it_is_for(checker: object, text: str) -> None:
    assert callable(checker)
    assert list(checker(ast.parse(text)))
