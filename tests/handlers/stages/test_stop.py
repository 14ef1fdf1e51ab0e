"""A trial that is stopped leaves the trial of fewer epochs, to the last bit; the one that was asked for stays to be trained."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from handlers.contracts import BadSpec, GaveUp
from handlers.models.checkpoint import Progress
from handlers.models.estimators import make
from handlers.models.loop import Training
from handlers.modelspec.parse import load as load_spec
from handlers.runs import live, stops, trials
from handlers.storage import read_json
from tests.handlers.stages.world import World, month

GRID = {"alpha": [0.0001, 1000.0]}
RULE = {"after": "2 epochs", "worse_than": "best - 0.02"}


@pytest.fixture(autouse=True)
def tells_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(stops, "LOOK_SECONDS", 0.0)


def ready(world: World, grid: dict[str, Any] | None = None, **training: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """(dataset, a good trial, a bad one) of a search with a rule."""
    world.spec["search"] = {"grid": grid or GRID, "stop": RULE}
    world.spec["training"] = {"epochs": 5, "batch_rows": 64, "shuffle": {"parts": 4}, **training}
    world.put("1.csv", month("2013-01-01", 40))
    _, snapshot = world.snapshot("r")
    good, bad = world.trials()
    return world.dataset(snapshot), good, bad


def result(world: World, name: str) -> dict[str, Any]:
    found = trials.result(world.store, "late", name)
    assert found is not None
    return found


def plain(world: World, dataset: str, trial: dict[str, Any], epochs: int) -> dict[str, Any]:
    """What the trial comes to by a spec of so many epochs and without a rule, in a bucket where nothing is trained."""
    training = {**world.spec["training"], "epochs": epochs}
    other = World(world.folder.with_name("other"), world.out, {**world.spec, "search": {"grid": GRID}, "training": training})
    if not other.folder.exists():
        shutil.copytree(world.folder, other.folder, ignore=shutil.ignore_patterns("trials"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_BUCKET", f"file://{other.folder}")
        name = other.train(dataset, trial, "plain")["trial"]
        return result(other, name)


def told(world: World, trial: dict[str, Any], run: str = "r") -> dict[str, Any]:
    (found,) = [each for each in live.of_run(world.store, "late", run) if each["id"] == trial["id"]]
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {**one, "seconds": 0} == {**other, "seconds": 0}


@pytest.mark.parametrize("training", [{}, {"early_stopping": {"patience": 4}}], ids=["last epoch", "best epoch"])
def test_the_rule_stops_what_is_worse_and_it_is_the_trial_of_fewer_epochs(world: World, training: dict[str, Any]) -> None:
    dataset, good, bad = ready(world, **training)
    assert result(world, world.train(dataset, good, "r")["trial"])["epochs"] == 5
    found = result(world, world.train(dataset, bad, "r")["trial"])
    assert found["epochs"] <= 2
    assert same(found, plain(world, dataset, bad, found["epochs"]))
    why = told(world, bad)
    assert (why["state"], why["result"], why["stopped"]["by"]) == ("stopped", found["trial"], "rule")
    assert why["stopped"]["why"].startswith("after epoch 2 its best roc_auc is 0.")
    assert why["stopped"]["epoch"] == found["epochs"]
    assert told(world, good)["state"] == "trained"
    assert trials.result(world.store, "late", why["trial"]) is None


def test_every_attempt_obeys_and_trains_nothing_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, good, bad = ready(world)
    world.train(dataset, good, "r")
    first = world.train(dataset, bad, "r")
    monkeypatch.setattr(Training, "run", lambda *_: pytest.fail("it is trained again"))
    assert world.train(dataset, bad, "r") == first


@pytest.mark.parametrize("lost", ["result", "checkpoint too"])
def test_an_attempt_that_died_after_the_decision_is_followed_by_one_that_obeys(world: World, lost: str) -> None:
    dataset, good, bad = ready(world)
    world.train(dataset, good, "r")
    name = world.train(dataset, bad, "r")["trial"]
    before = result(world, name)
    world.store.delete(f"trials/late/{name}/result.json")
    if lost != "result":
        world.store.delete(f"trials/late/{told(world, bad)['trial']}/checkpoint/state.zip")
    assert world.train(dataset, bad, "r")["trial"] == name
    assert same(result(world, name), before)


def test_another_run_without_the_rule_goes_on_from_where_it_was_stopped(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    dataset, good, bad = ready(world)
    world.train(dataset, good, "r")
    short = world.train(dataset, bad, "r")["trial"]
    del world.spec["search"]["stop"]
    capsys.readouterr()
    whole = result(world, world.train(dataset, bad, "s")["trial"])
    assert "training goes on from its checkpoint" in capsys.readouterr().err
    assert (whole["epochs"], whole["trial"] != short) == (5, True)
    assert same(whole, plain(world, dataset, bad, 5))


def test_another_run_with_the_rule_compares_anew_and_learns_nothing_again(world: World) -> None:
    dataset, good, bad = ready(world)
    world.train(dataset, good, "r")
    short = world.train(dataset, bad, "r")["trial"]
    rows = world.store.get(f"trials/late/{told(world, bad)['trial']}/checkpoint/state.zip")
    assert world.train(dataset, good, "s") == world.train(dataset, good, "r")
    assert world.train(dataset, bad, "s")["trial"] == short
    assert world.store.get(f"trials/late/{told(world, bad)['trial']}/checkpoint/state.zip") == rows
    assert stops.decided(world.store, "late", "s", bad["id"]) is not None


def test_stopped_by_hand_within_an_epoch_the_best_epoch_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, good, _ = ready(world)
    seen = stops.Judged.seen

    def asks(self: stops.Judged, progress: Progress, *, epoch_ended: bool) -> bool:
        if progress.epoch == 2 and progress.batches == 3:
            stops.ask(world.store, "late", "r", good["id"], "overfits")
        return seen(self, progress, epoch_ended=epoch_ended)

    monkeypatch.setattr(stops.Judged, "seen", asks)
    found = result(world, world.train(dataset, good, "r")["trial"])
    assert found["epochs"] in (1, 2)
    decision = read_json(world.store, stops.key("late", "r", good["id"]))
    assert (decision["by"], decision["why"], decision["epoch"]) == ("hand", "overfits", found["epochs"])
    assert same(found, plain(world, dataset, good, found["epochs"]))


@pytest.mark.parametrize("memory", ["stream", "whole"])
def test_stopped_by_hand_before_an_epoch_has_ended_there_is_nothing_to_judge(world: World, memory: str) -> None:
    dataset, good, _ = ready(world)
    if memory == "whole":
        world.spec |= {"search": {"grid": {"alpha": [0.0001]}}, "training": {"epochs": 1}}
        world.spec["model"]["memory"] = "whole"
    stops.ask(world.store, "late", "r", good["id"], "overfits")
    for _ in range(2):
        with pytest.raises(GaveUp, match=r"stopped by hand \(overfits\) before its first epoch had ended: there is nothing to judge"):
            world.train(dataset, good, "r")


def test_boosted_trees_are_cut_to_their_best_round(world: World) -> None:
    world.spec["model"] = {"estimator": "xgboost.XGBClassifier", "params": {"max_depth": 2}, "seed": 1}
    dataset, good, bad = ready(world, {"learning_rate": [0.5, 1e-6]}, shuffle={"parts": 1})
    world.train(dataset, good, "r")
    found = result(world, world.train(dataset, bad, "r")["trial"])
    assert found["epochs"] <= 2
    assert told(world, bad)["state"] == "stopped"
    del world.spec["search"]["stop"]
    world.spec["training"]["epochs"] = found["epochs"]
    world.store.delete(f"trials/late/{found['trial']}/result.json")
    assert result(world, world.train(dataset, bad, "plain")["trial"])["state"] == found["state"]


def test_a_run_with_a_stopped_trial_is_judged_and_finished(world: World) -> None:
    ready(world)
    assert world.run("r")["outcome"] == "promoted"
    verdict = read_json(world.store, "runs/late/r/verdict.json")
    assert len(verdict["trials"]) == 2
    assert world.run("again")["outcome"] == "already-trained"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"worse_than": "best + 0.02"}, r"search\.stop\.worse_than: more of roc_auc is better; write best - 0\.02"),
        ({"memory": "whole"}, r"search\.stop: compares epochs, and `memory: whole` has one"),
    ],
)
def test_what_the_estimator_and_the_metric_do_not_allow_is_refused(world: World, change: dict[str, str], words: str) -> None:
    world.spec["search"]["stop"] = {"after": "2 epochs", "worse_than": change.get("worse_than", "best - 0.02")}
    if "memory" in change:
        world.spec["model"] = {"estimator": "sklearn.ensemble.RandomForestClassifier", "memory": "whole"}
    spec = load_spec(world.read_spec())
    with pytest.raises(BadSpec, match=words):
        make(spec, spec.model.params)
