"""The engine's log: one JSON object per line, written by a separate thread to files of bounded size."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

BYTES = 10_000_000  # of one file
FILES = 5  # the current one and older ones
LONGEST = 2000  # characters of a message

FIELDS: Final[tuple[str, ...]] = (
    "time",
    "level",
    "logger",
    "message",
    "workflow",
    "node",
    "node_id",
    "pod",
    "action",
    "from",
    "phase",
    "duration",
    "traceback",
)

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode  # everything but ASCII is escaped


class JsonLines(logging.Formatter):
    """One line per record, with the fields of `extra={"fields": {...}}`.

    A record logged with `extra={"lines": [...]}` becomes one line per mapping; each may have its own `level`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The lines without the last newline, built once per record."""
        made: str | None = getattr(record, "json_lines", None)
        if made is None:
            at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            common = {"time": at, "level": record.levelname.lower(), "logger": record.name}
            made = record.json_lines = "\n".join(_encode(_cut({**common, **fields})) for fields in self._fields(record))
        return made

    def _fields(self, record: logging.LogRecord) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] | None = getattr(record, "lines", None)
        if lines is not None:
            return lines
        fields = {"message": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return [fields]


def _cut(line: dict[str, Any]) -> dict[str, Any]:
    message = line.get("message")
    if message and len(message) > LONGEST:
        line["message"] = message[:LONGEST] + "…"
    return line


class _AsItIs(QueueHandler):
    """Passes records on unformatted: the writing thread formats them."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


class _Written(RotatingFileHandler):
    """A file that cannot be written, because its disk is full for one, is told of once on standard error; the engine goes on."""

    failing = told = False

    def emit(self, record: logging.LogRecord) -> None:
        self.failing = False
        super().emit(record)
        self.told = self.failing

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self.failing = True
        if not self.told:
            why = (error.strerror or str(error)).lower()
            print(f"{self.baseFilename} cannot be written ({why}): free some space; until then nothing is logged", file=sys.stderr)


def open_log(path: Path, logger: logging.Logger, size: int = BYTES, files: int = FILES) -> Callable[[], None]:
    """Write the logger's records to the file, rotated at `size` bytes, with `files` - 1 older ones beside it.

    Returns a function to call at the end, which returns when everything is written. A log of another version, which is not JSON,
    becomes the first of the older ones.
    """
    written = _Written(path, maxBytes=size, backupCount=files - 1, encoding="utf-8")
    written.setFormatter(JsonLines())
    if _is_foreign(path):
        written.doRollover()
    queue: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
    handler, listener = _AsItIs(queue), QueueListener(queue, written)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    listener.start()

    def close() -> None:
        logger.removeHandler(handler)
        listener.stop()
        with contextlib.suppress(OSError):  # a full disk has been told of
            written.close()

    return close


def _is_foreign(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) not in (b"", b"{")
