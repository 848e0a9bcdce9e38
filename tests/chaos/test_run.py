"""A short run with real executives and programs; and what its programs wrote down, changed by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from chaos.evidence import Evidence
from chaos.evt_check import check
from chaos.run import obstacle

pytestmark = [pytest.mark.e2e, pytest.mark.netns]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20


def test_in_a_short_run_all_promises_hold_and_what_is_taken_out_of_a_journal_is_missed(tmp_path: Path) -> None:
    if reason := obstacle():
        pytest.skip(reason)
    folder, figures = tmp_path / "run", tmp_path / "figures"
    command = (sys.executable, "-m", "chaos", "--small", "--seconds", str(SECONDS), "--keep", folder, "--json", figures)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(figures.read_text())["figures"]["deliveries owed, and looked for"] > 0
    evidence = Evidence.read(folder)
    evidence.journals = {name: _without_one_delivery(text) for name, text in evidence.journals.items()}
    assert [each for each in check(evidence).violations if "was not given" in each]


def _without_one_delivery(journal: str) -> str:
    """The journal without a delivery in its middle, if it has any."""
    lines = journal.splitlines(keepends=True)
    given = [place for place, line in enumerate(lines) if line.startswith("got ")]
    if given:
        del lines[given[len(given) // 2]]
    return "".join(lines)
