"""Every kind of split from files to a verdict: what is learned, what is compared on, and what is refused."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from handlers.contracts import BadData
from handlers.data.manifest import Dataset, load_dataset
from handlers.data.read import Batch
from tests.handlers.stages.datasets import made, rows
from tests.handlers.stages.world import World, changed

COLUMNS = {"id": "int", "user": "string", "year": "int", "kind": "string", "x": "float", "w": "float", "late": "boolean"}


def people(first: int, count: int, signal: float = 2.0) -> list[str]:
    """Lines of rows whose values follow from their number alone."""
    lines = []
    for n in range(first, first + count):
        random = np.random.default_rng(n)
        x = random.normal()
        late = random.random() < 1 / (1 + np.exp(-signal * x))
        lines.append(f"{n},u{n % 40},{1980 + n % 30},{'ABC'[n % 3]},{x:.9f},{1 + n % 2},{str(late).lower()}")
    return lines


def csv(lines: list[str]) -> bytes:
    return "\n".join([",".join(COLUMNS), *lines, ""]).encode()


@pytest.fixture
def table(world: World) -> World:
    """The small world with rows that no clock orders."""
    world.spec = changed(
        world.spec,
        data__split={"by": "hash", "key": ["id"], "valid": 0.2, "test": 0.2},
        data__key=["id"],
        features={"x": {"type": "number"}, "kind": {"type": "category"}},
        training__epochs=2,
        search=None,
        promote={"gate": {"metric": "roc_auc", "at_least": 0.55}},
    )
    world.spec["data"]["sources"]["incoming"]["columns"] = COLUMNS
    return world


def of_roles(world: World, dataset: Dataset) -> dict[str, set[float]]:
    """Each role's rows, told apart by the value of x."""
    return {role: set(values_of(world, dataset, role)) for role in ("train", "valid", "test")}


def values_of(world: World, dataset: Dataset, role: str) -> list[float]:
    return [float(v) for batch in rows(world, dataset, role) for v in batch.X.toarray()[:, 0]]


@pytest.mark.parametrize(
    "split",
    [{"by": "hash", "key": ["id"]}, {"by": "random", "seed": 5}, {"by": "random"}, {"by": "hash", "key": ["id"], "stratify": "kind"}],
)
def test_new_rows_never_move_old_ones(table: World, split: dict[str, Any]) -> None:
    table.spec["data"]["split"] = {**split, "valid": 0.2, "test": 0.2}
    if split == {"by": "random"}:
        table.spec["data"]["key"] = []
    table.put("1.csv", csv(people(0, 600)))
    first, summary, _ = made(table, "a")
    before = of_roles(table, first)
    assert sum(summary["rows"].values()) == 600
    assert all(80 < summary["rows"][role] < 160 for role in ("valid", "test"))
    table.put("0.csv", csv(list(reversed(people(600, 300)))))
    second, summary, store = made(table, "b")
    after = of_roles(table, second)
    assert all(before[role] < after[role] for role in before)
    assert len({*after["train"], *after["valid"], *after["test"]}) == 900
    assert (summary["rows_made"], len([key for key in store.put_keys if key.endswith(".parquet")])) == (300, 3)


def test_a_whole_run_by_hash_resamples_rows(table: World) -> None:
    table.put("1.csv", csv(people(0, 1000)))
    assert table.run("a")["outcome"] == "promoted"
    verdict = table.verdict("a")
    test = verdict["metrics"]["roc_auc"]["challenger"]
    assert verdict["resampled"] == "row"
    assert test["clusters"] == test["rows"] == verdict["rows"]
    assert verdict["compared"] == f"{verdict['rows']} rows of test (20 % of all)"
    assert table.champion()["learned"].keys() == {"rows"}


def test_groups_are_never_parted_and_are_resampled(table: World) -> None:
    table.spec["data"] |= {"group": "user", "split": {"by": "random", "valid": 0.2, "test": 0.3}}
    table.spec["features"] = {"x": {"type": "number"}, "user": {"type": "category"}}
    table.put("1.csv", csv(people(0, 800)))
    table.run("a")
    verdict = table.verdict("a")
    dataset = load_dataset(table.store, "late", verdict["dataset"])
    users = {role: {int(i) for b in rows(table, dataset, role) for i in np.unique(b.cluster)} for role in ("train", "valid", "test")}
    assert sum(len(of) for of in users.values()) == len(set.union(*users.values())) == 40
    assert (verdict["resampled"], verdict["metrics"]["roc_auc"]["challenger"]["clusters"]) == ("user group", len(users["test"]))


