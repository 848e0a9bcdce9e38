"""The headers against the table of what the specifications fix."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from openais.c_api.declarations import INCLUDE
from tests.c_api.layouts import CONSTANTS, LAYOUTS

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")


def assertions(header: str) -> list[str]:
    """A C program that compiles when `header` is what the table says."""
    lines = ["#include <stddef.h>", f'#include "{header}"']
    for structure, (size, fields) in LAYOUTS.get(header, {}).items():
        lines.append(f'_Static_assert(sizeof({structure}) == {size}, "{structure}");')
        lines += [
            f'_Static_assert(offsetof({structure}, {field}) == {offset}, "{structure}.{field}");'
            for field, offset in fields.items()
        ]
    for name, value in CONSTANTS.get(header, {}).items():
        literal = f"(-{-value - 1}LL - 1)" if value < 0 else f"{value}LL"
        lines.append(f'_Static_assert((long long){name} == {literal}, "{name}");')
    return lines


def compiled(lines: list[str]) -> str:
    """What the compiler says of a program."""
    command = ["gcc", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", "-xc", "-fsyntax-only", "-"]
    return subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True).stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the table is for x86-64")
@pytest.mark.parametrize("header", sorted(LAYOUTS))
def test_a_header_has_the_layouts_and_values_of_the_specification(header: str) -> None:
    assert compiled(assertions(header)) == ""


def test_a_wrong_value_is_noticed() -> None:
    wrong = [line.replace("== 368", "== 360") for line in assertions("saClm.h")]
    assert "SaClmClusterNotificationT" in compiled(wrong)


@pytest.mark.parametrize("header", sorted(path.name for path in INCLUDE.glob("*.h")))
def test_every_structure_of_a_header_is_in_the_table(header: str) -> None:
    text = Path(INCLUDE, header).read_text()
    structures = re.findall(r"^typedef (?:struct|union) {[^}]*} (\w+);", text, re.MULTILINE)
    assert [name for name in structures if name not in LAYOUTS[header]] == []


@pytest.mark.parametrize("header", sorted(path.name for path in INCLUDE.glob("*.h")))
def test_every_value_of_a_header_is_in_the_table(header: str) -> None:
    text = re.sub(r"/[*].*?[*]/", "", Path(INCLUDE, header).read_text(), flags=re.DOTALL)
    enumerators = re.findall(r"^ +([A-Z][A-Z0-9_]+) = ", text, re.MULTILINE)
    constants = re.findall(r'^#define ([A-Z]\w+) [^{"\n]+$', text, re.MULTILINE)
    assert [name for name in enumerators + constants if name not in CONSTANTS.get(header, {})] == []


@pytest.mark.parametrize("compiler", [["gcc", "-std=c99", "-xc"], ["gcc", "-std=c11", "-xc"], ["g++", "-xc++"]])
@pytest.mark.parametrize("header", sorted(path.name for path in INCLUDE.glob("*.h")))
def test_a_header_can_be_included_alone(header: str, compiler: list[str]) -> None:
    if not shutil.which(compiler[0]):
        pytest.skip(f"there is no {compiler[0]}")
    command = [*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{INCLUDE}", "-fsyntax-only", "-"]
    done = subprocess.run(command, input=f"#include <{header}>\n", capture_output=True, text=True)
    assert done.stderr == ""
