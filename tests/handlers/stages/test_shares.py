"""Small objects share parts: the same data gives the same dataset however it came, and each object's rows come and go with it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import why
from handlers.contracts import BadData
from handlers.data import shares
from handlers.data.cut import table_of
from handlers.data.manifest import Dataset
from handlers.data.units import OBJECT
from tests.handlers.stages.datasets import made
from tests.handlers.stages.world import World, month

DAYS = 30


@pytest.fixture
def small(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose shares are small, so that a few objects make several; only one trial, to be quick."""
    monkeypatch.setattr(shares, "LEAST", 3)
    monkeypatch.setattr(shares, "ABOUT", 4)
    monkeypatch.setattr(shares, "MOST", 8)
    world.spec["search"] = {}
    world.spec["training"]["epochs"] = 1
    world.spec["data"]["split"]["part"] = "auto"
    return world


def name(number: int) -> str:
    return f"{number:03d}.csv"


def content(number: int, seed: int = 0) -> bytes:
    """Some flights of one day."""
    return month(str(date(2013, 1, 1) + timedelta(days=number % DAYS)), 1, rows=25, seed=seed or number)


def put(world: World, numbers: Any, seed: int = 0) -> None:
    for number in numbers:
        world.put(name(number), content(number, seed))


def parts(dataset: Dataset) -> set[str]:
    return {part.key for part in dataset.parts}


def rows_of(world: World, dataset: Dataset) -> list[tuple[str, Any]]:
    """Every row of the dataset, with the key of the object that it came from."""
    found = []
    for part in dataset.parts:
        table = table_of(world.store, part.key).slice(part.first, part.rows)
        keys = dataset.objects_of(part)
        numbers = table.column(OBJECT).to_pylist() if len(keys) > 1 else [0] * len(table)
        plain = table.select(["day", "carrier", "distance", "late"]).to_pylist()
        found += [(keys[number], json.dumps(row, default=str)) for number, row in zip(numbers, plain, strict=True)]
    return sorted(found)


def test_fewer_parts_than_objects_and_every_row_with_its_object(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(small, range(2 * DAYS))
    dataset, summary, _ = made(small)
    assert len(parts(dataset)) < DAYS
    assert (summary["objects"], summary["objects_read"]) == (2 * DAYS, 2 * DAYS)
    assert dataset.objects() == [f"incoming/late/{name(number)}" for number in range(2 * DAYS)]
    monkeypatch.setattr(shares, "SMALL_BYTES", 1)
    alone, *_ = made(small, "alone")
    assert (alone.shared, len(parts(alone))) == ({}, 2 * (DAYS - 2))
    shared, single = rows_of(small, dataset), rows_of(small, alone)
    assert (shared, len(shared)) == (single, sum(part.rows for part in dataset.parts))


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(DAYS)), st.integers(1, DAYS - 1))
def test_the_order_in_which_objects_come_changes_nothing(tmp_path_factory: pytest.TempPathFactory, order: list[int], first: int) -> None:
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "LEAST", 3)
        patch.setattr(shares, "ABOUT", 4)
        for batches in ([range(DAYS)], [order[:first], order[first:]]):
            bucket = tmp_path_factory.mktemp("bucket")
            patch.setenv("RETRAIN_BUCKET", f"file://{bucket}")
            patch.setenv("RETRAIN_CODE_DIGEST", "c0de")
            world = World(bucket, tmp_path_factory.mktemp("out"))
            world.spec["data"]["split"]["part"] = "auto"
            for number, batch in enumerate(batches):
                put(world, batch)
                if number == len(batches) - 1:
                    found.append(made(world, f"r{number}")[0])
                else:
                    whole_or_not(world)
    assert found[0] == found[1]


def whole_or_not(world: World) -> None:
    """A run over what is there so far, which may be too little to be split."""
    try:
        made(world, "so-far")
    except BadData as error:
        assert "data.split" in str(error)


def test_an_object_more_less_or_other_changes_the_shares_around_it_alone(small: World) -> None:
    put(small, range(4 * DAYS))
    before, *_ = made(small, "a")
    for run in ("more", "other", "less"):
        if run == "less":
            small.store.delete(f"incoming/late/{name(70)}")
        else:
            put(small, [4 * DAYS if run == "more" else 50], seed=999)
        now, summary, _ = made(small, run)
        # at most the share itself and those up to the next object that ends one in both states
        assert summary["objects_read"] <= 3 * shares.MOST, run
        assert len(parts(now) & parts(before)) >= len(parts(before)) * 2 // 3, run
        before = now


def test_a_deleted_object_is_unlearned_to_the_row_and_the_verdict_says_so(small: World) -> None:
    put(small, range(2 * DAYS))
    assert small.run("a")["outcome"] == "promoted"
    small.store.delete(f"incoming/late/{name(3)}")
    small.run("b")
    found = small.verdict("b")["data"]
    assert found["keys"]["removed"] == [f"incoming/late/{name(3)}"]
    assert [sum(role[what] for role in found["rows"].values()) for what in ("added", "removed", "moved")] == [0, 25, 0]
    assert found["remade"] == {"objects": 0, "rows": 0}
    assert found["units"] == {"count": 1, "first": "2013-01-04", "last": "2013-01-04"}


