"""Log lines: what is said arrives where it is wanted, in the form that is wanted."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.config.settings import LoggingSettings
from openais.runtime.logs import WAITING_MAX, Logs, level_of

log = logging.getLogger("openais.test")


@pytest.fixture(autouse=True)
def _levels_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("openais")]
    levels = [each.level for each in loggers]
    yield
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)


def to_file(path: Path, debug: bool = False, timestamp: bool = False, form: str = "plain") -> LoggingSettings:
    return LoggingSettings(logoutput="file", logfile=path, debug=debug, timestamp=timestamp, format=form)


def written(settings: LoggingSettings) -> list[str]:
    """The lines of one message at each level."""
    logs = Logs(settings)
    log.debug("small")
    log.info("percent %d%%", 5)
    log.error("big", extra={"kind": "failed", "details": {"node": 3}})
    logs.close()
    return settings.logfile.read_text().splitlines()


def test_plain_lines_have_level_and_text(tmp_path: Path) -> None:
    assert written(to_file(tmp_path / "below" / "log")) == ["INFO percent 5%", "ERROR big"]


def test_debug_lines_come_when_asked_for(tmp_path: Path) -> None:
    assert written(to_file(tmp_path / "log", debug=True))[0] == "DEBUG small"


def test_a_timestamp_is_put_first(tmp_path: Path) -> None:
    date, time, level, _ = written(to_file(tmp_path / "log", timestamp=True))[1].split()
    assert (len(date), len(time), level) == (10, 12, "ERROR")


def test_json_lines_carry_kind_and_details(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(to_file(tmp_path / "log", form="json"))]
    assert lines == [
        {"level": "info", "logger": "openais.test", "message": "percent 5%"},
        {"level": "error", "logger": "openais.test", "message": "big", "kind": "failed", "details": {"node": 3}},
    ]


def test_json_lines_carry_the_traceback_and_the_time(tmp_path: Path) -> None:
    settings = to_file(tmp_path / "log", timestamp=True, form="json")
    logs = Logs(settings)
    try:
        raise ValueError("why")
    except ValueError as error:
        log.critical("stops", exc_info=error)
    logs.close()
    line = json.loads(settings.logfile.read_text())
    assert "ValueError: why" in line["traceback"]
    assert line["time"].endswith("Z")


def test_a_file_that_was_rotated_away_is_opened_anew(tmp_path: Path) -> None:
    logs = Logs(to_file(tmp_path / "log"))
    log.info("before")
    logs.close()
    (tmp_path / "log").rename(tmp_path / "log.1")
    assert written(to_file(tmp_path / "log"))
    assert (tmp_path / "log.1").read_text() == "INFO before\n"


def test_other_settings_are_taken_while_it_runs(tmp_path: Path) -> None:
    logs = Logs(to_file(tmp_path / "log"))
    logs.reconfigure(to_file(tmp_path / "other", debug=True))
    log.debug("small")
    logs.close()
    assert (tmp_path / "other").read_text() == "DEBUG small\n"


def test_a_place_that_cannot_be_written_is_replaced_by_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    logs = Logs(to_file(tmp_path / "file" / "log"))
    log.info("still heard")
    logs.close()
    assert "logging to stderr" in capsys.readouterr().err


def test_lines_go_to_stderr_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs = Logs(LoggingSettings(timestamp=False))
    log.info("heard")
    logs.close()
    assert capsys.readouterr().err == "INFO heard\n"


def test_what_cannot_be_said_in_time_is_counted(tmp_path: Path) -> None:
    """A reader that does not read, here a pipe, holds up nobody: lines beyond the limit are dropped."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    logs = Logs(to_file(pipe))
    for _ in range(WAITING_MAX + 3000):
        log.info("x" * 100)
    os.set_blocking(reader, True)
    text = b""
    while b"were dropped" not in text:
        text += os.read(reader, 1 << 20)
    logs.close()
    os.close(reader)


def test_failures_are_warnings_and_misconfiguration_is_an_error() -> None:
    assert level_of("failed") == logging.WARNING
    assert level_of("duplicate_node_id") == logging.ERROR
    assert level_of("configuration") == logging.INFO
    assert level_of("state") == logging.DEBUG
