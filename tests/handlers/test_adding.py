"""The recipes of CONTRIBUTING.md, carried out in a copy of the handlers: a metric is one file, an estimator a module and a line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.handlers.stages.world import SPEC, changed, month

ROOT = Path(__file__).parents[2]

METRIC = """
def _recall(grouped: Grouped) -> Statistic:
    table = _confusion(grouped, 1)
    return lambda counts: (counts @ table)[:, 0] / (counts @ table)[:, 2]

"""
MODULE = """
from handlers.models.kinds import CLASSES
from handlers.models.scikit_learn import REQUIREMENTS, listed

KINDS = (listed("coins.Coin", CLASSES, streams=True, trusted=("coins.Coin",), requirements=(*REQUIREMENTS, "coins")),)
"""
LIBRARY = '''
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Coin(ClassifierMixin, BaseEstimator):
    """Says how often each class came so far."""

    _parameter_constraints = {"bias": [float]}

    def __init__(self, bias=0.0):
        self.bias = bias

    def partial_fit(self, X, y, classes=None):
        if not hasattr(self, "counts_"):
            self.classes_, self.counts_ = np.asarray(classes), np.zeros(len(classes))
        self.counts_ = self.counts_ + np.bincount(y, minlength=len(self.classes_))
        return self

    def predict_proba(self, X):
        shares = self.counts_ / self.counts_.sum()
        return np.tile(shares, (X.shape[0], 1)) + self.bias * X.toarray()[:, :1] * [[1, -1]]
'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "handlers", tmp_path / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "1.csv").write_bytes(month("2013-01-01", 40))
    return tmp_path


def insert(file: Path, before: str, text: str) -> None:
    found = file.read_text(encoding="utf-8")
    assert found.count(before) == 1
    file.write_text(found.replace(before, text + before), encoding="utf-8")


def python(copy: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RETRAIN", "PYTHON"))}
    ended = subprocess.run([sys.executable, "-m", *words], check=False, cwd=copy, env=clean, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def tried(copy: Path, **changes: Any) -> dict[str, Any]:
    """What `try_` says of the small world's spec with these changes."""
    spec = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": changed(SPEC, **changes)}
    (copy / "late.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert json.loads(python(copy, "handlers.check", "late.yaml")) == []
    found: dict[str, Any] = json.loads(python(copy, "handlers.try_", "late.yaml", "1.csv"))
    return found


def test_a_metric_is_one_file(copy: Path) -> None:
    file = copy / "handlers/metrics/metrics.py"
    insert(file, "\ndef _errors(", METRIC)
    insert(file, '        ("roc_auc", True, False, area_under_roc),\n', '        ("recall", True, False, _recall),\n')
    found = tried(copy, evaluate={"select_by": "recall"}, promote={"gate": {"metric": "recall", "at_least": 0.05}})
    assert [trial["select_by"] for trial in found["trials"]] == ["recall", "recall"]
    assert found["verdict"]["decision"] == "promoted"
    assert 0.05 <= found["verdict"]["metrics"]["recall"]["challenger"]["value"] <= 1
    assert "| `recall` | binary | higher | no |" in python(copy, "handlers.report.reference")


def test_an_estimator_is_a_module_and_a_line(copy: Path) -> None:
    (copy / "coins.py").write_text(LIBRARY, encoding="utf-8")
    installed = copy / "coins-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1.0\n", encoding="utf-8")
    (copy / "handlers/models/coins.py").write_text(MODULE, encoding="utf-8")
    file = copy / "handlers/models/estimators.py"
    insert(file, '    "scikit-learn": scikit_learn.KINDS,\n', '    "coins": coins.KINDS,\n')
    insert(file, "from handlers.models.kinds import CLASSES, Estimator, Kind, Recipe\n", "from handlers.models import coins\n")
    changes: dict[str, Any] = {"model": {"estimator": "coins.Coin"}, "search": {"grid": {"bias": [0.01]}}, "promote": {}}
    first = tried(copy, **changes)
    assert first["verdict"]["decision"] == "promoted"
    assert "| `coins.Coin` | binary, multiclass |" in python(copy, "handlers.report.reference")
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 2.0\n", encoding="utf-8")
    second = tried(copy, **changes)
    assert second["verdict"]["dataset"] == first["verdict"]["dataset"]
    assert second["trials"][0]["trial"] != first["trials"][0]["trial"], "another version of its library is another trial"
