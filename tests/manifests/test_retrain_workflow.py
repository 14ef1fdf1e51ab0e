"""The `retrain` WorkflowTemplate with fake handlers: which steps run, and how the whole ends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers.modelspec.resources import pods
from localargo.manifests.document import Document
from localargo.testing.fakes import Fake
from localargo.testing.runs import Ended, Workflows
from retrain.project.kustomize import render

ROOT = Path(__file__).parent.parent.parent
TRIALS: list[dict[str, Any]] = [{"id": str(n) * 16, "params": {"alpha": n}} for n in (1, 2, 3)]
SIZED = json.dumps(pods("train", None))
MAKING = {"transform-cpu": "2", "transform-memory": "3Gi", "transform-limit": "5Gi"}
SPEC = {"model": "flight-delay", "spec": "{}", "quiet": "0s", "at-most": "1m", "train": SIZED, "evaluate": SIZED, "image": "", **MAKING}
TRAINING = ("transform", "grid", "train", "evaluate")


@cache
def rendered() -> list[Document]:
    """The laptop's documents. Between two attempts they wait 5 seconds, here none of it: nothing else depends on it."""
    found = render(ROOT / "overlays" / "laptop")
    for template in (t for each in found if each.kind == "WorkflowTemplate" for t in each.doc["spec"]["templates"]):
        if template.get("retryStrategy", {}).get("backoff") == {"duration": "5s"}:
            template["retryStrategy"]["backoff"] = {"duration": "0.01s"}
    return found


def judge(inputs: Mapping[str, str]) -> Mapping[str, str] | int:
    """As the handler decides: a run in which nothing was evaluated although it should have been has failed."""
    if inputs["decision"] == "train" and inputs["results"] == "[]":
        return 70
    if inputs["decision"] == "":
        return 70
    return {"verdict": "{}", "again": "no", "name": "retrain-flight-delay-after-1", "event": ""}


def handlers(**changed: Fake) -> dict[str, Fake]:
    """Every handler of a run in which all goes well, but for those changed."""
    usual: dict[str, Fake] = {
        "spec": lambda inputs: SPEC,
        "look": lambda inputs: {"quiet": "yes", "wait": "0s"},
        "fetch": lambda inputs: {"decision": "train", "snapshot": "snap", "reason": "", "batches": "[]"},
        "make": lambda inputs: {},
        "transform": lambda inputs: {"dataset": "data", "summary": "{}", "decision": "train"},
        "grid": lambda inputs: {"trials": json.dumps(TRIALS), "more": "no"},
        "next": lambda inputs: pytest.fail("a search with one round has no next one"),
        "train": lambda inputs: {"result": json.dumps({"trial": json.loads(inputs["trial"])["id"]})},
        "evaluate": lambda inputs: {"scores": json.dumps({"trial": json.loads(inputs["result"])["trial"], "value": 0.6})},
        "promote": judge,
        "report": lambda inputs: {"again": "no", "name": "retrain-flight-delay-after-1", "event": ""},
        "deliver": lambda inputs: {},
    }
    return {**usual, **changed}


@pytest.fixture
def ours(workflows: Workflows) -> Workflows:
    return workflows.given(*rendered())


def play(ours: Workflows, **changed: Fake) -> Ended:
    return ours.when("retrain", {"model": "flight-delay", "event": "e", "window": "1"}, fakes=handlers(**changed))


def trials(texts: list[Mapping[str, str]], key: str) -> list[str]:
    return sorted(json.loads(inputs[key]).get("id") or json.loads(inputs[key])["trial"] for inputs in texts)


def test_new_data_are_trained_on_evaluated_and_judged(ours: Workflows) -> None:
    ended = play(ours)
    assert (ended.phase, ended.message) == ("Succeeded", "")
    assert trials(ended.of("train"), "trial") == trials(ended.of("evaluate"), "result") == [t["id"] for t in TRIALS]
    assert {inputs["dataset"] for inputs in ended.of("train")} == {"data"}
    (promote,) = ended.of("promote")
    assert [score["trial"] for score in json.loads(promote["results"])] == [t["id"] for t in TRIALS]
    assert promote["status"].split()[-1] == "evaluate=Succeeded"
    assert [inputs["status"] for inputs in ended.of("report")] == ["Succeeded"]
    assert ended.created == []
    (fetch,) = ended.of("fetch")
    assert fetch == {"model": "flight-delay", "spec": "{}", "run": ended.document["metadata"]["name"], "event": "e", "context": ""}


