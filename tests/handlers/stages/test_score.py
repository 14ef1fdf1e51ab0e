"""Predictions for files of the bucket: where they are, that the same file makes nothing twice, and what is said of a bad one."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from pyarrow import csv, parquet

from handlers import score
from handlers.contracts import BadData, WrongUsage
from handlers.runs import exports
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_exports import on_valid
from tests.handlers.stages.world import World, month


def event(key: str) -> list[str]:
    text = base64.b64encode(json.dumps({"model": "late", "key": key, "etag": "e", "reason": "score"}).encode()).decode()
    return ["--model", "late", "--event", text]


@pytest.fixture
def trained(world: World) -> World:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"]["grid"]["alpha"] = [0.0001]
    world.run("a")
    return world


def predictions(world: World) -> dict[str, Any]:
    found = [key for key in world.keys("predictions/") if key.endswith(".json")]
    return {document["key"]: document for document in (json.loads(world.store.get(key)) for key in found)}


def test_a_file_of_any_kind_gets_what_the_evaluation_saw_and_only_once(trained: World) -> None:
    rows, seen = on_valid(trained)
    text, packed = io.BytesIO(), io.BytesIO()
    csv.write_csv(rows.select(["carrier", "distance"]), text)
    parquet.write_table(rows, packed)
    trained.store.put("score/late/march/new.csv", text.getvalue())
    trained.store.put("score/late/new.parquet", packed.getvalue())
    score.run(event("score/late/march/new.csv"))
    assert list(predictions(trained)) == ["score/late/march/new.csv"]
    score.run(["--model", "late"])
    made = predictions(trained)
    assert list(made) == ["score/late/march/new.csv", "score/late/new.parquet"]
    for document in made.values():
        assert (document["rows"], document["champion"], document["export"]) == (len(rows), 1, trained.champion()["export"])
    first, second = (trained.store.get(document["predictions"]) for document in made.values())
    assert csv.read_csv(io.BytesIO(first))["probability"].to_pylist() == seen.score.tolist()
    assert parquet.read_table(io.BytesIO(second))["probability"].to_pylist() == seen.score.tolist()
    before = {key: trained.store.get(key) for key in trained.keys("predictions/")}
    score.run(event("score/late/new.parquet"))
    score.run(["--model", "late"])
    assert {key: trained.store.get(key) for key in trained.keys("predictions/")} == before
    trained.store.put("score/late/new.parquet", packed.getvalue()[:0] + text.getvalue())
    score.run(event("score/late/new.parquet"))
    assert len(trained.keys("predictions/late/new.parquet/")) == 4, "another content has predictions of its own"


def test_killed_between_its_writes_it_ends_in_the_same(trained: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trained.store.put("score/late/new.csv", b"carrier,distance\nAA,900\n")
    for at in (1, 2):
        dying = Dying(trained.folder)
        dying.left = at
        with monkeypatch.context() as patched:
            patched.setattr(score, "open_store", lambda dying=dying: dying)
            with pytest.raises(Killed):
                score.run(event("score/late/new.csv"))
        assert predictions(trained) == {}
    score.run(event("score/late/new.csv"))
    assert len(trained.keys("predictions/")) == 2


def test_what_cannot_be_predicted_for_is_said(trained: World) -> None:
    trained.store.put("score/late/bad.csv", b"carrier,distance\nAA,far\n")
    with pytest.raises(BadData, match=r"bad.csv: column 'distance' in row 2: 'far' is not a float"):
        score.run(event("score/late/bad.csv"))
    assert predictions(trained) == {}
    with pytest.raises(BadData, match="a file to predict for lies under score/late/"):
        score.run(event("incoming/late/1.csv"))
    with pytest.raises(WrongUsage, match="other has no champion yet"):
        score.run(["--model", "other"])
    score.run(event("score/late/gone.csv"))


def test_the_model_of_an_export_is_loaded_once_checked(trained: World) -> None:
    champion = trained.champion()
    where = exports.folder("late", champion["trial"], champion["export"])
    trained.store.put(f"{where}/model/model.skops", b"another")
    with pytest.raises(BadData, match=r"model/model.skops: it is not the file that export.json lists"):
        score.run(["--model", "late"])
