"""An exported model: a folder that stands alone, is the same bytes wherever it is made, and predicts what the evaluation saw."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from handlers import predict
from handlers.contracts import BadData, WrongUsage
from handlers.data import part_files
from handlers.data.manifest import load_dataset
from handlers.modelspec.parse import load as load_spec
from handlers.runs import exports, named
from handlers.runs.evaluation import TrainedTrial
from handlers.scoring.carried import carried
from handlers.storage import canonical_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_ranking import ranking_of, sessions
from tests.handlers.stages.world import World, changed, month

# a process in which nothing of this repository can be imported, nor what only the product needs
ALONE = """
import importlib.abc, runpy, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("handlers", "retrain", "localargo", "pydantic", "boto3", "botocore", "yaml", "mlflow", "pandas"):
            raise ModuleNotFoundError(f"{name} is not here")
sys.meta_path.insert(0, Blocked())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", ALONE, str(folder / "predict.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture
def trained(world: World) -> World:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"]["grid"]["alpha"] = [0.0001]
    assert world.run("a")["outcome"] == "promoted"
    return world


def folder_of(world: World, tmp_path: Path, name: str = "late") -> Path:
    folder = tmp_path / "model"
    export = named.named(world.store, name).export
    exports.write(export, folder)
    (folder / exports.MARKER).write_text(canonical_json(export.listed))
    return folder


def on_valid(world: World) -> tuple[pa.Table, Any]:
    """The rows of valid in their order, and what the evaluation says of each."""
    champion = world.champion()
    dataset = load_dataset(world.store, "late", champion["dataset"])
    rows = pa.concat_tables([part_files.table(world.store, part, list(dataset.schema)) for part in dataset.of_role("valid")])
    spec = load_spec(world.read_spec())
    return rows, TrainedTrial.open(world.store, "late", champion["trial"]).predict(world.store, dataset, spec, "valid")


def test_the_winner_of_a_run_is_exported_and_its_list_has_every_file(trained: World) -> None:
    champion = trained.champion()
    where = exports.folder("late", champion["trial"], champion["export"])
    export = exports.in_bucket(trained.store, "late", champion["trial"], champion["export"])
    assert export is not None
    assert trained.verdict("a")["export"] == champion["export"]
    assert trained.keys(f"{where}/") == sorted(f"{where}/{path}" for path in [*export.files(), exports.MARKER])
    for path, listed in export.files().items():
        assert len(export.checked(path)) == listed["size"]
    made = json.loads(export.checked("provenance.json"))
    assert (made["run"], made["trial"], made["dataset"]) == ("a", champion["trial"], champion["dataset"])
    assert made["code"].keys() == {"trials", "evaluations", "exports"}