def test_the_image_of_a_model_reaches_the_steps_that_need_its_packages(ours: Workflows) -> None:
    image = "registry.example.com/team/churn:1.2"
    more = {"trials": json.dumps(TRIALS), "more": "yes"}
    ends = {"trials": "[]", "more": "no", "judged": json.dumps([{"trial": TRIALS[0]["id"]}])}
    ended = play(ours, spec=lambda inputs: {**SPEC, "image": image}, grid=lambda inputs: more, next=lambda inputs: ends)
    for step in ("train", "evaluate", "promote"):
        assert {inputs["image"] for inputs in ended.of(step)} == {image}, step


def test_a_prefix_that_is_not_quiet_is_looked_at_again(ours: Workflows) -> None:
    looks: list[Any] = []

    def look(inputs: Mapping[str, str]) -> Mapping[str, str]:
        looks.append(inputs["quiet"])
        return {"quiet": "no", "wait": "0s"} if len(looks) < 3 else {"quiet": "yes", "wait": "0s"}

    assert play(ours, look=look).phase == "Succeeded"
    assert looks == ["0s"] * 3


@pytest.mark.parametrize("decision", ["already-trained", "busy", "no-data", "redecide", "deferred", "skipped"])
def test_what_needs_no_training_trains_nothing_and_succeeds(ours: Workflows, decision: str) -> None:
    ended = play(ours, fetch=lambda inputs: {"decision": decision, "snapshot": "snap", "reason": "run r", "batches": "[]"})
    assert ended.phase == "Succeeded"
    assert not any(ended.of(template) for template in TRAINING)
    assert [(inputs["decision"], inputs["results"]) for inputs in ended.of("promote")] == [(decision, "[]")]
    assert ended.phases["transform"] == "Skipped"


def cut_in_three(inputs: Mapping[str, str]) -> Mapping[str, str]:
    return {"decision": "train", "snapshot": "snap", "reason": "", "batches": "[0,1,2]"}


def test_many_objects_are_made_by_a_pod_a_batch_before_the_dataset(ours: Workflows) -> None:
    ended = play(ours, fetch=cut_in_three)
    assert ended.phase == "Succeeded"
    run = ended.document["metadata"]["name"]
    given = {"model": "flight-delay", "spec": "{}", "run": run, "cpu": "2", "memory": "3Gi", "limit": "5Gi"}
    assert ended.of("make") == [{**given, "batch": str(number)} for number in range(3)]
    assert [call.template for call in ended.calls if call.template in ("make", "transform")] == ["make"] * 3 + ["transform"]


def test_without_batches_one_node_says_so(ours: Workflows) -> None:
    ended = play(ours)
    nodes = [node for node in ended.document["status"]["nodes"].values() if node["displayName"].startswith("make")]
    assert [(node["type"], node["phase"], node["message"]) for node in nodes] == [("Skipped", "Skipped", "Skipped, empty params")]


@pytest.mark.parametrize("codes", [(0, 70, 0), (1, 65, 70)])
def test_what_a_batch_has_left_is_made_by_the_step_that_follows(ours: Workflows, codes: tuple[int, ...]) -> None:
    ended = play(ours, fetch=cut_in_three, make=lambda inputs: codes[int(inputs["batch"])] or {})
    assert (ended.phase, len(ended.of("transform"))) == ("Succeeded", 1)
    assert "transform=Succeeded" in ended.of("promote")[0]["status"]


def test_what_is_deferred_once_its_rows_are_known_trains_nothing_and_succeeds(ours: Workflows) -> None:
    judged = {"verdict": json.dumps({"outcome": "deferred"}), "again": "no", "name": "retrain-flight-delay-after-1", "event": ""}
    deferred = {"dataset": "data", "summary": "{}", "decision": "deferred"}
    ended = play(ours, transform=lambda inputs: deferred, promote=lambda inputs: judged)
    assert ended.phase == "Succeeded"
    assert (ended.of("train"), ended.of("evaluate")) == ([], [])
    (promote,) = ended.of("promote")
    assert promote["status"].endswith("transform=Succeeded grid=Succeeded train=Skipped rounds=Omitted evaluate=Omitted")


