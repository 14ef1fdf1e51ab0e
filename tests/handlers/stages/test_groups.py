"""Groups are kept together: by time by leaving rows out, by hash and random by the group's place, with `stratify` too."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from handlers.contracts import BadData
from handlers.data.manifest import Dataset
from tests.handlers.stages.datasets import dense, made, rows
from tests.handlers.stages.world import World, changed

COLUMNS = {"n": "int", "day": "date", "user": "string", "kind": "string", "x": "float", "late": "boolean"}
FIRST = date(2013, 1, 1)
ROLES = ("train", "valid", "test")


def visits(first: int, days: int, seed: int, rows_a_day: int = 40) -> list[dict[str, Any]]:
    """Rows of users who come and go: each is seen on some of twelve days from the first on."""
    random = np.random.default_rng(seed)
    found = []
    for n in range(days * rows_a_day):
        day = first + n // rows_a_day
        user = f"u{(day - int(random.integers(0, 12))) * 5 + int(random.integers(0, 5))}"
        x = float(random.normal())
        late = bool(random.random() < 1 / (1 + np.exp(-2 * x)))
        found.append({"n": seed * 100_000 + n, "day": day, "user": user, "kind": "AB"[n % 2], "x": x, "late": late})
    return found


def csv(found: list[dict[str, Any]]) -> bytes:
    lines = [f"{r['n']},{FIRST + timedelta(days=r['day'])},{r['user']},{r['kind']},{r['x']!r},{str(r['late']).lower()}" for r in found]
    return "\n".join([",".join(COLUMNS), *lines, ""]).encode()


@pytest.fixture
def world(world: World) -> World:
    world.spec = changed(
        world.spec,
        data__group="user",
        data__key=["n", "day"],
        data__split={"by": "time", "column": "day", "gap": "1d", "valid": "8d", "test": "8d", "part": "week"},
        features={"n": {"type": "number"}, "x": {"type": "number"}},
        training__epochs=1,
        search=None,
        promote={"gate": {"metric": "roc_auc", "at_least": 0.5}},
    )
    world.spec["data"]["sources"]["incoming"]["columns"] = COLUMNS
    return world


def numbers(world: World, dataset: Dataset) -> dict[str, set[int]]:
    """The rows of each role, by their number."""
    return {role: {int(v) for b in rows(world, dataset, role) for v in dense(b)[:, 0]} for role in ROLES}


def expected(found: list[dict[str, Any]], ends: dict[str, list[str]]) -> dict[str, set[int]]:
    """The same, row by row: a user's role is that of the first day that has one, and rows of it in other roles are left out."""
    span = {role: [(date.fromisoformat(end) - FIRST).days for end in ends[role]] for role in ROLES}
    role_of: dict[str, str] = {}
    of: dict[str, set[int]] = {role: set() for role in ROLES}
    for row in sorted(found, key=lambda r: r["day"]):
        role = next((role for role, (low, high) in span.items() if low <= row["day"] <= high), None)
        if role and role_of.setdefault(row["user"], role) == role:
            of[role].add(row["n"])
    return of


@pytest.mark.parametrize("part", ["day", "week", "auto"])
def test_a_group_has_the_role_of_its_first_row(world: World, part: str) -> None:
    world.spec["data"]["split"]["part"] = part
    early, late = visits(0, 30, 1), visits(25, 20, 2)
    world.put("2.csv", csv(early))
    world.put("1.csv", csv(late))
    dataset, summary, _ = made(world)
    found = numbers(world, dataset)
    assert found == expected([*early, *late], dataset.split)
    assert summary["rows"] == {role: len(of) for role, of in found.items()}
    in_days = {
        role: sum(dataset.split[role][0] <= str(FIRST + timedelta(days=r["day"])) <= dataset.split[role][1] for r in [*early, *late])
        for role in ROLES
    }
    assert summary["left_out"] == {role: in_days[role] - len(found[role]) for role in ("valid", "test")}
    assert min(summary["left_out"].values()) > 50


def test_what_was_left_out_is_made_once(world: World) -> None:
    world.spec["data"]["split"]["part"] = "day"
    world.put("1.csv", csv(visits(0, 45, 1)))
    first, _, _ = made(world, "a")
    second, _, store = made(world, "b")
    assert second == first
    assert [key for key in store.put_keys if key.startswith("parts/")] == []
    assert [key for key in store.got if key.endswith(".parquet")] == []


def test_intervals_resample_groups_and_the_days_where_they_are_asked(world: World) -> None:
    world.put("1.csv", csv(visits(0, 45, 1)))
    world.run("a")
    verdict = world.verdict("a")
    dataset, _, _ = made(world, "b")
    users = {u for b in rows(world, dataset, "test") for u in b.cluster.tolist()}
    assert (verdict["resampled"], verdict["metrics"]["roc_auc"]["challenger"]["clusters"]) == ("user group", len(users))
    world.spec["evaluate"]["interval"] = {"cluster": "day"}
    world.run("c")
    assert (world.verdict("c")["resampled"], world.verdict("c")["metrics"]["roc_auc"]["challenger"]["clusters"]) == ("day", 8)


