"""Log lines: plain or JSON, to stderr, a file or syslog, written by a thread so that a slow reader stops nothing."""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import Final

from openais.config.settings import LoggingSettings

WAITING_MAX: Final = 10_000
"""Lines that wait to be written; further ones are dropped, and counted in a line when it goes on."""
FLUSH_S: Final = 2.0
"""How long closing waits for what is not written yet."""
SYSLOG_SOCKET: Final = "/dev/log"
IDENTITY: Final = "openais"

_LEVELS: Final = {
    "library": logging.DEBUG,
    "state": logging.DEBUG,
    "failed": logging.WARNING,
    "paused": logging.WARNING,
    "settings_differ": logging.ERROR,
    "duplicate_node_id": logging.ERROR,
    "too_many_members": logging.ERROR,
}


def level_of(kind: str) -> int:
    """The level at which an event of the flight recorder is logged."""
    return _LEVELS.get(kind, logging.INFO)


class PlainFormatter(logging.Formatter):
    """Lines for people: time, level, text."""

    def __init__(self, timestamp: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s" if timestamp else "%(levelname)s %(message)s")
        self.default_msec_format = "%s.%03d"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message; kind and details of events; traceback of errors."""

    def __init__(self, timestamp: bool) -> None:
        super().__init__()
        self._timestamp = timestamp

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {}
        if self._timestamp:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            fields["time"] = f"{moment}.{int(record.msecs):03d}Z"
        fields |= {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        for name in ("kind", "details"):
            if value := getattr(record, name, None):
                fields[name] = value
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class Logs(logging.Handler):
    """The log of a process, while it is open: takes what every logger says."""

    def __init__(self, settings: LoggingSettings) -> None:
        super().__init__()
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(WAITING_MAX)
        self._dropped = 0
        self._target = _target(settings)
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()
        self._take_over(settings)

    def reconfigure(self, settings: LoggingSettings) -> None:
        """Takes other settings, and opens the file anew."""
        old, self._target = self._target, _target(settings)
        old.close()
        self._take_over(settings)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Waits a little until all is written."""
        logging.getLogger().removeHandler(self)
        with suppress(queue.Full):
            self._queue.put(None, timeout=FLUSH_S)
            self._thread.join(FLUSH_S)
        super().close()

    def _take_over(self, settings: LoggingSettings) -> None:
        root = logging.getLogger()
        root.setLevel(logging.INFO)
        logging.getLogger(IDENTITY).setLevel(logging.DEBUG if settings.debug else logging.INFO)
        if self not in root.handlers:
            root.addHandler(self)

    def _write_all(self) -> None:
        while (record := self._queue.get()) is not None:
            self._target.handle(record)
            if self._dropped and self._queue.empty():
                dropped, self._dropped = self._dropped, 0
                text = f"{dropped} log lines were dropped, as they could not be written in time"
                self._target.handle(logging.makeLogRecord({"levelname": "WARNING", "name": IDENTITY, "msg": text}))
        self._target.close()


def _target(settings: LoggingSettings) -> logging.Handler:
    """Where lines are written. A place that cannot be used is replaced by stderr, which says so."""
    try:
        handler = _wanted_target(settings)
    except OSError as error:
        handler = logging.StreamHandler(sys.stderr)
        print(f"{IDENTITY}: logoutput {settings.logoutput}: {error}; logging to stderr", file=sys.stderr)
    timestamp = settings.timestamp and not isinstance(handler, logging.handlers.SysLogHandler)
    handler.setFormatter(JsonFormatter(timestamp) if settings.format == "json" else PlainFormatter(timestamp))
    return handler


def _wanted_target(settings: LoggingSettings) -> logging.Handler:
    if settings.logoutput == "file":
        settings.logfile.parent.mkdir(parents=True, exist_ok=True)
        return logging.handlers.WatchedFileHandler(settings.logfile, encoding="utf-8")
    if settings.logoutput == "syslog":
        syslog = logging.handlers.SysLogHandler(SYSLOG_SOCKET, logging.handlers.SysLogHandler.LOG_DAEMON)
        syslog.ident = f"{IDENTITY}: "
        return syslog
    return logging.StreamHandler(sys.stderr)
