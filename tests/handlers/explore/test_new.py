"""What a table's columns are for is guessed; whatever is in the table, the spec that is written is accepted."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import new
from handlers.contracts import BadData, WrongUsage
from handlers.explore import written
from handlers.explore.roles import roles
from handlers.explore.table import read
from handlers.modelspec.model import HashSplit, RandomSplit, TimeSplit
from handlers.modelspec.parse import parse

TODAY = date(2026, 1, 1)


def spec(path: Path, **choices: str) -> Any:
    table = read([path])
    return parse(written.spec("m", table, roles(table, TODAY, **choices)))


def table_of(path: Path, header: list[str], rows: list[list[Any]]) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


CHANCE = random.Random(7)
ROWS = 600
NUMBERS = [CHANCE.gauss(0, 1) for _ in range(ROWS)]


def test_a_key_splits_by_hash(tmp_path: Path) -> None:
    found = spec(table_of(tmp_path / "a.csv", ["id", "x", "churned"], [[i, x, x > 0] for i, x in enumerate(NUMBERS)]))
    assert found.data.key == ["id"]
    assert found.data.split == HashSplit(by="hash", key=["id"], valid=0.15, test=0.2)
    assert (found.data.target.classes, found.data.target.positive) == ([False, True], True)
    assert list(found.features) == ["x"]


def test_rows_of_one_customer_stay_together(tmp_path: Path) -> None:
    rows = [[f"c{i % 150}", x, int(x > 0)] for i, x in enumerate(NUMBERS)]
    found = spec(table_of(tmp_path / "a.csv", ["customer_id", "x", "label"], rows))
    assert (found.data.group, found.data.split.key) == ("customer_id", ["customer_id"])
    assert list(found.features) == ["x"]


def test_where_a_clock_splits_a_group_is_proposed_and_explained(tmp_path: Path) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [[start + timedelta(hours=6 * i), f"c{i % 150}", x, int(x > 0)] for i, x in enumerate(NUMBERS)]
    table = read([table_of(tmp_path / "a.csv", ["at", "customer_id", "x", "label"], rows)])
    text = written.spec("m", table, roles(table, TODAY))
    assert parse(text).data.group is None
    assert "    # group: customer_id # several rows share it; with this key new ones alone judge a model" in text
    with_it = parse(text.replace("# group:", "group:"))
    assert (with_it.data.group, with_it.data.split) == ("customer_id", parse(text).data.split)
    alone = read([table_of(tmp_path / "b.csv", ["at", "id", "x", "label"], [[row[0], n, *row[2:]] for n, row in enumerate(rows)])])
    assert "group" not in written.spec("m", alone, roles(alone, TODAY))


def test_the_numbers_that_pandas_gives_rows_are_no_feature(tmp_path: Path) -> None:
    found = spec(table_of(tmp_path / "a.csv", ["Unnamed: 0", "x", "churned"], [[i, x, x > 0] for i, x in enumerate(NUMBERS)]))
    assert (found.data.key, list(found.features)) == (["Unnamed: 0"], ["x"])


def test_without_either_by_chance(tmp_path: Path) -> None:
    found = spec(table_of(tmp_path / "a.csv", ["x", "label"], [[x, "yes" if x > 0 else "no"] for x in NUMBERS]))
    assert isinstance(found.data.split, RandomSplit)
    assert (found.data.target.classes, found.data.target.positive) == (["no", "yes"], "yes")


@pytest.mark.parametrize("written_as", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "epoch"])
@pytest.mark.parametrize(("hours", "days"), [(1, 25), (6, 150), (24, 600)])
def test_lengths_follow_the_range_of_time(tmp_path: Path, written_as: str, hours: int, days: int) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    times = [start + timedelta(hours=hours * i) for i in range(ROWS)]
    shown = [int(at.timestamp()) if written_as == "epoch" else at.strftime(written_as) for at in times]
    rows = [[at, x, 2 * x] for at, x in zip(shown, NUMBERS, strict=True)]
    split = spec(table_of(tmp_path / "a.csv", ["timestamp", "x", "sales"], rows)).data.split
    assert isinstance(split, TimeSplit)
    assert (split.column, split.unit) == ("timestamp", "epoch_s" if written_as == "epoch" else None)
    lengths = [int(str(length).removesuffix("d")) for length in (split.valid, split.test)]
    assert all(0.1 * days <= length <= 0.2 * days + 1 for length in lengths)


def test_a_time_that_cannot_split_is_said(tmp_path: Path) -> None:
    one_day = [[f"2024-01-01 {i // 60:02}:{i % 60:02}:00", x, 2 * x] for i, x in enumerate(NUMBERS)]
    path = table_of(tmp_path / "a.csv", ["at", "x", "sales"], one_day)
    assert isinstance(spec(path).data.split, RandomSplit)
    with pytest.raises(WrongUsage, match=r"--time at: at has .*too few for train, valid and test"):
        spec(path, time="at")
    future = [[f"2030-01-{1 + i % 28:02}", x, 2 * x] for i, x in enumerate(NUMBERS)]
    with pytest.raises(WrongUsage, match="--time at: at goes to 2030-01-28, which is in the future"):
        spec(table_of(tmp_path / "a.csv", ["at", "x", "sales"], future), time="at")


def test_every_role_has_both_classes(tmp_path: Path) -> None:
    """A rare class is far from the end: valid and test reach back to it."""
    start = date(2024, 1, 1)
    rows = [[start + timedelta(days=i // 3), x, int(i % 90 == 0)] for i, x in enumerate(NUMBERS)]
    split = spec(table_of(tmp_path / "a.csv", ["day", "x", "fraud"], rows)).data.split
    assert int(split.test.removesuffix("d")) >= 30 - 10


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"3 rows in a\.csv: too few to learn from"):
        spec(table_of(tmp_path / "a.csv", ["x", "label"], [[1, 0], [2, 1], [3, 0]]))


def test_json_lines_and_what_cannot_be_a_column(tmp_path: Path) -> None:
    lines = [json.dumps({"x": x, "tags": [1], "label": "ab"[x > 0], "same": 1}) for x in NUMBERS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    table = read([tmp_path / "a.jsonl"])
    text = written.spec("m", table, roles(table, TODAY))
    assert (
        "# tags is left out: its values are of different types, or lists of different lengths or of something else than numbers\n" in text
    )
    assert "# same is left out: one value in every row\n" in text
    assert parse(text).data.sources["incoming"].columns == {"x": "float", "label": "string", "same": "int"}


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and not name.startswith("\ufeff")
)
VALUES = st.sampled_from(["1", "2.5", "x", "no", "null", "true", "2024-01-05", "?", "", "é", 'a"b', "a\nb", "{", ": #", "-"])


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=4, unique=True), st.data())
def test_whatever_is_in_a_table_its_spec_is_accepted(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    columns = [data.draw(st.lists(VALUES, min_size=2, max_size=5)) for _ in names]
    rows = [[column[i % len(column)] for column in columns] for i in range(60)]
    path = table_of(tmp_path_factory.mktemp("t") / "a.csv", names, rows)
    try:
        found = spec(path, target=names[-1])
    except (WrongUsage, BadData):
        return
    assert found.data.target.column == names[-1]
    assert set(found.data.sources["incoming"].columns) <= set(names)


def test_the_handler_answers_with_the_spec_and_its_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table_of(tmp_path / "a.csv", ["x", "label"], [[x, int(x > 0)] for x in NUMBERS])
    new.run(["m", str(path), "--task", "binary"])
    answer = json.loads(capsys.readouterr().out)
    assert {what: (choice["value"], choice["given"]) for what, choice in answer["choices"].items()} == {
        "target": ("label", False),
        "task": ("binary", True),
        "time": ("none", False),
    }
    assert parse(answer["text"]).name == "m"
