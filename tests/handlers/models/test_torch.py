"""The estimator of torch: what it learns, what it refuses, and that what it predicts for a row does not hang on the rows beside it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from handlers.contracts import BadData, BadSpec
from handlers.models import saved
from tests.handlers.models.making import batch, made
from tests.handlers.models.test_contract import learned, rows
from tests.torch_installed import needs_torch


@pytest.mark.parametrize(
    ("task", "params", "said"),
    [
        ("binary", {"hidden_layers": [3]}, "torch has no such parameter; did you mean 'hidden_layer_sizes'?"),
        ("binary", {"hidden_layer_sizes": [0]}, r"hidden_layer_sizes: \[0\] is not a list of whole numbers above 0"),
        ("binary", {"hidden_layer_sizes": 5}, "hidden_layer_sizes: 5 is not a list of whole numbers above 0"),
        ("binary", {"dropout": 1.0}, "dropout: 1.0 is not a number from 0 to below 1"),
        ("binary", {"learning_rate": float("nan")}, "learning_rate: nan is not a number above 0"),
        ("binary", {"embedding_size": True}, "embedding_size: True is not a whole number above 0"),
        ("binary", {"optimizer": "lbfgs"}, "optimizer: 'lbfgs' is not adam or sgd"),
        ("binary", {"momentum": 0.9}, "momentum: adam has none; remove it, or set `optimizer: sgd`"),
        ("binary", {"max_iter": 3}, "max_iter: not accepted here; use training.epochs instead"),
        ("binary", {"random_state": 3}, "random_state: not accepted here; use model.seed instead"),
        ("binary", {"loss": "hinge"}, "loss: 'hinge' is not accepted; accepted: log_loss"),
        ("ranking", {"loss": "huber"}, "loss: 'huber' is not accepted; accepted: squared_error, log_loss"),
    ],
)
def test_a_wrong_parameter_is_named(task: str, params: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSpec, match=said.replace("?", r"\?")):
        made("torch", task, params)


@needs_torch
@pytest.mark.parametrize(("optimizer", "rate"), [("adam", 0.01), ("sgd", 0.5)])
def test_it_learns_what_two_columns_say_only_together(optimizer: str, rate: float) -> None:
    """A linear model cannot."""
    random = np.random.default_rng(0)
    a, b = random.integers(0, 3, 4000), random.integers(0, 3, 4000)
    X = sparse.csr_matrix(np.concatenate([np.eye(3)[a], np.eye(3)[b]], axis=1))
    model = made("torch", "binary", {"learning_rate": rate, "optimizer": optimizer, "batch_size": 50}, memory="whole")
    model.learn(batch(X, (a == b).astype(float)))
    assert np.abs(model.predict(X)[0] - (a == b)).max() < 0.1


@needs_torch
def test_a_weight_of_rows_counts() -> None:
    X, y = np.zeros((200, 1)), np.arange(200) % 2 == 0
    model = made("torch", "binary", {"max_iter": 200, "learning_rate": 0.01}, memory="whole")
    model.learn(batch(X, y.astype(float), np.where(y, 3.0, 1.0)))
    assert model.predict(X)[0] == pytest.approx(np.full(200, 0.75), abs=0.02)


@needs_torch
def test_a_row_is_predicted_the_same_alone_and_among_others() -> None:
    model = learned(made("torch", "multiclass", {"hidden_layer_sizes": [33, 17]}), "multiclass")
    X = rows("multiclass", 9, 1200).X
    for asked in (X, X.toarray()):
        score, _ = model.predict(asked)
        for first, last in ((0, 1), (7, 8), (500, 530), (1000, 1200)):
            assert np.array_equal(model.predict(asked[first:last])[0], score[first:last])
    assert model.predict(X[:0])[0].shape == (0, 3)


@needs_torch
def test_relevance_that_is_no_probability_is_refused_by_log_loss() -> None:
    model = made("torch", "ranking", {"loss": "log_loss"})
    graded = rows("ranking", 0)
    with pytest.raises(BadData, match="a relevance is from 0 to 1"):
        model.learn(graded)
    graded.y[:] = graded.y > 1
    model.learn(graded)
    assert model.predict(graded.X)[1] == "value"


@needs_torch
def test_a_file_of_another_network_or_cut_short_is_refused() -> None:
    model = learned(made("torch", params={"hidden_layer_sizes": [5]}), "binary")
    ((name, data),) = saved.files(model).items()
    for params, said in (
        ({"hidden_layer_sizes": [4]}, r"hidden 0 has the shape \(16, 5\), and \(16, 4\) is wanted"),
        ({"hidden_layer_sizes": [5], "optimizer": "sgd"}, "embedding bias/exp_avg has the shape"),
    ):
        with pytest.raises(BadData, match=f"t/{name}: it is not of the trial's network: {said}"):
            saved.loaded(made("torch", params=params).recipe, {name: data}, "t")
    head = struct.unpack("<Q", data[:8])[0]
    half = data.replace(b'"F32"', b'"I32"', 1)
    for damaged in (b"", data[:10], data[: head // 2], data[:-1], half):
        with pytest.raises(BadData, match="delete the trial's folder"):
            saved.loaded(model.recipe, {name: damaged}, "t")


@needs_torch
def test_what_diverges_is_seen() -> None:
    model = made("torch", "regression", {"optimizer": "sgd", "learning_rate": 1e6})
    learned(model, "regression")
    assert not model.finite()
