"""The page about predictions, from the tutorial's data to its last line, each command and each script as it stands there."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.modelspec.model import ModelSpec
from handlers.modelspec.threshold import Threshold
from handlers.modelspec.yaml12 import load
from tests.committed import copy_models
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "howto" / "predict.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model `orders`, trained, and new rows."""
    folder = tmp_path_factory.mktemp("orders")
    copy_models(folder)
    run(folder, sys.executable, str(DOCS / "tutorial" / "orders.py"))
    run(folder, sys.executable, "-m", "retrain.cli", "new", "orders", "--task", "binary")
    run(folder, sys.executable, "-m", "handlers.try_", "models/orders.yaml", "orders-01.csv", "orders-02.csv", "--keep", "kept")
    (folder / "new.csv").write_text("amount,kind,comment\n20.0,web,\n90.5,phone,quick\n,letter,\n")
    return folder


def run(folder: Path, *words: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}",
        "HOME": str(folder),
        "RETRAIN_BUCKET": f"file://{folder}/kept/bucket",
    }
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def command(folder: Path, line: str) -> str:
    name, *words = shlex.split(line, comments=True)
    assert name == "retrain"
    return run(folder, sys.executable, "-m", "retrain.cli", *words)


def of(language: str) -> list[str]:
    return [block.text for block in blocks(PAGE) if block.language == language]


def test_every_command_of_the_page(place: Path) -> None:
    said = {line: command(place, line) for text in of("sh") for line in text.splitlines()}
    head, *rows = said["retrain predict orders new.csv --proba"].splitlines()
    assert head == "prediction,probability"
    assert len(rows) == 3
    assert "amount" in said["retrain model show orders"]
    assert "What roc_auc loses on" in said["retrain model show orders"]
    assert (place / "champion" / "predict.py").is_file()


def test_every_script_of_the_page_says_the_same(place: Path) -> None:
    command(place, "retrain model get orders --to champion")
    ours, mlflow = of("python")
    expected = list(csv.DictReader(command(place, "retrain predict orders new.csv --proba").splitlines()))
    printed = run(place, sys.executable, "-c", ours)
    found = json.loads(printed.replace("'", '"').replace("True", "true").replace("False", "false"))
    assert found[0]["probability"] == float(expected[0]["probability"])
    told = run(place, sys.executable, "-W", "ignore", "-c", mlflow)
    assert "probability" in told
    alone = run(place, sys.executable, "champion/predict.py", "new.csv", "--proba")
    assert list(csv.DictReader(alone.splitlines())) == expected


def test_the_rule_of_the_page_is_one() -> None:
    overlay, spec = map(load, of("yaml"))
    assert Threshold.model_validate(spec["evaluate"]["threshold"]).rule == {"precision_at_least": 0.9}
    (component,) = overlay["components"]
    assert (ROOT / "overlays" / "laptop" / component / "kustomization.yaml").is_file()
    assert "evaluate" in ModelSpec.model_fields
