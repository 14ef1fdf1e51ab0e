"""The engine's log: a JSON object a line, written by a thread of its own into files of bounded size."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

BYTES = 10_000_000  # of one file
FILES = 5  # the one that is written, and older ones
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
    """A record is one line. What it is about comes as `extra={"fields": {...}}`.

    A record that was logged with `extra={"lines": [...]}` is a line for each of these mappings, which may have a `level` of their own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The lines, without a last newline. They are made once for a record, however often a handler asks."""
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
    """Hands records over unformatted: that is the writing thread's work."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


def open_log(path: Path, logger: logging.Logger, size: int = BYTES, files: int = FILES) -> Callable[[], None]:
    """Write what the logger is told into the file, and into `files` - 1 older ones of `size` bytes beside it.

    The answer is called at the end: it returns when everything is written. A log that another version wrote, which is not JSON,
    becomes the first of the older ones.
    """
    written = RotatingFileHandler(path, maxBytes=size, backupCount=files - 1, encoding="utf-8")
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
        written.close()

    return close


def _is_foreign(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) not in (b"", b"{")