def test_overwritten_and_late_objects_are_counted_to_the_row(small: World, capsys: pytest.CaptureFixture[str]) -> None:
    put(small, range(2 * DAYS))
    assert small.run("a")["outcome"] == "promoted"
    small.put(name(3), month("2013-01-04", 1, rows=31, seed=99))
    put(small, [2 * DAYS + 5])
    small.run("b")
    found = small.verdict("b")["data"]
    assert found["objects"] == {"added": 1, "changed": 1, "removed": 0}
    assert [sum(role[what] for role in found["rows"].values()) for what in ("added", "removed", "moved")] == [31 + 25, 25, 0]
    assert found["late"]["rows"] == 6 + 25
    assert found["late"]["objects"] == [f"incoming/late/{name(3)}", f"incoming/late/{name(2 * DAYS + 5)}"]
    capsys.readouterr()
    why.run(["object", f"incoming/late/{name(7)}", "-o", "json"])
    assert '"rows":25' in capsys.readouterr().out


def test_another_spec_makes_all_anew_and_none_is_called_new(small: World) -> None:
    put(small, range(2 * DAYS))
    small.run("a")
    small.spec["checks"] = {"distance": {"max_missing": 0.5}}
    small.run("b")
    found = small.verdict("b")["data"]
    assert found["remade"]["objects"] == 2 * (DAYS - 2)  # two days are in no role
    assert [sum(role[what] for role in found["rows"].values()) for what in ("added", "removed")] == [0, 0]


def test_each_marker_is_asked_for_once(small: World) -> None:
    """Those that are not there, and those that are."""
    put(small, range(30))
    small.put("100.csv", month("2013-01-01", 3, rows=900))
    for run in ("first", "again"):
        asked = [key for key in made(small, run)[2].got if key.endswith("/parts.json")]
        assert len(asked) == len(set(asked)) > 2


def test_what_is_wrong_is_said_of_the_object_as_if_it_were_alone(small: World) -> None:
    put(small, range(DAYS))
    small.put(name(7), b"day,carrier,distance,late\n2013-01-08,AA,far,true\n")
    small.put(name(9), b"day,carrier\n")
    with pytest.raises(BadData, match=r"^incoming/late/007.csv: column 'distance' in row 2"):
        made(small)
    small.put(name(7), content(7))
    with pytest.raises(BadData, match=r"^incoming/late/009.csv: column 'distance' is missing"):
        made(small, "r2")


def test_checks_hold_for_each_object(small: World) -> None:
    small.spec["checks"] = {"rows": {"min": 25}}
    put(small, range(DAYS))
    made(small)
    small.put(name(7), month("2013-01-08", 1, rows=24))
    with pytest.raises(BadData, match=r"^incoming/late/007.csv: 24 rows, fewer than checks.rows.min"):
        made(small, "r2")


def test_a_key_twice_names_both_objects_in_one_share_or_in_two(small: World) -> None:
    small.spec["data"]["key"] = ["day", "carrier", "distance"]
    put(small, range(DAYS))
    for other in (4, 29):
        small.put(name(other), content(3))
        with pytest.raises(BadData, match=rf"^incoming/late/003.csv and incoming/late/0{other:02d}.csv: 25 keys occur more than once"):
            made(small, f"r{other}")
        small.put(name(other), content(other))


def test_the_last_object_wins_in_one_share_or_in_two(small: World) -> None:
    small.spec["data"] |= {"key": ["day", "carrier", "distance"], "on_duplicate": "last"}
    put(small, range(DAYS))
    for other in (4, 29):
        small.put(name(other), content(3))
        dataset, *_ = made(small, f"r{other}")
        assert dataset.shared
        keys = [key for key, row in rows_of(small, dataset) if "2013-01-04" in row]
        assert set(keys) == {f"incoming/late/{name(other)}"}
        small.put(name(other), content(other))


def test_objects_without_rows_have_parts_of_their_own_and_are_read_once(small: World) -> None:
    put(small, range(DAYS))
    for number in range(20):
        small.put(f"9{number:02d}.csv", b"day,carrier,distance,late\n")
    dataset, summary, _ = made(small, "a")
    assert summary["objects"] == DAYS + 20
    assert dataset.objects()[:DAYS] == [f"incoming/late/{name(number)}" for number in range(DAYS)]
    again, summary, store = made(small, "b")
    assert (again, summary["objects_read"]) == (dataset, 0)
    assert not [key for key in store.put_keys if key.startswith("parts/")]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2 * shares.SMALL_BYTES)), max_size=100, unique_by=lambda one: one[0]))
@settings(max_examples=30, deadline=None)
def test_shares_hold_every_object_once_in_order_and_large_ones_alone(given: list[tuple[int, int]]) -> None:
    sources = [[f"{number:07d}", size, f"{number * 2654435761 % 2**32:08x}"] for number, size in given]
    found = shares.in_order(sorted(sources))
    assert [one for share in found for one in share] == sorted(sources)
    for share in found:
        assert len(share) == 1 or (shares.LEAST <= len(share) <= shares.MOST and all(one[1] <= shares.SMALL_BYTES for one in share))
