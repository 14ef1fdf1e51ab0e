"""The section about torch: its model trains on the tutorial's data, becomes the champion and predicts; its figures were measured."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import yaml

from benchmarks.networks import torch_spec
from handlers.models.estimators import make
from handlers.models.torch import PARAMETERS
from tests.docs.pages import DOCS, ROOT
from tests.docs.test_own_model_page import orders as orders  # the fixture
from tests.docs.test_predict_page import command, run
from tests.torch_installed import needs_torch

SECTION = (DOCS / "howto" / "your-own-model.md").read_text(encoding="utf-8").split("## torch\n")[1].split("\n## ")[0]
RESULTS = ROOT / "benchmarks" / "results"


@needs_torch
def test_the_model_of_the_page_trains_and_predicts(orders: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(orders, folder)
    file = folder / "models" / "orders.yaml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree["spec"].update(yaml.safe_load(SECTION.split("```yaml\n")[1].split("```")[0]))
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    run(folder, sys.executable, "-m", "handlers.try_", "models/orders.yaml", "orders-01.csv", "orders-02.csv", "--keep", "kept")
    rows = list(csv.DictReader(command(folder, "retrain predict orders new.csv --proba").splitlines()))
    assert [0 <= float(row["probability"]) <= 1 for row in rows] == [True] * 3
    command(folder, "retrain model get orders --to champion")
    alone = run(folder, sys.executable, "champion/predict.py", "new.csv", "--proba")
    assert list(csv.DictReader(alone.splitlines())) == rows


def test_the_page_lists_the_parameters_of_torch() -> None:
    rows = [row for row in re.findall(r"^\| (`.+?) \|$", SECTION, re.MULTILINE) if "means" not in row]
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[0])}
    assert listed | {"momentum"} == set(PARAMETERS)


@needs_torch
def test_the_ranking_spec_with_torch_is_one_that_can_be_trained() -> None:
    spec = torch_spec()
    make(spec, {**spec.model.params, "learning_rate": 0.001})


def test_the_figures_of_the_page_are_those_that_were_measured() -> None:
    found, linear = (json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in ("torch", "ranking"))
    mean_rank = found["metrics"]["mean_rank"]
    text = " ".join(SECTION.split())
    assert f"a `mean_rank` of {mean_rank['value']:.2f} ({mean_rank['low']:.2f} to {mean_rank['high']:.2f}) on test" in text
    assert (
        f"the linear one {linear['metrics']['mean_rank']['value']:.2f} and lists in no order {found['baseline']['mean_rank']:.2f}" in text
    )
    assert f"(`benchmarks/networks.py`, {sum(found['rows'].values()):,} rows)" in text
    assert found["stopped_and_resumed"]
    assert found["same_state"]
