"""A model of one's own: both shapes learn, save and resume; what is broken is named by file and line before anything is trained."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handlers import check, model, predict, score
from handlers.contracts import BadData, BadSpec
from handlers.models import own, rehearsal, saved
from handlers.models.estimators import make
from handlers.modelspec.code_digests import of_source
from handlers.modelspec.digests import run_digest, trial_digest
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import read
from handlers.runs import evaluation, exports, named
from tests.handlers.models.making import batch
from tests.handlers.stages.world import SPEC, World, changed, month

BUILD = '''
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer


def doubled(X):
    return X * 2


def build(params, seed):
    """A forest."""
    forest = RandomForestClassifier(n_estimators=params.get("trees", 5), random_state=seed)
    return make_pipeline(FunctionTransformer(doubled, accept_sparse=True), forest)
'''
LOGISTIC = """
import numpy as np


class Logistic:
    def __init__(self, params, seed):
        self.rate, self.weights = params["rate"], None

    def partial_fit(self, batch):
        if self.weights is None:
            self.weights = np.zeros(batch.X.shape[1])
        off = batch.y - self.predict(batch)
        self.weights += self.rate * (batch.X.T @ (off if batch.weight is None else off * batch.weight / 1000))

    def predict(self, batch):
        return 1 / (1 + np.exp(-np.clip(batch.X @ self.weights, -30, 30)))

    def save(self, folder):
        np.save(folder / "weights.npy", self.weights)

    def load(self, folder):
        self.weights = np.load(folder / "weights.npy")
"""
CLASS = """
import json

import numpy as np


class Means:
    def __init__(self, params, seed):
        self.n = np.zeros((2, 2))

    def side(self, X):
        return np.asarray(X[:, [0]].toarray() if hasattr(X, "toarray") else X[:, [0]]).ravel() > 0

    def partial_fit(self, batch):
        for side in (0, 1):
            self.n[side] += np.bincount(batch.y[self.side(batch.X) == side], minlength=2)

    def predict(self, batch):
        shares = (self.n[:, 1] + 1) / (self.n.sum(axis=1) + 2)
        return shares[self.side(batch.X).astype(int)]

    def save(self, folder):
        (folder / "counts.json").write_text(json.dumps(self.n.tolist()))

    def load(self, folder):
        self.n = np.array(json.loads((folder / "counts.json").read_text()))
"""
XGB = """
from xgboost import XGBClassifier


def build(params, seed):
    return XGBClassifier(n_estimators=3, random_state=seed, **params)
