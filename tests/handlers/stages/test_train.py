"""One trial: trained once, resumed exactly, refused with a reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handlers import train
from handlers.contracts import BadSpec, GaveUp, TryAgain
from handlers.runs import evaluation, trials
from handlers.runs.claim import read as read_claim
from handlers.storage import FolderStore, Temporary, read_json
from tests.handlers.stages.world import World, month
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


def ready(world: World, run: str = "a") -> tuple[str, dict[str, Any]]:
    """(dataset, the first trial)."""
    world.put("1.csv", month("2013-01-01", 40))
    _, snapshot = world.snapshot(run)
    return world.dataset(snapshot), world.trials()[0]


def test_what_a_trained_trial_leaves(world: World) -> None:
    dataset, trial = ready(world)
    answer = world.train(dataset, trial, "a")
    assert set(answer) == {"trial"}
    folder = f"trials/late/{answer['trial']}"
    assert world.keys(folder) == [f"{folder}/{name}" for name in ("curve.jsonl", "model/model.skops", "request.json", "result.json")]
    result = read_json(world.store, f"{folder}/result.json")
    assert (result["epochs"], result["epoch"], result["stopped"]) == (3, 3, None)
    assert result["rows"] == 3 * 26 * 40
    assert result["learned"] == {"first": "2013-01-01", "last": "2013-01-26", "rows": 1040}
    assert result["params"] == {"loss": "log_loss", "average": True, "alpha": 0.0001}
    lines = trials.curve(world.store, "late", answer["trial"])
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert set(lines[0]["valid"]) == {"roc_auc", "average_precision", "log_loss", "brier", "ece", "accuracy", "f1"}
    assert lines[-1]["valid"] == result["valid"]
    request = read_json(world.store, f"{folder}/request.json")
    assert request["dataset"] == dataset
    assert request["spec"]["model"]["estimator"] == "sklearn.linear_model.SGDClassifier"


def test_a_trained_trial_is_not_trained_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    dataset, trial = ready(world)
    first = world.train(dataset, trial, "a")
    capsys.readouterr()
    assert world.train(dataset, trial, "b") == first
    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert "trial is trained already" in events
    assert "epoch" not in events


def test_one_more_value_in_the_grid_trains_one_more_trial(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    before = set(world.keys("trials/"))
    world.spec["search"]["grid"]["alpha"].append(0.1)
    world.run("b")
    added = {key.split("/")[2] for key in set(world.keys("trials/")) - before if key.endswith("result.json")}
    assert len(added) == 1


def test_a_value_in_the_grid_that_cannot_be_trained_stops_every_trial(world: World) -> None:
    """One that is trained already too: it would win against fewer trials than the spec asks for."""
    dataset, trial = ready(world)
    world.train(dataset, trial, "a")
    world.spec["search"]["grid"]["alpha"].append(-1)
    before = world.keys("trials/")
    for each in world.trials():
        with pytest.raises(BadSpec, match="The 'alpha' parameter of SGDClassifier must be a float"):
            world.train(dataset, each, "b")
    assert len(world.trials()) == 3 and world.keys("trials/") == before


def test_early_stopping_keeps_the_best_epoch(world: World) -> None:
    world.spec["training"] = {"epochs": 30, "batch_rows": 64, "shuffle": {"parts": 4}, "early_stopping": {"patience": 2}}
    dataset, trial = ready(world)
    answer = world.train(dataset, trial, "a")
    result = trials.result(world.store, "late", answer["trial"])
    assert result is not None
    lines = trials.curve(world.store, "late", answer["trial"])
    assert result["epochs"] == len(lines) < 30
    best = max(lines, key=lambda line: line["valid"]["roc_auc"])
    assert result["epoch"] == best["epoch"]
    assert result["stopped"] == "no improvement for 2 epochs"
    made, *_ = evaluation.open_model(world.store, "late", answer["trial"])
    assert made is not None
    assert made.digest() == result["state"]


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 10}),
        ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 5}),
        ("sklearn.linear_model.LogisticRegression", {}),
    ],
)
def test_estimators_that_see_all_rows_at_once(world: World, estimator: str, params: dict[str, Any]) -> None:
    world.spec["model"] = {"estimator": estimator, "params": params, "memory": "whole"}
    world.spec["search"], world.spec["training"] = {}, {}
    world.put("1.csv", month("2013-01-01", 40))
    assert world.run("a")["outcome"] == "promoted"
    assert world.champion()["estimator"] == estimator


def test_a_regression_with_its_own_metrics(world: World) -> None:
    world.spec["task"] = "regression"
    world.spec["data"]["target"] = {"column": "distance", "clip": [0, 2000]}
    world.spec["features"] = {"carrier": {"type": "category"}, "late": {"type": "boolean"}}
    world.spec["model"] = {"estimator": "sklearn.linear_model.SGDRegressor", "params": {"eta0": 0.01}}
    world.spec["evaluate"] = {"select_by": "mae", "report": ["r2", "median_ae"], "baseline": "last_value"}
    world.spec["promote"] = {"gate": {"metric": "mae", "at_most": 400}}
    world.put("1.csv", month("2013-01-01", 40))
    assert world.run("a")["outcome"] == "promoted"
    assert world.verdict("a")["baseline"]["name"] == "last_value"
    world.spec["data"]["target"]["clip"] = [0, 1900]
    assert "target" in world.run("b")["reason"]


def test_probabilities_are_asked_for_before_anything_is_trained(world: World) -> None:
    world.spec["model"]["params"] = {"loss": "hinge"}
    dataset, trial = ready(world)
    with pytest.raises(BadSpec, match="'log_loss' needs probabilities"):
        world.train(dataset, trial, "a")
    assert world.keys("trials/") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"select_by": "roc_auk"}, "did you mean 'roc_auc'"),
        ({"select_by": "mae"}, "'mae' is not a metric of task 'binary'"),
    ],
)
def test_a_metric_that_the_task_does_not_have(world: World, change: dict[str, Any], said: str) -> None:
    world.spec["evaluate"] = change
    dataset, trial = ready(world)
    with pytest.raises(BadSpec, match=said):
        world.train(dataset, trial, "a")


def test_rows_are_weighed(world: World) -> None:
    dataset, trial = ready(world)
    plain = world.train(dataset, trial, "a")
    world.spec["data"]["weight"] = "distance"
    world.spec["features"] = {"carrier": {"type": "category"}}
    dataset = world.dataset(world.snapshot("b")[1])
    assert world.train(dataset, trial, "b")["trial"] != plain["trial"]
    world.spec["model"] = {"estimator": "sklearn.neural_network.MLPClassifier"}
    world.spec["search"] = {}
    trial = world.train(dataset, world.trials()[0], "b")["trial"]
    assert read_json(world.store, f"trials/late/{trial}/result.json")["valid"]["roc_auc"] > 0.5


def test_too_little_memory_is_said_before_the_rows_are_read(world: World) -> None:
    world.spec["model"] = {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "memory": "whole"}
    world.spec["search"], world.spec["training"] = {}, {}
    world.spec["resources"] = {"train": {"memory": "100Mi"}}
    dataset, trial = ready(world)
    with pytest.raises(
        BadSpec, match=r"resources.train.memory: 100Mi is too little for `memory: whole`: 1,040 rows of 4 columns need about 200Mi"
    ):
        world.train(dataset, trial, "a")


def test_failures_are_counted_per_run_until_the_budget_is_spent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, trial = ready(world)

    def broken(*_: Any) -> Any:
        raise RuntimeError("the disk is on fire")

    real = train.train
    monkeypatch.setattr(train, "train", broken)
    for left in (2, 1):
        with pytest.raises(TryAgain, match=f"RuntimeError: the disk is on fire; failure {3 - left}, {left} of 2 retries left"):
            world.train(dataset, trial, "a")
    for _ in range(2):
        with pytest.raises(GaveUp, match="the disk is on fire"):
            world.train(dataset, trial, "a")
    with pytest.raises(TryAgain, match="failure 1"):
        world.train(dataset, trial, "b")
    monkeypatch.setattr(train, "train", real)
    assert world.train(dataset, trial, "b")["trial"]
    assert [entry["run"] for entry in read_json(world.store, world.keys("trials/")[1])["failures"]] == ["a", "a", "a", "b"]


def test_a_bucket_that_does_not_answer_costs_no_budget(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, trial = ready(world)

    def away(*_: Any) -> Any:
        raise Temporary("503")

    monkeypatch.setattr(train, "train", away)
    with pytest.raises(Temporary):
        world.train(dataset, trial, "a")
    assert world.keys("trials/") == []


# ------------------------------------------------------------------------------------ real processes

LONG = {"epochs": 6, "batch_rows": 128, "shuffle": {"parts": 4}, "checkpoint": {"every": "0s"}, "early_stopping": {"patience": 6}}
MODELS = {
    "sgd": {"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss", "average": True}},
    "mlp": {"estimator": "sklearn.neural_network.MLPClassifier", "params": {"hidden_layer_sizes": [8]}},
}


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "handlers.train", *arguments], cwd=ROOT, env={**os.environ}, stderr=subprocess.PIPE)


def until_it_begins(process: subprocess.Popen[bytes], trials: Path) -> None:
    wait_until(lambda: (trials.is_dir() and any(trials.iterdir())) or process.poll() is not None)


def until_it_trains_on(process: subprocess.Popen[bytes], state: Path, known: bytes) -> bytes:
    """Wait until the checkpoint is another one than `known`; its bytes."""
    wait_until(lambda: (state.is_file() and state.read_bytes() != known) or process.poll() is not None)
    assert process.poll() is None, f"the training ended before it was killed: {process.stderr.read().decode() if process.stderr else ''}"
    return state.read_bytes()


def only_trial(world: World) -> str:
    names = {path.name for path in (world.folder / "trials" / "late").iterdir()}
    assert len(names) == 1
    return str(names.pop())


@pytest.mark.parametrize("name", MODELS)
def test_killed_and_stopped_while_training_it_ends_in_the_same_model(world: World, tmp_path: Path, name: str) -> None:
    world.spec["model"], world.spec["training"], world.spec["search"] = MODELS[name], LONG, {}
    dataset, trial = ready(world)
    arguments = world.train_arguments(dataset, trial, "a")
    known = b""
    for end in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start(arguments)
        until_it_begins(process, world.folder / "trials" / "late")
        state = world.folder / "trials" / "late" / only_trial(world) / "checkpoint" / "state.zip"
        known = until_it_trains_on(process, state, known)
        process.send_signal(end)
        _, said = process.communicate(timeout=60)
        assert process.returncode == (-9 if end == signal.SIGKILL else 143), said.decode()
        known = state.read_bytes()
    process = start(arguments)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert b"training goes on from its checkpoint" in said
    ended = trials.result(world.store, "late", only_trial(world))
    # without interruption, in a bucket of its own
    world.folder.rename(tmp_path / "interrupted")
    ready(world)
    world.train(dataset, trial, "a")
    straight = trials.result(world.store, "late", only_trial(world))
    assert ended is not None
    assert straight is not None
    assert ended["state"] == straight["state"]
    assert {k: v for k, v in ended.items() if k != "seconds"} == {k: v for k, v in straight.items() if k != "seconds"}
    interrupted = trials.curve(FolderStore(tmp_path / "interrupted"), "late", only_trial(world))
    curve = trials.curve(world.store, "late", only_trial(world))
    assert [{k: v for k, v in line.items() if k != "seconds"} for line in interrupted] == [
        {k: v for k, v in line.items() if k != "seconds"} for line in curve
    ]


def test_a_checkpoint_of_another_kernel_is_refused_and_training_starts_again(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from handlers.models import kernel

    dataset, trial = ready(world)
    expected = world.train(dataset, trial, "a")
    folder = f"trials/late/{expected['trial']}"
    state = trials.result(world.store, "late", expected["trial"])
    world.store.delete(f"{folder}/result.json")

    class Flaky(FolderStore):
        """The bucket goes away when the model is to be stored."""

        def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
            if key.endswith("model.skops"):
                raise Temporary("503")
            return super().put(key, data, if_none_match=if_none_match, if_match=if_match)

    with monkeypatch.context() as patched:
        patched.setattr(train, "open_store", lambda: Flaky(world.folder))
        patched.setattr(kernel, "kernel", lambda: {"blas": "openblas 0.3 SkylakeX x1", "machine": "x86_64"})
        with pytest.raises(Temporary):
            world.train(dataset, trial, "a")
    assert world.store.head(f"{folder}/checkpoint/state.zip") is not None
    capsys.readouterr()
    assert world.train(dataset, trial, "a") == expected
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    refused = next(line for line in said if line["event"].startswith("checkpoint refused"))
    assert "written under blas 'openblas 0.3 SkylakeX x1'" in refused["reason"]
    again = trials.result(world.store, "late", expected["trial"])
    assert again is not None
    assert state is not None
    assert again["state"] == state["state"]
    assert world.store.head(f"{folder}/checkpoint/state.zip") is None


def test_the_claim_is_kept_alive_while_training(world: World) -> None:
    dataset, trial = ready(world)
    before = read_claim(world.store, "late")[0].heartbeat
    world.train(dataset, trial, "a")
    assert read_claim(world.store, "late")[0].heartbeat > before


def test_the_command_ends_with_the_contract_s_exit_codes(world: World) -> None:
    dataset, trial = ready(world)
    arguments = world.train_arguments(dataset, trial, "a")
    wrong = [*arguments]
    wrong[wrong.index("--dataset") + 1] = "0" * 16
    assert _exit(wrong) == 65
    wrong = [*arguments]
    wrong[wrong.index("--trial") + 1] = json.dumps({"id": "x", "params": {"alfa": 1}})
    assert _exit(wrong) == 78
    wrong[wrong.index("--trial") + 1] = "{not json"
    assert _exit(wrong) == 2
    assert _exit(arguments[2:]) == 2


def _exit(arguments: list[str]) -> int:
    from handlers.contracts import main

    with pytest.raises(SystemExit) as ended:
        main(train.run, arguments)
    return int(str(ended.value.code))
