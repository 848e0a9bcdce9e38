"""The documents say what is so: links lead somewhere, generated parts are current, code shown is code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.generate import outdated

from openais.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("chaos/*.md"),
    )
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PATH_IN_CODE = re.compile(
    r"`((?:src|tests|docs|tools|examples|runtime|executive|services|totem|client|messages)/[\w./]+)`"
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    text = FENCE.sub("", (ROOT / document).read_text())
    targets = [target for target in LINK.findall(text) if not target.startswith(("http://", "https://", "mailto:"))]
    assert [target for target in targets if not (ROOT / document).parent.joinpath(target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    named = PATH_IN_CODE.findall(FENCE.sub("", (ROOT / document).read_text()))
    places = (ROOT, ROOT / "src" / "openais")
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_every_generated_document_is_what_the_code_says() -> None:
    assert outdated() == [], "make docs"


def test_the_program_in_the_readme_is_the_example_that_the_tests_run() -> None:
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    example = (ROOT / "examples" / "leader.py").read_text()
    assert shown
    assert all(program in example for program in shown)


def test_every_document_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop().resolve()
        if document in seen or document.suffix != ".md" or not document.exists():
            continue
        seen.add(document)
        waiting += [document.parent / target for target in LINK.findall(FENCE.sub("", document.read_text()))]
    apart = [
        name for name in DOCUMENTS if (ROOT / name).resolve() not in seen and not name.startswith("docs/decisions/")
    ]
    assert apart == []


def test_every_command_that_the_documents_show_is_there() -> None:
    fenced = "\n".join(fence for name in DOCUMENTS for fence in FENCE.findall((ROOT / name).read_text()))
    shown = set(re.findall(r"^(?:\$ )?openais ([a-z][\w-]*)", fenced, re.MULTILINE))
    assert "run" in shown
    assert shown <= set(COMMANDS)