"""
SHAPES = [(BUILD, "build", "whole"), (CLASS, "Means", "stream"), (XGB, "build", "whole")]


def tree(name: str, memory: str, **more: Any) -> dict[str, Any]:
    model = {"estimator": f"models/late.py:{name}", "memory": memory}
    training = {"epochs": 1} if memory == "whole" else {"epochs": 3, "batch_rows": 64, "shuffle": {"parts": 4}}
    return changed(SPEC, **{"search": None, "model": model, "promote": None, "training": training, **more})


def spec(code: str, name: str, memory: str, **more: Any) -> Any:
    document = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": tree(name, memory, **more)}
    found, wrong = read(json.dumps(document), "models/late.yaml", code=code)
    if found is None:
        raise BadSpec("\n".join(map(str, wrong)))
    return found


def rehearsed(code: str, name: str, memory: str, **more: Any) -> None:
    found = spec(code, name, memory, **more)
    made = make(found, {})
    assert isinstance(made, own.Own)
    rehearsal.tried(made, found, rehearsal.Columns.declared(found))


def rows(number: int) -> Any:
    random = np.random.default_rng(number)
    X = random.normal(size=(80, 4))
    return batch(X, (X[:, 0] + 0.2 * random.normal(size=80) > 0).astype(float))


@pytest.mark.parametrize(("code", "name", "memory"), SHAPES)
def test_each_shape_learns_and_is_the_same_after_saving(code: str, name: str, memory: str) -> None:
    rehearsed(code, name, memory)
    model = make(spec(code, name, memory), {})
    resumed = make(spec(code, name, memory), {})
    for number in range(4 if memory == "stream" else 1):
        model.learn(rows(number))
        resumed.learn(rows(number))
        resumed = saved.loaded(resumed.recipe, saved.files(resumed), "here")
    assert resumed.digest() == model.digest()
    score, what = model.predict(rows(9).X)
    assert what == "probability"
    assert np.array_equal(resumed.predict(rows(9).X)[0], score)
    assert ((score > 0.5) == rows(9).y).mean() > 0.8


@pytest.mark.parametrize(
    ("code", "name", "memory", "said"),
    [
        (BUILD + "\ndef (", "build", "whole", r"models/late.py:16: not Python: invalid syntax"),
        (BUILD, "built", "whole", r"models/late.py:1: it has no function and no class 'built'; it has: doubled, build"),
        (BUILD.replace("(params, seed)", "(params)"), "build", "whole", r"models/late.py:11: build\(params\): .* takes \(params, seed\)"),
        (CLASS.replace("def save", "def keep"), "Means", "stream", r"models/late.py:7: class Means has no save\(\)"),
        (BUILD, "build", "stream", "model.memory: a model that build.. makes needs all rows: set `memory: whole`"),
        (CLASS, "Means", "whole", "model.memory: the class Means learns by batches: remove `memory: whole`"),
        (BUILD.replace("sklearn.pipeline", "sklearn.pipelin"), "build", "whole", r"late.py:3: it needs the package scikit-learn"),
        (BUILD.replace("from sklearn.pipeline", "import nosuch\nfrom sklearn.pipeline"), "build", "whole", "pip install nosuch"),
        (BUILD.replace("return X * 2", "return X.twice"), "build", "whole", r"models/late.py:8: AttributeError"),
        (
            BUILD.replace("return make_pipeline", "make_pipeline"),
            "build",
            "whole",
            r"late.py:11: what build gives is a NoneType, .* no fit",
        ),
        (
            CLASS.replace("return shares[", "return np.nan * shares["),
            "Means",
            "stream",
            r"late.py:18: predict gives 200 values that are no n",
        ),
        (CLASS.replace("return shares[", "return 2 + shares["), "Means", "stream", r"late.py:18: predict gives values below 0 or above 1"),
        (CLASS.replace("return shares[", "return shares, shares["), "Means", "stream", r"late.py:"),
        (CLASS.replace('"counts.json").read_text()', '"count.json").read_text()'), "Means", "stream", r"late.py:26: FileNotFoundError"),
        (CLASS.replace("self.n = np.array(json", "json = (json"), "Means", "stream", r"late.py:\d+: UnboundLocalError"),
        (CLASS.replace("self.n.tolist()", "[[1, 2], [3, 4]]"), "Means", "stream", r"late.py:25: after load.folder. it predicts otherwise"),
        (
            BUILD.replace("FunctionTransformer(doubled", "FunctionTransformer(lambda X: X"),
            "build",
            "whole",
            "cannot be saved without pickle",
        ),
        (BUILD + '\nTEXT = "{{workflow.name}}"\n', "build", "whole", r"models/late.py:16: `{{` would be taken for a parameter"),
        (BUILD + "#" * 70000, "build", "whole", r"models/late.py:1: it has 70,\d+ bytes"),
    ],
)
def test_what_is_broken_is_named_by_file_and_line(code: str, name: str, memory: str, said: str) -> None:
    with pytest.raises(BadSpec, match=said):
        rehearsed(code, name, memory)


def test_lint_says_so(tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "late.yaml"
    document = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": tree("build", "whole")}
    file.write_text(yaml.safe_dump(document))
    assert "there is no file models/late.py beside the spec" in check.check(file)[0]["message"]
    file.with_suffix(".py").write_text(BUILD)
    assert check.check(file) == []
    file.with_suffix(".py").write_text(BUILD.replace("return X * 2", "return X.twice"))
    assert "models/late.py:8: AttributeError" in check.check(file)[0]["message"]
    file.write_text(file.read_text().replace("models/late.py", "models/other.py"))
    assert "the file of this model must be models/late.py, not models/other.py" in check.check(file)[0]["message"]


def trial_name(of: ModelSpec) -> str:
    return trial_digest("d", of, {}, "c")


def run_name(of: ModelSpec) -> str:
    return run_digest("s", of, "c")


def test_its_code_names_its_trials_and_a_comment_does_not() -> None:
    first, noted, other = (spec(code, "build", "whole") for code in (BUILD, BUILD + "# more\n", BUILD.replace("* 2", "* 3")))
    for name in (trial_name, run_name):
        assert name(first) == name(noted) != name(other)


@pytest.mark.parametrize(("code", "name", "memory"), SHAPES[:2])
def test_a_run_and_no_code_of_the_bucket(code: str, name: str, memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    world = World(tmp_path / "bucket", tmp_path / "out")
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{world.folder}")
    world.spec = tree(name, memory)
    world.code = code
    world.put("1.csv", month("2013-01-01", 40))
    assert world.run("a")["outcome"] == "promoted"
    champion = world.champion()
    made, request, _ = evaluation.open_model(world.store, "late", champion["trial"], code)
    assert made is not None
    assert made.digest() == champion["state"]
    used_as_it_was_evaluated(world, code, tmp_path)
    key = f"trials/late/{champion['trial']}/request.json"
    request["spec"]["code"] = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n" + code
    world.store.put(key, json.dumps(request).encode())
    assert evaluation.open_model(world.store, "late", champion["trial"], code)[0] is None
    assert evaluation.open_model(world.store, "late", champion["trial"])[0] is None
    for gone in [each for each in world.keys(f"trials/late/{champion['trial']}/") if "/exports/" in each or "/evaluations/" in each]:
        world.store.delete(gone)
    for given in (None, code):
        with pytest.raises(BadData, match=r"models/late.py of the digest [0-9a-f]{16} made this model, and code of a bucket is not run"):
            exports.made(world.store, "late", champion["trial"], given)
    assert not (tmp_path / "ran").exists()
    world.code = code + "\nMORE = 1\n"
    world.run("b")
    assert "was made by another models/late.py, and no code from the bucket is run" in world.verdict("b")["compared"]
    assert not (tmp_path / "ran").exists()


def used_as_it_was_evaluated(world: World, code: str, folder: Path) -> None:
    """The champion predicts with the file of the repository, and its folder by itself; no code of the bucket is run."""
    rows = [{"carrier": carrier, "distance": distance} for carrier in ("AA", "UA", None) for distance in (10.0, 2000.0)]
    found = predict.load("late", code).predict(rows, proba=True)
    of, another = of_source(code), code + "\nMORE = 1\n"
    assert world.champion()["file"] == of
    for other, why in ((None, "is not here"), (another, rf"is another one here \(its digest is {of_source(another)}\)")):
        with pytest.raises(BadData, match=f"models/late.py of the digest {of} made it, and models/late.py {why}. Put that version back"):
            predict.load("late", other)
    scored_by_event(world, code, another, rows, found.column("probability").to_pylist())
    exports.write(named.named(world.store, "late").export, folder / "got")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, "-P", "predict.py", str(folder / "rows.jsonl"), "--proba", "--out", str(folder / "out.jsonl")]
    subprocess.run(command, cwd=folder / "got", check=True, env={"PATH": os.environ["PATH"]})
    alone = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [each["probability"] for each in alone] == found.column("probability").to_pylist()


def scored_by_event(world: World, code: str, another: str, rows: list[dict[str, Any]], expected: list[float]) -> None:
    """A file under score/ is predicted for by the file that the ConfigMap has, if it made the champion."""
    world.store.put("score/late/new.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    event = base64.b64encode(json.dumps({"model": "late", "key": "score/late/new.jsonl", "reason": "score", "code": another}).encode())
    given = ["--model", "late", "--event", event.decode()]
    for refused in ([], ["--code", another]):
        with pytest.raises(BadData, match="code of a bucket is not run"):
            score.run([*given, *refused])
    assert world.keys("predictions/") == []
    score.run([*given, "--code", code])
    (made,) = [key for key in world.keys("predictions/") if key.endswith(".csv")]
    lines = world.store.get(made).decode().splitlines()[1:]
    assert [float(line.rpartition(",")[2]) for line in lines] == expected


PLAIN = """
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler


