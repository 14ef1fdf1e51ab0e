"""Which key of a spec changes which name: what can change a result names it, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.modelspec import digests, yaml12
from handlers.modelspec.grid import expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse

TEXT = (Path(__file__).parents[3] / "models" / "flight-delay.yaml").read_text()
SOURCE = ["incoming/flight-delay/2013-01.csv", 10, "e"]
STAGES = ("part", "dataset", "trial", "evaluation", "run", "promote")


def spec(path: str = "", value: Any = None) -> ModelSpec:
    tree = yaml12.load(TEXT)
    *way, last = path.split(".")
    here = tree["spec"]
    for step in way:
        here = here.setdefault(step, {})
    if path:
        here[last] = value
    return parse(json.dumps(tree))


def named(of: ModelSpec, code: str = "code", source: list[Any] = SOURCE) -> dict[str, str]:
    """The names of everything one source object leads to, each made of the one before it as the stages do."""
    part = digests.part_digest(of, source, code)
    dataset = digests.dataset_digest([(part, "train")], of, code)
    trial = digests.trial_digest(dataset, of, {"alpha": 1e-6, "penalty": "l1"}, code)
    evaluate = of.tree()["evaluate"]
    names = (
        part,
        dataset,
        trial,
        digests.evaluation_digest(trial, f"{dataset}/test", evaluate, code),
        digests.run_digest(digests.snapshot_digest([source]), of, code),
        digests.promote_digest(of, code),
    )
    return dict(zip(STAGES, names, strict=True))


def changes(path: str, value: Any) -> list[str]:
    before, after = named(spec()), named(spec(path, value))
    return [stage for stage in STAGES if before[stage] != after[stage]]


ALL = ["part", "dataset", "trial", "evaluation", "run"]
SQL = "SELECT time_hour, carrier, flight, hour, dest, distance, arr_delay > 30 AS late FROM incoming"


@pytest.mark.parametrize(
    ("path", "value", "changed"),
    [
        ("data.query.sql", SQL, ALL),
        ("data.sources.incoming.csv.nulls", ["NA"], ALL),
        ("data.sources.incoming.columns.hour", "float", ALL),
        ("data.split.timezone", "America/New_York", ALL),
        ("data.key", ["time_hour", "carrier"], ALL),
        ("checks", {"rows": {"min": 5}}, ALL),
        ("data.split.valid", "7d", ALL[1:]),
        ("data.split.gap", "2d", ALL[1:]),
        ("features.distance.scale", "none", ALL[1:]),
        ("model.seed", 7, ALL[2:]),
        ("model.params.loss", "hinge", ALL[2:]),
        ("training.epochs", 9, ALL[2:]),
        ("training.shuffle.parts", 3, ALL[2:]),
        ("training.early_stopping.patience", 3, ALL[2:]),
        ("evaluate.report", ["log_loss"], ALL[3:]),
        ("search.grid.alpha", [1e-6, 1e-5, 1e-4, 1e-3], ["run"]),
        ("training.checkpoint", {"every": "10s"}, ["run"]),
        ("training.validate", {"every": "200 batches", "rows": 1000}, ["run"]),
        ("promote.gate.improve_by", 0.01, ["promote"]),
        ("trigger.quiet", "1s", []),
        ("card.intended_use", "planning", []),
        ("resources.train", {"cpu": 2}, []),
        ("model.image", "team/churn:1.2", ALL[2:]),
    ],
)
def test_a_key_changes_the_names_of_what_it_can_change(path: str, value: Any, changed: list[str]) -> None:
    assert changes(path, value) == changed


def test_the_metric_that_stops_a_training_early_is_part_of_it() -> None:
    assert changes("evaluate.select_by", "log_loss") == ALL[2:]
    patient = {"epochs": 8, "batch_rows": 4096}
    tree = yaml12.load(TEXT)
    tree["spec"]["training"] = patient
    one = parse(json.dumps(tree))
    tree["spec"]["evaluate"]["select_by"] = "log_loss"
    other = parse(json.dumps(tree))
    assert named(one)["trial"] == named(other)["trial"]
    assert named(one)["evaluation"] != named(other)["evaluation"]


def test_other_code_changes_everything_and_another_object_everything_but_the_gate() -> None:
    before = named(spec())
    for after, changed in ((named(spec(), code="other"), [*ALL, "promote"]), (named(spec(), source=[SOURCE[0], 10, "f"]), ALL)):
        assert [stage for stage in STAGES if before[stage] != after[stage]] == changed


def test_the_order_of_the_columns_matters_only_without_a_header() -> None:
    def reordered(header: bool) -> tuple[str, str]:
        tree = yaml12.load(TEXT)
        source = tree["spec"]["data"]["sources"]["incoming"]
        source["csv"]["header"] = header
        one = parse(json.dumps(tree))
        source["columns"] = dict(reversed(source["columns"].items()))
        return named(one)["part"], named(parse(json.dumps(tree)))["part"]

    with_header, without = reordered(True), reordered(False)
    assert with_header[0] == with_header[1]
    assert without[0] != without[1]


def test_one_more_value_keeps_the_names_of_the_trials_there_are() -> None:
    def names(of: ModelSpec) -> set[str]:
        return {digests.trial_digest("dataset", of, trial.params, "code") for trial in expand(of)}

    assert names(spec()) < names(spec("search.grid.alpha", [1e-6, 1e-5, 1e-4, 1e-3]))


@given(st.permutations([["a", 1, "x"], ["b", 2, "y"], ["c", 3, "z"]]))
def test_a_snapshot_is_named_by_its_objects_in_any_order(objects: list[list[Any]]) -> None:
    assert digests.snapshot_digest(objects) == digests.snapshot_digest(sorted(objects))


def test_a_part_is_named_by_content_whatever_the_object_is_called() -> None:
    key, size, content = SOURCE
    assert digests.part_digest(spec(), ["other", size, content], "code") == digests.part_digest(spec(), SOURCE, "code")
    for other in ([key, 11, content], [key, size, "other"]):
        assert digests.part_digest(spec(), other, "code") != digests.part_digest(spec(), SOURCE, "code")


def test_a_verdict_is_named_by_what_was_compared_and_how() -> None:
    name = digests.verdict_digest(["a"], spec(), "champion", "code")
    assert name == digests.verdict_digest(["a"], spec("trigger.quiet", "1s"), "champion", "code")
    others = [
        digests.verdict_digest(["b"], spec(), "champion", "code"),
        digests.verdict_digest(["a"], spec(), None, "code"),
        digests.verdict_digest(["a"], spec("promote.gate.confidence", 0.5), "champion", "code"),
        digests.verdict_digest(["a"], spec(), "champion", "other"),
    ]
    assert len({name, *others}) == 5
