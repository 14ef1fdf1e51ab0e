"""Parts made by a pod a batch: balanced, written down once, and with whatever comes of a batch the dataset of one pod."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import contracts, failures, fetch, transform
from handlers.contracts import BadSpec, WrongUsage
from handlers.runs import batches
from handlers.storage import FolderStore, read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_interrupted import empty, there
from tests.handlers.stages.test_scopes import ROLLING, sales, shop
from tests.handlers.stages.world import World, month

__all__ = ["shop"]
MONTHS = {f"{n}.csv": month(f"2013-{n:02}-01", 5 + n, seed=n) for n in range(1, 7)}
LEAST = batches.LEAST_BYTES


@given(st.lists(st.integers(0, 3 * LEAST), max_size=30), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_batches_hold_each_object_once_and_about_the_same(sizes: list[int], most: int) -> None:
    found = batches.cut(list(range(len(sizes))), sizes.__getitem__, most)
    loads = [sum(sizes[index] for index in batch) for batch in found]
    if not found:
        assert min(most, len(sizes), sum(sizes) // LEAST) < 2
        return
    assert sorted(index for batch in found for index in batch) == list(range(len(sizes)))
    assert 2 <= len(found) <= most
    assert all(batch == sorted(batch) for batch in found)
    assert max(loads) <= sum(sizes) / len(found) + max(sizes)


@pytest.fixture
def wide(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Three pods, however little there is to make."""
    monkeypatch.setattr(batches, "LEAST_BYTES", 1)
    world.spec["resources"] = {"transform": {"parallel": 3}}
    for name, data in MONTHS.items():
        world.put(name, data)
    return world


def fetched(world: World, run: str = "r") -> tuple[str, list[int]]:
    """(the snapshot, the batches) of a run."""
    where = [word for name in ("snapshot", "batches") for word in (f"--{name}-out", str(world.out / name))]
    fetch.run(["snapshot", "--model", "late", "--spec", world.read_spec(), "--run", run, *where])
    return world.output("snapshot"), json.loads(world.output("batches"))


def make(world: World, batch: int, run: str = "r") -> None:
    transform.run(["make", "--model", "late", "--spec", world.read_spec(), "--run", run, "--batch", str(batch)])


def alone(world: World) -> tuple[str, dict[str, bytes]]:
    """(the dataset, what the bucket has) of one pod; the bucket is left as it was before."""
    dataset = world.dataset(world.snapshot("alone")[1], "alone")
    found = there(world)
    empty(world)
    world.store.delete("runs/late/claim.json")
    return dataset, found


def test_three_pods_make_what_one_does(wide: World) -> None:
    expected = alone(wide)
    snapshot, numbers = fetched(wide)
    assert numbers == [0, 1, 2]
    written = read_json(wide.store, "runs/late/r/batches.json")
    assert written["snapshot"] == snapshot
    assert sorted(source[0] for batch in written["batches"] for _, source in batch) == [f"incoming/late/{name}" for name in MONTHS]
    for number in numbers:
        before = set(there(wide))
        make(wide, number)
        fresh = {key for key in set(there(wide)) - before if key.endswith("parts.json")}
        assert len(fresh) == len(written["batches"][number])
    parts = set(there(wide))
    assert (wide.dataset(snapshot, "r"), there(wide)) == expected
    assert {key.split("/")[0] for key in set(there(wide)) - parts} == {"datasets"}, "nothing is left to make"