@pytest.mark.parametrize("step", ["transform", "train"])
def test_a_superseded_run_succeeds_and_is_followed(ours: Workflows, step: str) -> None:
    """Its steps end with 70, which is not tried again; the judgement says that the run has done what it should."""
    judged = {"verdict": json.dumps({"outcome": "superseded"}), "again": "yes", "name": "retrain-flight-delay-after-1", "event": ""}
    ended = play(ours, **{step: lambda inputs: 70}, promote=lambda inputs: judged)
    assert ended.phase == "Succeeded"
    assert len(ended.of(step)) == (3 if step == "train" else 1)
    assert [made.template for made in ended.created] == ["retrain"]


def test_a_failed_trial_among_three_does_not_fail_the_run(ours: Workflows) -> None:
    good = handlers()["train"]
    ended = play(ours, train=lambda inputs: 65 if TRIALS[1]["id"] in inputs["trial"] else good(inputs))
    assert ended.phase == "Succeeded"
    assert len(ended.of("train")) == 3  # bad data are not tried again
    assert trials(ended.of("evaluate"), "result") == [TRIALS[0]["id"], TRIALS[2]["id"]]
    assert "train=Failed" in ended.of("promote")[0]["status"]


def test_a_run_in_which_all_trials_fail_fails_after_its_verdict(ours: Workflows) -> None:
    ended = play(ours, train=lambda inputs: 70)
    assert ended.phase == "Failed"
    assert ended.of("evaluate") == []
    assert [inputs["results"] for inputs in ended.of("promote")] == ["[]"]
    assert [inputs["status"] for inputs in ended.of("report")] == ["Failed"]


@pytest.mark.parametrize("step", ["look", "fetch", "transform", "grid", "train", "evaluate"])
def test_whatever_step_fails_promote_judges_once_everything_has_ended(ours: Workflows, step: str) -> None:
    ended = play(ours, **{step: lambda inputs: 70})
    assert ended.phase == "Failed"
    (promote,) = ended.of("promote")
    told = dict(part.split("=") for part in promote["status"].split())
    assert set(told) == {"spec", "settle", "fetch", "rounds", *TRAINING}
    assert told["settle" if step == "look" else step] == "Failed"
    assert not {"Pending", "Running", ""} & set(told.values())
    assert [inputs["status"] for inputs in ended.of("report")] == ["Failed"]


def test_promote_waits_for_the_slower_of_two_branches(ours: Workflows) -> None:
    """A grid that failed at once leaves `train` out; the judgement still comes after the dataset."""
    ended = play(ours, grid=lambda inputs: 70)
    order = [call.template for call in ended.calls]
    assert order.index("promote") > order.index("transform")
    assert "transform=Succeeded grid=Failed train=Omitted rounds=Omitted evaluate=Omitted" in ended.of("promote")[0]["status"]


def test_an_empty_grid_is_judged_too(ours: Workflows) -> None:
    ended = play(ours, grid=lambda inputs: {"trials": "[]", "more": "no"})
    assert "train=Skipped rounds=Omitted evaluate=Omitted" in ended.of("promote")[0]["status"]
    assert ended.phase == "Failed"


def test_a_bad_spec_fails_the_run_and_is_still_judged_and_reported(ours: Workflows) -> None:
    ended = play(ours, spec=lambda inputs: 78)
    assert ended.phase == "Failed"
    assert [call.template for call in ended.calls] == ["spec", "promote", "report"]
    (promote,) = ended.of("promote")
    assert (promote["model"], promote["spec"], promote["decision"], promote["dataset"]) == ("flight-delay", "", "", "")
    assert promote["status"].startswith("spec=Failed")


def test_a_run_that_was_asked_for_meanwhile_is_followed_by_another(ours: Workflows) -> None:
    ended = play(ours, promote=lambda inputs: {"verdict": "{}", "again": "yes", "name": "retrain-flight-delay-after-1", "event": "e1"})
    assert ended.phase == "Succeeded"
    (followup,) = ended.created
    assert followup.name.startswith("retrain-flight-delay-after-")
    assert (followup.template, followup.parameters) == ("retrain", {"model": "flight-delay", "event": "e1"})
    assert followup.labels["retrain/after"] == ended.document["metadata"]["name"]


def test_a_run_that_nobody_judged_is_followed_from_its_exit_handler(ours: Workflows) -> None:
    """A step in error is as good as any: what counts is what `report` says."""
    ended = play(
        ours, promote=lambda inputs: 2, report=lambda inputs: {"again": "yes", "name": "retrain-flight-delay-after-1", "event": ""}
    )
    assert ended.phase == "Failed"
    (followup,) = ended.created
    assert followup.name.startswith("retrain-flight-delay-after-")


