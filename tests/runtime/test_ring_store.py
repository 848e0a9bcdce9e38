"""The ring sequence on disk never goes back, whatever happens to the file or to the clock."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from openais.runtime.ring_store import RingStore, RingStoreError, Stored, parse, render
from openais.totem.core import sequence_from_clock
from openais.types import NodeId
from tests.support.waiting import eventually

WALL_MS = 1_700_000_000_000


def store(directory: Path, wall_ms: int = WALL_MS, chance: int = 0, node_id: int = 1, cluster: str = "c") -> RingStore:
    return RingStore(directory, cluster, NodeId(node_id), wall_ms, chance)


def reserve(opened: RingStore, *sequences: int) -> list[int | str]:
    """What came back for each of `sequences`."""
    answers: list[int | str] = []

    async def scenario() -> None:
        for sequence in sequences:
            opened.reserve(sequence, answers.append, answers.append)
        await eventually(lambda: len(answers) == len(sequences))

    asyncio.run(scenario())
    return answers


def test_with_nothing_stored_the_sequence_starts_at_the_wall_clock(tmp_path: Path) -> None:
    opened = store(tmp_path / "below", chance=7)
    assert opened.sequence == sequence_from_clock(WALL_MS)
    assert opened.incarnation == WALL_MS << 16 | 7
    opened.close()


def test_what_was_reserved_is_where_the_next_start_begins(tmp_path: Path) -> None:
    opened = store(tmp_path)
    assert reserve(opened, WALL_MS + 100, WALL_MS + 200) == [WALL_MS + 100, WALL_MS + 200]
    opened.close()
    again = store(tmp_path, wall_ms=WALL_MS + 5_000_000)
    assert again.sequence == WALL_MS + 200
    again.close()


def test_the_incarnation_rises_even_when_the_clock_was_set_back(tmp_path: Path) -> None:
    incarnations = []
    for wall_ms, chance in ((WALL_MS, 9), (WALL_MS, 0), (5, 0), (WALL_MS + 1000, 0)):
        opened = store(tmp_path, wall_ms, chance)
        incarnations.append(opened.incarnation)
        opened.close()
    assert incarnations == sorted(set(incarnations))


@pytest.mark.parametrize("damage", [b"", b"\0" * 80, b"openais ring store 1\nsequence 12", b"\xff\xfe" * 3000])
def test_a_damaged_file_is_set_aside_and_said_so(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    opened = store(tmp_path)
    opened.close()
    opened.path.write_bytes(damage)
    with caplog.at_level(logging.ERROR):
        again = store(tmp_path, wall_ms=WALL_MS + 1)
    assert again.sequence == sequence_from_clock(WALL_MS + 1)
    assert "damaged" in caplog.text
    assert opened.path.with_name(opened.path.name + ".damaged").read_bytes() == damage
    again.close()


def test_every_torn_or_altered_text_is_noticed() -> None:
    text = render(Stored(12345, 67890))
    assert parse(text) == Stored(12345, 67890)
    assert all(parse(text[:length]) is None for length in range(len(text)))
    assert parse(text.replace("12345", "12346")) is None
    assert parse(text + "\n") is None


def test_a_second_executive_with_the_same_node_id_is_refused(tmp_path: Path) -> None:
    opened = store(tmp_path)
    with pytest.raises(RingStoreError, match="another executive"):
        store(tmp_path)
    opened.close()
    store(tmp_path).close()


def test_nodes_and_clusters_have_files_of_their_own(tmp_path: Path) -> None:
    opened = [store(tmp_path), store(tmp_path, node_id=2), store(tmp_path, cluster="../d")]
    assert len({each.path for each in opened}) == 3
    assert {each.path.parent for each in opened} == {tmp_path}
    for each in opened:
        each.close()


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RingStoreError, match="statedir"):
        store(tmp_path / "file" / "below")


def test_a_disk_that_fails_later_is_reported(tmp_path: Path) -> None:
    opened = store(tmp_path / "below")
    (tmp_path / "below").rename(tmp_path / "gone")
    (answer,) = reserve(opened, WALL_MS + 100)
    assert "cannot be written" in str(answer)
    opened.close()