@pytest.mark.parametrize(("cluster", "count"), [("row", None), ("kind", 3), (None, None)])
def test_what_is_resampled_can_be_said(table: World, cluster: str | None, count: int | None) -> None:
    table.spec["evaluate"]["interval"] = {"cluster": cluster} if cluster else {}
    table.put("1.csv", csv(people(0, 300)))
    dataset, _, _ = made(table)
    found = np.concatenate([batch.cluster for batch in rows(table, dataset, "test")])
    assert len(np.unique(found)) == (count or len(found))


def test_the_number_of_a_row_is_the_same_in_every_order(table: World) -> None:
    table.put("1.csv", csv(people(0, 300)))
    table.put("2.csv", csv(people(300, 300)))
    dataset, _, _ = made(table)

    def numbers(found: list[Batch]) -> list[tuple[int, float]]:
        return sorted((int(n), float(y)) for batch in found for n, y in zip(batch.cluster, batch.X.toarray()[:, 0], strict=True))

    assert numbers(rows(table, dataset)) == numbers(rows(table, dataset, seed=3))


def test_weights_and_slices_go_with_every_split(table: World) -> None:
    table.spec["data"]["weight"] = "w"
    table.spec["evaluate"]["slices"] = {"kind": {"min_rows": 10}}
    table.put("1.csv", csv(people(0, 800)))
    table.run("a")
    assert {row["value"] for row in table.verdict("a")["slices"]} == {"A", "B", "C"}


@pytest.mark.parametrize("on_duplicate", ["error", "last"])
def test_a_key_in_two_objects_has_one_role_and_is_found(table: World, on_duplicate: str) -> None:
    table.spec["data"]["on_duplicate"] = on_duplicate
    table.put("1.csv", csv(people(0, 600)))
    before, counts, _ = made(table, "a")
    again = [line.rsplit(",", 3)[0] + ",77,1,true" for line in people(10, 5)]
    table.put("2.csv", csv(again))
    if on_duplicate == "error":
        with pytest.raises(
            BadData, match=r"incoming/late/1\.csv and incoming/late/2\.csv: \d keys? occurs? more than once, for example id=1\d;"
        ):
            made(table, "b")
        return
    found, summary, _ = made(table, "b")
    assert summary["rows"] == counts["rows"]
    assert sum(list(of).count(77.0) for of in (values_of(table, found, role) for role in ("train", "valid", "test"))) == 5
    third, summary, store = made(table, "c")
    assert third == found
    assert [key for key in store.put_keys if key.startswith("parts/")] == []
    assert before.digest != found.digest


def test_an_object_that_is_replaced_whole_leaves_no_rows(table: World) -> None:
    table.spec["data"]["on_duplicate"] = "last"
    table.put("1.csv", csv(people(0, 400)))
    table.put("2.csv", csv(people(0, 400)))
    dataset, summary, _ = made(table)
    assert sum(summary["rows"].values()) == 400
    assert {part.source for part in dataset.parts} == {"incoming/late/2.csv"}


# -------------------------------------------------------------------------------------- against the champion


