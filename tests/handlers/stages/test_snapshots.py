"""What was snapshotted is what is learned, and the same content is the same data, however it was put."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from handlers import fetch, transform
from handlers.contracts import BadData, TryAgain
from handlers.data.manifest import Dataset, load_dataset
from handlers.modelspec.parse import load
from handlers.runs import snapshots
from handlers.storage import Changed, FolderStore, ObjectInfo, Store, read_json
from tests.handlers.stages.world import World, month

GOOD, OTHER = month("2013-01-01", 30), month("2013-01-01", 30).replace(b",AA,", b",XX,")
Using = Callable[[Store], None]


@pytest.fixture
def using(monkeypatch: pytest.MonkeyPatch) -> Using:
    """Lets fetch and transform open this store."""

    def use(store: Store) -> None:
        for stage in (fetch, transform):
            monkeypatch.setattr(stage, "open_store", lambda: store)

    return use


def carriers(world: World, dataset: str) -> set[str]:
    return set(of(world, dataset).statistics["carrier"]["counts"])


def of(world: World, dataset: str) -> Dataset:
    return load_dataset(world.store, world.model, dataset)


def named_by_content(world: World) -> bool:
    """Whether the parts of every marker hold what its source's content names."""
    kinds = {hashlib.md5(data, usedforsecurity=False).hexdigest(): kind for data, kind in ((GOOD, "AA"), (OTHER, "XX"))}
    markers = [read_json(world.store, key) for key in world.keys("parts/") if key.endswith("parts.json")]
    return all(
        kinds.get(marker["source"][2], kind) == kind
        for marker in markers
        for part in marker["parts"]
        for kind in {"AA", "XX"} & set(part["statistics"]["carrier"]["counts"])
    )


def test_what_was_put_again_meanwhile_is_learned_under_its_own_name(world: World) -> None:
    world.put("1.csv", GOOD)
    _, first = world.snapshot("a")
    world.put("1.csv", OTHER)
    dataset = world.dataset(first, "a")
    request = world.request("a")
    assert carriers(world, dataset) == {"XX", "BB", "CC"}
    assert (request["before"], request["snapshot"] != first) == ([first], True)
    assert read_json(world.store, f"snapshots/late/{request['snapshot']}.json")["objects"][0][2] == hashlib.md5(OTHER).hexdigest()
    assert named_by_content(world)


def test_the_good_file_put_back_is_learned_again(world: World) -> None:
    world.put("1.csv", GOOD)
    _, first = world.snapshot("a")
    world.put("1.csv", OTHER)
    bad = world.dataset(first, "a")
    world.put("1.csv", GOOD)
    good = world.dataset(first, "b")
    assert (carriers(world, bad), carriers(world, good)) == ({"XX", "BB", "CC"}, {"AA", "BB", "CC"})


def test_a_run_that_took_a_new_snapshot_has_trained_that_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", GOOD)
    looked = world.snapshot

    def overtaken(run: str) -> tuple[str, str]:
        found = looked(run)
        world.put("1.csv", OTHER)
        return found

    monkeypatch.setattr(world, "snapshot", overtaken)
    assert world.run("a")["outcome"] == "promoted"
    assert looked("b") == ("already-trained", world.request("a")["snapshot"])
    world.put("1.csv", GOOD)
    assert looked("c")[0] == "train"


def test_a_removed_object_is_left_out(world: World) -> None:
    world.put("1.csv", GOOD)
    world.put("2.csv", month("2013-01-31", 5))
    _, snapshot = world.snapshot("a")
    world.store.delete("incoming/late/2.csv")
    assert {part.source for part in of(world, world.dataset(snapshot, "a")).parts} == {"incoming/late/1.csv"}
    _, later = world.snapshot("b")
    world.store.delete("incoming/late/1.csv")
    world.store.delete(f"parts/late/{of(world, world.output('dataset')).parts[0].key.split('/')[2]}/parts.json")
    with pytest.raises(BadData, match="no object is left under incoming/late/"):
        world.dataset(later, "b")


