"""A run's end: who becomes champion, what is written, and that nothing is decided twice, whoever dies where."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from handlers import promote
from handlers.contracts import GaveUp
from handlers.runs import champion as champions
from handlers.runs.claim import read as read_claim
from handlers.runs.claim import take
from handlers.storage import Store, open_store, read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month


def test_the_first_champion_and_what_it_leaves(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    result = world.run("a")
    assert result["outcome"] == "promoted"
    champion = world.champion()
    assert champion == read_json(world.store, "models/late/history/1.json")
    assert (champion["number"], champion["predecessor"], champion["run"]) == (1, None, "a")
    assert champion["test"]["clusters"] == 6
    assert champion["test"]["low"] < champion["test"]["value"] < champion["test"]["high"]
    assert champion["learned"] == {"first": "2013-01-01", "last": "2013-01-26", "rows": 26 * 40}
    verdict = world.verdict("a")
    assert verdict["winner"]["trial"] == champion["trial"] == result["winner"]
    assert list(verdict["winner"]["params"]) == ["alpha"]
    assert set(verdict["metrics"]) == {"roc_auc", "log_loss"}
    assert verdict["baseline"]["name"] == "majority"
    assert verdict["baseline"]["values"]["roc_auc"] == 0.5
    assert verdict["compared"] == "240 rows of 6 test days, 2013-02-04 to 2013-02-09"
    assert len(verdict["trials"]) == 2
    assert json.loads(world.output("verdict"))["champion"] == 1
    assert world.output("again") == "no"
    assert read_claim(world.store, "late")[0].run == ""


def test_the_winner_is_chosen_on_valid_and_not_on_test(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    verdict = world.verdict("a")
    best = max(verdict["trials"], key=lambda t: t["value"])
    assert verdict["winner"]["trial"] == best["trial"]
    evaluated = read_json(world.store, best["evaluation"])
    assert evaluated["role"] == "valid"
    assert evaluated["metrics"]["roc_auc"]["value"] == verdict["winner"]["valid"]


def test_a_model_below_the_bar_is_refused_and_there_is_no_champion(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40, signal=0.0))
    world.spec["promote"]["gate"]["at_least"] = 0.9
    result = world.run("a")
    assert result["outcome"] == "refused"
    assert "misses the threshold: at least 0.9" in result["reason"]
    assert world.keys("models/") == []
    assert result["champion"] is None


def test_slices_show_whom_a_model_serves(world: World) -> None:
    world.spec["evaluate"]["slices"] = {"carrier": {"min_rows": 75}}
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    first = world.verdict("a")["slices"]
    assert 0 < len(first) <= 3
    assert all(row["rows"] >= 75 and row["column"] == "carrier" and "champion" not in row for row in first)
    assert [row["rows"] for row in first] == sorted((row["rows"] for row in first), reverse=True)
    world.put("2.csv", month("2013-02-10", 20, seed=1))
    world.run("b")
    both = world.verdict("b")["slices"][0]
    assert both["challenger"]["rows"] == both["champion"]["rows"] == both["rows"]
    promote.run(["report", "--model", "late", "--run", "b", "--status", "Succeeded", "--failures", "null"])
    assert "<h3>roc_auc by carrier</h3>" in world.store.get("runs/late/b/report.html").decode()


def test_a_better_challenger_replaces_the_champion_on_the_same_rows(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 25, rows=10, signal=0.3))
    world.run("a")
    world.put("2.csv", month("2013-01-26", 40, rows=60, signal=2.0, seed=1))
    result = world.run("b")
    assert result["outcome"] == "promoted"
    assert (world.champion()["number"], world.champion()["predecessor"]) == (2, 1)
    both = world.verdict("b")["metrics"]["roc_auc"]
    assert both["challenger"]["rows"] == both["champion"]["rows"] == 360
    assert both["difference"]["value"] == pytest.approx(both["challenger"]["value"] - both["champion"]["value"])
    champion_said = read_json(world.store, world.verdict("b")["evaluations"]["champion"])
    assert champion_said["trial"] == world.verdict("b")["champion"]["trial"]


def test_a_challenger_that_is_not_surely_better_is_refused_with_its_interval(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.put("2.csv", month("2013-02-10", 20, seed=1))
    result = world.run("b")
    assert result["outcome"] == "refused"
    assert "an improvement of at least 0.0020 has probability" in result["reason"]
    assert "95 % interval" in result["reason"]
    assert (world.champion()["number"], result["champion"]) == (1, 1)


def test_unchanged_data_ends_as_already_trained(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    before = world.keys("trials/")
    result = world.run("b")
    assert result["outcome"] == "already-trained"
    assert "run a" in result["reason"]
    assert world.keys("trials/") == before
    assert world.output("again") == "no"
    assert world.keys("runs/late/b/") == ["runs/late/b/request.json", "runs/late/b/result.json"]


def test_a_changed_gate_decides_again_and_trains_nothing(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["promote"]["gate"]["at_least"] = 0.99
    assert world.run("a")["outcome"] == "refused"
    before = [key for key in world.keys("trials/") if "/evaluations/" not in key]
    world.spec["promote"]["gate"]["at_least"] = 0.6
    result = world.run("b")
    assert (result["decision"], result["outcome"]) == ("redecide", "promoted")
    assert [key for key in world.keys("trials/") if "/evaluations/" not in key] == before
    assert world.champion()["run"] == "b"
    assert result["trials"] == world.result("a")["trials"]
    assert world.run("c")["outcome"] == "already-trained"


def test_deciding_again_about_the_champion_itself_keeps_it(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.spec["promote"]["gate"]["confidence"] = 0.5
    result = world.run("b")
    assert result["outcome"] == "kept"
    assert world.champion()["number"] == 1


def test_days_that_the_champion_has_learned_are_not_compared_on(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    # the last test days of the new split are days that the champion has learned or was chosen on: 2013-01-27 ... 2013-02-02
    world.spec["data"]["split"]["test"] = "9d"
    world.spec["data"]["split"]["valid"] = "5d"
    world.run("b")
    assert world.verdict("b")["compared"] == (
        "280 rows of 7 test days, 2013-02-03 to 2013-02-09; left out, because the champion has learned them: "
        "2 test days, 2013-02-01 to 2013-02-02"
    )


@pytest.mark.parametrize(
    ("at_least", "outcome", "said"), [(0.55, "promoted", "by the threshold alone"), (None, "refused", "to decide by a threshold alone")]
)
def test_without_any_comparable_day_the_bar_alone_decides(world: World, at_least: float | None, outcome: str, said: str) -> None:
    world.put("1.csv", month("2013-01-20", 40))
    world.run("a")
    world.store.delete("incoming/late/1.csv")
    world.put("0.csv", month("2013-01-01", 35, signal=2.0))
    world.spec["promote"]["gate"]["at_least"] = at_least
    result = world.run("b")
    assert "the champion has learned all test days (2013-01-30 to 2013-02-04)" in result["reason"]
    assert said in result["reason"]
    assert result["outcome"] == outcome
    assert "champion" not in world.verdict("b")["evaluations"]


def test_a_champion_of_another_question_is_not_compared_with(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    world.spec["data"]["target"]["positive"] = False
    result = world.run("b")
    assert "the champion predicts another target (data.target has changed)" in result["reason"]


def test_a_run_without_a_trial_fails_and_is_not_taken_for_trained(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, _ = world.snapshot("a")
    status = "spec=Succeeded fetch=Succeeded transform=Succeeded grid=Succeeded train=Failed evaluate=Omitted"
    with pytest.raises(GaveUp, match="no trial was trained and evaluated"):
        promote.run(world.promote_arguments("", [], "a", decision, status))
    assert world.result("a")["outcome"] == "failed"
    assert read_claim(world.store, "late")[0].run == ""
    assert world.run("b")["outcome"] == "promoted"


@pytest.mark.parametrize("status", ["spec=Succeeded fetch=Succeeded transform=Failed grid=Succeeded train=Omitted", "transform=Error"])
def test_a_failed_step_before_the_trials_fails_the_run(world: World, status: str) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, _ = world.snapshot("a")
    with pytest.raises(GaveUp, match="step transform failed; see its log"):
        promote.run(world.promote_arguments("", [], "a", decision, status))


def test_a_failed_trial_costs_nothing_but_itself(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    promote.run(world.promote_arguments(dataset, scores[:1], "a", decision, "spec=Succeeded train=Failed evaluate=Succeeded"))
    assert world.result("a")["outcome"] == "promoted"


@pytest.mark.parametrize("given", ["", "bogus"])
def test_a_run_whose_first_steps_failed_fails(world: World, given: str) -> None:
    with pytest.raises(GaveUp, match=r"decided neither to train nor to decide again|step spec failed"):
        promote.run(world.promote_arguments("", [], "a", given, "spec=Failed fetch=Omitted" if given else ""))
    assert world.result("a")["outcome"] == "failed"


def test_without_a_spec_there_is_nothing_to_judge(world: World) -> None:
    arguments = world.promote_arguments("", [], "a", "")
    arguments[arguments.index("--spec") + 1] = ""
    with pytest.raises(GaveUp, match="the run has no spec"):
        promote.run(arguments)


def test_what_was_wanted_meanwhile_goes_round_again_and_is_told_again(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    assert take(world.store, "late", "b", {"run": "b"}) == "a"
    for _ in range(2):
        promote.run(world.promote_arguments(dataset, scores, "a", decision))
        assert world.output("again") == "yes"
    assert len(champions.history(world.store, "late")) == 1


def test_a_run_without_data_ends_as_that(world: World) -> None:
    result = world.run("a")
    assert (result["outcome"], result["reason"]) == ("no-data", "no object under incoming/late/")
    assert json.loads(world.output("verdict"))["outcome"] == "no-data"


def test_a_run_that_finds_its_model_busy_ends_and_is_heard(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    world.put("2.csv", month("2013-02-10", 10, seed=1))
    result = world.run("b")
    assert result["outcome"] == "busy"
    assert "run a is training this model" in result["reason"]
    assert world.output("again") == "no"
    promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert world.output("again") == "yes"


def test_scores_that_are_no_numbers_fail_the_run(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    undefined = [json.dumps({**json.loads(score), "value": None}) for score in scores]
    with pytest.raises(GaveUp, match="no trial has a roc_auc on valid"):
        promote.run(world.promote_arguments(dataset, undefined, "a", decision))


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_and_started_again_it_is_one_promotion(world: World, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    saved = world.folder.with_name("saved")
    shutil.copytree(world.folder, saved)
    real = open_store
    killed: list[str] = []
    for at in range(1, 30):
        shutil.rmtree(world.folder)
        shutil.copytree(saved, world.folder)
        dying = Dying(world.folder)
        dying.left, dying.after = at, after

        def opened(store: Store = dying) -> Store:
            return store

        monkeypatch.setattr(promote, "open_store", opened)
        monkeypatch.setattr(promote, "Heartbeat", lambda *_: nullcontext())  # whose writes come when they like
        try:
            promote.run(world.promote_arguments(dataset, scores, "a", decision))
        except Killed as death:
            killed.append(str(death))
        else:
            break
        monkeypatch.setattr(promote, "open_store", real)
        promote.run(world.promote_arguments(dataset, scores, "a", decision))
        assert world.result("a")["outcome"] == "promoted"
        assert world.verdict("a")["decision"] == "promoted"
        assert (world.champion()["number"], world.champion()["run"]) == (1, "a")
        assert world.keys("models/") == ["models/late/champion.json", "models/late/history/1.json"]
        assert read_claim(world.store, "late")[0].run == ""
    assert {"models/late/champion.json", "models/late/history/1.json", "runs/late/a/verdict.json", "runs/late/a/result.json"} <= set(killed)


def test_another_run_s_promotion_in_between_is_judged_against(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    decision, dataset, scores = world.prepare("a")
    real = champions.change
    other = {"kind": "promotion", "run": "other", "trial": json.loads(scores[0])["trial"], "model": "late", "dataset": dataset}
    calls: list[int] = []

    def overtaken(store: Store, model: str, pointer: champions.Pointer, record: Any) -> Any:
        calls.append(pointer.number)
        if len(calls) == 1:
            real(store, model, pointer, other)
        return real(store, model, pointer, record)

    monkeypatch.setattr(champions, "change", overtaken)
    promote.run(world.promote_arguments(dataset, scores, "a", decision))
    assert world.verdict("a")["champion"]["run"] == "other"
    assert champions.history(world.store, "late")[0]["run"] == "other"


def test_the_report_of_a_run_and_of_one_that_died_early(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.run("a")
    promote.run(["report", "--model", "late", "--run", "a", "--status", "Succeeded", "--failures", '"null"'])
    text = world.store.get("runs/late/a/report.html").decode()
    assert len(text) < 400_000
    assert text.count("<svg") == 11
    for part in (
        "Promoted",
        "first champion: roc_auc",
        "1,040 rows of 26 days, 2013-01-01 to 2013-01-26",
        "estimator: sklearn.linear_model.SGDClassifier",
    ):
        assert part in text
    failures = json.dumps(json.dumps([{"displayName": "fetch", "phase": "Failed", "message": "<no bucket>"}]))
    promote.run(["report", "--model", "late", "--run", "dead", "--status", "Failed", "--failures", failures])
    text = world.store.get("runs/late/dead/report.html").decode()
    assert "Failed" in text
    assert "&lt;no bucket&gt;" in text
