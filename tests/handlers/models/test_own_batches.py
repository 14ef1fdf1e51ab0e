"""What a class of one's own gets: tables or encoded rows, whole lists, and the end of each epoch, exactly once."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from handlers import predict
from handlers.contracts import BadSpec, Stopped
from handlers.data import whole_lists
from handlers.data.read import batches
from handlers.models import training
from handlers.models.estimators import make
from handlers.models.own import Own
from handlers.modelspec.parse import load as load_spec
from handlers.runs import evaluation, exports, named
from tests.handlers.models.test_own import CLASS, rehearsed, tree
from tests.handlers.stages import datasets
from tests.handlers.stages.test_exports import alone
from tests.handlers.stages.test_ranking import ranking_of, sessions
from tests.handlers.stages.world import SPEC, World, changed, month

TABLE = """
import json


class Shares:
    input = "table"

    def __init__(self, params, seed):
        self.counts, self.rate, self.told = {}, 1.0, []

    def keys(self, X):
        assert X.column_names == ["carrier", "distance"], X.column_names
        return [f"{row['carrier']} {row['distance'] > 1000}" for row in X.to_pylist()]

    def partial_fit(self, batch):
        for key, late in zip(self.keys(batch.X), batch.y.tolist()):
            seen = self.counts.setdefault(key, [1.0, 2.0])
            seen[0] += self.rate * late
            seen[1] += self.rate

    def predict(self, batch):
        assert batch.y is None and batch.weight is None and batch.group is None
        found = [self.counts.get(key, [1.0, 2.0]) for key in self.keys(batch.X)]
        return [late / count for late, count in found]

    def epoch_end(self, metrics):
        assert set(metrics) == {"epoch", "rows", "valid", "train"}, metrics
        self.told.append([metrics["epoch"], metrics["valid"]["roc_auc"]])
        self.rate *= 0.5

    def save(self, folder):
        (folder / "shares.json").write_text(json.dumps([self.counts, self.rate, self.told]))

    def load(self, folder):
        self.counts, self.rate, self.told = json.loads((folder / "shares.json").read_text())
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    monkeypatch.setenv("RETRAIN_CODE_DIGEST", "c0de")
    (tmp_path / "out").mkdir()
    world = World(tmp_path / "bucket", tmp_path / "out")
    world.spec, world.code = changed(tree("Shares", "stream"), features=FEATURES), TABLE
    world.put("1.csv", month("2013-01-01", 40))
    return world


FEATURES = {"carrier": {"type": "category"}, "distance": {"type": "number"}}