def test_a_process_that_wakes_after_another_made_the_dataset_gives_the_run_no_other_snapshot(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was reading an object when it stood still; the step was started again beside it, and then the object was put again."""
    world.put("1.csv", GOOD)
    _, snapshot = world.snapshot("a")
    real = transform.transform

    def asleep(*asked: Any) -> Any:
        monkeypatch.setattr(transform, "transform", real)
        world.dataset(snapshot, "a")
        world.put("1.csv", month("2013-02-10", 5))
        raise Changed("incoming/late/1.csv")

    monkeypatch.setattr(transform, "transform", asleep)
    with pytest.raises(TryAgain, match="another process of run a has made the dataset"):
        world.dataset(snapshot, "a")
    assert (world.request("a")["snapshot"], world.request("a")["made"]) == (snapshot, snapshot)


def test_a_process_that_is_done_after_another_took_a_new_snapshot_makes_that_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", GOOD)
    _, snapshot = world.snapshot("a")
    real = transform.transform

    def slow(*asked: Any) -> Any:
        monkeypatch.setattr(transform, "transform", real)
        found = real(*asked)
        world.put("2.csv", month("2013-01-31", 5))
        snapshots.renew(world.store, load(world.read_spec()), "a")
        return found

    monkeypatch.setattr(transform, "transform", slow)
    made = of(world, world.dataset(snapshot, "a"))
    assert {part.source for part in made.parts} == {"incoming/late/1.csv", "incoming/late/2.csv"}
    assert world.request("a")["made"] == world.request("a")["snapshot"] != snapshot


def test_parts_that_are_there_need_no_object(world: World) -> None:
    world.put("1.csv", GOOD)
    _, snapshot = world.snapshot("a")
    dataset = world.dataset(snapshot, "a")
    world.store.delete("incoming/late/1.csv")
    assert world.dataset(snapshot, "a") == dataset


class Restless(FolderStore):
    """A bucket in which an object is put again whenever it is about to be read."""

    puts = 0

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        self.puts += 1
        self.put(key, GOOD + f"2013-01-01,AA,{self.puts},true\n".encode())
        return super().chunks(key, etag)


def test_an_object_that_never_rests_is_tried_again_later(world: World, using: Using) -> None:
    world.put("1.csv", GOOD)
    _, snapshot = world.snapshot("a")
    using(Restless(world.folder))
    with pytest.raises(TryAgain, match=r"incoming/late/1.csv: changed while it was read"):
        world.dataset(snapshot, "a")
    assert world.keys("parts/") == []
    assert TryAgain.exit_code == 75


def test_what_was_made_of_the_other_objects_stays(world: World, using: Using) -> None:
    world.put("1.csv", GOOD)
    world.put("2.csv", month("2013-01-31", 5))
    _, snapshot = world.snapshot("a")
    world.put("2.csv", month("2013-01-31", 5, seed=1))
    read: list[str] = []

    class Reading(FolderStore):
        def chunks(self, key: str, etag: str) -> Iterator[bytes]:
            read.append(key)
            return super().chunks(key, etag)

    using(Reading(world.folder))
    world.dataset(snapshot, "a")
    assert read.count("incoming/late/1.csv") == 1


# ------------------------------------------------------------------------------------- identity is content


class InParts(FolderStore):
    """A bucket whose sources were put in parts of 64 kB: an ETag that is no digest of the content. Counts what is read."""

    part = 1 << 16
    mark = "-2"
    reads = 0

    def head(self, key: str) -> ObjectInfo | None:
        found = super().head(key)
        if found is None or not key.startswith("incoming/"):
            return found
        data = self.get(key)
        pieces = b"".join(hashlib.md5(data[n : n + self.part]).digest() for n in range(0, len(data), self.part))
        return ObjectInfo(key, found.size, hashlib.md5(pieces + b"p").hexdigest() + self.mark, found.modified)

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        self.reads += 1
        if (found := self.head(key)) is None or found.etag != etag:
            raise Changed(key)
        yield self.get(key)


def test_the_same_bytes_put_in_parts_are_not_new_data(world: World, using: Using) -> None:
    world.put("1.csv", GOOD)
    world.run("a")
    parts = world.keys("parts/")
    store = InParts(world.folder)
    using(store)
    assert world.snapshot("b") == ("already-trained", world.request("a")["snapshot"])
    assert store.reads == 1
    store.part = 1 << 15
    assert world.snapshot("c")[0] == "already-trained"
    assert world.keys("parts/") == parts


def test_what_was_read_once_is_remembered(world: World, using: Using) -> None:
    store = InParts(world.folder)
    using(store)
    world.put("1.csv", GOOD)
    first = world.snapshot("a")[1]
    world.put("2.csv", month("2013-01-31", 5))
    assert world.snapshot("b")[1] != first
    assert store.reads == 2
    world.snapshot("c")
    assert store.reads == 2
    assert len(world.keys("contents/late/")) == 2


def test_etags_that_only_look_like_digests_are_found_out(world: World, using: Using) -> None:
    """As of objects that a store keeps encrypted."""
    store = InParts(world.folder)
    store.mark = ""
    using(store)
    world.put("1.csv", GOOD)
    world.put("2.csv", month("2013-01-31", 5))
    _, snapshot = world.snapshot("a")
    dataset = world.dataset(snapshot, "a")
    request = world.request("a")
    found = read_json(world.store, f"snapshots/late/{request['snapshot']}.json")["objects"]
    assert found[0][2] == hashlib.md5(GOOD).hexdigest()
    world.put("3.csv", month("2013-02-05", 5))
    third = world.dataset(world.snapshot("b")[1], "b")
    assert "before" not in world.request("b")
    before, after = ({part.key.split("/")[2] for part in of(world, name).parts} for name in (dataset, third))
    assert (len(before), len(after), before < after) == (2, 3, True)


def test_an_object_under_another_name_makes_no_new_parts(world: World) -> None:
    world.put("1.csv", GOOD)
    first = world.dataset(world.snapshot("a")[1], "a")
    parts = world.keys("parts/")
    world.put("7.csv", GOOD)
    world.store.delete("incoming/late/1.csv")
    _, snapshot = world.snapshot("b")
    assert world.dataset(snapshot, "b") == first
    assert world.keys("parts/") == parts
    assert snapshot != world.request("a")["snapshot"]


def test_the_order_of_the_rows_is_part_of_a_dataset(world: World) -> None:
    world.put("1.csv", GOOD)
    world.put("2.csv", month("2013-01-01", 30, seed=1))
    first = world.dataset(world.snapshot("a")[1], "a")
    world.put("3.csv", GOOD)
    world.store.delete("incoming/late/1.csv")
    second = world.dataset(world.snapshot("b")[1], "b")
    keys: list[list[Any]] = [[part.key for part in of(world, name).of_role("train")] for name in (first, second)]
    assert sorted(keys[0]) == sorted(keys[1])
    assert (first != second, keys[0] != keys[1]) == (True, True)


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """What time it is in the bucket."""
    monkeypatch.setattr(FolderStore, "server_time", lambda self: datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def test_a_run_that_goes_on_after_midnight_gives_the_dataset_of_its_snapshot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which days are over is seen from the instant at which the run took its snapshot."""
    world.put("1.csv", month("2013-01-01", 30))
    at(monkeypatch, "2013-01-30T23:50:00")
    _, snapshot = world.snapshot("before")
    _, again = world.snapshot("resumed")
    before = of(world, world.dataset(snapshot, "before"))
    at(monkeypatch, "2013-01-31T00:10:00")
    assert of(world, world.dataset(again, "resumed")) == before
    assert before.split["test"][1] == "2013-01-29"
    after = of(world, world.dataset(world.snapshot("after")[1], "after"))
    assert after.split["test"][1] == "2013-01-30"


def test_a_new_snapshot_of_a_run_is_seen_from_its_own_instant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 29))
    at(monkeypatch, "2013-01-30T12:00:00")
    _, snapshot = world.snapshot("a")
    world.put("1.csv", month("2013-01-01", 30))
    at(monkeypatch, "2013-01-31T12:00:00")
    dataset = of(world, world.dataset(snapshot, "a"))
    assert (dataset.split["test"][1], world.request("a")["before"]) == ("2013-01-30", [snapshot])
