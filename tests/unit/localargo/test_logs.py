"""The engine's log as a file: lines of JSON, rotation, hostile values."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localargo.logs import FIELDS, LONGEST, open_log
from tests.small_disk import fill, small_disk


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    own = logging.Logger("localargo.some.room")
    yield own
    assert own.handlers == []


def write(path: Path, logger: logging.Logger, what: Callable[[logging.Logger], object], **settings: int) -> list[dict[str, Any]]:
    close = open_log(path, logger, **settings)
    what(logger)
    close()
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_a_record_is_a_line(tmp_path: Path, logger: logging.Logger) -> None:
    (line,) = write(tmp_path / "log", logger, lambda log: log.warning("pod %s is %d", "a", 3, extra={"fields": {"pod": "a"}}))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "logger": "localargo.some.room", "message": "pod a is 3", "pod": "a"}


def test_an_exception_is_told_with_its_traceback(tmp_path: Path, logger: logging.Logger) -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ZeroDivisionError("by design")
        except ZeroDivisionError:
            log.exception("it broke")

    (line,) = write(tmp_path / "log", logger, fail)
    assert (line["level"], line["message"]) == ("error", "it broke")
    assert line["traceback"].endswith("ZeroDivisionError: by design")
    assert set(line) <= set(FIELDS)


def test_one_record_may_be_many_lines(tmp_path: Path, logger: logging.Logger) -> None:
    lines = [{"node": "a"}, {"node": "b", "level": "warning"}]
    found = write(tmp_path / "log", logger, lambda log: log.info("2 changes", extra={"lines": lines}))
    assert [(line["level"], line["node"]) for line in found] == [("info", "a"), ("warning", "b")]
    assert found[0]["time"] == found[1]["time"]


@pytest.mark.parametrize("value", ['x"}\n{"level":"error","message":"forged"}', "\x1b[2J\x9b31m\u2028\r\n", "\ud800", "\0", "né"])
def test_no_value_can_forge_a_line_or_reach_a_terminal(tmp_path: Path, logger: logging.Logger, value: str) -> None:
    def tell(log: logging.Logger) -> None:
        log.info("%s", value)
        log.info("", extra={"fields": {"node": value}})
        log.info("", extra={"lines": [{"node": value, "message": value}]})

    found = write(tmp_path / "log", logger, tell)
    assert [line["message"] for line in found] == [value, "", value]
    assert [line.get("node") for line in found] == [None, value, value]
    assert all(byte == 10 or 32 <= byte < 127 for byte in (tmp_path / "log").read_bytes())


def test_a_long_message_is_cut(tmp_path: Path, logger: logging.Logger) -> None:
    (line,) = write(tmp_path / "log", logger, lambda log: log.info("x" * 10 * LONGEST))
    assert line["message"] == "x" * LONGEST + "…"


def test_files_are_rotated_and_the_oldest_goes_also_over_restarts(tmp_path: Path, logger: logging.Logger) -> None:
    def tell(log: logging.Logger) -> None:
        for number in range(50):
            log.info("%d", number)

    for _ in range(3):
        write(tmp_path / "log", logger, tell, size=1000, files=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(p.stat().st_size <= 1000 for p in tmp_path.iterdir())
    newest_last = [json.loads(line)["message"] for p in ("log.2", "log.1", "log") for line in (tmp_path / p).read_text().splitlines()]
    assert newest_last == [str(n) for n in range(50 - len(newest_last), 50)]


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path, logger: logging.Logger) -> None:
    write(tmp_path / "log", logger, lambda log: log.info("first"))
    assert [line["message"] for line in write(tmp_path / "log", logger, lambda log: log.info("second"))] == ["first", "second"]


def test_a_log_that_an_older_engine_wrote_is_put_beside(tmp_path: Path, logger: logging.Logger) -> None:
    old = "2026-01-31 12:00:00,000 WARNING localargo.x: plain text\n"
    (tmp_path / "log").write_text(old)
    assert [line["message"] for line in write(tmp_path / "log", logger, lambda log: log.info("new"))] == ["new"]
    assert (tmp_path / "log.1").read_text() == old


def test_a_full_disk_is_told_of_once_and_ends_nothing(tmp_path: Path, logger: logging.Logger, capfd: pytest.CaptureFixture[str]) -> None:
    with small_disk(tmp_path / "disk", 1) as disk:
        close = open_log(disk / "log", logger)
        fill(disk)
        for _ in range(8):
            logger.info("x" * LONGEST)
        close()
    told = capfd.readouterr().err
    assert told == f"{disk / 'log'} cannot be written (no space left on device): free some space; until then nothing is logged\n"
