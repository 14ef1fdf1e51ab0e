"""The page about models of one's own: each kind trains on the tutorial's data, becomes the champion and predicts."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.committed import copy_models
from tests.docs.pages import DOCS, blocks
from tests.docs.test_predict_page import command, run

PAGE = DOCS / "howto" / "your-own-model.md"


def of(language: str) -> list[str]:
    return [block.text for block in blocks(PAGE) if block.language == language]


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tutorial's files, the spec that `retrain new` wrote of them, and new rows."""
    folder = tmp_path_factory.mktemp("orders")
    copy_models(folder)
    run(folder, sys.executable, str(DOCS / "tutorial" / "orders.py"))
    run(folder, sys.executable, "-m", "retrain.cli", "new", "orders", "--task", "binary")
    (folder / "new.csv").write_text("amount,kind\n20.0,web\n90.5,phone\n,letter\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("spec", "code"), [(0, 0), (1, 1), (2, 2), (3, None), (4, None)], ids=["build", "class", "table", "xgboost", "lightgbm"]
)
def test_each_kind_of_the_page_trains_and_predicts(orders: Path, tmp_path: Path, spec: int, code: int | None) -> None:
    folder = tmp_path / "work"
    shutil.copytree(orders, folder)
    file = folder / "models" / "orders.yaml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree["spec"].update(yaml.safe_load(of("yaml")[spec]))
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    if code is not None:
        file.with_suffix(".py").write_text(of("python")[code], encoding="utf-8")
    tried, predict = (text.strip() for text in of("sh"))
    if spec == 0:  # for the others its files are tried once, into a bucket that is kept
        assert "promoted" in command(folder, tried)
    told = run(folder, sys.executable, "-m", "handlers.try_", "models/orders.yaml", *tried.split()[3:], "--keep", "kept", "-o", "text")
    assert "promoted" in told
    rows = list(csv.DictReader(command(folder, predict).splitlines()))
    assert [0 <= float(row["probability"]) <= 1 for row in rows] == [True] * 3
    command(folder, "retrain model get orders --to champion")
    alone = run(folder, sys.executable, "champion/predict.py", "new.csv", "--proba")
    assert list(csv.DictReader(alone.splitlines())) == rows
