"""A profile says what the rows hold, however they are cut into blocks; what changed between two snapshots is told."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import profile
from handlers.contracts import BadData
from handlers.data import statistics
from handlers.explore.distinct import KEPT, Distinct
from handlers.explore.profile import BINS, changed, of_files, of_model
from tests.handlers.stages.world import SPEC, World, month
from tests.handlers.stages.world import changed as changed_spec

VALUES = st.one_of(
    st.lists(st.integers(-(1 << 62), 1 << 62)),
    st.lists(st.floats()),
    st.lists(st.text(max_size=3)),
    st.lists(st.booleans()),
    st.lists(st.dates()),
)


@settings(max_examples=40, deadline=None)
@given(VALUES, st.integers(0, 20))
def test_distinct_values_are_counted_however_the_rows_are_cut(values: list[Any], cut: int) -> None:
    column = pa.chunked_array([pa.array([*values, None], pa.array(values).type if values else pa.string())])
    whole, pieces = Distinct(), Distinct()
    whole.add(column)
    pieces.add(column.slice(0, cut))
    pieces.add(column.slice(cut))
    known = {value + 0.0 if isinstance(value, float) else value for value in values if not isinstance(value, float) or np.isfinite(value)}
    assert whole.number() == pieces.number() == (len(known), True)


def test_many_distinct_values_are_estimated() -> None:
    for column in (
        pa.array(range(200_000)),
        pa.array([f"v{i}" for i in range(200_000)]),
        pa.array(np.random.default_rng(1).random(200_000)),
    ):
        counting = Distinct()
        for start in range(0, 200_000, 30_000):
            counting.add(pa.chunked_array([column.slice(start, 30_000)]))
        number, exact = counting.number()
        assert not exact
        assert abs(number / 200_000 - 1) < 4 / KEPT**0.5


def test_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(1)
    rows = [(chance.gauss(10, 2), chance.choice("abb"), "?" if i % 10 == 0 else i % 7) for i in range(5000)]
    path = tmp_path / "data.csv"
    path.write_text("x;k;n\n" + "".join(f"{x};{k};{n}\n" for x, k, n in rows), encoding="utf-8")
    found = of_files([path])
    x, k, n = found["columns"]
    numbers = [row[0] for row in rows]
    assert (found["rows"], x["type"], n["type"]) == (5000, "float", "int")
    assert x["mean"] == pytest.approx(np.mean(numbers))
    assert x["deviation"] == pytest.approx(np.std(numbers))
    assert x["quantiles"] == pytest.approx({f"{q:g}": np.quantile(numbers, q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}, rel=0.01)
    assert (len(x["histogram"]), sum(x["histogram"])) == (BINS, 5000)
    assert (x["distinct_exact"], k["distinct"], k["distinct_exact"]) == (False, 2, True)
    counts = Counter(row[1] for row in rows)
    assert k["top"] == [list(pair) for pair in counts.most_common()]
    assert (n["missing"], n["distinct"], n["min"], n["max"]) == (500, 7, 0, 6)
    profile.run(["files", str(path)])
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "data.csv: 5,000 rows, 3 columns"
    assert told[4].split()[:4] == ["n", "int", "10.0%", "7"]
    profile.run(["files", str(path), "-o", "wide"])
    assert "DEVIATION" in capsys.readouterr().out
    profile.run(["files", str(path), "-o", "json"])
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found))


def test_times_have_quantiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.csv"
    start = datetime(2025, 1, 1)
    moments = [start + timedelta(hours=6 * i) for i in range(401)]
    path.write_text("day,at,none\n" + "".join(f"{m.date()},{m.isoformat()}Z,\n" for m in moments), encoding="utf-8")
    day, at = of_files([path])["columns"][:2]
    assert (day["type"], at["type"]) == ("date", "timestamp")
    assert day["quantiles"] == {"0.05": "2025-01-06", "0.25": "2025-01-26", "0.5": "2025-02-20", "0.75": "2025-03-17", "0.95": "2025-04-06"}
    for share, told in at["quantiles"].items():
        exact = start.replace(tzinfo=UTC) + timedelta(hours=6 * 400 * float(share))
        assert abs(datetime.fromisoformat(told) - exact) <= timedelta(days=100) / 1000
    assert sum(day["histogram"]) == sum(at["histogram"]) == 401
    profile.run(["files", str(path)])
    assert "2025-02-20" in capsys.readouterr().out.splitlines()[2]
    profile.run(["files", str(path), "-o", "wide"])
    assert "2025-04-06" in capsys.readouterr().out.splitlines()[2]
    profile.run(["files", str(path), "-o", "html"])
    page = capsys.readouterr().out
    assert "quantiles 5%: 2025-01-06, 25%: 2025-01-26, 50%: 2025-02-20" in page
    assert page.count("<svg") == 2


def test_a_value_beyond_those_looked_at_makes_the_column_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from handlers.explore import files

    monkeypatch.setattr(files, "HEAD_BYTES", 1000)
    monkeypatch.setattr("handlers.explore.profile.LOOKED_AT", 4000)
    path = tmp_path / "data.csv"
    lines = [str(i) for i in range(20_000)]
    lines[10_001] = "odd"
    path.write_text("n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (column,) = of_files([path])["columns"]
    assert (column["type"], column["rows"]) == ("string", 20_000)


def test_what_is_no_column_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"n": i, "meta": {"x": 1}}) + "\n" for i in range(20)), encoding="utf-8")
    profile.run(["files", str(path)])
    told = capsys.readouterr().out
    assert "data.jsonl: 20 rows, 1 column\n" in told
    assert told.endswith("\nmeta is left out: its values are of different types, or lists\n")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name in ("src", "href") or name.startswith("on") for name, _ in attrs)


def test_the_page_is_self_contained_and_escapes_what_data_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.csv"
    path.write_text("n,<b>k</b>\n" + "".join(f"{i},<script>{i % 2}</script>\n" for i in range(50)), encoding="utf-8")
    profile.run(["files", str(path), "-o", "html"])
    tags = Tags()
    tags.feed(capsys.readouterr().out)
    assert tags.seen.count("svg") == 2
    assert tags.seen.count("script") == 0
    assert tags.seen.count("b") == 2  # of the page's own: the names of the columns


def statistics_of(**columns: list[Any]) -> dict[str, statistics.Statistics]:
    table = pa.table(columns)
    return statistics.of_table(table, table.column_names)


def test_what_changed() -> None:
    before = statistics_of(k=["a", "b"] * 50, x=[float(i) for i in range(100)], gone=[1] * 100, same=list(range(100)))
    after = statistics_of(k=["a", "c"] * 50, x=[None] * 10 + [float(i + 30) for i in range(90)], new=[1] * 100, same=list(range(100)))
    told = {(change["column"], change["what"]): change["told"] for change in changed(before, after)}
    assert told.keys() == {
        ("new", "new column"), ("gone", "vanished column"), ("k", "new values"), ("k", "vanished values"), ("x", "missing"), ("x", "mean"),
        ("x", "quantiles"),
    }  # fmt: skip
    assert told["k", "new values"] == "k: new values: 'c'"
    assert told["x", "missing"] == "x: missing in 10.0% of the rows, before in 0.0%"
    assert told["x", "mean"] == "x: the mean is 74.5, before 49.5 (+0.87 standard deviations)"
    assert changed(before, before) == []


def test_of_a_model_each_snapshot_and_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    (tmp_path / "out").mkdir()
    world = World(tmp_path / "bucket", tmp_path / "out", changed_spec(SPEC, search={"grid": {"alpha": [0.01]}}, training__epochs=1))
    with pytest.raises(BadData, match="has learned from no snapshot yet"):
        of_model(world.store, "late")
    world.put("1.csv", month("2013-01-01", 30))
    world.run("first")
    world.put("2.csv", month("2013-01-31", 10).replace(b",AA,", b",ZZ,"))
    world.run("second")
    found = of_model(world.store, "late")
    assert [snapshot["run"] for snapshot in found["snapshots"]] == ["second", "first"]
    assert {column["name"] for column in found["snapshots"][0]["columns"]} == {"day", "carrier", "distance", "late"}
    assert "carrier: new values: 'ZZ'" in [change["told"] for change in found["changes"]]
    profile.run(["model", "late"])
    told = capsys.readouterr().out
    assert "2 snapshots in all" in told
    assert "carrier: new values: 'ZZ'" in told
    profile.run(["model", "late", "-o", "html"])
    assert "What changed" in capsys.readouterr().out
