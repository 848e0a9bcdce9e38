"""The types that users of the libraries see, on both faces, as mypy finds them."""

from __future__ import annotations

from pathlib import Path

from mypy import api


def test_both_faces_have_exact_types() -> None:
    cases = Path(__file__).with_name("typing_cases.py")
    output, errors, status = api.run(["--strict", str(cases)])
    assert (errors, status) == ("", 0), output