def test_with_other_shares_only_rows_that_the_champion_never_saw_are_compared_on(table: World) -> None:
    table.put("1.csv", csv(people(0, 1000)))
    table.run("a")
    alone = table.verdict("a")["rows"]
    table.spec["data"]["split"]["test"] = 0.3
    table.run("b")
    verdict = table.verdict("b")
    assert verdict["rows"] == alone
    assert f"{alone} rows of test (30 % of all); left out, because the champion has learned them: " in verdict["compared"]
    assert "champion" in verdict["metrics"]["roc_auc"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"by": "random", "seed": 1}, {"by": "random", "seed": 2}, "data.split.seed has changed"),
        ({"by": "hash", "key": ["id"]}, {"by": "hash", "key": ["user"]}, "data.split.key has changed"),
        ({"by": "hash", "key": ["id"]}, {"by": "random"}, "data.split.by has changed"),
        ({"by": "hash", "key": ["id"]}, {"by": "hash", "key": ["id"], "stratify": "kind"}, "data.split.stratify has changed"),
    ],
)
def test_another_split_is_never_compared_in_silence(table: World, before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    table.spec["data"]["split"] = {**before, "valid": 0.2, "test": 0.2}
    table.spec["promote"]["gate"].pop("at_least")
    table.put("1.csv", csv(people(0, 1000)))
    table.run("a")
    table.spec["data"]["split"] = {**after, "valid": 0.2, "test": 0.2}
    result = table.run("b")
    assert result["outcome"] == "refused"
    assert f"rows that the champion has learned may be among the test rows ({words})" in result["reason"]


def test_rows_known_by_their_values_alone_are_others_after_another_query(table: World) -> None:
    table.spec["data"] |= {"key": [], "split": {"by": "random", "valid": 0.2, "test": 0.2}}
    table.put("1.csv", csv(people(0, 800)))
    table.run("a")
    table.spec["data"]["query"] = {"sql": "SELECT * EXCLUDE (w) FROM incoming"}
    table.run("b")
    assert "(the columns by which rows are split have changed)" in table.verdict("b")["reason"]


# --------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"data__split__test": 0.01},
            "for test (1 % of the rows), but at least 10 are needed; there are 300 rows in all: give test a larger share",
        ),
        ({"data__split__stratify": "x"}, "data.split.stratify: 'x' must be a string, int or boolean column"),
        ({"evaluate__interval": {"cluster": "knid"}}, "evaluate.interval.cluster: 'knid' is not a column"),
    ],
)
def test_what_cannot_be_is_told(table: World, changes: dict[str, Any], words: str) -> None:
    table.spec = changed(table.spec, **changes)
    table.put("1.csv", csv(people(0, 300)))
    with pytest.raises(Exception, match=r"\w") as refused:
        made(table)
    assert words in str(refused.value)


def test_rows_that_differ_too_little_are_told(table: World) -> None:
    first, *_ = people(0, 300)
    table.spec = changed(table.spec, data__key=[], data__split={"by": "random", "valid": 0.2, "test": 0.2})
    table.put("1.csv", csv([first] * 300))
    with pytest.raises(
        BadData, match=r"0 rows for \w+ .*rows with the same values stay together, and too few of the 300 rows differ in that"
    ):
        made(table)


def test_a_role_of_one_class_is_told_in_percents(table: World) -> None:
    table.put("1.csv", csv([line.rsplit(",", 1)[0] + ",true" for line in people(0, 300)]))
    with pytest.raises(BadData, match=r"'late' is true in every row of train \(60 % of the rows\); two classes are needed"):
        made(table)


def test_a_value_that_a_role_lacks_is_named(table: World) -> None:
    table.spec["data"] |= {"key": [], "split": {"by": "hash", "key": ["user"], "stratify": "user", "valid": 0.2, "test": 0.2}}
    table.put("1.csv", csv(people(0, 1200)))
    with pytest.raises(BadData, match=r"data\.split\.stratify: no row of (train|valid|test) has 'user' u\d+, which 30 rows have"):
        made(table)


# ------------------------------------------------------------------------------------------------ time


@pytest.mark.parametrize("unit", ["year", "step"])
def test_years_and_steps_are_split_by_their_number(table: World, unit: str) -> None:
    table.spec["data"]["split"] = {"by": "time", "column": "year", "unit": unit, "gap": 1, "valid": 4, "test": 3}
    table.spec["evaluate"]["baseline"] = "majority"
    table.put("1.csv", csv(people(0, 900)))
    table.run("a")
    verdict = table.verdict("a")
    dataset = load_dataset(table.store, "late", verdict["dataset"])
    assert dataset.split == {"train": [1980, 2000], "valid": [2002, 2005], "test": [2007, 2009]}
    assert [sum(part.rows for part in dataset.of_role(role)) for role in ("train", "valid", "test")] == [630, 120, 90]
    newest = "90 rows of 3 test years, 2007 to 2009" if unit == "year" else "90 rows of test steps 2007 to 2009"
    assert verdict["compared"] == newest
    assert (verdict["resampled"], verdict["metrics"]["roc_auc"]["challenger"]["clusters"]) == (unit, 3)
    table.spec["data"]["split"] |= {"test": 6, "gap": 0}
    table.run("b")
    left_out = "2 test years, 2004 to 2005" if unit == "year" else "60 rows"
    compared = newest.replace("90", "120").replace("3 test", "4 test").replace("2007", "2006")
    assert table.verdict("b")["compared"] == f"{compared}; left out, because the champion has learned them: {left_out}"


