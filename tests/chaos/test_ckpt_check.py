"""The check of what programs wrote down of checkpoints: each promise is broken on purpose."""

from __future__ import annotations

import pytest
from chaos.ckpt_check import check
from chaos.evidence import Evidence, Life
from chaos.rings import Configured

WRITER = """\
write 1.0 r v1
ok 1.1 v1
read 1.2 r
ok 1.3 v1
write 1.4 r v2
unknown 1.5 LIBRARY
"""
READER = """\
read 2.0 r
ok 2.1 {seen}
write 2.2 r v3
no 2.3 TRY_AGAIN
read 2.4 r
"""
DUMP = """\
section 9.0 registers 72 2 {hash}
register 9.0 r {last}
done 9.1
"""


def run(seen: str = "v1", last: str = "v1", hashes: tuple[str, ...] = ("a", "a"), nodes: int = 2) -> list[str]:
    """The violations of a run of two nodes with these journals."""
    journals = {"writer-1-0.1.journal": WRITER, "writer-2-0.1.journal": READER.format(seen=seen)}
    lives = [Life("writer-1-0", 1, 1, 0.0, 8.0, 0), Life("writer-2-0", 2, 1, 0.0, 8.0, 0)]
    for node, digest in enumerate(hashes, 1):
        journals[f"dump-{node}.1.journal"] = DUMP.format(hash=digest, last=last)
        lives.append(Life(f"dump-{node}", node, 1, 8.5, 9.5, 0))
    rings = [Configured(0.1, node, (1, 1), tuple(range(1, nodes + 1)), False) for node in range(1, nodes + 1)]
    return check(Evidence.of([*lives, *rings], journals)).violations


def test_what_may_be_is_not_reported() -> None:
    assert run() == []
    assert run(seen="v2", last="v2") == []
    assert run(seen="v1", last="v2") == []


@pytest.mark.parametrize(
    ("seen", "last"),
    [("-", "v1"), ("v1", "-"), ("v2", "v1"), ("v3", "v1"), ("v1", "nonsense")],
)
def test_a_write_that_is_lost_and_a_read_that_goes_back_are_reported(seen: str, last: str) -> None:
    assert any("not linearizable" in each for each in run(seen, last))


def test_replicas_that_differ_and_replicas_that_are_missing_are_reported() -> None:
    assert any("differ" in each for each in run(hashes=("a", "b")))
    assert any("have dumped" in each for each in run(hashes=("a",)))
