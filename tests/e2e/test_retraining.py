"""The whole path from outside: plain boto3 in, a promoted model out; what changes and what does not when something is changed."""

from __future__ import annotations

import signal
import urllib.request
from typing import Any

import pytest

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def outcome(repository: Repository, model: str, workflow: Any) -> Any:
    return repository.objects(f"runs/{model}/{workflow['metadata']['name']}/")[f"runs/{model}/{workflow['metadata']['name']}/result.json"]


def asked_by_webhook(repository: Repository) -> Any:
    """The result of a run that was asked for by webhook, with what `retrain env` tells."""
    exports = dict(line.removeprefix("export ").split("=", 1) for line in repository.retrain("env").splitlines())
    request = urllib.request.Request(
        exports["RETRAIN_WEBHOOK_URL"],
        data=b'{"model": "tiny", "reason": "why not"}',
        headers={"Authorization": f"Bearer {exports['RETRAIN_WEBHOOK_TOKEN']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return outcome(repository, "tiny", repository.ended("webhook"))


def test_an_upload_trains_and_what_changes_trains_no_more_than_it_must(repository: Repository) -> None:
    repository.model()
    repository.up()
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 12, seed=1))
    repository.put("incoming/tiny/two.csv", rows("2024-03-13", 8, seed=2))
    first = repository.ended("upload")
    assert first["status"]["phase"] == "Succeeded", repository.retrain("get", first["metadata"]["name"])
    result = outcome(repository, "tiny", first)
    assert result["outcome"] == "promoted", result["reason"]
    trials = {k.split("/")[2] for k in repository.objects("trials/tiny/")}
    assert len(trials) == 2
    champion = repository.objects("models/tiny/")["models/tiny/champion.json"]
    name = first["metadata"]["name"]
    assert champion["run"] == name
    assert repository.retrain("watch", name).splitlines()[-2:] == [
        f"promoted: {result['reason']}",
        f"`retrain report {name} --open` shows it",
    ]
    assert champion["trial"] in repository.retrain("model", "list")

    # one more value in the grid: one more trial, no part made anew
    parts = repository.objects("parts/tiny/")
    repository.model(replaced={"[1e-4, 1e-3]": "[1e-4, 1e-3, 1e-2]"})
    repository.retrain("apply")
    repository.retrain("submit", "--from", "workflowtemplate/retrain", "-p", "model=tiny", "-p", "quiet=1s", "--name", "grown", "--wait")
    assert {k.split("/")[2] for k in repository.objects("trials/tiny/")} > trials
    assert len({k.split("/")[2] for k in repository.objects("trials/tiny/")}) == 3
    assert repository.objects("parts/tiny/") == parts

    # another gate: decided anew, nothing trained
    before = repository.objects("trials/tiny/")
    repository.model(replaced={"[1e-4, 1e-3]": "[1e-4, 1e-3, 1e-2]", "at_least: 0.6": "at_least: 0.99"})
    repository.retrain("apply")
    repository.retrain("submit", "--from", "workflowtemplate/retrain", "-p", "model=tiny", "-p", "quiet=1s", "--name", "stricter", "--wait")
    stricter = repository.json("get", "stricter")
    phases = {n["displayName"]: n["phase"] for n in stricter["status"]["nodes"].values()}
    assert (phases["transform"], phases["train"], phases["promote"]) == ("Skipped", "Omitted", "Succeeded")
    decided = outcome(repository, "tiny", stricter)
    assert decided["decision"] == "redecide"
    assert decided["outcome"] in ("kept", "refused")
    results = {k: v for k, v in repository.objects("trials/tiny/").items() if k.endswith("result.json")}
    assert results == {k: v for k, v in before.items() if k.endswith("result.json")}

    again = asked_by_webhook(repository)
    assert again["outcome"] == "already-trained"
    assert again["reason"] == "already trained by run stricter"
    assert f"by run {first['metadata']['name']}" in repository.retrain("why", "tiny")
    assert repository.kill(signal.SIGINT) == 130


def test_a_second_model_is_one_file(repository: Repository) -> None:
    repository.model()
    repository.model("other", replaced={"incoming/other/": "incoming/elsewhere/"}, grid="[1e-4]")
    repository.up()
    assert "elsewhere.yaml=other.yaml" in (repository.folder / "models/kustomization.yaml").read_text(encoding="utf-8")
    repository.put("incoming/elsewhere/one.csv", rows("2024-03-01", 20, seed=3))
    run = repository.ended("upload")
    assert run["metadata"]["name"].startswith("retrain-elsewhere-")
    assert outcome(repository, "other", run)["outcome"] == "promoted"
    assert repository.objects("runs/tiny/") == {}


