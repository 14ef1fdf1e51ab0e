"""What wakes a run, and what it decides."""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml

from handlers import check, fetch, try_
from handlers.contracts import BadData, BadSpec, WrongUsage
from handlers.runs import claim
from handlers.storage import Store, read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month


def reason(world: World, run: str, *more: str) -> tuple[str, str]:
    to = [word for name in ("decision", "snapshot", "reason") for word in (f"--{name}-out", str(world.out / name))]
    fetch.run(["snapshot", "--model", world.model, "--spec", world.read_spec(), "--run", run, *more, *to])
    return world.output("decision"), world.output("reason")


def test_nothing_in_the_bucket_is_nothing_to_do(world: World) -> None:
    assert reason(world, "r1") == ("no-data", "no object under incoming/late/")
    assert world.keys("snapshots/") == []


@pytest.mark.parametrize(
    ("resources", "given", "cpu"),
    [
        ({}, ["500m", "1Gi", "4Gi"], "1"),
        ({"train": {"cpu": 2}, "transform": {"cpu": "1500m", "memory": "6Gi"}}, ["1500m", "6Gi", "6Gi"], "2"),
    ],
)
def test_later_steps_get_the_resources_of_the_spec(world: World, resources: dict[str, Any], given: list[str], cpu: str) -> None:
    text = json.dumps(
        {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": world.model}, "spec": {**world.spec, "resources": resources}}
    )
    to = [word for name in ("train", *fetch.MAKING) for word in (f"--{name}-out", str(world.out / name))]
    fetch.run(["spec", "--model", world.model, "--spec", text, *to])
    assert [world.output(name) for name in fetch.MAKING] == given
    assert json.loads(world.output("train"))["cpu"] == cpu


def test_unchanged_data_names_the_run_that_trained_it(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.run("r1")
    assert reason(world, "r2") == ("already-trained", "already trained by run r1")


def test_the_same_bytes_again_are_not_new_data(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.run("r1")
    world.put("1.csv", month("2013-01-01", 30))
    assert reason(world, "r2")[0] == "already-trained"


@pytest.mark.parametrize(
    ("change", "decision"),
    [
        (lambda s: s["promote"]["gate"].update(at_least=0.5), "redecide"),
        (lambda s: s["search"]["grid"].update(alpha=[0.0001, 0.01, 0.1]), "train"),
        (lambda s: s["features"].pop("distance"), "train"),
        (lambda s: s.update(trigger={"quiet": "1s"}), "already-trained"),
        (lambda s: s.update(resources={"train": {"cpu": 2}}), "already-trained"),
    ],
    ids=["promote", "grid", "features", "trigger", "resources"],
)
def test_what_has_changed_decides(world: World, change: Any, decision: str) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    world.run("r1")
    change(world.spec)
    assert reason(world, "r2")[0] == decision


def test_a_run_that_finds_the_model_busy_leaves_its_wish(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    assert reason(world, "r1")[0] == "train"
    world.put("2.csv", month("2013-02-01", 5))
    decision, why = reason(world, "r2")
    assert (decision, "r1" in why) == ("busy", True)
    assert claim.release(world.store, world.model, "r1").wanted


def test_the_same_event_twice_asks_for_nothing_more(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    reason(world, "r1")
    assert reason(world, "r2") == ("busy", "run r1 is training the same data and spec")
    assert not claim.release(world.store, world.model, "r1").wanted


def test_a_step_that_is_tried_again_decides_the_same(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first = reason(world, "r1")
    before = world.output("snapshot")
    world.put("2.csv", month("2013-02-01", 5))
    assert (reason(world, "r1"), world.output("snapshot")) == (first, before)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 4])  # the third finds the snapshot there
def test_killed_at_any_write_and_started_again_it_decides_the_same(
    world: World, write: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    dying = Dying(world.folder)
    dying.left, dying.after = write, after

    def opened(store: Store = dying) -> Store:
        return store

    with monkeypatch.context() as patched:
        patched.setattr(fetch, "open_store", opened)
        with pytest.raises(Killed):
            reason(world, "r1")
    assert reason(world, "r1") == ("train", "new data, spec or code")
    snapshot = world.output("snapshot")
    assert world.keys("snapshots/") == [f"snapshots/late/{snapshot}.json"]
    assert claim.read(world.store, "late")[0].run == "r1"
    assert claim.read(world.store, "late")[0].wanted == ()
    assert read_json(world.store, "runs/late/r1/request.json")["snapshot"] == snapshot
    assert reason(world, "r2") == ("busy", "run r1 is training the same data and spec")


def test_an_interrupted_run_keeps_its_snapshot_when_more_has_come(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    first = reason(world, "r1"), world.output("snapshot")
    world.put("2.csv", month("2013-02-01", 5))
    assert (reason(world, "r1"), world.output("snapshot")) == first
    assert reason(world, "r2")[0] == "busy"
    assert [w["run"] for w in claim.read(world.store, "late")[0].wanted] == ["r2"]


def test_half_a_character_in_an_event_stops_nothing(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    event = base64.b64encode(b'{"model": "late", "reason": "\\udc00"}').decode()
    assert reason(world, "r1", "--event", event)[0] == "train"
    assert read_json(world.store, "runs/late/r1/request.json")["event"]["reason"] == "\ufffd"


def test_a_batch_counts_when_it_is_ready(world: World) -> None:
    world.spec["data"]["sources"]["incoming"]["prefix"] = "batches/late/"
    world.store.put("batches/late/b1/a/1.csv", month("2013-01-01", 30))
    assert reason(world, "r1")[0] == "no-data"
    world.store.put("batches/late/b1/_READY", b"")
    assert reason(world, "r2")[0] == "train"
    found = read_json(world.store, f"snapshots/late/{world.output('snapshot')}.json")
    assert [o[0] for o in found["objects"]] == ["batches/late/b1/a/1.csv"]


def test_names_that_begin_with_an_underscore_or_a_dot_are_not_data(world: World) -> None:
    for name in ("_SUCCESS", ".1.csv.crc", "jan/_SUCCESS", "_temporary/0/1.csv", "jan/.hidden/1.csv"):
        world.put(name, b"")
    assert reason(world, "r1")[0] == "no-data"
    world.put("jan/1.csv", month("2013-01-01", 30))
    assert reason(world, "r2")[0] == "train"
    found = read_json(world.store, f"snapshots/late/{world.output('snapshot')}.json")
    assert [o[0] for o in found["objects"]] == ["incoming/late/jan/1.csv"]


def test_the_request_keeps_the_event_and_the_spec(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    event = {"model": "late", "key": "incoming/late/{{workflow.name}}$(reboot)", "source": "bucket"}
    reason(world, "r1", "--event", base64.b64encode(json.dumps(event).encode()).decode())
    found = read_json(world.store, "runs/late/r1/request.json")
    assert (found["event"]["key"], found["spec"]["task"], found["decision"]) == (event["key"], "binary", "train")


def test_an_event_that_is_none_is_bad_data(world: World) -> None:
    with pytest.raises(BadData, match="not base64"):
        reason(world, "r1", "--event", "{{workflow.name}}")


def test_a_statement_that_needs_more_than_rows_is_refused_with_the_spec(world: World) -> None:
    world.spec["data"]["query"] = {"sql": "SELECT day, avg(distance) OVER () AS a, late FROM incoming"}
    with pytest.raises(BadSpec, match="window function avg"):
        world.read_spec()


def document(world: World) -> str:
    return json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": world.spec})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: None, ""),
        (lambda s: s["model"].update(estimator="sklearn.linear_model.Nothing"), "Nothing"),
        (lambda s: s["model"]["params"].update(alhpa=1), "alhpa"),
        (lambda s: s["evaluate"].update(select_by="mae"), "mae"),
        (lambda s: s.update(tsak="binary"), "did you mean 'task'"),
        (lambda s: s["data"].update(query={"sql": "SELECT DISTINCT day, late FROM incoming"}), "DISTINCT"),
    ],
    ids=["right", "estimator", "parameter", "metric", "typo", "statement"],
)
def test_check_says_what_is_wrong(world: World, tmp_path: Any, change: Any, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    change(world.spec)
    path = tmp_path / "late.yaml"
    path.write_text(document(world))
    if words:
        with pytest.raises(SystemExit) as ended:
            check.run([str(path)])
        assert ended.value.code == 78
    else:
        check.run([str(path)])
    found = json.loads(capsys.readouterr().out)
    assert [words in finding["message"] or words in finding["path"] for finding in found] == ([True] if words else [])


def test_check_names_a_file_that_is_not_there(tmp_path: Any) -> None:
    assert "cannot be read" in check.check(tmp_path / "none.yaml")[0]["message"]


@pytest.fixture
def files(world: World, tmp_path: Any) -> list[str]:
    (tmp_path / "late.yaml").write_text(document(world))
    (tmp_path / "1.csv").write_bytes(month("2013-01-01", 20))
    (tmp_path / "2.csv").write_bytes(month("2013-01-21", 10, seed=1))
    return [str(tmp_path / name) for name in ("late.yaml", "1.csv", "2.csv")]


def test_a_spec_is_tried_on_local_files(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try_.run(files)
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], len(found["trials"])) == ({"train": 640, "valid": 240, "test": 240}, 2)
    assert found["verdict"]["decision"] == "promoted"
    assert max(trial["value"] for trial in found["trials"]) > 0.6


def test_what_was_tried_is_told_to_a_person(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try_.run([*files, "-o", "json"])
    found = json.loads(capsys.readouterr().out)
    try_.run([*files, "-o", "text"])
    said = capsys.readouterr()
    lines = said.out.splitlines()
    winner = found["verdict"]["winner"]
    assert [line.split()[:2] for line in lines[:3]] == [["train", "640"], ["valid", "240"], ["test", "240"]]
    assert [line.split()[1:3] for line in lines if line.startswith("*")] == [[winner["trial"], f"{winner['valid']:.4f}"]]
    of = found["verdict"]["metrics"]["roc_auc"]["challenger"]
    assert f"roc_auc on test: {of['value']:.4f} (95 % interval {of['low']:.4f} to {of['high']:.4f})" in lines
    assert lines[-1] == f"promoted: {found['verdict']['reason']}"
    assert "read incoming/late/1.csv: 800 rows, 0 without a target" in said.err.splitlines()
    assert "{" not in said.err


def test_what_was_tried_as_yaml(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try_.run([*files, "-o", "yaml"])
    found = yaml.safe_load(capsys.readouterr().out)
    assert list(found) == ["rows", "split", "unit", "left_out", "group", "trials", "verdict"]
    assert found["rows"] == {"train": 640, "valid": 240, "test": 240}


@pytest.mark.parametrize(("wrong", "code"), [("data", 65), ("spec", 78)])
def test_what_cannot_be_tried_is_one_sentence(
    files: list[str], tmp_path: Any, wrong: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if wrong == "data":
        (tmp_path / "1.csv").write_text("day,carrier,late\n2013-01-01,AA,true\n")
    else:
        (tmp_path / "late.yaml").write_text((tmp_path / "late.yaml").read_text().replace('"task"', '"tsak"'))
    with pytest.raises(SystemExit) as ended:
        try_.run([*files, "-o", "text"])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (code, "")
    assert ("'distance' is missing" if wrong == "data" else "did you mean 'task'") in said.err
    assert said.err.startswith("error: ")


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_files_of_other_formats_are_tried(world: World, tmp_path: Any, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.spec["data"]["sources"]["incoming"]["format"] = kind
    (tmp_path / "late.yaml").write_text(document(world))
    table = pa.csv.read_csv(pa.BufferReader(month("2013-01-01", 30)))
    if kind == "parquet":
        pa.parquet.write_table(table, tmp_path / "a")
    else:
        (tmp_path / "a").write_text("".join(json.dumps({**row, "day": str(row["day"])}) + "\n" for row in table.to_pylist()))
    try_.run([str(tmp_path / "late.yaml"), str(tmp_path / "a"), "--rows", "600"])
    assert json.loads(capsys.readouterr().out)["rows"] == {"train": 320, "valid": 120, "test": 121}


def test_what_is_no_parquet_cannot_be_counted(world: World, tmp_path: Any) -> None:
    world.spec["data"]["sources"]["incoming"]["format"] = "parquet"
    (tmp_path / "late.yaml").write_text(document(world))
    (tmp_path / "a").write_text("day,late")
    with pytest.raises(BadData, match="Parquet"):
        try_.run([str(tmp_path / "late.yaml"), str(tmp_path / "a"), "--rows", "600"])


def test_some_rows_of_every_day_are_tried(files: list[str], tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    try_.run([*files, "--rows", "600", "--keep", str(tmp_path / "kept")])
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == {"train": 320, "valid": 121, "test": 121}  # every second row, and each file's last
    assert (tmp_path / "kept" / "bucket" / "runs" / "late" / "try" / "verdict.json").exists()


@pytest.mark.parametrize("change", [["--rows", "0"], ["{tmp}/other/1.csv"], ["{tmp}/nothing.csv"]], ids=["rows", "names", "missing"])
def test_what_cannot_be_tried_is_wrong_usage(files: list[str], tmp_path: Any, change: list[str]) -> None:
    with pytest.raises(WrongUsage):
        try_.run([*files, *(word.format(tmp=tmp_path) for word in change)])