def daily(first: str, days: int, rows_a_day: int = 1, seed: int = 0) -> bytes:
    random = np.random.default_rng(seed)
    lines = ["day,carrier,distance,late"]
    for n in range(days * rows_a_day):
        day, late = date.fromisoformat(first) + timedelta(days=n // rows_a_day), random.random() < 0.5
        lines.append(f"{day},AA,{random.normal(1000, 300):.1f},{str(late).lower()}")
    return ("\n".join(lines) + "\n").encode()


def test_small_days_lie_in_few_parts_and_are_cut_where_a_role_ends(world: World) -> None:
    world.spec["data"]["split"] |= {"part": "auto", "valid": "60d", "test": "90d"}
    world.put("1.csv", daily("2009-01-01", 1461))
    few, summary, store = made(world, "a")
    assert len([key for key in store.put_keys if key.endswith(".parquet")]) == 2
    assert summary["rows"] == {"train": 1309, "valid": 60, "test": 90}
    world.spec["data"]["split"]["test"] = "30d"
    moved, summary, store = made(world, "b")
    assert (summary["objects_read"], [key for key in store.put_keys if key.startswith("parts/")]) == (0, [])
    assert summary["rows"] == {"train": 1369, "valid": 60, "test": 30}
    world.spec["data"]["split"] |= {"part": "month", "test": "90d"}
    months, _, _ = made(world, "c")
    assert months.split == few.split != moved.split
    for role in ("train", "valid", "test"):
        one, other = (rows(world, dataset, role) for dataset in (few, months))
        assert [float(v) for b in one for v in b.y] == [float(v) for b in other for v in b.y]
        assert [int(v) for b in one for v in b.cluster] == [int(v) for b in other for v in b.cluster]
    assert few.statistics["distance"]["count"] == months.statistics["distance"]["count"] == 1309
    assert few.statistics["distance"]["mean"] == pytest.approx(months.statistics["distance"]["mean"], rel=1e-12)


def test_the_last_object_wins_within_large_parts(world: World) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"] = {"id": "int", "day": "date", "distance": "float", "late": "boolean"}
    world.spec["data"] |= {"key": ["id", "day"], "on_duplicate": "last"}
    world.spec["data"]["split"]["part"] = "auto"
    world.spec["features"] = {"distance": {"type": "number"}}
    lines = [f"{n},{date(2013, 1, 1) + timedelta(days=n // 20)},{n},{str(n % 2 == 0).lower()}" for n in range(600)]
    world.put("a.csv", ("\n".join(["id,day,distance,late", *lines]) + "\n").encode())
    _, before, _ = made(world, "a")
    newer = [line.replace(f",{line.split(',')[2]},", ",9000,") for line in lines[100:140]]
    world.put("b.csv", ("\n".join(["id,day,distance,late", *newer]) + "\n").encode())
    dataset, after, _ = made(world, "b")
    assert after["rows"] == before["rows"]
    assert dataset.statistics["distance"]["max"] == 9000
    found = [v for batch in rows(world, dataset) for v in batch.X[:, 0].tolist()]
    assert found.count(9000.0) == 40
    assert sorted(found)[:2] == [0.0, 1.0]
    # only the units that both objects have are looked at, and only once
    _, _, store = made(world, "c")
    assert not [key for key in store.put_keys if key.startswith("parts/")]
    assert not [key for key in store.got if key.endswith(".parquet") and key not in {part.key for part in dataset.parts}]


def test_a_manifest_of_an_earlier_release_is_read(world: World) -> None:
    world.put("1.csv", daily("2013-01-01", 30, 20))
    dataset, _, _ = made(world)
    key = f"datasets/late/{dataset.digest}.json"
    tree = json.loads(world.store.get(key))
    tree.pop("unit")
    for part in tree["parts"]:
        part["day"] = str(date(1970, 1, 1) + timedelta(days=part.pop("units")[0]))
        part.pop("first")
    world.store.put(key, json.dumps(tree).encode())
    assert load_dataset(world.store, "late", dataset.digest) == dataset
