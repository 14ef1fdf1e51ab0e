"""The verdict says what a run's data has that the champion's has not; late, changed and deleted objects touch exactly their parts."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import why
from tests.handlers.stages.world import World, month


@pytest.fixture
def first(world: World) -> World:
    """A champion of two objects; only one trial, to be quick."""
    world.spec["search"] = {}
    world.spec["training"]["epochs"] = 1
    world.put("1.csv", month("2013-01-01", 20))
    world.put("2.csv", month("2013-01-21", 20, seed=1))
    assert world.run("a")["outcome"] == "promoted"
    return world


def made(world: World, run: str, before: list[str]) -> tuple[dict[str, Any], list[str]]:
    """(the verdict on the data, the parts that the run has made)."""
    world.run(run)
    return world.verdict(run)["data"], sorted(set(world.keys("parts/late/")) - set(before))


def test_a_deleted_object_makes_no_part_and_its_rows_are_named(first: World) -> None:
    first.put("0.csv", month("2013-02-10", 10, seed=3))
    first.run("more")
    before = first.keys("parts/late/")
    first.store.delete("incoming/late/1.csv")
    found, parts = made(first, "b", before)
    assert parts == []
    assert found["keys"]["removed"] == ["incoming/late/1.csv"]
    assert sum(role["removed"] for role in found["rows"].values()) == 800
    assert "1 object removed" in found["sentence"]
    assert "800 rows removed" in found["sentence"]


def test_an_overwritten_object_makes_its_own_parts_alone(first: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = first.keys("parts/late/")
    first.put("1.csv", month("2013-01-01", 20, rows=41, seed=9))
    found, parts = made(first, "b", before)
    assert len({part.split("/")[2] for part in parts}) == 1
    assert len([part for part in parts if part.endswith(".parquet")]) == 20
    assert found["objects"] == {"added": 0, "changed": 1, "removed": 0}
    assert (found["rows"]["train"]["added"], found["rows"]["train"]["removed"]) == (820, 800)
    assert found["units"] == {"count": 20, "first": "2013-01-01", "last": "2013-01-20"}
    assert found["late"] == {"rows": 20, "end": "2013-02-09", "objects": ["incoming/late/1.csv"]}
    capsys.readouterr()
    why.run(["b"])
    assert "1 object changed, 820 rows added, 800 rows removed, 20 days touched" in capsys.readouterr().out


def test_late_rows_are_counted_to_the_row_and_new_days_are_not(first: World) -> None:
    before = first.keys("parts/late/")
    first.spec["data"]["split"]["part"] = "day"
    first.put("3.csv", month("2013-02-08", 12, rows=7, seed=5))
    found, parts = made(first, "b", before)
    assert len([part for part in parts if part.endswith(".parquet")]) == 12
    assert found["objects"] == {"added": 1, "changed": 0, "removed": 0}
    assert found["late"] == {"rows": 14, "end": "2013-02-09", "objects": ["incoming/late/3.csv"]}
    assert found["sentence"].endswith("14 rows older than the split's end of 2013-02-09 came in")


def test_late_rows_in_a_part_that_has_new_days_too_are_counted_to_the_row(world: World) -> None:
    world.spec["search"] = {}
    world.spec["training"]["epochs"] = 1
    world.spec["data"]["split"]["part"] = "month"
    world.put("1.csv", month("2013-01-01", 40))
    assert world.run("a")["outcome"] == "promoted"
    world.put("2.csv", month("2013-02-05", 20, rows=9, seed=2))
    world.run("b")
    found = world.verdict("b")["data"]
    assert found["late"] == {"rows": 5 * 9, "end": "2013-02-09", "objects": ["incoming/late/2.csv"]}
    assert found["remade"] == {"objects": 0, "rows": 0}


def test_another_spec_makes_the_rows_anew_and_none_is_called_new(first: World) -> None:
    first.spec["checks"] = {"distance": {"max_missing": 0.5}}
    found, parts = made(first, "b", first.keys("parts/late/"))
    assert len({part.split("/")[2] for part in parts}) == 2
    assert found["remade"]["objects"] == 2
    assert [sum(role[what] for role in found["rows"].values()) for what in ("added", "removed")] == [0, 0]
    assert "the same objects, the rows of 2 objects are made anew, because the spec or the code has changed" in found["sentence"]


def test_the_first_champion_has_nothing_to_be_compared_with(first: World) -> None:
    assert first.verdict("a")["data"]["compared"] is False
