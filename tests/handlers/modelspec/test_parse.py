"""Specs: YAML 1.2, findings that say where and what would be right, refusals by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers.contracts import BadSpec
from handlers.modelspec import yaml12
from handlers.modelspec.digests import run_digest
from handlers.modelspec.grid import expand
from handlers.modelspec.parse import load, parse, read
from handlers.storage import canonical_json
from tests.committed import ROOT, tracked

TEXT = (ROOT / "models/flight-delay.yaml").read_text()


def changed(path: str, value: Any) -> str:
    """The demo's spec with one value set by dotted path; the text `REMOVE` takes the key away."""
    tree = yaml12.load(TEXT)
    *way, last = path.split(".")
    here = tree
    for step in way:
        here = here.setdefault(step, {})
    if value == "REMOVE":
        del here[last]
    else:
        here[last] = value
    return json.dumps(tree)


def finding(text: str, sql: str | None = None) -> str:
    spec, found = read(text, "models/flight-delay.yaml", sql)
    assert spec is None
    return "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6), ("no", "no"), ("on", "on"), ("y", "y"), ("12:30:00", "12:30:00"), ("2013-01-01", "2013-01-01"), ("012", 12),
        ("0o14", 12), ("0x1F", 31), ("true", True), ("~", None), ("", None), ("1_000", "1_000"), (".inf", float("inf")), ("-.5", -0.5),
        ("<<", "<<"), ("1.", 1.0), ('"1"', "1"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = yaml12.load(f"k: {text}")["k"]
    assert (found, type(found)) == (value, type(value))


def test_a_key_that_stands_twice_is_an_error() -> None:
    with pytest.raises(yaml.YAMLError, match="'a' occurs twice"):
        yaml12.load("a: 1\na: 2")


@pytest.mark.parametrize("path", [ROOT / path for path in tracked() if path.match("models/*.yaml")], ids=lambda p: p.stem)
def test_every_model_of_the_repository_is_a_spec(path: Path) -> None:
    if path.stem != "kustomization":
        assert parse(path.read_text(), str(path)).name == path.stem


def test_a_spec_survives_the_way_between_steps() -> None:
    spec = parse(TEXT)
    assert load(canonical_json(spec.tree())) == spec


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("spec.data.split.vaild", "14d", ["spec.data.split.vaild", "did you mean 'valid'"]),
        ("spec.task", "binray", ["spec.task", "'binray'", "binary", "did you mean 'binary'"]),
        ("spec.data.split", "REMOVE", ["spec.data.split", "required", "{by: time, column: time_hour, valid: 7d, test: 7d}"]),
        ("spec.data.split", {"column": "time_hour"}, ["spec.data.split", "`by` is required", "by: time, column: time_hour"]),
        ("spec.data.split.by", "rows", ["'rows'", "time", "hash", "random"]),
        ("spec.data.split.valid", "14 days", ["spec.data.split.valid", "14 days", "duration"]),
        ("spec.features.hour.scale", "standard", ["scale", "category"]),
        ("spec.training.epochs", "8", ["spec.training.epochs", "'8'"]),
        ("spec.checks", {"rows": {"mni": 5}}, ["spec.checks", "rows", "mni", "min"]),
        ("spec.training.epochs", 0, ["spec.training.epochs", "0"]),
        ("spec.model.seed", -1, ["spec.model.seed", "-1"]),
        ("spec.data.sources.incoming.prefix", "/incoming/", ["prefix"]),
        ("spec.data.sources.incoming.columns", "REMOVE", ["columns", "never guessed"]),
        ("spec.data.target.positive", "yes", ["positive", "yes"]),
        ("spec.data.target.classes", [False, False], ["data.target.classes", "occurs twice"]),
        ("spec.data.target.classes", [1, 2, 3], ["data.target.classes", "two classes"]),
        ("spec.data.target", {"column": "late", "positive": "yes"}, ["data.target.classes", "positive"]),
        ("spec.data.target", {"column": "late", "clip": [0, 1]}, ["data.target.clip", "regression"]),
        ("spec.task", "multiclass", ["data.target.positive", "binary"]),
        ("spec.task", "regression", ["data.target.positive", "binary"]),
        ("spec.features.late", {"type": "boolean"}, ["features.late", "target"]),
        ("spec.search.grid.alpha", [], ["spec.search.grid.alpha", "at least one value"]),
        ("spec.data.sources.incoming.prefix", "elsewhere/", ["prefix", "incoming/<name>/"]),
        ("spec.data.split.valid", "36h", ["spec.data.split.valid", "whole days"]),
        ("spec.data.split.test", "0d", ["spec.data.split.test", "whole days"]),
        ("spec.data.query", {"sql": "SELECT 1", "file": "a.sql"}, ["either sql or file"]),
        ("spec.resources.train", {"memory": "much"}, ["spec.resources.train.memory", "much", "4Gi"]),
        ("metadata.name", "Flight_Delay", ["metadata.name", "Flight_Delay", "lower-case"]),
        ("kind", "Modle", ["kind", "Model"]),
        ("spec.name", "x", ["unknown key 'name'"]),
        ("spec.data.split", {"by": "hash", "kee": 1}, ["unknown key 'kee'"]),
        (
            "spec.data.split.group",
            "x",
            ["unknown key 'group'; accepted: by, column, unit, timezone, part, gap, valid, test, key, stratify, seed"],
        ),
        ("specc", {}, ["specc", "did you mean 'spec'"]),
    ],
)
def test_a_finding_names_place_value_and_what_is_accepted(path: str, value: Any, words: list[str]) -> None:
    found = finding(changed(path, value))
    assert found.startswith("models/flight-delay.yaml:")
    assert [word for word in words if word not in found] == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"split": {"by": "hash", "key": ["carrier"], "valid": 0.1, "test": 0.2}},
            "['carrier'] would cut the groups of data.group; accepted: [hour]",
        ),
        (
            {"split": {"by": "random", "stratify": "hour", "valid": 0.1, "test": 0.2}},
            "'hour' is data.group, each value of which has one role",
        ),
        (
            {"split": {"by": "random", "valid": 0.1, "test": 0.2}, "key": ["carrier"], "on_duplicate": "last"},
            "`last` needs 'hour', by which rows are split",
        ),
    ],
)
def test_a_split_that_would_part_groups_is_refused(data: dict[str, Any], words: str) -> None:
    tree = yaml12.load(TEXT)
    tree["spec"]["data"] |= {"group": "hour", **data}
    _, found = read(json.dumps(tree), "m.yaml")
    assert any(words in str(each) for each in found)