def heal(
    ours: Workflows, starts: list[dict[str, str]] | int, notify: str = "no", silent: Sequence[dict[str, str]] = (), **changed: Fake
) -> Ended:
    def look(inputs: Mapping[str, str]) -> Mapping[str, str] | int:
        if "spec" in inputs:  # of a run that was started
            return {"quiet": "yes", "wait": "0s"}
        return starts if isinstance(starts, int) else {"starts": json.dumps(starts), "silent": json.dumps(silent), "notify": notify}

    return ours.when("heal", {"window": "17"}, fakes=handlers(look=look, **changed))


def test_what_was_left_undone_is_started_a_run_each(ours: Workflows) -> None:
    starts = [{"model": name, "name": f"retrain-{name}-17", "event": f"event of {name}"} for name in ("flight-delay", "arrival-minutes")]
    ended = heal(ours, starts)
    assert ended.phase == "Succeeded"
    assert {(w.name, w.template, w.labels["retrain/trigger"]) for w in ended.created} == {(s["name"], "retrain", "heal") for s in starts}
    assert sorted(w.parameters["event"] for w in ended.created) == sorted(s["event"] for s in starts)


def test_where_nothing_is_left_undone_nothing_is_started(ours: Workflows) -> None:
    ended = heal(ours, [])
    assert (ended.phase, ended.created) == ("Succeeded", [])


def test_a_look_that_fails_is_seen(ours: Workflows) -> None:
    assert heal(ours, 78).phase == "Failed"


DEAD = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: dead}
spec:
  entrypoint: dead
  volumes: [{name: models, configMap: {name: models}}]
  templates:
  - name: dead
    steps:
    - - name: start
        templateRef: {name: followup, template: followup}
        arguments: {parameters: [{name: model, value: flight-delay}, {name: name, value: retrain-dead}, {name: template, value: retrain}]}
    - - {name: wait, template: wait}
    - - name: silent
        templateRef: {name: heal, template: silent}
        arguments: {parameters: [{name: window, value: "17"}, {name: model, value: flight-delay}, {name: run, value: RUN}]}
  - name: wait
    steps:
    - - {name: look, template: look}
      - {name: pause, inline: {suspend: {duration: "0.3s"}}}
    - - {name: again, template: wait, when: "'{{steps.look.outputs.parameters.phase}}' != 'Failed'"}
  - name: look
    resource: {action: get, manifest: "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: retrain-dead}}"}
    outputs: {parameters: [{name: phase, valueFrom: {jsonPath: "{.status.phase}", default: ""}}]}