def build(params, seed):
    return make_pipeline(MaxAbsScaler(), RandomForestClassifier(n_estimators=5, random_state=seed))
"""


@pytest.mark.parametrize("code", [PLAIN, XGB], ids=["scikit-learn", "xgboost"])
def test_a_model_that_needs_no_code_is_judged_and_predicts_after_its_file_changed(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    world = World(tmp_path / "bucket", tmp_path / "out")
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{world.folder}")
    world.spec = tree("build", "whole")
    world.put("1.csv", month("2013-01-01", 40))
    world.code = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n{code}"
    assert world.run("a")["outcome"] == "promoted"
    rows = [{"carrier": carrier, "distance": distance} for carrier in ("AA", "UA", None) for distance in (10.0, 2000.0)]
    with_code = predict.load("late", world.code).predict(rows, proba=True).column("probability").to_pylist()
    (tmp_path / "ran").unlink()
    own.module.cache_clear()
    for other in (None, code):
        assert predict.load("late", other).predict(rows, proba=True).column("probability").to_pylist() == with_code
    world.code = code.replace("=5", "=7").replace("=3", "=4")
    world.put("2.csv", month("2013-02-10", 20))
    world.run("b")
    assert set(world.verdict("b")["metrics"]["roc_auc"]) == {"challenger", "champion", "difference"}
    assert not (tmp_path / "ran").exists()


def test_a_trial_that_was_not_exported_predicts_with_the_file_that_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    world = World(tmp_path / "bucket", tmp_path / "out")
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{world.folder}")
    world.spec, world.code = changed(tree("build", "whole"), search={"grid": {"trees": [3, 5]}}), BUILD
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    (other,) = {each["trial"] for each in world.verdict("a")["trials"]} - {world.champion()["trial"]}
    rows = [{"carrier": "AA", "distance": 2000.0}]
    assert len(predict.load(f"late@{other}", BUILD).predict(rows)) == 1
    assert model.shown(named.named(world.store, f"late@{other}", BUILD))["trial"] == other
    for wrong in (None, BUILD.replace("* 2", "* 3")):
        with pytest.raises(BadData, match="code of a bucket is not run"):
            predict.load(f"late@{other}", wrong)


def test_a_model_file_holds_nothing_but_what_the_file_defines() -> None:
    from skops import io

    recipe = make(spec(BUILD, "build", "whole"), {}).recipe
    hostile = make(spec(BUILD.replace("doubled, ", "__import__('os').system, "), "build", "whole"), {})
    assert isinstance(hostile, own.Own)
    with pytest.raises(BadData, match=r"it contains types that models/late.py does not need: .*system"):
        saved.loaded(recipe, {"model.skops": io.dumps(hostile.made)}, "here")
