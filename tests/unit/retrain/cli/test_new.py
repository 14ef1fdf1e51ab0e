"""`retrain new` looks at files and writes a spec that runs as it is; `retrain try` takes it by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.committed import copy_models
from tests.unit.retrain.cli.driver import call
from tests.unit.retrain.cli.newcomers import TABLES

ROOT = Path(__file__).parents[4]
EXPECTED = {  # task, target, how it is split
    "breast_cancer": ("binary", "target", {"by": "random"}),
    "penguins": ("multiclass", "species", {"by": "random"}),
    "cars": ("regression", "mpg", {"by": "random"}),
    "yearly": ("regression", "yield", {"by": "time", "column": "year", "unit": "year"}),
    "european": ("regression", "Umsatz", {"by": "time", "column": "Datum"}),
    "hourly": ("regression", "load", {"by": "time", "column": "timestamp"}),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    copy_models(tmp_path)
    return tmp_path


@pytest.mark.parametrize("table", EXPECTED)
def test_the_spec_for_a_newcomers_table_trains_untouched(here: Path, table: str) -> None:
    TABLES[table](here / "data.csv")
    name = table.replace("_", "-")
    made = call("new", name, "data.csv", *(["--target", "Umsatz"] if table == "european" else []))
    assert made.exit_code == 0, made.stderr
    assert made.stdout == f"models/{name}.yaml written and listed. Next: `retrain try {name} data.csv`\n"
    spec = yaml.safe_load((here / f"models/{name}.yaml").read_text(encoding="utf-8"))["spec"]
    task, target, split = EXPECTED[table]
    assert (spec["task"], spec["data"]["target"]["column"]) == (task, target)
    assert spec["data"]["split"].items() >= split.items()
    assert f"target: {target} (" in made.stderr
    assert f"  - {name}.yaml\n" in (here / "models/kustomization.yaml").read_text(encoding="utf-8")
    tried = call("try", name, "data.csv", "-o", "json")
    assert tried.exit_code == 0, tried.stderr
    answer = json.loads(tried.stdout)
    assert answer["verdict"]["decision"] == "promoted", answer["verdict"]["reason"]
    assert min(answer["rows"].values()) >= 10


def test_what_a_person_decides_is_not_guessed(here: Path) -> None:
    TABLES["hourly"](here / "data.csv")
    made = call("new", "m", "data.csv", "--target", "weekend", "--time", "timestamp", "--task", "binary")
    assert made.exit_code == 0, made.stderr
    spec = yaml.safe_load((here / "models/m.yaml").read_text(encoding="utf-8"))["spec"]
    assert (spec["task"], spec["data"]["target"]) == ("binary", {"column": "weekend", "classes": [0, 1], "positive": 1})
    assert "decides otherwise" not in made.stderr


def test_a_choice_that_cannot_be_says_what_can(here: Path) -> None:
    TABLES["hourly"](here / "data.csv")
    for options, told in (
        (["--target", "lod"], "--target lod: there is no such column; did you mean 'load'?"),
        (["--target", "timestamp"], "--target timestamp: its type is timestamp; a target is a number, a boolean or a text"),
        (["--task", "binary"], "--task binary: 'load' has 657 values"),
        (["--time", "temperature"], "--time temperature: temperature is neither a timestamp, a date nor an integer"),
    ):
        refused = call("new", "m", "data.csv", *options)
        assert refused.exit_code == 2
        assert told in refused.stderr
    assert not (here / "models/m.yaml").exists()


def test_without_a_sensible_target_the_candidates_are_named(here: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},note {i}\n" for i in range(60))
    (here / "data.csv").write_text("a,b,note\n" + rows, encoding="utf-8")
    refused = call("new", "m", "data.csv")
    assert refused.exit_code == 2
    assert "no column says that it is the target; name one with --target: a, b\n" in refused.stderr


def test_a_spec_that_is_there_is_kept_without_force(here: Path) -> None:
    TABLES["hourly"](here / "data.csv")
    (here / "models/m.yaml").write_text("mine\n", encoding="utf-8")
    refused = call("new", "m", "data.csv")
    assert refused.exit_code == 2
    assert "models/m.yaml exists already: choose another name, edit it, or write over it with --force" in refused.stderr
    assert (here / "models/m.yaml").read_text(encoding="utf-8") == "mine\n"
    assert call("new", "m", "data.csv", "--force").exit_code == 0
    assert "Written by `retrain new` from data.csv: 960 rows" in (here / "models/m.yaml").read_text(encoding="utf-8")


def test_at_a_terminal_it_asks_with_the_guess_as_the_default(here: Path) -> None:
    TABLES["hourly"](here / "data.csv")
    ours, its = os.openpty()
    command = [sys.executable, "-m", "retrain.cli", "new", "m", "data.csv", "--time", "timestamp"]
    process = subprocess.Popen(command, stdin=its, stdout=subprocess.PIPE, stderr=its, text=True)
    os.close(its)
    said = b""
    for question, answer in ((b"target: load (", b"nothing\n"), (b"the columns are", b"temperature\n"), (b"task: regression (", b"\n")):
        while question not in said:
            said += os.read(ours, 4096)
        while not said.rstrip().endswith(b":"):
            said += os.read(ours, 4096)
        said = b""
        os.write(ours, answer)
    written, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert "models/m.yaml written and listed" in written
    spec = yaml.safe_load((here / "models/m.yaml").read_text(encoding="utf-8"))["spec"]
    assert (spec["task"], spec["data"]["target"]) == ("regression", {"column": "temperature"})


def test_lists_are_put_in_order_by_what_says_which_rows_are_one(here: Path) -> None:
    TABLES["offers"](here / "data.csv")
    refused = call("new", "m", "data.csv", "--task", "ranking", "--target", "brand")
    assert "--task ranking: 'brand' is string; a relevance is a number from 0, or true and false" in refused.stderr
    unknown = call("new", "m", "data.csv", "--task", "ranking", "--target", "ordered")
    assert "--task ranking: no column says which rows are one list; name the one that does with --group" in unknown.stderr
    made = call("new", "m", "data.csv", "--task", "ranking", "--target", "ordered", "--group", "session")
    assert made.exit_code == 0, made.stderr
    spec = yaml.safe_load((here / "models/m.yaml").read_text(encoding="utf-8"))["spec"]
    assert (spec["task"], spec["data"]["group"], spec["data"]["target"]) == ("ranking", "session", {"column": "ordered"})
    assert spec["promote"]["gate"] == {"metric": "mean_rank", "at_most": 4.5}  # the middle of a list of eight
    tried = call("try", "m", "data.csv", "-o", "json")
    assert tried.exit_code == 0, tried.stderr
    assert json.loads(tried.stdout)["verdict"]["decision"] == "promoted"


def test_rows_that_belong_together_are_kept_together_for_every_task(here: Path) -> None:
    TABLES["offers"](here / "data.csv")
    made = call("new", "m", "data.csv", "--target", "ordered", "--group", "session", "--time", "none")
    assert made.exit_code == 0, made.stderr
    spec = yaml.safe_load((here / "models/m.yaml").read_text(encoding="utf-8"))["spec"]
    assert (spec["task"], spec["data"]["group"], spec["data"]["split"]["key"]) == ("binary", "session", ["session"])