def test_bad_data_is_one_sentence_and_no_retry_until_the_file_is_right(repository: Repository) -> None:
    repository.model(grid="[1e-4]")
    repository.up()
    data = rows("2024-03-01", 20, seed=3)
    repository.put("incoming/tiny/one.csv", "at,x,kind,late\n2024-03-01T00:00:00Z,not-a-number,a,true\n")
    run = repository.ended("upload")
    name = run["metadata"]["name"]
    assert run["status"]["phase"] == "Failed"
    attempts = [n for n in run["status"]["nodes"].values() if n["displayName"].startswith("transform(")]
    assert [n["message"] for n in attempts] == ["main: Error (exit code 65)"]
    told = repository.retrain("logs", name, "transform")
    assert "incoming/tiny/one.csv" in told
    assert "'not-a-number'" in told
    assert "'x'" in told
    result = outcome(repository, "tiny", run)
    assert result["outcome"] == "failed"
    assert repository.retrain("watch", name, ok=False).splitlines()[-1] == f"failed: {result['reason']}"

    # the same run, once the file is right
    repository.retrain("sources", "pause", "bucket")
    repository.put("incoming/tiny/one.csv", data)
    repository.retrain("retry", name)
    repository.retrain("wait", name, ok=False)
    assert repository.json("get", name)["status"]["phase"] == "Succeeded", repository.retrain("get", name)
    assert outcome(repository, "tiny", run)["outcome"] == "promoted"
    request = repository.objects(f"runs/tiny/{name}/")[f"runs/tiny/{name}/request.json"]
    assert request["before"] != [request["snapshot"]]


def test_a_run_that_is_stopped_lets_go_of_its_claim_and_is_followed(repository: Repository) -> None:
    repository.model(epochs=10_000, grid="[1e-4]")
    repository.up()
    repository.retrain("sources", "pause", "bucket")
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=4))
    submit = ("submit", "--from", "workflowtemplate/retrain", "-p", "model=tiny", "-p", "quiet=0s", "--name")
    repository.retrain(*submit, "long")
    wait_until(lambda: any("curve.jsonl" in key for key in _keys(repository, "trials/tiny/")), lambda: repository.retrain("get", ok=False))
    repository.put("incoming/tiny/two.csv", rows("2024-03-21", 2, seed=5))
    repository.retrain(*submit, "second", "--wait")
    assert repository.objects("runs/tiny/second/")["runs/tiny/second/result.json"]["outcome"] == "busy"
    repository.retrain("stop", "long")
    repository.retrain("wait", "long", ok=False)
    claim = repository.objects("runs/tiny/")["runs/tiny/claim.json"]
    assert claim["last"] == {"run": "long", "wanted": True, "runs": ["second"], "left": []} or claim["run"].startswith(
        "retrain-tiny-after-"
    )
    assert [w["metadata"]["labels"]["retrain/after"] for w in repository.json("list", "-l", "retrain/trigger=followup")["items"]] == [
        "long"
    ]
    assert repository.objects("runs/tiny/long/")["runs/tiny/long/result.json"]["outcome"] == "failed"
    assert "running" not in [row["outcome"] for row in repository.json("runs", "tiny")["runs"] if row["run"] == "long"]


def digests(repository: Repository) -> dict[str, str]:
    return {k.split("/")[2]: v["state"] for k, v in repository.objects("trials/tiny/").items() if k.endswith("/result.json")}


def test_killed_while_training_it_goes_on_and_ends_in_the_same_model(repository: Repository) -> None:
    repository.model(epochs=100)
    repository.up()
    data = rows("2024-03-01", 20, seed=4)
    repository.put("incoming/tiny/one.csv", data)
    wait_until(lambda: any("curve.jsonl" in key for key in _keys(repository, "trials/tiny/")), lambda: repository.retrain("get", ok=False))
    repository.kill(signal.SIGKILL)
    assert digests(repository) == {} or len(digests(repository)) < 2
    repository.up()
    run = repository.ended("upload")
    assert run["status"]["phase"] == "Succeeded", repository.retrain("get", run["metadata"]["name"])
    interrupted = digests(repository)
    assert len(interrupted) == 2

    # the same bytes and spec in a bucket of its own, without interruption
    repository.kill(signal.SIGTERM)
    repository.state.rename(repository.folder / "interrupted")
    repository.up()
    repository.put("incoming/tiny/one.csv", data)
    assert repository.ended("upload")["status"]["phase"] == "Succeeded"
    assert digests(repository) == interrupted


def _keys(repository: Repository, prefix: str) -> list[str]:
    client = repository.s3()
    found = [o["Key"] for o in client.list_objects_v2(Bucket="retrain", Prefix=prefix).get("Contents", [])]
    client.close()
    return found