def test_what_is_there_is_listed_and_no_marker_is_asked_for(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def remembered(method: Callable[[FolderStore, str], Any]) -> Callable[[FolderStore, str], Any]:
        def found(store: FolderStore, key: str) -> Any:
            asked.append(key)
            return method(store, key)

        return found

    for method in ("head", "get"):
        monkeypatch.setattr(FolderStore, method, remembered(getattr(FolderStore, method)))
    wide.dataset(fetched(wide)[0], "r")
    wide.put("7.csv", month("2013-07-01", 5))
    wide.put("8.csv", month("2013-08-01", 5))
    wide.store.delete("runs/late/claim.json")
    listed = FolderStore.list

    def one_request(store: FolderStore, prefix: str) -> Any:
        before = asked[:]
        found = list(listed(store, prefix))
        asked[:] = [*before, f"list {prefix}"]
        return iter(found)

    monkeypatch.setattr(FolderStore, "list", one_request)
    del asked[:]
    assert len(fetched(wide, "later")[1]) == 2
    assert [key for key in asked if "parts/" in key] == ["list parts/late/"]


def test_raw_parts_of_a_query_over_many_rows(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "LEAST_BYTES", 1)
    shop.spec["resources"] = {"transform": {"parallel": 2}}
    shop.spec["data"]["query"] = {"sql": ROLLING, "scope": {"lookback": "1d"}}
    for n in range(3):
        shop.put(f"{n}.csv", sales(3 * n, 3))
    expected = alone(shop)
    snapshot, numbers = fetched(shop)
    for number in numbers:
        make(shop, number)
    assert (numbers, len([key for key in there(shop) if key.endswith("raw.json")])) == ([0, 1], 3)
    assert (shop.dataset(snapshot, "r"), there(shop)) == expected


def test_where_one_pod_is_enough_there_are_no_batches(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(batches, "LEAST_BYTES", LEAST)
        snapshot, numbers = fetched(wide, "little")
    assert (numbers, "runs/late/little/batches.json" in wide.keys("runs/")) == ([], False)
    wide.store.delete("runs/late/claim.json")
    wide.spec["resources"] = {}
    assert fetched(wide, "one")[1] == []
    wide.store.delete("runs/late/claim.json")
    wide.spec["resources"] = {"transform": {"parallel": 3}}
    wide.dataset(snapshot, "little")
    assert fetched(wide, "made")[1] == []
    wide.put("7.csv", month("2013-07-01", 5))
    wide.store.delete("runs/late/claim.json")
    assert fetched(wide, "one-more")[1] == [], "one object is missing"


def test_batches_are_written_once(wide: World) -> None:
    _, numbers = fetched(wide)
    written = wide.store.get("runs/late/r/batches.json")
    make(wide, 0)
    assert fetched(wide)[1] == numbers
    assert wide.store.get("runs/late/r/batches.json") == written
    with pytest.raises(WrongUsage, match=r"--batch 3: runs/late/r/batches.json has no such batch"):
        make(wide, 3)


@pytest.mark.parametrize("write", [1, 4])
def test_what_a_killed_batch_has_left_is_made_by_who_follows(wide: World, monkeypatch: pytest.MonkeyPatch, write: int) -> None:
    expected = alone(wide)
    snapshot, _ = fetched(wide)
    dying = Dying(wide.folder)
    dying.left = write
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(transform, "open_store", lambda: dying)
        patch.setattr(transform, "Heartbeat", Still)
        make(wide, 1)
    assert there(wide).items() <= expected[1].items()
    make(wide, 2)
    assert (wide.dataset(snapshot, "r"), there(wide)) == expected


class Still:
    """No heartbeat, whose writes are counted too."""

    def __init__(self, *given: Any) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *given: Any) -> None:
        pass


def test_the_reason_of_a_bad_file_reaches_the_person_once(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends no batch with an error; who follows meets it, and says it as one pod says it."""
    for name in ("2.csv", "5.csv"):
        wide.put(name, MONTHS[name].replace(b",true\n", b",perhaps\n", 1))
    snapshot, numbers = fetched(wide)
    monkeypatch.setattr(sys, "argv", ["transform"])
    common = ["--model", "late", "--spec", wide.read_spec(), "--run", "r"]
    for number in numbers:
        contracts.main(transform.run, ["make", *common, "--batch", str(number)])
    with pytest.raises(SystemExit) as ended:
        contracts.main(transform.run, [*common, "--snapshot", snapshot])
    reasons = failures.of_run(wide.store, "late", "r")
    assert (ended.value.code, [reason["step"] for reason in reasons]) == (65, ["transform"])
    assert "incoming/late/2.csv" in reasons[0]["message"]
    assert "perhaps" in reasons[0]["message"]


def test_an_object_that_is_put_again_is_left_to_who_follows(wide: World) -> None:
    snapshot, numbers = fetched(wide)
    wide.put("3.csv", month("2013-03-01", 8, seed=99))
    for number in numbers:
        make(wide, number)
    dataset = wide.dataset(snapshot, "r")
    assert wide.request("r")["before"] == [snapshot]
    wide.store.delete("runs/late/claim.json")
    assert dataset == wide.dataset(wide.snapshot("later")[1], "later")


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({"transform": {"parallel": 2, "gpu": 1}}, "resources.transform.gpu"),
        ({"fetch": {"cpu": 2}}, "resources.fetch; supported are resources.train, resources.evaluate and resources.transform"),
        ({"train": {"parallel": 2}}, "resources.train.parallel"),
        ({"evaluate": {"parallel": 2}}, "resources.evaluate.parallel"),
    ],
)
def test_what_is_not_supported_beside_it_is_refused(world: World, resources: dict[str, Any], reason: str) -> None:
    world.spec["resources"] = resources
    with pytest.raises(BadSpec, match=f"not supported yet: {reason}"):
        world.read_spec()


def test_how_many_pods_make_parts_changes_no_name(wide: World) -> None:
    first = wide.snapshot("r")[1]
    wide.spec["resources"]["transform"]["parallel"] = 1
    assert wide.snapshot("q")[1] == first
    assert wide.request("q")["digest"] == wide.request("r")["digest"]