"""


@pytest.mark.parametrize(("run", "ended"), [("retrain-dead", True), ("{{workflow.name}}", False), ("deleted", False)])
def test_a_run_that_is_silent_is_asked_for_and_what_it_held_is_started_where_it_has_ended(ours: Workflows, run: str, ended: bool) -> None:
    def look(inputs: Mapping[str, str]) -> Mapping[str, str]:
        if "spec" in inputs:
            return {"quiet": "yes", "wait": "0s"}
        assert (inputs["model"], inputs["ended"], inputs["window"]) == ("flight-delay", "retrain-dead", "17")
        return {"starts": json.dumps([{"model": "flight-delay", "name": "retrain-17", "event": ""}]), "silent": "[]", "notify": "no"}

    found = ours.given(DEAD.replace("RUN", f'"{run}"')).when("dead", fakes=handlers(look=look, promote=lambda inputs: 70))
    assert sorted(w.name for w in found.created) == (["retrain-17", "retrain-dead"] if ended else ["retrain-dead"])
    assert found.phases["ask"] == ("Failed" if run == "deleted" else "Succeeded")


def test_a_tick_that_asks_for_a_run_that_is_gone_does_the_rest_all_the_same(ours: Workflows) -> None:
    start = {"model": "flight-delay", "name": "retrain-flight-delay-17", "event": ""}
    ended = heal(ours, [start], silent=[{"model": "x", "run": "gone"}])
    assert (ended.phase, len(ended.created)) == ("Succeeded", 1)


@pytest.mark.parametrize("ends", [{}, 1, 75, 137], ids=str)
def test_what_a_run_has_to_tell_is_delivered_at_its_end_and_whatever_becomes_of_it_the_run_is_well(ours: Workflows, ends: Any) -> None:
    ended = play(
        ours,
        report=lambda inputs: {"again": "yes", "name": "retrain-flight-delay-after-1", "notify": "yes", "event": ""},
        deliver=lambda inputs: ends,
    )
    assert ended.phase == "Succeeded"
    assert [dict(inputs) for inputs in ended.of("deliver")] == [{"model": "flight-delay"}]
    assert len(ended.created) == 1


def test_a_run_that_tells_nothing_starts_no_pod_for_it(ours: Workflows) -> None:
    assert play(ours).of("deliver") == []


@pytest.mark.parametrize("ends", [{}, 75], ids=str)
def test_a_tick_delivers_what_receivers_have_not_taken_and_starts_what_is_to_be_started(ours: Workflows, ends: Any) -> None:
    start = {"model": "flight-delay", "name": "retrain-flight-delay-17", "event": ""}
    ended = heal(ours, [start], notify="yes", deliver=lambda inputs: ends)
    assert (ended.phase, len(ended.created)) == ("Succeeded", 1)
    assert [dict(inputs) for inputs in ended.of("deliver")] == [{"model": ""}]
    assert heal(ours, []).of("deliver") == []


# ------------------------------------------------------------------------------------------------- a search in rounds


def halved(inputs: Mapping[str, str]) -> Mapping[str, str]:
    """After each round the first half of what it has trained, down to one; then that one is to be evaluated."""
    results = [json.loads(each) if isinstance(each, str) else each for each in json.loads(inputs["results"])]
    left = results[: len(results) // 2]
    trials = [{"id": each["trial"], "params": {}} for each in left]
    judged = [] if left else results
    return {"trials": json.dumps(trials), "more": "yes" if left else "no", "judged": json.dumps(judged)}


def searched(inputs: Mapping[str, str]) -> Mapping[str, str]:
    """Of a search in rounds the judgement reads the records."""
    return {"verdict": "{}", "again": "no", "name": "retrain-flight-delay-after-1", "event": ""}


def in_rounds(inputs: Mapping[str, str]) -> Mapping[str, str]:
    return {"trials": json.dumps([*TRIALS, {"id": "4" * 16, "params": {}}]), "more": "yes"}


def test_rounds_follow_until_there_are_no_more_trials(ours: Workflows) -> None:
    ended = play(ours, promote=searched, grid=in_rounds, next=halved)
    assert (ended.phase, ended.message) == ("Succeeded", "")
    assert [inputs["round"] for inputs in ended.of("next")] == ["1", "2", "3"]
    assert len(ended.of("train")) == 4 + 2 + 1
    assert len(trials(ended.of("evaluate"), "result")) == 1, "only what `next` names"
    (promote,) = ended.of("promote")
    assert "rounds=Succeeded" in promote["status"]


def test_a_trial_that_fails_in_a_later_round_costs_only_itself(ours: Workflows) -> None:
    good = handlers()["train"]
    calls: list[str] = []

    def train(inputs: Mapping[str, str]) -> Any:
        calls.append(inputs["trial"])
        return 65 if len(calls) == 5 else good(inputs)

    ended = play(ours, promote=searched, grid=in_rounds, next=halved, train=train)
    assert (ended.phase, ended.message) == ("Succeeded", "")
    assert len(ended.of("train")) == 6 and len(ended.of("next")) == 2
    assert "rounds=Succeeded" in ended.of("promote")[0]["status"]


def test_a_round_whose_trials_all_fail_ends_the_search(ours: Workflows) -> None:
    good = handlers()["train"]
    calls: list[str] = []

    def train(inputs: Mapping[str, str]) -> Any:
        calls.append(inputs["trial"])
        return 65 if len(calls) > 4 else good(inputs)

    ended = play(ours, promote=searched, grid=in_rounds, next=halved, train=train)
    assert len(ended.of("next")) == 1
    assert "rounds=Succeeded" in ended.of("promote")[0]["status"], "what was trained is judged"


@pytest.mark.parametrize("fails", [1, 3])
def test_the_step_between_two_rounds_fails_all_of_them(ours: Workflows, fails: int) -> None:
    ended = play(ours, promote=searched, grid=in_rounds, next=lambda inputs: 65 if inputs["round"] == str(fails) else halved(inputs))
    (promote,) = ended.of("promote")
    assert "rounds=Failed" in promote["status"]
