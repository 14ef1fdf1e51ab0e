"""A declared threshold from the spec to the prediction; what the features are worth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from handlers import predict, promote
from handlers.contracts import BadSpec
from handlers.modelspec.parse import parse
from handlers.runs import named
from handlers.storage import canonical_json, read_json
from tests.handlers.stages.test_exports import on_valid
from tests.handlers.stages.world import SPEC, World, changed, month


def spec(**changes: Any) -> str:
    return canonical_json({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, **changes)})


def test_the_threshold_goes_with_the_model(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec = changed(world.spec, search=None, evaluate__threshold={"precision_at_least": 0.6}, evaluate__report=["f1"])
    assert world.run("a")["outcome"] == "promoted"
    champion = world.champion()
    chosen = champion["threshold"]
    assert chosen["rule"] == {"precision_at_least": 0.6}
    rows, seen = on_valid(world)
    assert rows.num_rows == len(seen.score)
    positive = seen.score >= chosen["value"]
    assert seen.truth[positive].mean() == pytest.approx(chosen["precision"])
    assert chosen["precision"] >= 0.6
    assert predict.load("late").predict(rows)["prediction"].to_pylist() == positive.tolist()
    evaluated = read_json(world.store, world.verdict("a")["trials"][0]["evaluation"])
    assert evaluated["threshold"] == chosen
    assert evaluated["metrics"]["f1"]["value"] == pytest.approx(chosen["f1"])
    assert world.verdict("a")["threshold"] == chosen
    promote.run(["report", "--model", "late", "--run", "a", "--status", "Succeeded", "--again-out", str(world.out / "again")])
    page = world.store.get("runs/late/a/report.html").decode()
    assert "What each feature is worth" in page
    assert "(precision_at_least: 0.6)" in page


def test_another_rule_is_another_evaluation_and_trains_nothing(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec = changed(world.spec, search=None, evaluate__select_by="f1", promote__gate=None)
    _, dataset, (score,) = world.prepare("a")
    before = world.keys("trials/")
    world.spec = changed(world.spec, evaluate__threshold={"maximise": "f1"})
    trial = json.loads(score)["trial"]
    assert world.train(dataset, world.trials()[0], "a") == {"trial": trial}
    assert json.loads(world.evaluate(dataset, {"trial": trial}))["value"] >= json.loads(score)["value"]
    (new,) = set(world.keys("trials/")) - set(before)
    assert read_json(world.store, new)["threshold"]["rule"] == {"maximise": "f1"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"evaluate__threshold": {}}, "give one rule: maximise or precision_at_least"),
        ({"evaluate__threshold": {"maximise": "f1", "precision_at_least": 0.5}}, "give one rule"),
        ({"evaluate__threshold": {"maximise": "recall"}}, "f1.*accuracy"),
        ({"evaluate__threshold": {"precision_at_least": 1.5}}, "less than or equal to 1|at most 1"),
        (
            {
                "task": "regression",
                "data__target": {"column": "distance"},
                "evaluate": {"select_by": "mae", "threshold": {"maximise": "f1"}},
                "features": {"carrier": {"type": "category"}},
                "model__estimator": "sklearn.linear_model.SGDRegressor",
                "promote": None,
            },
            "evaluate.threshold: accepted only for a binary target, not for task regression",
        ),
    ],
)
def test_what_is_no_rule_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadSpec, match=why):
        parse(spec(**changes))


def test_a_feature_is_worth_what_shuffling_it_costs(world: World) -> None:
    world.spec = changed(world.spec, search=None, features__distance={"type": "number", "scale": "standard", "serve": True})
    world.put("1.csv", month("2013-01-01", 40, signal=3.0))
    world.run("a")
    export = named.named(world.store, "late").export
    found = json.loads(export.checked("importance.json"))
    assert [each["feature"] for each in found["features"]] == ["distance", "carrier"]
    assert found["features"][0]["loss"] > 0.1 > found["features"][1]["spread"]
    assert {each["column"] for each in found["coefficients"]} == {"distance", "carrier=AA", "carrier=BB", "carrier=CC"}
    _, seen = on_valid(world)
    assert found["value"] == pytest.approx(json.loads(export.checked("metrics.json"))["valid"]["roc_auc"]["value"])
    assert found["rows"] == len(seen.score)
    again = json.loads(named.named(world.store, f"late@{world.champion()['trial']}").export.checked("importance.json"))
    assert again == found
    assert np.isfinite([each["loss"] for each in found["features"]]).all()
