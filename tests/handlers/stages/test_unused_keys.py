"""Every key that says how a model learns does something with each kind of estimator, or is refused by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handlers.contracts import BadSpec
from handlers.data.manifest import Dataset
from handlers.models import training
from handlers.models.estimators import make
from handlers.modelspec.parse import load as load_spec
from tests.handlers.models.test_own import BUILD, LOGISTIC
from tests.handlers.stages import datasets
from tests.handlers.stages.world import SPEC, World, changed, month

KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "batches": ({"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss"}}, ""),
    "bayes": ({"estimator": "sklearn.naive_bayes.GaussianNB"}, ""),
    "linear": ({"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss"}, "memory": "whole"}, ""),
    "forest": ({"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 4}, "memory": "whole"}, ""),
    "xgboost": ({"estimator": "xgboost.XGBClassifier", "params": {"subsample": 0.5}}, ""),
    "xgboost whole": ({"estimator": "xgboost.XGBClassifier", "params": {"subsample": 0.5}, "memory": "whole"}, ""),
    "lightgbm": ({"estimator": "lightgbm.LGBMClassifier", "params": {"colsample_bytree": 0.5}, "memory": "whole"}, ""),
    "function": ({"estimator": "models/late.py:build", "params": {"trees": 3}, "memory": "whole"}, BUILD),
    "class": ({"estimator": "models/late.py:Logistic", "params": {"rate": 0.01}}, LOGISTIC),
}
ONCE = r"learns all rows in one call of fit"
NEVER = {"epochs": ONCE, "early_stopping": ONCE, "checkpoint": ONCE, "validate": ONCE, "shuffle": "learns all rows at once"}
ROUNDS = {"shuffle": "learns from all rows in each round", "validate": "is validated after each round"}
NO_BALANCE = r"model\.params\.class_weight: "
# kind: what is refused; what is not in it does something
REFUSED: dict[str, dict[str, str]] = {
    "batches": {"class_weight": NO_BALANCE},
    "bayes": {"class_weight": NO_BALANCE},
    "linear": NEVER,
    "forest": NEVER,
    "xgboost": {**ROUNDS, "class_weight": NO_BALANCE},
    "xgboost whole": {**ROUNDS, "class_weight": NO_BALANCE},
    "lightgbm": {**ROUNDS, "class_weight": NO_BALANCE},
    "function": {**NEVER, "weight": r"data\.weight: models/late.py:build does not accept weights"},
    "class": {},
}
KEYS: dict[str, dict[str, Any]] = {
    "epochs": {"training__epochs": 3},
    "early_stopping": {"training__epochs": 9, "training__early_stopping": {"patience": 2, "min_delta": 1.0}},
    "checkpoint": {"training__epochs": 3, "training__checkpoint": {"every": "0s"}},
    "validate": {"training__validate": {"every": "1 batch"}},
    "shuffle": {"training__shuffle": {"parts": 4}},
    "batch_rows": {"training__batch_rows": 30},
    "class_weight": {"model__params__class_weight": "balanced"},
    "weight": {"data__weight": "distance"},
    "seed": {"model__seed": 2},
}
# one's own parameters are one's own
CASES = [(kind, key) for kind in KINDS for key in KEYS if not (key == "class_weight" and kind in ("function", "class"))]


@dataclass
class Seen:
    """What a training leaves and does."""

    state: str
    epochs: int
    saves: int
    largest: int
    asks: int


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, World]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("rows")
        patch.setenv("RETRAIN_BUCKET", f"file://{folder}/bucket")
        patch.setenv("RETRAIN_CODE_DIGEST", "c0de")
        world = World(folder / "bucket", folder / "out")
        world.put("a.csv", month("2013-01-01", 31))
        return datasets.made(world)[0], world


def learned(kind: str, key: str, rows: tuple[Dataset, World], where: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    dataset, world = rows
    model, code = KINDS[kind]
    tree = changed(SPEC, model=changed(model), search=None, training={"epochs": 1})
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{world.folder}")
    world.spec, world.code = changed(tree, **KEYS.get(key, {})), code
    spec = load_spec(world.read_spec())
    made, store = make(spec, spec.model.params), datasets.Counting(world.folder)
    asked: list[int] = []
    predict = type(made).predict

    def counted(self: Any, X: Any) -> Any:
        asked.append(X.shape[0])
        return predict(self, X)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(made), "predict", counted)
        done = training.train(store, f"trials/late/{where.name}-{key}", spec, dataset, made, lambda lines: None)
    saves = sum("checkpoint" in each for each in store.put_keys)
    return Seen(done.made.digest(), done.progress.epoch, saves, max(asked), len(asked))


@pytest.mark.parametrize(("kind", "key"), CASES, ids=[f"{kind}-{key}".replace(" ", "_") for kind, key in CASES])
def test_a_key_does_something_or_is_refused(
    kind: str, key: str, rows: tuple[Dataset, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if key in REFUSED[kind]:
        with pytest.raises(BadSpec, match=REFUSED[kind][key]) as refused:
            learned(kind, key, rows, tmp_path, monkeypatch)
        assert key in str(refused.value).partition(": ")[0]
        return
    usual, found = (learned(kind, each, rows, tmp_path, monkeypatch) for each in ("epochs" if key == "checkpoint" else "", key))
    if key == "epochs":
        assert (found.epochs, usual.epochs) == (3, 1)
    elif key == "early_stopping":
        assert found.epochs < 9
    elif key == "checkpoint":
        assert found.saves > usual.saves
    elif key == "validate":
        assert found.asks > usual.asks
        assert found.state == usual.state
    elif key == "batch_rows":
        assert found.largest == 30 < usual.largest
    else:
        assert found.state != usual.state