def test_a_table_is_learned_and_predicted_as_it_was_evaluated(world: World, tmp_path: Path) -> None:
    assert world.run("a")["outcome"] == "promoted"
    trial = world.champion()["trial"]
    trained = evaluation.TrainedTrial.open(world.store, "late", trial, TABLE)
    spec = load_spec(world.read_spec())
    expected = trained.predict(world.store, trained.dataset, spec, "test")
    assert len(set(expected.score.tolist())) == 6
    rows = pa.concat_tables([batch.X for batch in batches(world.store, trained.dataset, spec, trained.encoder, "test")])
    assert [str(field.type) for field in rows.schema] == ["string", "double"]
    found = predict.load("late", TABLE).predict(rows, proba=True)
    assert found.column("probability").to_pylist() == expected.score.tolist()
    folder = tmp_path / "alone"
    exports.write(named.named(world.store, "late").export, folder)
    parquet.write_table(rows, tmp_path / "rows.parquet")
    ended = alone(folder, str(tmp_path / "rows.parquet"), "--proba", "--out", str(tmp_path / "out.parquet"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert parquet.read_table(tmp_path / "out.parquet")["probability"].to_pylist() == expected.score.tolist()


def test_what_is_not_served_is_missing_where_rows_are_scored(world: World) -> None:
    world.spec["features"] = {"carrier": {"type": "category", "serve": False}, "distance": {"type": "number"}}
    world.code = TABLE.replace("seen[1] += self.rate", "seen[1] += self.rate\n            assert not key.startswith('None')")
    assert world.run("a")["outcome"] == "promoted"
    found = predict.load("late", world.code).predict([{"distance": 10.0}, {"distance": 2000.0}], proba=True)
    assert found.column("probability").to_pylist() == [0.5, 0.5]


def learned(world: World, folder: str, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...] = ()) -> tuple[str, list[Any]]:
    """The digest of a training that SIGTERM stops after so many batches, and what it was told at the ends of epochs."""
    dataset, _, store = datasets.made(world)
    of, learnings, before = load_spec(world.read_spec()), 0, 0
    learn = type(make(of, {})).learn

    def counted(self: Any, batch: Any) -> None:
        nonlocal learnings
        learn(self, batch)
        learnings += 1
        if learnings in stops:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(type(make(of, {})), "learn", counted)
    while True:
        try:
            done = training.train(store, f"trials/late/{folder}", of, dataset, make(of, {}), lambda lines: None)
        except Stopped:
            before += 1
            continue
        assert before == len(stops)
        assert isinstance(done.made, Own)
        return done.made.digest(), done.made.made.told


def test_the_end_of_an_epoch_comes_once_however_often_it_is_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        straight, told = learned(world, "straight", patch)
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    per_epoch = 11  # 17 days of 40 rows, 64 rows a batch, four days at a time
    with monkeypatch.context() as patch:
        assert learned(world, "stopped", patch, (3, per_epoch, per_epoch + 1, 2 * per_epoch + 5)) == (straight, told)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('input = "table"', 'input = "frame"', r'late.py:6: input: accepted are "matrix", encoded rows, and "table"'),
        ('    input = "table"\n', "", r"late.py:\d+: AttributeError: 'csr_matrix' object has no attribute 'column_names'"),
        (
            "self.counts, self.rate, self",
            'self.input = "matrix"; self.counts, self.rate, self',
            "must stand in the body",
        ),
        ("self.rate *= 0.5", "self.counts.clear()", r"late.py:26: epoch_end changes what it predicts"),
        (
            "assert batch.y is None",
            "self.rate *= 2; assert batch.y is None",
            r"late.py:21: save\(folder\) writes other files after predict",
        ),
        (
            "[self.counts, self.rate, self.told]))",
            "[self.counts, 1.0, self.told]))",
            r"late.py:34: after load\(folder\) it learns on otherwise",
        ),
        ("return [late / count", "return [late / count / len(found)", r"late.py:21: predict gives a row another number when other rows"),
        ('"epoch", "rows"', '"epoch"', r"late.py:27: AssertionError"),
        ("row['carrier']", "row['carier']", r"late.py:13: KeyError"),
    ],
)
def test_what_is_broken_in_a_class_is_named_by_its_line(old: str, new: str, said: str) -> None:
    assert old in TABLE
    with pytest.raises(BadSpec, match=said):
        rehearsed(TABLE.replace(old, new, 1), "Shares", "stream", features=FEATURES)
    rehearsed(TABLE, "Shares", "stream", features=FEATURES)


def test_a_feature_that_is_not_encoded_takes_no_encoding() -> None:
    with pytest.raises(BadSpec, match=r"features.distance.scale: models/late.py:Shares reads the columns as they are"):
        rehearsed(TABLE, "Shares", "stream")
    rehearsed(CLASS, "Means", "stream")


# -------------------------------------------------------------------------------------------------------- whole lists


@given(st.lists(st.integers(0, 6), min_size=0, max_size=40), st.integers(1, 9), st.integers(0, 3))
def test_batches_hold_whole_lists(group: list[int], most: int, seed: int) -> None:
    array = np.asarray(group, dtype=np.int64)
    order, ends = whole_lists.shuffled(array, most, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(group)))
    begins = [0, *ends[:-1]]
    each_batch = [array[order[begin:end]].tolist() for begin, end in zip(begins, ends, strict=False)] if group else []
    assert (ends[-1] if ends else 0) == len(group)
    for number, batch in enumerate(each_batch):
        assert batch
        assert len(batch) <= most or len(set(batch)) == 1
        others = {each for other, rows in enumerate(each_batch) if other != number for each in rows}
        assert not others & set(batch)
    again, lists, sizes = whole_lists.together(array)
    assert sizes.tolist() == [lists.tolist().count(each) for each in range(len(sizes))]
    assert (np.diff(lists) >= 0).all()
    assert [group[place] for place in again.tolist()] == [key for key in dict.fromkeys(group) for _ in range(group.count(key))]


