"""A column that a spec names and the rows do not have is found at its line, before any data is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers import try_
from handlers.check import check
from handlers.contracts import BadSpec
from tests.handlers.stages.world import SPEC, changed, month

QUERY = {"sql": "SELECT day, carrier, distance, late, distance / 2 AS half FROM incoming"}
UNDECLARED = {"data__sources__incoming__format": "parquet", "data__sources__incoming__columns": None}


def write(folder: Path, **changes: Any) -> Path:
    document = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, **changes)}
    path = folder / "late.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def line(path: Path, begin: str) -> int:
    return next(i for i, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text.strip().startswith(begin))


NUMBER = {"distanse": {"type": "number"}}


@pytest.mark.parametrize(
    ("changes", "where", "begin", "told"),
    [
        ({"data__target__column": "lat"}, "data.target.column", "column: lat", "'lat'; did you mean 'late'?"),
        ({"data__split__column": "Day"}, "data.split.column", "column: Day", "'Day'; did you mean 'day'?"),
        ({"data__key": ["day", "carier"]}, "data.key.1", "- carier", "'carier'; did you mean 'carrier'?"),
        ({"data__weight": "w"}, "data.weight", "weight: w", "'w'; the columns are day, carrier, distance, late"),
        ({"features": NUMBER}, "features.distanse", "distanse:", "'distanse'; did you mean 'distance'?"),
        ({"checks": {"distanc": {"min": 0}}}, "checks.distanc", "distanc:", "'distanc'; did you mean 'distance'?"),
        ({"evaluate__slices": {"carier": {"min_rows": 9}}}, "evaluate.slices.carier", "carier:", "did you mean 'carrier'?"),
        ({"data__query": QUERY, "features": {"halv": {"type": "number"}}}, "features.halv", "halv:", "did you mean 'half'?"),
        ({"features": {"carrier": {"type": "number"}}}, "features.carrier", "carrier:", "type number, but the column is string"),
        ({"data__query": QUERY, "features": {"half": {"type": "category"}}}, "features.half", "half:", "but the column is float"),
    ],
)
def test_lint_names_the_column_that_was_meant(tmp_path: Path, changes: dict[str, Any], where: str, begin: str, told: str) -> None:
    path = write(tmp_path, **changes)
    (found,) = check(path)
    lines = [i for i, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text.strip().startswith(begin)]
    assert (found["severity"], found["path"]) == ("error", f"spec.{where}")
    assert found["line"] == lines[-1]
    assert told in found["message"]


def test_every_wrong_name_is_told_at_once(tmp_path: Path) -> None:
    found = check(write(tmp_path, data__target__column="lat", features=NUMBER))
    assert [one["path"] for one in found] == ["spec.data.target.column", "spec.features.distanse"]


def test_of_a_query_a_name_that_no_source_has(tmp_path: Path) -> None:
    columns = {"day": "date", "distance": "float", "late": "boolean"}
    changes = {"data__sources__incoming__format": "jsonl", "data__sources__incoming__columns": columns}
    path = write(tmp_path, data__query={"sql": "SELECT day, late, distanse AS distance FROM incoming"}, **changes)
    (found,) = check(path)
    assert (found["path"], found["line"]) == ("spec.data.query.sql", line(path, "sql:"))
    assert "did you mean 'distance'?" in found["message"]


def test_what_only_the_data_can_tell_is_left_to_it(tmp_path: Path) -> None:
    assert check(write(tmp_path, features=NUMBER, **UNDECLARED)) == []


def test_an_unknown_parameter_is_told_at_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, model__params={"loss": "log_loss", "alfa": 1})
    found = check(path)[0]
    assert (found["path"], found["line"]) == ("spec.model.params.alfa", line(path, "alfa:"))
    assert "did you mean 'alpha'?" in found["message"]


def test_try_knows_the_columns_of_the_files(tmp_path: Path) -> None:
    import io

    from pyarrow import csv, parquet

    table = csv.read_csv(io.BytesIO(month("2013-01-01", 2)))
    parquet.write_table(table, tmp_path / "1.parquet")
    path = write(tmp_path, features=NUMBER, **UNDECLARED)
    with pytest.raises(BadSpec) as wrong:
        try_.run([str(path), str(tmp_path / "1.parquet")])
    assert str(wrong.value) == (
        f"{path}:{line(path, 'distanse:')}: spec.features.distanse: the rows have no column 'distanse'; did you mean 'distance'?"
    )


def test_try_knows_what_a_query_gives(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(month("2013-01-01", 2))
    path = write(tmp_path, data__query={"sql": "SELECT day, late, carrier, distanse FROM incoming"})
    assert check(path)[0]["path"] == "spec.features.distance"
    with pytest.raises(BadSpec, match=rf"late.yaml:{line(path, 'sql:')}: spec.data.query.sql: .*distanse.*did you mean 'distance'\?"):
        try_.run([str(path), str(tmp_path / "1.csv")])