def test_a_finding_names_the_line() -> None:
    lines = TEXT.splitlines()
    number = next(i for i, line in enumerate(lines) if line.strip().startswith("task:"))
    lines[number] = "  task: nothing"
    assert finding("\n".join(lines)).startswith(f"models/flight-delay.yaml:{number + 1}: spec.task")


@pytest.mark.parametrize("text", ["", "[]", "a: [", "a: b: c", "\t", "just text", "null"])
def test_what_is_no_spec_is_said_in_one_line(text: str) -> None:
    with pytest.raises(BadSpec):
        parse(text, "x.yaml")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("spec.promote.refit", "all", "not supported yet: promote.refit"),
        ("spec.promote.approval", "manual", "not supported yet: promote.approval"),
        ("spec.promote.slices", {"max_loss": 0.1}, "not supported yet: promote.slices"),
        (
            "spec.search.halving",
            {"mode": "async"},
            "search.halving.mode: async is not offered, since its winner hangs on which pods end first",
        ),
        ("spec.resources", {"fetch": {"cpu": 1}}, "not supported yet: resources.fetch"),
        ("spec.resources", {"train": {"parallel": 2}}, "not supported yet: resources.train.parallel"),
    ],
)
def test_what_is_not_built_is_refused_by_name(path: str, value: Any, words: str) -> None:
    assert words in finding(changed(path, value))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "spec.data.group: required for task ranking"),
        ({"evaluate": {"select_by": "mrr", "interval": {"cluster": "day"}}, "group": "hour"}, "'day' would cut lists"),
        (
            {"evaluate": {"select_by": "mrr", "baseline": "median"}, "group": "hour"},
            "spec.evaluate.baseline: not accepted for task ranking",
        ),
    ],
)
def test_a_ranking_is_of_whole_lists(more: dict[str, Any], words: str) -> None:
    tree = yaml12.load(TEXT)
    tree["spec"]["task"] = "ranking"
    tree["spec"]["data"] |= {"target": {"column": "late"}, "group": more.get("group")}
    tree["spec"]["evaluate"] = more.get("evaluate", {"select_by": "mrr"})
    assert any(words in str(each) for each in read(json.dumps(tree), "m.yaml")[1])


def test_a_statement_may_stand_beside_the_spec() -> None:
    text = changed("spec.data.query", {"file": "flight-delay.sql", "scope": "row"})
    assert parse(text, sql="SELECT 1").sql == "SELECT 1"
    assert "there is no file 'flight-delay.sql' beside the spec" in finding(text)


def test_defaults_written_out_change_nothing() -> None:
    assert parse(changed("spec.trigger.quiet", "30s")).tree() == parse(TEXT).tree()


def test_a_grid_keeps_its_ids_when_it_grows() -> None:
    few = expand(parse(TEXT))
    more = expand(parse(changed("spec.search.grid.alpha", [1e-3, 1e-6, 1e-5, 1e-4])))
    assert (len(few), len(more)) == (6, 8)
    assert {t.id for t in few} < {t.id for t in more}


def test_without_a_grid_there_is_one_trial() -> None:
    assert [t.params for t in expand(parse(changed("spec.search", "REMOVE")))] == [{}]


def test_a_schedule_is_part_of_a_spec_and_changes_no_result() -> None:
    spec = parse(changed("spec.trigger.schedule", {"cron": "30 4 * * 1-5", "timezone": "Europe/Berlin"}))
    assert spec.trigger.schedule is not None
    assert (spec.trigger.schedule.cron, spec.trigger.schedule.timezone) == ("30 4 * * 1-5", "Europe/Berlin")
    assert run_digest("s", spec, "c") == run_digest("s", parse(changed("spec.trigger", "REMOVE")), "c")


@pytest.mark.parametrize("schedule", [{"cron": "@daily"}, {"cron": "0 4 * *"}, {}, {"cron": "0 4 * * *", "zone": "UTC"}])
def test_a_schedule_that_cannot_be_one_is_refused(schedule: Any) -> None:
    assert "spec.trigger.schedule" in finding(changed("spec.trigger.schedule", schedule))


@pytest.mark.parametrize("where", ["data.split", "trigger.schedule"])
def test_a_zone_that_does_not_exist_is_refused_where_it_stands(where: str) -> None:
    given = {"cron": "0 4 * * *", "timezone": "Mars/Base"} if "schedule" in where else "Mars/Base"
    place = f"spec.{where}" if "schedule" in where else f"spec.{where}.timezone"
    assert f"spec.{where}.timezone: 'Mars/Base' is not a time zone" in finding(changed(place, given))