LISTWISE = """
import json

import numpy as np


class Listwise:
    def __init__(self, params, seed):
        self.weight, self.batches = 0.0, []

    def partial_fit(self, batch):
        found, sizes = np.unique(batch.group, return_counts=True)
        self.batches.append([len(batch.y), sorted(sizes.tolist())])
        for number in found:
            rows = batch.group == number
            x = np.asarray(batch.X[rows, 0])
            share = np.exp(x * self.weight) / np.exp(x * self.weight).sum()
            self.weight += 0.1 * ((batch.y[rows] / max(1.0, batch.y[rows].sum()) - share) @ x)

    def predict(self, batch):
        return self.weight * np.asarray(batch.X[:, 0])

    def save(self, folder):
        (folder / "weight.json").write_text(json.dumps([self.weight, self.batches]))

    def load(self, folder):
        self.weight, self.batches = json.loads((folder / "weight.json").read_text())
"""
SIZES = """
import json

import numpy as np


class Fitted:
    def fit(self, X, y, group):
        assert sum(group) == len(y)
        starts = np.cumsum([0, *group])
        self.best = float(np.mean([X[begin + np.argmax(y[begin:end]), 0] for begin, end in zip(starts, starts[1:])]))

    def predict(self, X):
        return -np.abs(X[:, 0] - self.best)

    def save(self, folder):
        (folder / "best.json").write_text(json.dumps([self.best]))

    def load(self, folder):
        (self.best,) = json.loads((folder / "best.json").read_text())


def build(params, seed):
    return Fitted()
"""
RANKER = """
from xgboost import XGBRanker


def build(params, seed):
    return XGBRanker(n_estimators=5, random_state=seed)
"""


@pytest.mark.parametrize(("name", "code"), [("Listwise", LISTWISE), ("build", SIZES), ("build", RANKER)], ids=["batches", "group", "qid"])
def test_a_ranker_learns_whole_lists(world: World, name: str, code: str) -> None:
    memory = "whole" if name == "build" else "stream"
    training = {"epochs": 1} if memory == "whole" else {"epochs": 3, "batch_rows": 40, "shuffle": {"parts": 4}}
    model = {"estimator": f"models/late.py:{name}", "memory": memory}
    world.spec, world.code = changed(ranking_of(SPEC), model=model, search=None, training=training), code
    world.put("1.csv", sessions())
    assert world.run("a")["outcome"] == "promoted"
    verdict = world.verdict("a")
    assert verdict["metrics"]["mean_rank"]["challenger"]["value"] < verdict["baseline"]["values"]["mean_rank"] - 1
    assert len(predict.load("late", code).predict({"price": [0.1, 0.9]})) == 2
    if name != "Listwise":
        return
    batches = json.loads(world.store.get(f"trials/late/{world.champion()['trial']}/model/weight.json"))[1]
    train = evaluation.TrainedTrial.open(world.store, "late", world.champion()["trial"], code).dataset
    rows = sum(part.rows for part in train.of_role("train"))
    assert sum(count for count, _ in batches) == 3 * rows
    assert all(count <= 40 for count, _ in batches)
    lists = [size for _, sizes in batches for size in sizes]
    assert min(lists) >= 3, "no list is cut"
    (line,) = world.store.get(f"trials/late/{world.champion()['trial']}/curve.jsonl").decode().splitlines()[-1:]
    assert json.loads(line)["train"]["mrr"] > 0.5, "what a sample of train gives is known, for its lists are whole"
