"""Scores on valid: computed once, named by what can change them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import evaluate
from handlers.contracts import BadData, WrongUsage
from handlers.runs import evaluation
from handlers.storage import read_json
from tests.handlers.stages.world import World, month


def trained(world: World) -> tuple[str, dict[str, Any]]:
    world.put("1.csv", month("2013-01-01", 40))
    dataset = world.dataset(world.snapshot("a")[1])
    return dataset, world.train(dataset, world.trials()[0], "a")


def test_a_score_and_the_evaluation_behind_it(world: World) -> None:
    dataset, result = trained(world)
    score = json.loads(world.evaluate(dataset, result))
    assert (score["trial"], score["select_by"]) == (result["trial"], "roc_auc")
    assert score["value"] == read_json(world.store, f"trials/late/{result['trial']}/result.json")["valid"]["roc_auc"]
    keys = [key for key in world.keys("trials/") if "/evaluations/" in key]
    assert len(keys) == 1
    found = read_json(world.store, keys[0])
    assert found["role"] == "valid"
    assert set(found["metrics"]) == {"roc_auc", "log_loss"}
    assert found["metrics"]["roc_auc"]["clusters"] == 6
    assert found["metrics"]["roc_auc"]["rows"] == 240
    assert found["roc"][0] == [0.0, 0.0]
    assert found["roc"][-1] == [1.0, 1.0]


def test_asked_again_nothing_is_computed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, result = trained(world)
    first = world.evaluate(dataset, result)

    def computed(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(evaluation, "document", computed)
    assert world.evaluate(dataset, result) == first
    # a result may arrive as text that holds JSON
    assert world.evaluate(dataset, json.dumps(result)) == first


def test_another_metric_is_another_evaluation_and_trains_nothing(world: World) -> None:
    dataset, result = trained(world)
    world.evaluate(dataset, result)
    world.spec["evaluate"] = {"select_by": "log_loss"}
    assert world.train(dataset, world.trials()[0], "a")["trial"] == result["trial"]
    score = json.loads(world.evaluate(dataset, result))
    assert score["select_by"] == "log_loss"
    assert len([key for key in world.keys("trials/") if "/evaluations/" in key]) == 2


def test_a_trial_that_is_not_there(world: World) -> None:
    dataset, _ = trained(world)
    with pytest.raises(BadData, match=r"trials/late/ffff/model: there is no trained model"):
        world.evaluate(dataset, {"trial": "ffff"})


def test_what_is_no_json(world: World) -> None:
    with pytest.raises(WrongUsage, match="--result: not JSON"):
        evaluate.run(["--model", "late", "--spec", world.read_spec(), "--dataset", "d", "--result", "{", "--run", "r", "--scores-out", "x"])
