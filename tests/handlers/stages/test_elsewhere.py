"""Engines that share a bucket name their Workflows alike: one of them does the run, and the others' leave it alone."""

from __future__ import annotations

from typing import Any

import pytest

from handlers import fetch, promote
from handlers.runs import claim
from tests.handlers.stages.world import World, month


def snapshot(world: World, uid: str) -> str:
    where = ["--decision-out", str(world.out / uid), "--snapshot-out", str(world.out / f"{uid}-snapshot")]
    fetch.run(["snapshot", "--model", "late", "--spec", world.read_spec(), "--run", "r", "--uid", uid, *where])
    return (world.out / uid).read_text()


def bucket(world: World) -> dict[str, bytes]:
    return {key: world.store.get(key) for key in world.keys("")}


def test_the_second_workflow_of_a_name_leaves_the_run_to_the_first(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    assert snapshot(world, "here") == "train"
    assert world.request("r")["uid"] == "here"
    before = bucket(world)
    assert snapshot(world, "there") == "elsewhere"
    promote.run([*world.promote_arguments("", [], "r", "elsewhere", "fetch=Succeeded transform=Skipped"), "--uid", "there"])
    assert (world.output("again"), world.output("verdict")) == ("no", '{"outcome":"elsewhere"}')
    outputs = ["--again-out", str(world.out / "again"), "--notify-out", str(world.out / "notify")]
    promote.run(["report", "--model", "late", "--run", "r", "--status", "Succeeded", "--uid", "there", *outputs])
    assert (world.output("again"), world.output("notify")) == ("no", "no")
    assert bucket(world) == before

    assert snapshot(world, "here") == "train", "its own steps may be repeated"
    dataset = world.dataset((world.out / "here-snapshot").read_text(), "r")
    scores = [world.evaluate(dataset, world.train(dataset, trial, "r")) for trial in world.trials()]
    promote.run([*world.promote_arguments(dataset, scores, "r", "train"), "--uid", "here"])
    assert world.result("r")["outcome"] == "promoted"
    assert claim.read(world.store, "late")[0].run == ""


def test_at_the_same_time_one_of_them_does_the_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first keeps its request after the second has looked and decided, and before that keeps its own."""
    world.put("1.csv", month("2013-01-01", 40))
    decide, first = fetch.decide, []

    def late(*given: Any) -> Any:
        found = decide(*given)
        monkeypatch.setattr(fetch, "decide", decide)
        first.append(snapshot(world, "here"))
        return found

    monkeypatch.setattr(fetch, "decide", late)
    assert snapshot(world, "there") == "elsewhere"
    assert first == ["train"]
    assert world.request("r")["uid"] == "here"