@pytest.mark.parametrize("lengths", [{}, {"valid": "3d", "test": "30d", "gap": "0d"}])
def test_the_champion_judges_no_group_that_it_has_learned(world: World, lengths: dict[str, str]) -> None:
    before, after = visits(0, 45, 1), visits(40, 12, 2)
    world.put("1.csv", csv(before))
    world.run("a")
    champion, _, _ = made(world, "x")
    of_number = {row["n"]: row for row in [*before, *after]}
    of = numbers(world, champion)
    learned = [of_number[n] for n in of["train"] | of["valid"]]
    users, days = {row["user"] for row in learned}, {row["day"] for row in learned}
    world.spec["data"]["split"] |= lengths
    world.put("2.csv", csv(after))
    world.run("b")
    dataset, _, _ = made(world, "y")
    test = [of_number[n] for n in numbers(world, dataset)["test"]]
    fresh = [row for row in test if row["user"] not in users and row["day"] not in days]
    verdict = world.verdict("b")
    assert "champion" in verdict["metrics"]["roc_auc"]
    assert verdict["rows"] == len(fresh)
    words = f"left out, because the champion has learned them: {len(test) - len(fresh)} rows"
    assert (words in verdict["compared"]) == bool(lengths)


def test_a_champion_whose_rows_are_gone_is_not_compared_with(world: World) -> None:
    world.put("1.csv", csv(visits(0, 45, 1)))
    world.run("a")
    gone, _, _ = made(world, "x")
    world.put("1.csv", csv(visits(0, 55, 2)))
    key = gone.of_role("train")[0].key
    world.store.delete(key)
    world.run("b")
    verdict = world.verdict("b")
    assert "champion" not in verdict["metrics"]["roc_auc"]
    assert (
        f"the test rows may have groups that the champion has learned, and what it has learned cannot be read ({key}" in verdict["compared"]
    )


def test_a_group_that_begins_anew_is_never_compared_in_silence(world: World) -> None:
    world.spec["data"].pop("group")
    world.put("1.csv", csv(visits(0, 45, 1)))
    world.run("a")
    world.spec["data"]["group"] = "user"
    world.run("b")
    assert "(data.group has changed)" in world.verdict("b")["compared"]


def test_a_role_whose_groups_are_all_known_is_told(world: World) -> None:
    world.put("1.csv", csv([{**row, "user": f"u{row['n'] % 7}"} for row in visits(0, 45, 1)]))
    words = (
        r"0 rows for valid \(.* of 'day'\), but at least 10 are needed; 320 rows left out, whose user is in an earlier role \(data\.group\)"
    )
    with pytest.raises(BadData, match=words):
        made(world)


def test_a_row_without_a_group_is_bad_data(world: World) -> None:
    found = visits(0, 45, 1)
    found[7]["user"] = ""
    world.put("1.csv", csv(found))
    with pytest.raises(BadData, match=r"1\.csv: column 'user' is missing in 1 row; the split needs it in every row \(data\.group\)"):
        made(world)


# --------------------------------------------------------------------------------------------- stratify


@pytest.mark.parametrize("split", [{"by": "hash", "key": ["user"]}, {"by": "random", "seed": 3}])
def test_with_strata_too_a_group_keeps_its_role_for_ever(world: World, split: dict[str, Any]) -> None:
    world.spec["data"]["split"] = {**split, "stratify": "kind", "valid": 0.2, "test": 0.3}
    before = visits(0, 45, 1)
    world.put("1.csv", csv(before))
    first, _, _ = made(world, "a")
    users = {row["n"]: row["user"] for row in before}
    at_first = numbers(world, first)
    role_of = {users[n]: role for role, of in at_first.items() for n in of}
    assert all(role_of[users[n]] == role for role, of in at_first.items() for n in of)
    # every user's later rows are of a kind that none of them had
    after = [{**row, "kind": "C"} for row in visits(0, 45, 2)]
    world.put("0.csv", csv(after))
    second, _, _ = made(world, "b")
    users |= {row["n"]: row["user"] for row in after}
    found = numbers(world, second)
    assert all(at_first[role] <= found[role] for role in ROLES)
    assert all(role_of.get(users[n], role) == role for role, of in found.items() for n in of)


def test_strata_are_promised_by_groups(world: World) -> None:
    world.spec["data"]["split"] = {"by": "hash", "key": ["user"], "stratify": "kind", "valid": 0.2, "test": 0.3}
    found = visits(0, 45, 1)
    dataset, role_of = None, {}
    world.put("1.csv", csv(found))
    dataset, _, _ = made(world, "a")
    users = {row["n"]: row["user"] for row in found}
    role_of = {users[n]: role for role, of in numbers(world, dataset).items() for n in of}
    trained = sorted(user for user, role in role_of.items() if role == "train")
    few, many = set(trained[:19]), set(trained[:20])
    # hundreds of rows of nineteen groups promise nothing
    world.put("1.csv", csv([{**row, "kind": "C"} if row["user"] in few else row for row in found]))
    made(world, "b")
    world.put("1.csv", csv([{**row, "kind": "C"} if row["user"] in many else row for row in found]))
    with pytest.raises(BadData, match=r"no row of valid has 'kind' C, which 20 user groups have; give valid a larger share"):
        made(world, "c")


def test_the_last_row_wins_without_the_stratum_in_its_key(world: World) -> None:
    world.spec["data"] |= {"key": ["n", "user"], "on_duplicate": "last"}
    world.spec["data"]["split"] = {"by": "hash", "key": ["user"], "stratify": "kind", "valid": 0.2, "test": 0.3}
    found = visits(0, 20, 1)
    world.put("1.csv", csv(found))
    world.put("2.csv", csv([{**row, "kind": "B" if row["kind"] == "A" else "A"} for row in found[:100]]))
    _, summary, _ = made(world)
    assert sum(summary["rows"].values()) == len(found)
