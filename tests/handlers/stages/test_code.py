"""What a change of the code computes again: the stages that compute with it and those that follow, and nothing else."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handlers import promote, why
from handlers.modelspec import code_digests
from handlers.modelspec.code_digests import STAGES
from handlers.storage import read_json
from tests.handlers.stages.datasets import made
from tests.handlers.stages.world import World, month

OLD = Path(__file__).parents[1] / "buckets" / "one-code-digest.tar.xz"
Code = Callable[..., None]
PACKAGES = {library for stage in STAGES.values() for library in stage.libraries}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    """Sets the digests of the stages' code, as an image has them."""
    file = tmp_path / "code-digest"
    monkeypatch.delenv("RETRAIN_CODE_DIGEST")
    monkeypatch.setattr(code_digests, "IMAGE_FILE", file)

    def given(**other: str) -> None:
        stages = dict.fromkeys(STAGES, "as it was") | other
        file.write_text(json.dumps({"stages": stages, "packages": dict.fromkeys(PACKAGES, "as it was")}), encoding="utf-8")
        code_digests.computed.cache_clear()

    given()
    yield given
    code_digests.computed.cache_clear()


def folders(world: World, prefix: str) -> set[str]:
    return {"/".join(key.split("/")[:3]) for key in world.keys(prefix)}


def test_other_metrics_evaluate_again_and_train_nothing(world: World, code: Code) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    parts, trials, evaluations = folders(world, "parts/"), folders(world, "trials/"), world.keys("trials/")
    code(early_stopped_trials="x", evaluations="x", verdicts="x")
    assert world.run("b")["outcome"] == "kept"
    assert read_json(world.store, "runs/late/b/request.json")["decision"] == "train"
    assert (folders(world, "parts/"), folders(world, "trials/")) == (parts, trials)
    fresh = set(world.keys("trials/")) - set(evaluations)
    assert fresh
    assert all("/evaluations/" in key or "/exports/" in key for key in fresh)


def test_other_metrics_train_again_what_they_stop_early(world: World, code: Code) -> None:
    world.spec["training"]["early_stopping"] = {"patience": 2}
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    before = folders(world, "trials/")
    code(early_stopped_trials="x", evaluations="x", verdicts="x")
    world.run("b")
    assert len(folders(world, "trials/")) == 2 * len(before)


def test_another_gate_s_code_decides_again(world: World, code: Code) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    before = world.keys("trials/")
    code(verdicts="x")
    assert world.snapshot("b")[0] == "redecide"
    promote.run(world.promote_arguments("", [], "b", "redecide"))
    assert world.result("b")["outcome"] == "kept"
    assert world.keys("trials/") == before
    assert world.snapshot("c")[0] == "already-trained"


def test_other_training_code_keeps_the_parts(world: World, code: Code) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    parts, trials = folders(world, "parts/"), folders(world, "trials/")
    code(trials="x", early_stopped_trials="x", evaluations="x", verdicts="x")
    world.run("b")
    assert folders(world, "parts/") == parts
    assert len(folders(world, "trials/")) == 2 * len(trials)


# ------------------------------------------------------------- a bucket in which one digest named all of the code


@pytest.fixture
def old(world: World) -> World:
    """Two runs, a champion and a refused challenger; a third run found everything trained."""
    with tarfile.open(OLD) as archive:
        archive.extractall(world.folder, filter="data")
    return world


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    why.run(list(words))
    return capsys.readouterr().out


def test_an_old_bucket_is_told_about(old: World, capsys: pytest.CaptureFixture[str]) -> None:
    champion = old.champion()
    assert asked(capsys, "models").splitlines()[1].split()[:3] == ["late", "1", champion["trial"]]
    runs = json.loads(asked(capsys, "runs", "late", "-o", "json"))["runs"]
    assert [(r["run"], r["outcome"]) for r in runs] == [("c", "already-trained"), ("b", "refused"), ("a", "promoted")]
    told = asked(capsys, "late")
    assert told.startswith(f"Champion 1 of late is trial {champion['trial']}")
    assert "Run b chose trial" in told
    assert [t["winner"] for t in json.loads(asked(capsys, "trials", "b", "-o", "json"))["trials"]].count(True) == 1
    assert "is trained, and it is the champion." in asked(capsys, "trial", champion["trial"])
    history = json.loads(asked(capsys, "model", "late", "-o", "json"))["history"]
    assert history == [champion]


def test_an_old_run_gets_its_report(old: World) -> None:
    promote.run(["report", "--model", "late", "--run", "b", "--status", "Succeeded", "--failures", "null"])
    page = old.store.get("runs/late/b/report.html").decode()
    assert old.verdict("b")["winner"]["trial"] in page
    assert "against the champion" in page


def test_an_old_champion_is_compared_with(old: World) -> None:
    champion = old.champion()
    old.put("3.csv", month("2013-02-05", 9, rows=16, signal=1.5, seed=2))
    result = old.run("d")
    assert read_json(old.store, "runs/late/d/request.json")["reason"] == "new data, spec or code"
    verdict = old.verdict("d")
    assert verdict["champion"]["trial"] == champion["trial"]
    assert verdict["evaluations"]["champion"].startswith(f"trials/late/{champion['trial']}/evaluations/")
    assert verdict["metrics"]["roc_auc"]["champion"]["value"] > 0.5
    assert "against the champion's" in result["reason"]
    record = old.champion()
    assert record == champion or record["predecessor"] == champion["number"]


def test_other_code_gives_other_names_and_the_same_rows_in_the_same_order(world: World, code: Code) -> None:
    """Else every change of code would change what is learned in the last digits."""
    for seed in (1, 2):
        world.put(f"{seed}.csv", month("2013-01-01", 30, seed=seed))
    datasets = []
    for name in ("a", "b", "c", "d"):
        code(parts=name)
        datasets.append(made(world, name)[0])
    assert len({dataset.digest for dataset in datasets}) == 4
    orders = [[(part.units, part.source) for part in dataset.of_role("train")] for dataset in datasets]
    assert orders == [sorted(orders[0])] * 4
    assert [dataset.statistics for dataset in datasets] == [datasets[0].statistics] * 4
