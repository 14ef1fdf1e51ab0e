"""The loop: what stops it, what it keeps, and that a training taken up again ends in the same model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handlers.contracts import GaveUp, Stopped
from handlers.data.read import Batch, Position
from handlers.metrics.predictions import Predictions
from handlers.models import checkpoint, within
from handlers.models import kernel as kernels
from handlers.models.checkpoint import CannotResume, Progress
from handlers.models.gathered import gather
from handlers.models.loop import Plan, Training, whole
from handlers.models.predict import predict
from handlers.models.saved import loaded
from handlers.models.scikit_learn import ScikitLearn
from handlers.storage import Store, open_store
from tests.handlers.models.making import made as fresh

SGD = "sklearn.linear_model.SGDClassifier"
MLP = "sklearn.neural_network.MLPClassifier"
PARAMS: dict[str, dict[str, Any]] = {SGD: {"loss": "log_loss", "average": True}, MLP: {"hidden_layer_sizes": [6]}}
BATCHES, ROWS = 6, 50


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    return open_store()


class Rows:
    """A feed of made-up rows. `signal_at` sends this process SIGTERM when that many batches have been handed out."""

    def __init__(self, signal_at: int = -1) -> None:
        self.handed = 0
        self.signal_at = signal_at

    def _batch(self, seed: int, position: Position) -> Batch:
        random = np.random.default_rng(seed)
        X = random.normal(size=(ROWS, 4))
        y = (X[:, 0] + random.normal(size=ROWS) > 0).astype(float)
        return Batch(X=X, y=y, weight=None, cluster=np.full(ROWS, seed % 5), position=position, columns={})

    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]:
        for n in range(start.offset + 1 if start else 0, BATCHES):
            self.handed += 1
            if self.handed == self.signal_at:
                os.kill(os.getpid(), signal.SIGTERM)
            yield self._batch(100 * epoch + n, Position(epoch, 0, n))

    def every(self) -> Iterator[Batch]:
        return self.train(0, None)

    def valid(self) -> Iterable[Batch]:
        return [self._batch(9000 + n, Position(0, 0, n)) for n in range(3)]

    def some_valid(self, rows: int) -> Iterable[Batch]:
        return within.some(self.valid(), rows, 3 * ROWS)

    def sample(self) -> Iterable[Batch]:
        return [self._batch(n, Position(0, 0, n)) for n in range(2)]


def score(p: Predictions) -> dict[str, float | None]:
    return {"accuracy": float(((p.score > 0.5) == p.truth).mean())}


class Scripted:
    """Scores on valid that were written down beforehand."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def __call__(self, p: Predictions) -> dict[str, float | None]:
        return {"accuracy": self.values.pop(0) if p.rows == 3 * ROWS else 0.5}


def training(path: str, plan: Plan, feed: Any, store: Store, scores: Any = score) -> tuple[Training, list[Any]]:
    published: list[Any] = []
    made = Training(
        fresh(path, "binary", PARAMS[path], seed=3),
        plan,
        feed,
        scores,
        save=lambda model, progress: checkpoint.save(store, "trials/m/t", model, progress),
        publish=lambda lines: published.append(list(lines)),
    )
    return made, published


PLAN = Plan(epochs=4, select_by="accuracy", higher=True)


def test_a_line_an_epoch_and_the_best_model_is_kept(store: Store) -> None:
    made, published = training(SGD, PLAN, Rows(), store, Scripted(0.6, 0.8, 0.7, 0.75))
    done = made.run(Progress())
    assert [line["valid"]["accuracy"] for line in done.history] == [0.6, 0.8, 0.7, 0.75]
    assert [line["best"] for line in done.history] == [True, True, False, False]
    assert [line["rows"] for line in done.history] == [300, 600, 900, 1200]
    assert done.best == {"epoch": 2, "value": 0.8}
    assert [len(lines) for lines in published] == [1, 2, 3, 4]
    two, _ = training(SGD, Plan(epochs=2, select_by="accuracy", higher=True), Rows(), store)
    two.run(Progress())
    assert done.best_model is not None
    assert loaded(made.made.recipe, done.best_model, "best").digest() == two.made.digest()


@pytest.mark.parametrize(
    ("values", "higher", "patience", "min_delta", "epochs"),
    [
        ((0.6, 0.7, 0.7, 0.7, 0.9), True, 2, 0.0, 4),
        ((0.6, 0.7, 0.65, 0.71, 0.72), True, 2, 0.0, 5),
        ((0.6, 0.61, 0.62, 0.63, 0.64), True, 2, 0.05, 3),
        ((0.6, 0.5, 0.4, 0.45, 0.46), False, 2, 0.0, 5),
        ((0.6, 0.7, 0.8, 0.9, 1.0), False, 2, 0.0, 3),
        ((0.6, 0.5, 0.5, 0.5, 0.5), True, None, 0.0, 5),
    ],
)
def test_early_stopping(store: Store, values: tuple[float, ...], higher: bool, patience: int | None, min_delta: float, epochs: int) -> None:
    plan = Plan(epochs=5, select_by="accuracy", higher=higher, patience=patience, min_delta=min_delta)
    made, _ = training(SGD, plan, Rows(), store, Scripted(*values))
    done = made.run(Progress())
    assert done.epoch == epochs
    assert (done.stopped is not None) == (patience is not None and (epochs < 5 or done.stale >= 2))


