"""A model is the same file wherever and whenever it is saved."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from handlers.models import scikit_learn
from handlers.models.model_file import dump, load, state_digest
from handlers.models.skops_file import same_bytes

ROOT = Path(__file__).parents[3]
KINDS = {kind.path: kind for kind in scikit_learn.KINDS}
LEARN = """
import sys, warnings, numpy
from handlers.models.estimators import KINDS
from handlers.models.model_file import dump
{before}
warnings.simplefilter("ignore")
kind = KINDS[{path!r}]
X = numpy.random.default_rng(0).normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int) if "binary" in kind.tasks else X[:, 0]
made = kind.type()()
if "n_estimators" in made.get_params(): made.set_params(n_estimators=3)
if "max_iter" in made.get_params(): made.set_params(max_iter=5)
if "random_state" in made.get_params(): made.set_params(random_state=1)
sys.stdout.buffer.write(dump(made.fit(X, y)))
"""


def learned(path: str, before: str = "") -> bytes:
    """The model file of a process of its own."""
    return subprocess.run([sys.executable, "-c", LEARN.format(path=path, before=before)], capture_output=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize("path", ["sklearn.linear_model.SGDClassifier", "sklearn.neural_network.MLPRegressor"])
def test_two_processes_write_the_same_bytes(path: str) -> None:
    first, second = learned(path), learned(path, before="held = [object() for _ in range(1000)]; spare = 'log_' + 'loss'")
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


@pytest.mark.parametrize("path", sorted(KINDS))
def test_what_is_read_is_what_was_saved(path: str) -> None:
    kind = KINDS[path]
    made = kind.type()()
    settings = {"n_estimators": 3, "max_iter": 50, "random_state": 1}
    made.set_params(**{name: value for name, value in settings.items() if name in made.get_params()})
    X = np.random.default_rng(0).normal(size=(60, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.fit(X, (X[:, 0] > 0).astype(int) if "binary" in kind.tasks else X[:, 0])
    data = dump(made)
    again = load(data, kind, "here")
    assert state_digest(again) == state_digest(made)
    assert np.array_equal(again.predict(X), made.predict(X))
    assert same_bytes(data) == data
