"""What every kind of estimator must do: the same model after saving, the same model after any interruption, and no pickle."""

from __future__ import annotations

import ast
import io
import os
import pickle
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy import sparse

from handlers.contracts import BadData, BadSpec, Stopped
from handlers.data.read import Batch, Position
from handlers.metrics.predictions import Predictions
from handlers.models import boosted, checkpoint, saved
from handlers.models.checkpoint import Progress
from handlers.models.estimators import KINDS
from handlers.models.kinds import Estimator, Rounds
from handlers.models.loop import Plan, Training
from handlers.storage import FolderStore, Temporary
from tests.handlers.models.making import batch, made
from tests.torch_installed import needs_torch

ROOT = Path(__file__).parents[3]
HGB, FOREST = "sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.ensemble.RandomForestClassifier"
XGB, LGB, TORCH = "xgboost.XGBClassifier", "lightgbm.LGBMClassifier", "torch"
SMALL: dict[str, dict[str, Any]] = {
    **{path: {"hidden_layer_sizes": [5]} for path in KINDS if ".MLP" in path},
    **{path: {"max_iter": 4} for path in KINDS if "HistGradient" in path},
    **{path: {"n_estimators": 3} for path in KINDS if ".RandomForest" in path or ".ExtraTrees" in path},
    **{path: {"max_depth": 3} for path in KINDS if "xgboost" in path},
    **{path: {"num_leaves": 7} for path in KINDS if "lightgbm" in path},
    TORCH: {"hidden_layer_sizes": [5], "embedding_size": 3, "batch_size": 25, "dropout": 0.2},
}
CASES = [
    *[
        (path, task, SMALL.get(path, {}), memory)
        for path, found in KINDS.items()
        for task in found.tasks[:1]
        for memory in (("stream", "whole") if found.streams else ("whole",))
    ],
    *[(path, task, {}, "whole") for path, found in KINDS.items() if found.rounds for task in found.tasks[1:]],
    (XGB, "binary", {"subsample": 0.5, "colsample_bytree": 0.6}, "stream"),
    (XGB, "multiclass", {"colsample_bynode": 0.5, "num_parallel_tree": 2}, "whole"),
    ("xgboost.XGBRegressor", "regression", {"objective": "count:poisson", "grow_policy": "lossguide", "subsample": 0.9}, "whole"),
    (LGB, "binary", {"subsample": 0.5, "subsample_freq": 1}, "whole"),
    (LGB, "multiclass", {"colsample_bytree": 0.5}, "whole"),
    (LGB, "binary", {"data_sample_strategy": "goss", "learning_rate": 0.5}, "whole"),
    ("lightgbm.LGBMRegressor", "regression", {"objective": "quantile", "alpha": 0.9, "extra_trees": True}, "whole"),
    (TORCH, "multiclass", {"hidden_layer_sizes": [4, 3], "weight_decay": 0.01}, "stream"),
    (TORCH, "regression", {"loss": "huber", "hidden_layer_sizes": [], "optimizer": "sgd"}, "stream"),
    (TORCH, "ranking", {"optimizer": "sgd", "momentum": 0.9, "dropout": 0.5}, "stream"),
]
STEPS = 4
NAMES = [f"{path.rpartition('.')[2]}-{task}-{memory}-{'-'.join(params)}" for path, task, params, memory in CASES]
INSTALLED = [pytest.param(*case, id=name, marks=needs_torch if case[0] == TORCH else ()) for case, name in zip(CASES, NAMES, strict=True)]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rounds end some, and stop within others."""
    monkeypatch.setattr(boosted, "BLOCK", 2)


def rows(task: str, number: int, size: int = 60) -> Batch:
    random = np.random.default_rng(number)
    X = random.normal(size=(size, 5)).round(2)
    X[:, 3] = random.random(size) > 0.5
    signal = X[:, 0] + 0.3 * random.normal(size=size)
    y = np.exp(signal) if task in ("regression", "ranking") else np.digitize(signal, [-0.5, 0.5]) if task == "multiclass" else signal > 0
    y = y.astype(float)
    if task not in ("regression", "ranking"):
        y[:3] = [0, 1, 2 if task == "multiclass" else 0]  # each class, whatever chance says
    return batch(sparse.csr_matrix(X), y, 1.0 + (np.arange(size) % 3), number)


def learned(model: Estimator, task: str, saves: Any = lambda model, step: model) -> Estimator:
    """What the model learns in several steps; `saves` may put another in its place between them."""
    kind = model.recipe.kind

    def every() -> Iterator[Batch]:
        return (rows(task, number) for number in range(STEPS))

    if kind.rounds:
        cast(Rounds, model).begin(every)
        for step in range(STEPS):
            cast(Rounds, model).learn_round(step)
            before, model = model, saves(model, step)
            if model is not before:
                cast(Rounds, model).begin(every)
    elif model.recipe.memory == "stream":
        for step in range(STEPS):
            model.learn(rows(task, step))
            model = saves(model, step)
    else:
        model.learn(rows(task, 0, 300))
        model = saves(model, 0)
    return model


@pytest.mark.parametrize(("path", "task", "params", "memory"), INSTALLED)
def test_it_is_the_same_model_after_saving_and_after_every_interruption(
    path: str, task: str, params: dict[str, Any], memory: str, tmp_path: Path
) -> None:
    straight = learned(made(path, task, params, seed=3, memory=memory), task)
    assert straight.finite()
    again = saved.loaded(straight.recipe, saved.files(straight), "here")
    assert again.digest() == straight.digest()
    asked = rows(task, 99).X
    score, what = straight.predict(asked)
    assert np.array_equal(again.predict(asked)[0], score)
    assert score.shape == ((60, 3) if task == "multiclass" else (60,))
    assert what == ("value" if task in ("regression", "ranking") else "probability" if straight.probable else "decision")

    store = FolderStore(tmp_path)

    def interrupted(model: Estimator, step: int) -> Estimator:
        checkpoint.save(store, "trials/m/t", model, Progress(epoch=step))
        found = checkpoint.resume(store, "trials/m/t", model.recipe)
        assert found is not None
        assert found[1].epoch == step
        return found[0]

    resumed = learned(made(path, task, params, seed=3, memory=memory), task, interrupted)
    assert resumed.digest() == straight.digest()
    assert learned(made(path, task, params, seed=3, memory=memory), task).digest() == straight.digest()


@pytest.mark.parametrize(
    ("path", "task", "params", "memory"),
    [case for case in CASES if KINDS[case[0]].rounds],
    ids=[name for case, name in zip(CASES, NAMES, strict=True) if KINDS[case[0]].rounds],
)
def test_the_first_rounds_are_a_model_of_so_many_rounds(path: str, task: str, params: dict[str, Any], memory: str) -> None:
    longer, model = (learned(made(path, task, params, memory=memory), task) for _ in range(2))
    cast(Rounds, longer).learn_round(STEPS)
    assert longer.digest() != model.digest()
    cast(Rounds, longer).keep(STEPS)
    assert longer.digest() == model.digest()


# ------------------------------------------------------------------------------------- in the loop, by a real signal


class Feed:
    def train(self, epoch: int, start: Position | None) -> Iterator[Batch]:
        raise AssertionError("rounds take every row")

    def every(self) -> Iterator[Batch]:
        return (rows("binary", number) for number in range(3))

    def valid(self) -> Iterator[Batch]:
        return iter([rows("binary", 90)])

    def some_valid(self, rows: int) -> Iterator[Batch]:
        return self.valid()

    def sample(self) -> Iterator[Batch]:
        return iter([rows("binary", 0)])


def training(path: str, memory: str, store: FolderStore, stop_at: int = 0, values: list[float] | None = None) -> Training:
    calls = 0

    def score(predictions: Predictions) -> dict[str, float | None]:
        nonlocal calls
        calls += 1
        if calls == 2 * stop_at:  # once on valid and once on train a round
            os.kill(os.getpid(), signal.SIGTERM)
        truth = ((predictions.score > 0.5) == predictions.truth).mean()
        return {"accuracy": values[(calls - 1) // 2] if values else float(truth)}

    return Training(
        made(path, "binary", {"learning_rate": 0.3}, seed=2, memory=memory),
        Plan(epochs=6, select_by="accuracy", higher=True, patience=2 if values else None),
        Feed(),
        score,
        save=lambda model, progress: checkpoint.save(store, "trials/m/t", model, progress),
        publish=lambda lines: None,
    )


@pytest.mark.parametrize(("path", "memory"), [(XGB, "stream"), (XGB, "whole"), (LGB, "whole")])
@pytest.mark.parametrize("at", [1, 6])
def test_stopped_after_a_round_it_goes_on_to_the_same_model(path: str, memory: str, at: int, tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    straight = training(path, memory, store)
    expected = straight.run(Progress())
    stopped = training(path, memory, store, stop_at=at)
    with pytest.raises(Stopped, match=f"asked to stop after epoch {at}; the state is saved"):
        stopped.run(Progress())
    found = checkpoint.resume(store, "trials/m/t", stopped.made.recipe)
    assert found is not None
    again = training(path, memory, store)
    again.made = found[0]
    done = again.run(found[1])
    assert again.made.digest() == straight.made.digest()
    assert (done.epoch, done.rows, done.best) == (expected.epoch, expected.rows, expected.best) == (6, 6 * 180, expected.best)
    assert [line["valid"] for line in done.history] == [line["valid"] for line in expected.history]


def test_rounds_stop_early(tmp_path: Path) -> None:
    done = training(XGB, "whole", FolderStore(tmp_path), values=[0.6, 0.8, 0.7, 0.75, 0.9, 0.9]).run(Progress())
    assert (done.epoch, done.best, done.stopped) == (4, {"epoch": 2, "value": 0.8}, "no improvement for 2 epochs")


@pytest.mark.parametrize(("path", "memory"), [(XGB, "stream"), (XGB, "whole"), (LGB, "whole")])
def test_what_goes_wrong_while_rows_are_read_comes_through(path: str, memory: str) -> None:
    def every() -> Iterator[Batch]:
        yield rows("binary", 0)
        raise Temporary("503")

    with pytest.raises(Temporary, match="503"):
        cast(Rounds, made(path, memory=memory)).begin(every)


def test_trees_take_missing_values_and_refuse_what_their_objective_does_not() -> None:
    gaps = rows("binary", 1)
    gaps.X = gaps.X.toarray()
    gaps.X[::3, 0] = np.nan
    for path in (XGB, LGB):
        model = cast(Rounds, made(path, memory="whole"))
        model.begin(lambda: iter([gaps]))
        model.learn_round(0)
        assert len(model.predict(gaps.X)[0]) == 60
    negative = rows("regression", 1)
    negative.y[0] = -0.001
    model = cast(Rounds, made("xgboost.XGBRegressor", "regression", {"objective": "reg:gamma"}))
    model.begin(lambda: iter([negative]))
    with pytest.raises(BadData, match=r"XGBRegressor: label must be positive for gamma regression\.$"):
        model.learn_round(0)
    other = cast(Rounds, made("lightgbm.LGBMRegressor", "regression", {"objective": "poisson"}, memory="whole"))
    other.begin(lambda: iter([negative]))
    with pytest.raises(BadData, match=r"LGBMRegressor: \[poisson\]: at least one target label is negative"):
        other.learn_round(0)


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        (XGB, {"max_deph": 3}, "model.params.max_deph: xgboost.XGBClassifier has no such parameter; did you mean 'max_depth'?"),
        (XGB, {"max_depth": -3}, "model.params: value -3 for Parameter max_depth should be greater equal to 0"),
        (XGB, {"n_estimators": 9}, "model.params.n_estimators: not accepted here; use training.epochs instead"),
        (XGB, {"booster": "dart"}, "model.params.booster: xgboost.XGBClassifier has it, but it cannot be chosen here"),
        (XGB, {"objective": "multi:softmax"}, "model.params.objective: 'multi:softmax' is not accepted; accepted: binary:logistic"),
        (LGB, {"num_leafs": 3}, "did you mean 'num_leaves'?"),
        (LGB, {"num_leaves": 1}, "model.params: Check failed: .num_leaves. >"),
        (LGB, {"subsample": 0.5}, "add `subsample_freq: 1`"),
        (LGB, {"class_weight": "balanced"}, "use data.weight instead"),
        (LGB, {"boosting_type": "dart"}, "cannot be chosen here"),
    ],
)
def test_a_wrong_parameter_of_trees_is_named(path: str, params: dict[str, Any], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadSpec, match=said.replace("?", r"\?")):
        made(path, "binary", params, memory="whole")
    assert capfd.readouterr().out == ""


# ----------------------------------------------------------------------------------------------------------- no pickle


class Hostile:
    """What a pickle of it does when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("path", ["sklearn.linear_model.SGDClassifier", FOREST, XGB, LGB, pytest.param(TORCH, marks=needs_torch)])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_in_place_of_a_model_is_not_loaded(path: str, protocol: int, tmp_path: Path) -> None:
    recipe = learned(made(path, memory="whole"), "binary").recipe
    files = saved.files(learned(made(path, memory="whole"), "binary"))
    name = next(iter(sorted(files, reverse=True)))
    hostile = pickle.dumps(Hostile(tmp_path / "ran"), protocol)
    for data in (hostile, zipped("archive/data.pkl", hostile), zipped("schema.json", hostile)):
        with pytest.raises(BadData, match=r"^trials/m/t/model/"):
            saved.loaded(recipe, {**files, name: data}, "trials/m/t/model")
    assert not (tmp_path / "ran").exists()
    pickle.loads(hostile)
    assert (tmp_path / "ran").exists(), "else the file was harmless"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../../model.skops": b"x"}, "other characters"),
        ({"/etc/model.skops": b"x"}, "other characters"),
        ({"more.PKL": b"x"}, "a pickle"),
        ({}, "model.skops is missing"),
        ({"other.skops": b"x"}, "model.skops is missing"),
    ],
)
def test_odd_files_are_refused_before_anything_is_read(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(BadData, match=said):
        saved.loaded(made("sklearn.linear_model.SGDClassifier").recipe, files, "trials/m/t/model")


@pytest.mark.parametrize(("path", "other"), [(XGB, "xgboost.XGBRegressor"), (LGB, "lightgbm.LGBMRegressor")])
def test_a_model_of_another_objective_or_cut_short_is_refused(path: str, other: str) -> None:
    model = learned(made(path, memory="whole"), "binary")
    files = saved.files(model)
    name, data = max(files.items())
    with pytest.raises(BadData, match=r"its objective is binary.*, but the trial's is reg"):
        saved.loaded(made(other, "regression", memory="whole").recipe, files, "t")
    for cut in (0, 10, len(data) // 2):
        with pytest.raises(BadData, match="delete the trial's folder"):
            saved.loaded(model.recipe, {**files, name: data[:cut]}, "t")


LOADERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def test_no_handler_imports_what_reads_pickles() -> None:
    found = []
    for path in (ROOT / "handlers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in LOADERS]
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                found.append(f"{path.name}: allow_pickle")
    assert found == []
