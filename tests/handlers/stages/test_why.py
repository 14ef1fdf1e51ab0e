"""Questions, answered as sentences and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import fetch, promote, why
from handlers.contracts import WrongUsage, main
from tests.handlers.stages.world import World, month


@pytest.fixture
def two_runs(world: World, capsys: pytest.CaptureFixture[str]) -> Any:
    """A first champion, and a challenger that was refused."""
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.put("2.csv", month("2013-02-10", 20, seed=1))
    world.run("b")
    world.run("c")
    capsys.readouterr()
    return world


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    why.run(list(words))
    return capsys.readouterr().out


def test_why_this_is_the_champion_and_the_challenger_is_not(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "late")
    assert told.startswith("Champion 1 of late is trial ")
    assert "It was promoted because: first champion: roc_auc 0." in told
    assert "Run b chose trial" in told
    assert "and the probability of the required improvement is 0." in told
    answer = json.loads(asked(capsys, "model", "late", "-o", "json"))
    assert answer["champion"]["run"] == "a"
    assert [h["number"] for h in answer["history"]] == [1]
    assert told.splitlines() == answer["why"]


def test_models(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    head, row = asked(capsys, "models").splitlines()
    assert head.split("\t") == ["MODEL", "CHAMPION", "TRIAL", "METRIC", "ON TEST", "INTERVAL", "ON NEWEST TEST", "SINCE", "RUNS", "NOTE"]
    assert row.split()[:2] == ["late", "1"]
    newest = two_runs.verdict("b")["metrics"]["roc_auc"]["champion"]["value"]
    assert row.split("\t")[6] == f"{newest:.4f}" != row.split("\t")[4]
    answer = json.loads(asked(capsys, "models", "-o", "json"))["models"]
    assert [m["model"] for m in answer] == ["late"]
    assert answer[0]["champion"]["test"]["low"] < answer[0]["champion"]["test"]["value"]
    assert answer[0]["runs"] == 3
    assert answer[0]["last"] == "already-trained"
    assert answer[0]["standing"]["newest"]["run"] == "b" and not answer[0]["standing"]["worse_than_baseline"]


def ended(monkeypatch: pytest.MonkeyPatch, file: str, run: Any, *words: str) -> None:
    """As the process of a step ends: why it failed is kept under the step's name."""
    monkeypatch.setattr("sys.argv", [file])
    with pytest.raises(SystemExit):
        main(run, list(words))


