"""Every stage that may take long says that the run lives: its claim is not taken over meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from handlers import evaluate, promote, train, transform
from handlers.runs.claim import read, take
from handlers.storage import write_json
from tests.handlers.stages.world import World, month
from tests.waiting import wait_until


def grow_old(world: World, run: str) -> None:
    """The run's claim with a heartbeat of long ago."""
    take(world.store, world.model, run, {"run": run})
    claim, etag = read(world.store, world.model)
    write_json(world.store, f"runs/{world.model}/claim.json", {**claim.to_json(), "heartbeat": 1.0}, if_match=etag)


def during(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, look: Callable[[], None]) -> None:
    """Look once while a stage does its work, after a first beat."""
    work = getattr(module, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        look()
        return work(*arguments, **options)

    monkeypatch.setattr(module, name, watched)


WORK = {
    "transform": (transform, "transform"),
    "train": (train, "_guarded"),
    "evaluate": (evaluate, "on_valid"),
    "promote": (promote, "decide"),
}


@pytest.mark.parametrize("stage", WORK)
def test_a_long_stage_keeps_the_claim(world: World, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, snapshot = world.snapshot("r")
    seen: list[bool] = []

    def look() -> None:
        """Whether the beat of another thread comes while the stage waits here."""
        wait_until(lambda: read(world.store, world.model)[0].heartbeat > 1.0)
        seen.append(read(world.store, world.model)[0].run == "r")

    def watch(which: str) -> None:
        if which == stage:
            grow_old(world, "r")
            during(monkeypatch, *WORK[stage], look)

    watch("transform")
    dataset = world.dataset(snapshot)
    watch("train")
    result = world.train(dataset, world.trials()[0], "r")
    watch("evaluate")
    scores = [world.evaluate(dataset, result)]
    watch("promote")
    promote.run(world.promote_arguments(dataset, scores, "r", decision))
    assert seen == [True]
    assert json.loads(scores[0])["trial"] == result["trial"]
