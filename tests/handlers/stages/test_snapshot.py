"""What a run would be trained on now, and what becomes of files that are put again, come late or are removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import snapshot
from handlers.data.manifest import load_dataset
from tests.handlers.stages.world import World, month


def asked(world: World, capsys: pytest.CaptureFixture[str], output: str = "json") -> Any:
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": world.model}, "spec": world.spec})
    capsys.readouterr()
    before = {info.key: info.etag for info in world.store.list("")}
    snapshot.run([world.model, "--spec", text, "-o", output])
    assert {info.key: info.etag for info in world.store.list("")} == before
    told = capsys.readouterr().out
    return json.loads(told) if output == "json" else told


def key(name: str) -> str:
    return f"incoming/late/{name}"


def test_what_a_run_would_do_now(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(world, capsys)["decision"] == "no-data"
    world.put("1.csv", month("2013-01-01", 40))
    first = asked(world, capsys)
    assert (first["decision"], first["champion"], first["new"]) == ("train", None, [key("1.csv")])
    assert "There is no champion yet" in asked(world, capsys, "text")
    world.snapshot("a")
    assert asked(world, capsys)["decision"] == "busy"
    assert world.run("a")["outcome"] == "promoted"
    same = asked(world, capsys)
    assert (same["decision"], same["reason"], same["champion"]["run"]) == ("already-trained", "already trained by run a", "a")
    assert "They are those that champion 1 has learned (run a)." in asked(world, capsys, "text")
    world.spec["promote"]["gate"]["at_least"] = 0.5
    assert asked(world, capsys)["decision"] == "redecide"


def test_objects_that_are_new_changed_or_gone_are_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for number, first in enumerate(("2013-01-01", "2013-01-21", "2013-02-10")):
        world.put(f"{number}.csv", month(first, 20, seed=number))
    world.run("a")
    world.put("0.csv", month("2013-01-01", 20, seed=9))
    world.put("older.csv", month("2012-12-01", 5))
    world.store.delete(key("1.csv"))
    told = asked(world, capsys)
    assert (told["decision"], told["new"], told["changed"], told["gone"]) == ("train", [key("older.csv")], [key("0.csv")], [key("1.csv")])
    text = asked(world, capsys, "text")
    for line in (f"new: {key('older.csv')}", f"changed: {key('0.csv')}", f"gone, so the next run does not learn it: {key('1.csv')}"):
        assert line in text


def test_a_file_that_is_removed_is_unlearned_by_the_next_run(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.put("2.csv", month("2013-01-31", 10, seed=1))
    first = world.run("a")
    world.store.delete(key("2.csv"))
    second = world.run("b")
    assert (first["decision"], second["decision"]) == ("train", "train")
    for result, last in ((first, "2013-02-09"), (second, "2013-01-30")):
        dataset = load_dataset(world.store, "late", result["dataset"])
        assert dataset.split["test"][1] == last
    assert not set(first["trials"]) & set(second["trials"])
    # put back, it is what it was: nothing is trained
    world.put("2.csv", month("2013-01-31", 10, seed=1))
    assert world.snapshot("c")[0] == "already-trained"


def test_a_late_or_changed_file_costs_its_own_parts(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.put("2.csv", month("2013-01-31", 10, seed=1))
    world.run("a")
    parts = {info.key for info in world.store.list("parts/late/")}
    world.put("0.csv", month("2012-12-20", 5, seed=3))  # older than everything
    world.run("b")
    late = {info.key for info in world.store.list("parts/late/")} - parts
    assert {name.split("/")[2] for name in late} == {name.split("/")[2] for name in late if "2012-12" in name}
    world.put("2.csv", month("2013-01-31", 10, seed=5))
    world.run("c")
    changed = {info.key for info in world.store.list("parts/late/")} - parts - late
    assert {name.split("/")[3] for name in changed if name.endswith(".parquet")} == {
        f"2013-{day}.parquet" for day in ["01-31", *(f"02-0{n}" for n in range(1, 10))]
    }