def test_the_script_predicts_alone_what_the_evaluation_saw(trained: World, tmp_path: Path) -> None:
    folder = folder_of(trained, tmp_path)
    assert len((folder / "predict.py").read_text().splitlines()) <= 40
    rows, seen = on_valid(trained)
    csv.write_csv(rows.select(["distance", "day", "carrier"]), tmp_path / "rows.csv")
    parquet.write_table(rows, tmp_path / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        out = tmp_path / f"{name}.out.parquet"
        ended = alone(folder, str(tmp_path / name), "--out", str(out), "--proba")
        assert (ended.returncode, ended.stderr) == (0, "")
        found = parquet.read_table(out)
        assert np.array_equal(found["probability"].to_numpy(), seen.score)
        assert found["prediction"].to_pylist() == (seen.score > 0.5).tolist()


@pytest.mark.parametrize(
    ("model", "epochs"),
    [
        ({"estimator": "xgboost.XGBClassifier"}, 3),
        ({"estimator": "lightgbm.LGBMClassifier", "memory": "whole"}, 3),
        ({"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "memory": "whole"}, 1),
    ],
)
def test_models_of_every_library_stand_alone(world: World, tmp_path: Path, model: dict[str, Any], epochs: int) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec |= {"model": {**model, "params": {}, "seed": 1}, "search": {}}
    world.spec["training"] = {"epochs": epochs, "batch_rows": 64}
    assert world.run("a")["outcome"] == "promoted"
    rows, seen = on_valid(world)
    folder = folder_of(world, tmp_path)
    assert np.array_equal(predict.load("late").predict(rows, proba=True)["probability"].to_numpy(), seen.score)
    parquet.write_table(rows, tmp_path / "rows.parquet")
    ended = alone(folder, str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "out.parquet"), "--proba")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert np.array_equal(parquet.read_table(tmp_path / "out.parquet")["probability"].to_numpy(), seen.score)
    library = str(model["estimator"]).partition(".")[0]
    assert any(
        line.startswith({"sklearn": "scikit-learn"}.get(library, library)) for line in (folder / "requirements.txt").read_text().split()
    )


def test_the_product_predicts_what_the_evaluation_saw(trained: World, tmp_path: Path) -> None:
    rows, seen = on_valid(trained)
    for of in ("late", "late@champion", "late@1", f"late@{trained.champion()['trial']}", folder_of(trained, tmp_path)):
        scorer = predict.load(of)
        assert np.array_equal(scorer.predict(rows, proba=True)["probability"].to_numpy(), seen.score)
    assert np.array_equal(scorer.predict(rows.to_pylist(), proba=True)["probability"].to_numpy(), seen.score)
    assert np.array_equal(scorer.predict(rows.to_pandas(), proba=True)["probability"].to_numpy(), seen.score)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_mlflow_loads_the_folder_as_it_is(trained: World, tmp_path: Path) -> None:
    from mlflow import pyfunc

    rows, seen = on_valid(trained)
    model = pyfunc.load_model(str(folder_of(trained, tmp_path)))
    frame = rows.to_pandas()
    assert model.predict(frame)["prediction"].tolist() == (seen.score > 0.5).tolist()
    assert np.array_equal(model.predict(frame, params={"proba": True})["probability"].to_numpy(), seen.score)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize(
    "model",
    [
        {"estimator": "sklearn.linear_model.SGDRegressor"},
        {"estimator": "xgboost.XGBRegressor"},
        {"estimator": "lightgbm.LGBMRegressor", "memory": "whole"},
    ],
)
def test_a_ranking_stands_alone_too(world: World, tmp_path: Path, model: dict[str, Any]) -> None:
    from mlflow import pyfunc

    world.spec = changed(ranking_of(world.spec), model=model, search=None, training={"epochs": 3})
    world.put("1.csv", sessions())
    assert world.run("a")["outcome"] == "promoted"
    rows, seen = on_valid(world)
    folder = folder_of(world, tmp_path)
    assert pyfunc.load_model(str(folder)).predict(rows.to_pandas())["prediction"].tolist() == seen.score.tolist()
    # a list is ordered by what is predicted: neither the list's column nor the relevance is asked for
    parquet.write_table(rows.select(["price"]), tmp_path / "rows.parquet")
    ended = alone(folder, str(tmp_path / "rows.parquet"), "--out", str(tmp_path / "out.parquet"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert parquet.read_table(tmp_path / "out.parquet")["prediction"].to_pylist() == seen.score.tolist()


def test_requirements_are_what_is_imported(trained: World, tmp_path: Path) -> None:
    folder = folder_of(trained, tmp_path)
    wanted = [line.partition("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()]
    assert wanted == ["numpy", "pyarrow", "scikit-learn", "scipy", "skops"]
    name, files = carried("scikit_learn")
    imported = set()
    for text in files.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    # text is hashed by scikit-learn, and DuckDB reads dates that are written otherwise: `export` asks for both where they are needed
    assert imported - set(sys.stdlib_module_names) - {name} == {"numpy", "pyarrow", "scipy", "sklearn", "skops", "duckdb"}


def test_killed_at_any_write_and_started_again_it_is_the_same_export(trained: World) -> None:
    champion = trained.champion()
    spec, dataset = load_spec(trained.read_spec()), load_dataset(trained.store, "late", champion["dataset"])
    where = exports.folder("late", champion["trial"], champion["export"])
    before = {key: trained.store.get(key) for key in trained.keys(f"{where}/")}
    for at in range(1, len(before) + 1):
        for key in before:
            trained.store.delete(key)
        dying = Dying(trained.folder)
        dying.left = at
        with pytest.raises(Killed):
            exports.keep(dying, "late", champion["trial"], spec, dataset)
        assert exports.in_bucket(trained.store, "late", champion["trial"], champion["export"]) is None
        assert exports.keep(trained.store, "late", champion["trial"], spec, dataset) == champion["export"]
        assert {key: trained.store.get(key) for key in trained.keys(f"{where}/")} == before


def test_a_trial_that_won_nothing_is_exported_when_it_is_asked_for(world: World, tmp_path: Path) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    other = next(row["trial"] for row in world.verdict("a")["trials"] if row["trial"] != world.champion()["trial"])
    assert not [key for key in world.keys(f"trials/late/{other}/") if "/exports/" in key]
    folder = folder_of(world, tmp_path, f"late@{other}")
    learner = TrainedTrial.open(world.store, "late", other).estimator
    rows, _ = on_valid(world)
    scorer = predict.load(folder)
    table = rows.select(list(scorer.columns))
    assert np.array_equal(scorer.scores(table)[0], learner.predict(scorer.encoder.encode(table, scoring=True))[0])
    assert alone(folder, "/nowhere.csv").returncode == 2


def test_a_folder_that_was_changed_is_not_used(trained: World, tmp_path: Path) -> None:
    folder = folder_of(trained, tmp_path)
    (folder / "encoder.json").write_text((folder / "encoder.json").read_text().replace("AA", "ZZ"))
    with pytest.raises(BadData, match=r"encoder.json: it is not the file that export.json lists"):
        predict.load(folder)
    (folder / exports.MARKER).write_text('{"files": {"model/../../stolen": {"sha256": "", "size": 0}}}')
    with pytest.raises(BadData, match="leads out of the folder"):
        predict.load(folder)
    with pytest.raises(BadData, match="no exported model"):
        predict.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("late@7", "there is no such champion; late has had 1"),
        ("late@0123456789abcdef", "there is no such trained trial"),
        ("late@newest", "is neither champion, nor the number of one, nor a trial"),
        ("other", "other has no champion yet"),
        ("../late", "is no model"),
        ("s3://bucket/elsewhere", "accepted are s3://BUCKET/models/NAME"),
    ],
)
def test_what_there_is_not_is_said(trained: World, name: str, why: str) -> None:
    with pytest.raises(WrongUsage, match=why):
        predict.load(name)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"carrier": ["AA"]}, "column 'distance' is missing; the rows have 'carrier'"),
        ({"carrier": ["AA", "BB"], "distance": [1.0, "far"]}, "the rows are no table"),
        ({"carrier": ["AA", "BB"], "distance": ["1", "far"]}, "column 'distance' in row 1: 'far' is not a float"),
        (7, "the rows are a int; accepted: an Arrow table"),
    ],
)
def test_rows_that_do_not_fit_are_refused(trained: World, rows: Any, why: str) -> None:
    with pytest.raises(BadData, match=why):
        predict.load("late").predict(rows)


def test_what_is_unknown_or_missing_counts_as_the_spec_says(trained: World) -> None:
    scorer = predict.load("late")
    rows = [{"carrier": None, "distance": 900.0}, {"carrier": "new", "distance": 900.0, "more": 1}, {"carrier": "new"}]
    first, second, third = scorer.predict(rows, proba=True)["probability"].to_pylist()
    assert first == second != third
    assert scorer.predict([], proba=True).to_pydict() == {"prediction": [], "probability": []}
