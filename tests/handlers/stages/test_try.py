"""A spec tried on local files, as text for a person."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml

from handlers import try_
from handlers.modelspec.model import Source
from tests.handlers.stages.world import SPEC, changed, month


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "1.csv").write_bytes(month("2013-01-01", 30))
    return [str(tmp_path / "late.yaml"), str(tmp_path / "1.csv")]


def tried(files: list[str], capsys: pytest.CaptureFixture[str], **changes: object) -> tuple[str, str]:
    spec = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, **changes)}
    Path(files[0]).write_text(yaml.safe_dump(spec), encoding="utf-8")
    try_.run([*files, "-o", "text"])
    ended = capsys.readouterr()
    return ended.out, ended.err


def test_one_of_a_thing_is_told_in_the_singular(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    _, progress = tried(files, capsys, search={"grid": {"alpha": [0.01]}}, training__epochs=1)
    assert "read incoming/late/1.csv: 1,200 rows, 0 without a target\n" in progress
    assert "\n1 trial\n" in progress
    assert progress.rstrip().endswith(": 1 epoch")


def test_one_test_day_has_no_interval(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told, progress = tried(files, capsys, data__split__test="1d")
    value = next(line for line in told.splitlines() if line.startswith("roc_auc on test: "))
    assert "interval" not in value
    assert 0.4 < float(value.rpartition(" ")[2]) < 1
    assert "\n2 trials\n" in progress


def test_some_of_the_rows_are_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,s\n" + "".join(f'{i},"one\nand ""two"", {i}"\n' for i in range(10)), encoding="utf-8")
    source = Source.model_validate({"prefix": "incoming/m/", "format": "csv", "columns": {"n": "int", "s": "string"}})
    ((_, some),) = try_.taken([path], source, 5)
    found = list(csv.reader(io.StringIO(some.decode(), newline="")))
    assert found == [["n", "s"], *([str(i), f'one\nand "two", {i}'] for i in (0, 2, 4, 6, 8, 9))]


@pytest.mark.parametrize(
    ("sql", "code", "named"),
    [
        ("SELECT *, sum(distance) OVER () AS s FROM incoming", 78, "the window function sum()"),
        ("SELECT *, now() AS n FROM incoming", 78, "now()"),
        ("SELECT * FROM incoming LIMIT 5", 78, "LIMIT"),
        ("SELECT *, nothing FROM incoming", 78, "nothing"),
        ("SELECT day, carrier, distance, late, carrier::INT AS n FROM incoming", 65, "incoming/late/1.csv: data.query.sql"),
    ],
)
def test_try_refuses_what_a_run_refuses(files: list[str], capsys: pytest.CaptureFixture[str], sql: str, code: int, named: str) -> None:
    with pytest.raises(SystemExit) as ended:
        tried(files, capsys, data__query={"sql": sql})
    assert ended.value.code == code
    assert named in capsys.readouterr().err