@pytest.mark.parametrize("path", [SGD, MLP])
@pytest.mark.parametrize("at", [1, 6, 8, 13, 24])
def test_stopped_anywhere_and_taken_up_again_it_is_the_same_model(store: Store, path: str, at: int) -> None:
    straight, _ = training(path, PLAN, Rows(), store)
    expected = straight.run(Progress())
    stopped, _ = training(path, PLAN, Rows(signal_at=at), store)
    with pytest.raises(Stopped, match="the state is saved"):
        stopped.run(Progress())
    found = checkpoint.resume(store, "trials/m/t", stopped.made.recipe)
    assert found is not None
    again, published = training(path, PLAN, Rows(), store)
    again.made = found[0]
    done = again.run(found[1])
    assert again.made.digest() == straight.made.digest()
    assert [without_seconds(line) for line in done.history] == [without_seconds(line) for line in expected.history]
    assert done.best == expected.best
    if at < 19:
        assert [without_seconds(line) for line in published[-1]] == [without_seconds(line) for line in expected.history]


def without_seconds(line: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in line.items() if k != "seconds"}


def test_the_signal_handler_is_put_back(store: Store) -> None:
    before = signal.getsignal(signal.SIGTERM)
    made, _ = training(SGD, PLAN, Rows(signal_at=3), store)
    with pytest.raises(Stopped):
        made.run(Progress())
    assert signal.getsignal(signal.SIGTERM) is before


def test_checkpoints_within_an_epoch(store: Store) -> None:
    saved: list[int] = []
    made, _ = training(SGD, Plan(epochs=1, select_by="accuracy", higher=True, checkpoint_seconds=0.0), Rows(), store)
    made.save = lambda _estimator, progress: saved.append(progress.rows)
    made.run(Progress())
    assert saved == [50, 100, 150, 200, 250, 300, 300]


def test_numbers_that_diverge_end_the_trial(store: Store) -> None:
    made, _ = training(SGD, PLAN, Rows(), store)

    class Diverging(ScikitLearn):
        def learn(self, batch: Batch) -> None:
            super().learn(batch)
            self.made.coef_[0, 0] = np.inf

    assert isinstance(made.made, ScikitLearn)
    made.made = Diverging(made.made.recipe, made.made.made)
    with pytest.raises(GaveUp, match=r"diverged in epoch 1.*scale: standard"):
        made.run(Progress())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"kernel": {"blas": "openblas 0.3 SkylakeX x1", "machine": "x86_64"}},
            "written under blas 'openblas 0.3 SkylakeX x1', here it is",
        ),
        ({"versions": {"numpy": "1.0"}}, "written under numpy '1.0', here it is"),
        ({"format": 99}, "its format is 99"),
    ],
)
def test_a_checkpoint_of_another_machine_or_code_is_refused_with_the_reason(
    store: Store, change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = training(SGD, PLAN, Rows(), store)
    made.run(Progress())
    if "kernel" in change:
        monkeypatch.setattr(kernels, "kernel", lambda: change["kernel"])
    if "versions" in change:
        monkeypatch.setattr(kernels, "versions", lambda _: change["versions"])
    if "format" in change:
        monkeypatch.setattr(checkpoint, "FORMAT", change["format"])
    checkpoint.save(store, "trials/m/t", made.made, Progress())
    monkeypatch.undo()
    with pytest.raises(CannotResume, match=said):
        checkpoint.resume(store, "trials/m/t", fresh(SGD, "binary", PARAMS[SGD], seed=3).recipe)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut short"])
def test_a_damaged_checkpoint_is_refused(store: Store, data: bytes) -> None:
    store.put(checkpoint.key("trials/m/t"), data)
    with pytest.raises(CannotResume, match="is damaged"):
        checkpoint.resume(store, "trials/m/t", fresh(SGD, "binary", PARAMS[SGD], seed=3).recipe)


def test_without_a_checkpoint_there_is_nothing_to_resume(store: Store) -> None:
    assert checkpoint.resume(store, "trials/m/t", fresh(SGD, "binary", PARAMS[SGD], seed=3).recipe) is None


def test_the_kernel_is_named() -> None:
    found = kernels.kernel()
    assert "openblas" in found["blas"] or found["blas"]
    assert kernels.difference(found, dict(found)) is None


def test_whole_estimators_see_every_row_at_once() -> None:
    model = fresh("sklearn.ensemble.HistGradientBoostingClassifier", "binary", {"max_iter": 5}, memory="whole")
    feed = Rows()
    line = whole(model, feed.train(0, None), feed, score)
    assert (line["epoch"], line["rows"], line["best"]) == (1, BATCHES * ROWS, True)
    assert line["valid"]["accuracy"] > 0.6


def test_gathering_keeps_rows_weights_and_sparseness() -> None:
    from scipy import sparse

    batches = list(Rows().train(0, None))
    rows = gather(batches)
    assert (rows.X.shape, rows.y.shape, rows.weight) == ((300, 4), (300,), None)
    thin = [Batch(sparse.csr_matrix(b.X), b.y, np.ones(ROWS), b.cluster, b.position, {}) for b in batches]
    rows = gather(thin)
    assert sparse.issparse(rows.X)
    assert (rows.X.shape, rows.weight.shape) == ((300, 4), (300,))
    assert gather([]).weight is None


def test_no_rows_are_bad_data_that_names_the_role() -> None:
    from handlers.contracts import BadData

    with pytest.raises(BadData, match="valid: no rows"):
        predict(fresh(SGD), [], "valid")
