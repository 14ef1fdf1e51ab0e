"""A search in rounds, from the first trials to the verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import promote
from handlers.contracts import BadData, BadSpec, GaveUp, WrongUsage
from handlers.runs import rounds, trials
from handlers.storage import read_json
from tests.handlers.stages.world import World, month

HALVING = {"grid": {"alpha": [1e-5, 1e-4, 1e-3, 1e-2]}, "halving": {"eta": 2, "min_epochs": 1}}
SPACE = {"alpha": {"log_uniform": [1e-6, 1e-1]}, "penalty": {"choice": ["l1", "l2", None]}}


def search(world: World, run: str = "a", lost: tuple[int, int] | None = None) -> tuple[list[list[dict[str, Any]]], dict[str, Any]]:
    """The trials of each round of a whole run, and its result; `lost` is the (round, place) of a trial that fails."""
    decision, snapshot = world.snapshot(run)
    assert decision == "train"
    dataset = world.dataset(snapshot, run)
    asked, scores = [world.trials(run)], []
    while asked[-1]:
        kept = [trial for place, trial in enumerate(asked[-1]) if (len(asked) - 1, place) != lost]
        found, judged = world.next_trials(run, len(asked), [world.train(dataset, trial, run) for trial in kept])
        scores += [world.evaluate(dataset, result) for result in judged]
        asked.append(found)
    promote.run(world.promote_arguments(dataset, [], run, decision))
    return asked[:-1], world.result(run)


def states(world: World) -> dict[str, str]:
    return {key.split("/")[2]: read_json(world.store, key)["state"] for key in world.keys("trials/") if key.endswith("/result.json")}


def test_halving_goes_on_from_rung_to_rung_and_ends_in_the_same_model_as_the_grid(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["training"]["epochs"] = 6
    world.spec["search"] = HALVING
    asked, result = search(world)
    assert [[(trial["epochs"], trial.get("after")) for trial in found] for found in asked] == [
        [(1, None)] * 4,
        [(2, 1)] * 2,
        [(6, 2)],
    ]
    assert result["outcome"] == "promoted" and len(result["trials"]) == 1
    told = world.verdict("a")["search"]
    assert [(row["trials"], row["trained"], row["epochs"]) for row in told["rounds"]] == [(4, 4, 1), (2, 2, 2), (1, 1, 6)]
    assert not [key for key in world.keys("trials/") if "checkpoint" in key], "what rungs went on from is gone"
    winner = result["trials"][0]
    lines = trials.curve(world.store, "late", winner)
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    halved = states(world)[winner]
    # the whole grid has the winner as one of its trials, trained already
    world.spec["search"] = {"grid": HALVING["grid"]}
    world.store.delete(f"trials/late/{winner}/result.json")
    assert world.run("b")["winner"] in states(world)
    assert states(world)[winner] == halved, "trained without a halt it is the same model"


def test_a_rung_trains_only_the_epochs_that_are_missing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["training"]["epochs"] = 6
    world.spec["search"] = HALVING
    capsys.readouterr()
    search(world)
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sum(line["event"] == "epoch" for line in logged) == 4 * 1 + 2 * 1 + 1 * 4


def test_a_rung_of_another_kernel_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"] = {**HALVING, "halving": {"eta": 4, "min_epochs": 1}}
    dataset = world.dataset(world.snapshot("a")[1])
    results = [world.train(dataset, trial, "a") for trial in world.trials("a")]
    (last,), _ = world.next_trials("a", 1, results)
    from handlers.models import kernel

    monkeypatch.setattr(kernel, "kernel", lambda: {"blas": "another"})
    found = world.train(dataset, last, "a")["trial"]
    assert read_json(world.store, f"trials/late/{found}/result.json")["epochs"] == 3


def test_a_lost_trial_of_a_rung_leaves_the_training_unfinished(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"] = HALVING
    _, result = search(world, lost=(0, 0))
    assert result["outcome"] == "promoted"
    assert world.keys("trained/") == []
    assert world.snapshot("b")[0] == "train", "the next event trains what is missing"
    _, result = search(world, "b")
    assert result["outcome"] in ("promoted", "kept", "refused") and world.keys("trained/")


def test_the_same_search_trains_nothing_twice(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"] = {"space": SPACE, "random": 4, "until": {"rounds": 2}, "sampler": "tpe"}
    first, _ = search(world)
    capsys.readouterr()
    for key in world.keys("trained/"):
        world.store.delete(key)
    again, _ = search(world, "b")
    assert again == first
    assert '"event": "epoch"' not in capsys.readouterr().err


@pytest.mark.parametrize("sampler", [None, "tpe"])
def test_rounds_go_on_until_they_are_spent(world: World, sampler: str | None) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["training"]["epochs"] = 1
    world.spec["search"] = {"space": SPACE, "random": {"n": 3, "seed": 5}, "until": {"rounds": 3}}
    if sampler:
        world.spec["search"]["sampler"] = sampler
    asked, result = search(world)
    assert [len(found) for found in asked] == [3, 3, 3]
    ids = [trial["id"] for found in asked for trial in found]
    assert len(set(ids)) == 9 and len(result["trials"]) == 9
    verdict = world.verdict("a")
    assert verdict["search"]["end"] == "all 3 rounds are trained"
    best = max(verdict["trials"], key=lambda score: score["value"])
    assert result["winner"] == best["trial"] and set(best["params"]) == {"alpha", "penalty"}


def test_rounds_end_when_a_trial_is_good_enough(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"] = {"space": SPACE, "random": 3, "until": {"rounds": 5, "metric": "log_loss", "at_most": 0.9}}
    asked, _ = search(world)
    assert len(asked) == 1
    assert "is at most 0.9" in world.verdict("a")["search"]["end"]


def test_a_space_can_be_exhausted(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"] = {"space": {"penalty": {"choice": ["l1", "l2"]}}, "random": 2, "until": {"rounds": 5}}
    asked, _ = search(world)
    assert len(asked) == 1 and "exhausted" in world.verdict("a")["search"]["end"]


def test_a_grid_too_long_for_a_parameter_is_passed_by_reference(world: World) -> None:
    many = [[0.1 + n / 1e6] * 40 for n in range(500)]
    world.spec["model"] = {"estimator": "sklearn.naive_bayes.GaussianNB"}
    world.spec["search"] = {"grid": {"priors": many}}
    listed = world.trials("a")
    assert len(listed) == len(many) and set(listed[0]) == {"id", "round"}
    assert len(json.dumps(listed)) < 131072
    for place in (0, len(many) - 1):
        assert rounds.asked(world.store, "late", "a", listed[place])["params"]["priors"] == many[place]
    with pytest.raises(BadData, match=r"runs/late/b/search/0.json: has no trial"):
        rounds.asked(world.store, "late", "b", listed[0])
    with pytest.raises(WrongUsage, match="--run"):
        world.trials("")


def test_a_trial_passed_by_reference_is_the_same_trial(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from handlers import grid

    world.put("1.csv", month("2013-01-01", 40))
    dataset = world.dataset(world.snapshot("a")[1])
    plain = world.train(dataset, world.trials("a")[1], "a")
    monkeypatch.setattr(grid, "LONGEST", 10)
    listed = world.trials("a")
    assert "params" not in listed[1]
    assert world.train(dataset, listed[1], "a") == plain


def test_an_end_of_a_range_that_cannot_be_trained_stops_every_trial(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    dataset = world.dataset(world.snapshot("a")[1])
    world.spec["search"] = {"space": {"alpha": {"uniform": [-1e-9, 1]}}, "random": 2}
    (trial, *_) = world.trials("a")
    with pytest.raises(BadSpec, match="'alpha' parameter"):
        world.train(dataset, trial, "a")


def test_no_trial_with_the_metric_gives_no_rung(world: World) -> None:
    world.spec["search"] = HALVING
    world.trials("a")
    with pytest.raises(GaveUp, match="no trial of rung 1 has a roc_auc on valid"):
        world.next_trials("a", 1, [])
