"""The log of a service on disk: crashes at every byte, damage, and one log in the place of another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openais.runtime.errors import StartError
from openais.runtime.service_log import ServiceLog
from openais.services.base import Log


def failed(reason: str) -> None:
    raise AssertionError(reason)


async def write(directory: Path, *logs: Log, durable: bool = True) -> list[int]:
    """Appends logs, one after the other is stored; the tokens that were told."""
    made, told = ServiceLog(directory, "test", durable), []
    for log in logs:
        stored = asyncio.get_running_loop().create_future()
        made.append(log, stored.set_result, failed)
        told.append(await stored)
    made.close()
    return told


def read(directory: Path) -> list[bytes]:
    log = ServiceLog(directory, "test", durable=True)
    try:
        return log.records()
    finally:
        log.close()


BEGUN = Log(1, snapshot=(b"head", b"snapshot"), begins=True, replaces=True, completes=True)


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_written_is_read(tmp_path: Path, durable: bool) -> None:
    assert asyncio.run(write(tmp_path, BEGUN, Log(2, (b"one",)), Log(3, (b"two", b"three")), durable=durable)) == [
        1,
        2,
        3,
    ]
    assert read(tmp_path) == [b"head", b"snapshot", b"one", b"two", b"three"]


def test_there_is_nothing_at_first_and_nothing_of_a_log_that_is_not_complete(tmp_path: Path) -> None:
    assert read(tmp_path / "new") == []
    asyncio.run(write(tmp_path, Log(1, snapshot=(b"half",), begins=True, replaces=True)))
    assert read(tmp_path) == []


def test_a_new_log_takes_the_place_of_the_old_one_when_it_is_complete(tmp_path: Path) -> None:
    begins = Log(3, (b"before",), (b"new",), begins=True)
    asyncio.run(write(tmp_path, BEGUN, Log(2, (b"one",)), begins, Log(4, (b"both",))))
    assert read(tmp_path) == [b"head", b"snapshot", b"one", b"before", b"both"]
    completes = Log(5, (b"more",), (b"er",), completes=True)
    asyncio.run(write(tmp_path, BEGUN, Log(2, (b"one",)), begins, Log(4, (b"both",)), completes, Log(6, (b"after",))))
    assert read(tmp_path) == [b"new", b"both", b"more", b"er", b"after"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_log_that_cannot_go_on_gets_no_more_records(tmp_path: Path) -> None:
    begins = Log(2, (b"before",), (b"new",), begins=True, replaces=True)
    asyncio.run(write(tmp_path, BEGUN, begins, Log(3, (b"other",))))
    assert read(tmp_path) == [b"head", b"snapshot"]


def test_a_log_that_is_cut_at_any_byte_gives_the_records_before(tmp_path: Path) -> None:
    asyncio.run(write(tmp_path, BEGUN, *(Log(number, (b"record %d" % number,)) for number in range(5))))
    (path,) = tmp_path.iterdir()
    whole, data = read(tmp_path), path.read_bytes()
    counts = []
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        found = read(tmp_path)
        assert found == whole[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == len(whole)
    assert counts[-2] == len(whole) - 1


def test_a_damaged_record_ends_the_log_before_it_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(write(tmp_path, BEGUN, Log(2, (b"good",)), Log(3, (b"damaged",)), Log(4, (b"behind",))))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"damaged", b"dXmaged"))
    assert read(tmp_path)[-1] == b"good"
    assert "torn or damaged" in caplog.text


def test_a_file_of_another_kind_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "test.7").write_bytes(b"something else")
    assert read(tmp_path) == []


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="must be a place to write to"):
        ServiceLog(tmp_path / "file" / "below", "test", durable=True)
