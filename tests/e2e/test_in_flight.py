"""What happens to runs while others are in flight: superseded by newer data, and held back where too many trainings would run at a time."""

from __future__ import annotations

from typing import Any

import pytest

from retrain.client.connect import argo_server
from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
ENDED = ("Succeeded", "Failed", "Error")


def results(repository: Repository) -> dict[str, Any]:
    return {value["run"]: value for key, value in repository.objects("runs/tiny/").items() if key.endswith("/result.json")}


def keys(repository: Repository, prefix: str) -> list[str]:
    client = repository.s3()
    found = [o["Key"] for o in client.list_objects_v2(Bucket="retrain", Prefix=prefix).get("Contents", [])]
    client.close()
    return found


def test_newer_data_supersedes_the_run_that_trains(repository: Repository) -> None:
    claim = repository.folder / "handlers" / "runs" / "claim.py"
    text = claim.read_text(encoding="utf-8")
    assert "BEAT_SECONDS = 20.0" in text
    claim.write_text(text.replace("BEAT_SECONDS = 20.0", "BEAT_SECONDS = 0.5"), encoding="utf-8")
    supersede = {"trigger: {quiet: 2s}": "trigger: {quiet: 1s, in_flight: supersede}"}
    repository.model(epochs=100_000, replaced=supersede, grid="[1e-4]")
    repository.up()
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=4))
    wait_until(lambda: any("curve.jsonl" in key for key in keys(repository, "trials/tiny/")), lambda: repository.retrain("get", ok=False))
    (first,) = [w["metadata"]["name"] for w in repository.json("list", "-l", "retrain/trigger=upload")["items"]]
    assert results(repository) == {}

    # what follows is short, so that it ends
    repository.model(epochs=2, replaced=supersede, grid="[1e-4]")
    repository.retrain("apply")
    repository.put("incoming/tiny/two.csv", rows("2024-03-21", 10, seed=5))
    wait_until(
        lambda: any(each["outcome"] == "promoted" for each in results(repository).values()),
        lambda: f"{results(repository)} {repository.retrain('list', ok=False)}",
    )
    found = results(repository)
    (second,) = [name for name, each in found.items() if each["outcome"] == "busy"]
    (last,) = [name for name, each in found.items() if each["outcome"] == "promoted"]
    assert (found[first]["outcome"], found[first]["by"]) == ("superseded", second)
    assert found[first]["reason"].startswith(f"superseded by run {second}, which has found newer data")
    assert last.startswith("retrain-tiny-after-")
    request = repository.objects(f"runs/tiny/{last}/")[f"runs/tiny/{last}/request.json"]
    snapshot = repository.objects("snapshots/tiny/")[f"snapshots/tiny/{request['snapshot']}.json"]
    assert [key for key, _, _ in snapshot["objects"]] == ["incoming/tiny/one.csv", "incoming/tiny/two.csv"]
    assert repository.objects("models/tiny/")["models/tiny/champion.json"]["run"] == last
    stopped = [n for n in repository.json("get", first)["status"]["nodes"].values() if n["displayName"].startswith("train(")]
    assert {n["message"] for n in stopped if n["type"] == "Pod"} == {"main: Error (exit code 70)"}


def test_so_many_trials_are_trained_at_a_time_over_all_models(repository: Repository) -> None:
    limits = repository.folder / "workflowtemplates" / "limits.yaml"
    text = limits.read_text(encoding="utf-8")
    assert 'trainings: "32"' in text
    limits.write_text(text.replace('trainings: "32"', 'trainings: "1"'), encoding="utf-8")
    for name in ("tiny", "other"):
        repository.model(name, epochs=5)
    repository.up()
    data = rows("2024-03-01", 20, seed=4)
    for name in ("tiny", "other"):
        repository.put(f"incoming/{name}/one.csv", data)
    most, waited, workflows = 0, set[str](), list[Any]()
    server = argo_server(repository.state)

    def ended() -> bool:
        nonlocal most
        workflows[:] = [server.workflow(w["metadata"]["name"]) for w in server.workflows().items]
        nodes = [n for w in workflows for n in ((w.get("status") or {}).get("nodes") or {}).values()]
        pods = [n for n in nodes if n["type"] == "Pod" and n["displayName"].startswith("train(")]
        most = max(most, sum(n["phase"] == "Running" for n in pods))
        waited.update(n["id"] for n in nodes if "limits/trainings lock" in (n.get("message") or ""))
        return len(workflows) == 2 and all((w.get("status") or {}).get("phase") in ENDED for w in workflows)

    wait_until(ended, lambda: repository.retrain("list", ok=False))
    assert [w["status"]["phase"] for w in workflows] == ["Succeeded"] * 2
    assert most == 1
    assert len(waited) >= 2
    assert {key.split("/")[1] for key in repository.objects("models/") if key.endswith("champion.json")} == {"tiny", "other"}
