"""What a search asks for: draws, rules, and values from outside."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.check import check
from handlers.contracts import BadSpec
from handlers.modelspec import yaml12
from handlers.modelspec.grid import expand, probes, varied
from handlers.modelspec.grid_values import replaced
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load, parse, read
from handlers.modelspec.search_keys import Range
from handlers.modelspec.space import at, drawn

TEXT = (Path(__file__).parents[3] / "models" / "flight-delay.yaml").read_text(encoding="utf-8")
ALPHA = {"alpha": {"log_uniform": [1e-6, 1e-2]}}


def tree(search: Any, **more: Any) -> str:
    found = yaml12.load(TEXT)
    found["spec"] |= {"search": search, **more}
    return json.dumps(found)


def spec(search: Any, **more: Any) -> ModelSpec:
    return parse(tree(search, **more))


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"space": ALPHA}, "spec.search.space: say how many trials are drawn"),
        ({"space": {}, "random": 3}, "spec.search.space"),
        ({"space": {"alpha": {}}, "random": 3}, "give exactly one of choice, uniform, log_uniform, int"),
        ({"space": {"alpha": {"uniform": [0, 1], "choice": [1]}}, "random": 3}, "give exactly one of"),
        ({"space": {"alpha": {"uniform": [1, 1]}}, "random": 3}, "[1, 1] is not accepted; accepted: [low, high]"),
        ({"space": {"alpha": {"log_uniform": [0, 1]}}, "random": 3}, "accepted: numbers above 0"),
        ({"space": {"alpha": {"int": [1.5, 2]}}, "random": 3}, "spec.search.space.alpha.int"),
        ({"space": {"alpha": {"unifrom": [0, 1]}}, "random": 3}, "did you mean 'uniform'"),
        ({"space": ALPHA, "grid": {"penalty": ["l1"]}, "random": 3}, "give either grid or space"),
        ({"random": 3}, "spec.search.random: there is nothing to draw from"),
        ({"space": ALPHA, "random": 0}, "spec.search.random"),
        ({"space": ALPHA, "random": True}, "spec.search.random"),
        ({"space": ALPHA, "random": 2001}, "spec.search.random: 2,001 trials; at most 2,000"),
        ({"grid": {"alpha": list(range(50)), "eta0": list(range(41))}}, "spec.search.grid: 2,050 trials; at most 2,000"),
        ({"space": ALPHA, "halving": {"of": {"random": 2001}}}, "spec.search.halving.of.random: 2,001 trials"),
        ({"halving": {}}, "spec.search.halving: there is only one trial"),
        ({"space": ALPHA, "random": 3, "halving": {"of": {"random": 3}}}, "give one of the two"),
        ({"grid": {"alpha": [1]}, "halving": {"min_epochs": 8}}, "8 is not less than training.epochs, which is 8"),
        ({"grid": {"alpha": [1]}, "halving": {"eta": 1}}, "spec.search.halving.eta"),
        ({"space": ALPHA, "random": 3, "halving": {}, "until": {"rounds": 2}}, "spec.search.until: not accepted with search.halving"),
        ({"space": ALPHA, "random": 3, "halving": {}, "sampler": "tpe"}, "spec.search.sampler: not accepted with search.halving"),
        ({"space": ALPHA, "random": 3, "sampler": "tpe"}, "spec.search.sampler: chooses the trials of later rounds, and there is one"),
        ({"grid": {"alpha": [1, 2]}, "until": {"rounds": 2}}, "spec.search.until: says how many rounds; say how many trials each has"),
        ({"space": ALPHA, "random": 3, "until": {"rounds": 1}}, "spec.search.until.rounds"),
        ({"space": ALPHA, "random": 3, "until": {"rounds": 2, "metric": "roc_auc"}}, "say when it is good enough"),
        ({"space": ALPHA, "random": 3, "until": {"rounds": 2, "at_least": 1, "at_most": 2}}, "give either at_least or at_most"),
        ({"space": ALPHA, "random": 3, "until": {"rounds": 2}, "sampler": "bayes"}, "'bayes'"),
    ],
)
def test_what_cannot_work_is_refused_with_its_key(search: dict[str, Any], words: str) -> None:
    found, findings = read(tree(search), "m.yaml")
    assert found is None and any(words in str(each) for each in findings), list(map(str, findings))


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"grid": {"max_depth": [1, 2]}, "halving": {}}, "search.halving: halves by epochs, and `memory: whole` has one"),
        ({"grid": {"max_depth": [1, 2]}, "random": 1, "until": {"rounds": 2, "metric": "mae", "at_most": 1}}, "'mae' is not a metric"),
        (
            {"grid": {"max_depth": [1, 2]}, "random": 1, "until": {"rounds": 2, "metric": "log_loss", "at_least": 1}},
            "search.until.at_least: less of log_loss is better; use at_most",
        ),
        ({"space": {"max_depth": {"int": [0, 2]}}, "random": 1}, "'max_depth' parameter of RandomForestClassifier"),
    ],
)
def test_what_the_estimator_or_the_task_cannot_do_is_said_by_lint(search: dict[str, Any], words: str, tmp_path: Path) -> None:
    model = {"estimator": "sklearn.ensemble.RandomForestClassifier", "memory": "whole"}
    path = tmp_path / "flight-delay.yaml"
    path.write_text(tree(search, model=model), encoding="utf-8")
    assert any(words in found["message"] or words in f"{found['path']}: {found['message']}".removeprefix("spec.") for found in check(path))


def test_a_spec_that_says_nothing_new_has_the_tree_that_it_had() -> None:
    assert parse(TEXT).tree()["search"] == {
        "grid": {"alpha": [1e-6, 1e-5, 1e-4], "penalty": ["l1", "l2"]},
        "space": None,
        "random": None,
        "halving": None,
        "until": None,
    }


def test_a_search_travels_between_the_steps() -> None:
    found = spec({"space": {"x": {"int": [1, 5]}, **ALPHA}, "random": 9, "until": {"rounds": 3, "at_least": 0.9}, "sampler": "tpe"})
    assert load(found.text()) == found


def test_a_larger_draw_keeps_the_trials_and_another_parameter_their_values() -> None:
    few = expand(spec({"space": ALPHA, "random": {"n": 5, "seed": 3}}))
    assert [trial.id for trial in expand(spec({"space": ALPHA, "random": {"n": 9, "seed": 3}}))][:5] == [trial.id for trial in few]
    both = expand(spec({"space": {**ALPHA, "eta0": {"uniform": [0, 1]}}, "random": {"n": 5, "seed": 3}}))
    assert [trial.params["alpha"] for trial in both] == [trial.params["alpha"] for trial in few]
    other = expand(spec({"space": ALPHA, "random": {"n": 5, "seed": 4}}))
    assert not {trial.id for trial in few} & {trial.id for trial in other}


def test_these_are_the_draws_on_every_machine() -> None:
    found = islice(
        drawn({"a": Range(log_uniform=(1e-6, 1e-2)), "n": Range.model_validate({"int": [2, 9]}), "c": Range(choice=["x", "y"])}, 0), 2
    )
    assert list(found) == [{"a": 0.00341496, "n": 9, "c": "y"}, {"a": 3.77013e-05, "n": 2, "c": "x"}]


def test_trials_are_drawn_from_a_grid_too() -> None:
    grid = {"alpha": [1e-6, 1e-5, 1e-4], "penalty": ["l1", "l2"]}
    every = {trial.id for trial in expand(spec({"grid": grid}))}
    some = [trial.id for trial in expand(spec({"grid": grid, "random": 4}))]
    assert len(set(some)) == 4 and set(some) < every
    assert {trial.id for trial in expand(spec({"grid": grid, "random": 50}))} == every


def test_a_small_space_gives_each_of_its_trials_once() -> None:
    found = expand(spec({"space": {"penalty": {"choice": ["l1", "l2"]}, "k": {"int": [1, 2]}}, "random": 100}))
    assert len(found) == 4 and varied(spec({"space": ALPHA, "random": 1}).search) == ["alpha"]


@settings(max_examples=60)
@given(st.floats(1e-9, 1e9), st.floats(1.0001, 1e6), st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_draw_lies_in_its_range(low: float, factor: float, share: float, logarithm: bool) -> None:
    found = Range.model_validate({"log_uniform" if logarithm else "uniform": [low, low * factor]})
    assert low <= at(found, share) <= low * factor


@settings(max_examples=60)
@given(st.integers(-50, 50), st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_a_whole_number_lies_in_its_range(low: int, width: int, share: float) -> None:
    value = at(Range.model_validate({"int": [low, low + width]}), share)
    assert isinstance(value, int) and low <= value <= low + width


def test_the_ends_of_ranges_are_tried_before_anything_is_trained() -> None:
    found = [trial.params for trial in probes(spec({"space": {**ALPHA, "penalty": {"choice": ["l1", "l2", None]}}, "random": 1}))]
    assert {params["alpha"] for params in found} >= {1e-6, 1e-2}
    assert {params["penalty"] for params in found} == {"l1", "l2", None}


# ------------------------------------------------------------------------------------------------ values from outside


def test_values_come_from_the_configmap_and_the_environment() -> None:
    lines = "# tried last week\n\nRETRAIN_GRID_ALPHA = [0.1]\n"
    found = replaced(parse(TEXT), lines, {"RETRAIN_GRID_PENALTY": '["l2", null]', "HOME": "/"})
    assert found.search.grid == {"alpha": [0.1], "penalty": ["l2", None]}
    assert replaced(parse(TEXT), "", {"HOME": "/"}) == parse(TEXT)


@pytest.mark.parametrize(
    ("lines", "variables", "words"),
    [
        (
            "RETRAIN_GRID_ALHPA=[1]",
            {},
            "the grid of model flight-delay has no parameter of this name; did you mean RETRAIN_GRID_ALPHA?",
        ),
        ("", {"RETRAIN_GRID_X": "[1]"}, "accepted: RETRAIN_GRID_ALPHA, RETRAIN_GRID_PENALTY"),
        ("alpha: [1]", {}, "ConfigMap grids, line 1: 'alpha: [1]' is not accepted; accepted: RETRAIN_GRID_<NAME>=[...]"),
        ("RETRAIN_GRID_ALPHA=[1]", {"RETRAIN_GRID_ALPHA": "[2]"}, "is given already"),
        ("RETRAIN_GRID_ALPHA=0.1", {}, "RETRAIN_GRID_ALPHA: '0.1' is not accepted; accepted: a JSON list"),
        ("RETRAIN_GRID_ALPHA=[]", {}, "at least one value"),
        ("RETRAIN_GRID_ALPHA=[NaN]", {}, "accepted: a JSON list"),
        ("RETRAIN_GRID_ALPHA={{workflow.name}}", {}, "accepted: a JSON list"),
        ("RETRAIN_GRID_ALPHA=" + json.dumps(list(range(1001))), {}, "2,002 trials; at most 2,000"),
    ],
)
def test_values_that_are_wrong_are_refused_by_their_variable(lines: str, variables: dict[str, str], words: str) -> None:
    with pytest.raises(BadSpec) as found:
        replaced(parse(TEXT), lines, variables)
    assert words in str(found.value)


def test_a_model_without_a_grid_takes_none() -> None:
    with pytest.raises(BadSpec, match=r"the spec has no search\.grid"):
        replaced(spec({}), "RETRAIN_GRID_ALPHA=[1]", {})
