"""A spec tried on local files, as text for a person."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from handlers import try_
from handlers.contracts import BadData
from handlers.modelspec.model import Source
from tests.handlers.data.files import declared, read
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
    _, progress = tried(files, capsys, search={"grid": {"alpha": [0.01]}}, training__epochs=1, model__image="team/late:1.2")
    assert progress.startswith("model.image team/late:1.2 is for a cluster: here the packages of this environment are used\n")
    assert "read incoming/late/1.csv: 1,200 rows, 0 without a target\n" in progress
    assert "\n1 trial\n" in progress
    assert progress.rstrip().endswith(": 1 epoch")


def test_one_test_day_has_no_interval(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told, progress = tried(files, capsys, data__split__test="1d")
    value = next(line for line in told.splitlines() if line.startswith("roc_auc on test: "))
    assert "interval" not in value
    assert 0.4 < float(value.rpartition(" ")[2]) < 1
    assert "\n2 trials\n" in progress


def test_what_a_role_has_lost_to_its_groups_is_told(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path(files[1]).read_text(encoding="utf-8").splitlines()
    Path(files[1]).write_text("\n".join([*(line.replace(",AA,", f",{line[:10]},") for line in lines), ""]), encoding="utf-8")
    told, _ = tried(files, capsys, data__group="carrier", features={"distance": {"type": "number"}}, search=None)
    of_test = sum(line[:10] > "2013-01-24" and ",AA," not in line for line in lines[1:])
    assert f"2013-01-25 to 2013-01-30; {of_test} rows left out, whose carrier is in an earlier role" in told


def test_some_of_the_rows_are_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("n,s\n" + "".join(f'{i},"one\nand ""two"", {i}"\n' for i in range(10)), encoding="utf-8")
    source = Source.model_validate({"prefix": "incoming/m/", "format": "csv", "columns": {"n": "int", "s": "string"}})
    ((_, some),) = try_.taken([path], source, 5)
    found = list(csv.reader(io.StringIO(some.decode(), newline="")))
    assert found == [["n", "s"], *([str(i), f'one\nand "two", {i}'] for i in (0, 2, 4, 6, 8, 9))]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_some_of_the_rows_of_an_encoded_and_compressed_file(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    text = "n,s\r" + "".join(f'{i},"caf\u00e9 5"" {i}"\r' for i in range(10)) + '10,stray " quote\r11,"two\rlines"'
    path.write_bytes(gzip.compress(text.encode(encoding)))
    source = declared("csv", {"n": "int", "s": "string"}, encoding=encoding)
    ((_, some),) = try_.taken([path], source, 6)
    (tmp_path / "some").write_bytes(some)
    found = read(tmp_path / "some", source).to_pylist()
    expected = read(path, source).to_pylist()
    assert found == [*expected[::2], expected[-1]]
    assert expected[-2:] == [{"n": 10, "s": 'stray " quote'}, {"n": 11, "s": "two\rlines"}]


def test_some_of_the_rows_of_json_lines_and_parquet(tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_bytes(pa.compress("".join(f'{{"n": {i}}}\n\n' for i in range(10)).encode(), codec="zstd", asbytes=True))
    table = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"n": range(10)}), table, row_group_size=3)
    for path, kind in ((lines, "jsonl"), (table, "parquet")):
        ((_, some),) = try_.taken([path], declared(kind, {"n": "int"}), 4)
        (tmp_path / "some").write_bytes(some)
        assert read(tmp_path / "some", declared(kind, {"n": "int"})).column("n").to_pylist() == [0, 3, 6, 9]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_some_of_the_rows_of_a_damaged_file_name_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    for data in (gzip.compress(b"n\n1\n")[:-3], b"PAR1 and no more"):
        path.write_bytes(data)
        with pytest.raises(BadData, match=r"^a: the file "):
            list(try_.taken([path], declared(kind, {"n": "int"}), 2))
    path.write_bytes(b'n\n1\n"2\n')
    if kind == "csv":
        with pytest.raises(BadData, match=r"^a: a record has no end"):
            list(try_.taken([path], declared(kind, {"n": "int"}), 2))


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


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_integers_that_no_float_can_tell_apart_are_learned_from(tmp_path: Path, task: str) -> None:
    lines = [f"2013-01-{1 + i % 28:02d},{2**53 + 1 + i},{2**53 + 1},{'true' if i % 3 else 'false'},{2**60 + i}" for i in range(560)]
    (tmp_path / "1.csv").write_text("day,n,w,late,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    columns = {"day": "date", "n": "int", "w": "int", "late": "boolean", "y": "int"}
    source = {"prefix": "incoming/late/", "format": "csv", "columns": columns}
    kind = "Classifier" if task == "binary" else "Regressor"
    tree = changed(
        SPEC,
        task=task,
        data__sources={"incoming": source},
        data__target={"column": "late" if task == "binary" else "y"},
        data__weight="w",
        features={"n": {"type": "number", "scale": "standard"}},
        model={"estimator": f"sklearn.ensemble.HistGradientBoosting{kind}", "memory": "whole"},
        search=None,
        training=None,
        evaluate={"select_by": "log_loss" if task == "binary" else "rmse"},
        promote=None,
    )
    text = yaml.safe_dump({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": tree})
    (tmp_path / "late.yaml").write_text(text, encoding="utf-8")
    found = try_.try_out(try_.read_spec(tmp_path / "late.yaml"), {"incoming": [tmp_path / "1.csv"]}, tmp_path / "folder")
    assert found["verdict"]["decision"] == "promoted"


@pytest.mark.parametrize("query", [False, True])
def test_a_spec_without_a_split_is_told_what_its_files_suggest(files: list[str], capsys: pytest.CaptureFixture[str], query: bool) -> None:
    changes = {"data__split": None} | ({"data__query": {"sql": "SELECT * FROM incoming"}} if query else {})
    with pytest.raises(SystemExit):
        tried(files, capsys, **changes)
    said = capsys.readouterr().err
    assert "spec.data.split: this key is required" in said
    assert ("what these files suggest:\n    split: {by: time, column: day, valid: " in said) is not query
    if not query:
        line = next(line.strip() for line in said.splitlines() if line.startswith("    split: "))
        proposed = yaml.safe_load(line)["split"]
        told, _ = tried(files, capsys, data__split=proposed)
        assert told.startswith("train ")