def test_a_run_of_a_model_that_does_not_exist_leaves_no_model(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    to = ["--again-out", str(world.out / "again")]
    of = ["--model", "ghost", "--run", "g"]
    ended(monkeypatch, "promote.py", promote.run, "judge", *of, "--status", "spec=Error", "--verdict-out", str(world.out / "verdict"), *to)
    promote.run(["report", *of, "--status", "Failed", *to])
    assert len(asked(capsys, "models").splitlines()) == 1
    assert "Run g ended" in asked(capsys, "g")


def test_a_model_whose_spec_is_wrong_is_there(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ended(monkeypatch, "fetch.py", fetch.run, "spec", "--model", "late", "--run", "r", "--spec", "apiVersion: no")
    assert asked(capsys, "models").splitlines()[1].startswith("late")


def test_runs_the_newest_first(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(asked(capsys, "runs", "late", "-o", "json"))["runs"]
    assert [(r["run"], r["outcome"], r["champion"]) for r in answer] == [
        ("c", "already-trained", False),
        ("b", "refused", False),
        ("a", "promoted", True),
    ]
    assert answer[1]["difference"]["low"] is not None
    assert answer[1]["trials"] == 2
    assert json.loads(asked(capsys, "runs", "-o", "json"))["runs"] == answer
    lines = asked(capsys, "runs", "late").splitlines()
    assert lines[0].split()[:3] == ["MODEL", "RUN", "OUTCOME"]
    assert lines[3].endswith("champion")


def test_one_run(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(asked(capsys, "run", "a", "-o", "json"))
    assert answer["model"] == "late"
    assert sum(t["winner"] for t in answer["of_trials"]) == 1
    assert sum(t["champion"] for t in answer["of_trials"]) == 1
    assert answer["of_trials"][0]["valid"]["roc_auc"]["clusters"] == 6
    assert answer["report"] == "runs/late/a/report.html"
    assert asked(capsys, "run", "a", "--model", "late").startswith("Run a ended at ")
    assert "as already-trained: already trained by run b" in asked(capsys, "run", "c")


def test_a_run_that_has_not_ended(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.snapshot("a")
    capsys.readouterr()
    assert "Run a has not ended (requested at " in asked(capsys, "run", "a")
    assert json.loads(asked(capsys, "runs", "-o", "json"))["runs"][0]["outcome"] == "running"
    told = [
        "late has no champion yet.",
        "No run has judged a trial yet.",
        "Next: `retrain why a`, `retrain runs late`, `retrain snapshot late`",
    ]
    assert asked(capsys, "late").splitlines() == told
    assert asked(capsys, "models").splitlines()[1].split() == ["late", "none", "1"]


def test_the_champions_of_a_model(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    head, row = asked(capsys, "history", "late").splitlines()
    assert head.split("\t")[:3] == ["NUMBER", "TRIAL", "PARAMS"]
    assert row.split("\t")[:2] == ["1", two_runs.champion()["trial"]]
    assert json.loads(asked(capsys, "history", "late", "-o", "json"))["champions"] == [two_runs.champion()]
    with pytest.raises(WrongUsage, match="there is no model 'nobody' in the bucket; models: late"):
        why.run(["history", "nobody"])


def test_two_runs_side_by_side(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    two_runs.spec["promote"]["gate"]["improve_by"] = 0.5
    two_runs.put("3.csv", month("2013-03-10", 20, seed=2))
    two_runs.run("d")
    capsys.readouterr()
    answer = json.loads(asked(capsys, "compare", "b", "d", "-o", "json"))
    assert answer["runs"] == ["b", "d"]
    facts = {each["fact"]: each for each in answer["compared"]}
    assert (facts["model"]["values"], facts["model"]["same"]) == (["late", "late"], True)
    before, after = (int(rows.replace(",", "")) for rows in facts["rows of train"]["values"])
    assert before < after
    assert facts["spec promote.gate.improve_by"]["values"] == ["0.002", "0.5"]
    assert [name for name in facts if name.startswith("spec ")] == ["spec promote.gate.improve_by"]
    assert asked(capsys, "compare", "b", "d").splitlines()[0].split("\t") == ["", "FACT", "b", "d"]
    assert json.loads(asked(capsys, "compare", "b", "c", "-o", "json"))["compared"]  # one that trained nothing
    with pytest.raises(WrongUsage, match="there is no run 'z'"):
        why.run(["compare", "b", "z"])


def test_one_trial(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    trial = two_runs.champion()["trial"]
    told = asked(capsys, "trial", trial[:10])
    assert f"Trial {trial} of late" in told
    assert "is trained, and it is the champion." in told
    assert "epoch 3: accuracy 0." in told
    answer = json.loads(asked(capsys, "trial", trial, "-o", "json"))
    assert len(answer["curve"]) == 3
    assert answer["status"] == "trained"
    two_runs.store.put(f"trials/late/{trial}/failures.json", b'{"failures":[{"run":"a","error":"it burnt","at":1}]}')
    assert "It failed in run a: it burnt" in asked(capsys, "trial", trial)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "there is no model, run, trial, event or object 'nobody' in the bucket; models: late"),
        (["run", "z"], "there is no run 'z'"),
        (["run", "z", "--model", "late"], "there is no run 'z'"),
        (["trial", "zz"], "no trial has an id that begins with 'zz'"),
        (["trial", ""], "trials have ids that begin with ''"),
    ],
)
def test_what_is_not_there(two_runs: World, words: list[str], said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        why.run(words)


def test_a_run_without_trials_says_what_came_of_it(two_runs: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "trials", "c") == "Run c has no trials: already-trained (already trained by run b)\n"
    answer = json.loads(asked(capsys, "trials", "c", "-o", "json"))
    assert (answer["outcome"], answer["trials"]) == ("already-trained", [])


def test_without_a_question() -> None:
    with pytest.raises(SystemExit) as ended:
        why.run([])
    assert ended.value.code == 2
