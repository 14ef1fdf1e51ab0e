"""Trials that are taken away in the middle end in the same models, and no loss counts as a failure."""

from __future__ import annotations

import pytest

from tests.e2e.repository import Repository, rows

pytestmark = pytest.mark.slow


def states(repository: Repository) -> dict[str, str]:
    """What each trial has learned."""
    found = repository.objects("trials/tiny/")
    return {key.split("/")[2]: document["state"] for key, document in found.items() if key.endswith("/result.json")}


def test_trials_that_are_killed_at_a_batch_learn_what_they_would_have_learned(repository: Repository) -> None:
    repository.model(replaced={"batch_rows: 64": "batch_rows: 64, checkpoint: {every: 1ms}"})
    repository.up("--preempt", "at batch 9 kill")
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
    run = repository.ended("upload")
    killed = [n for n in run["status"]["nodes"].values() if n["type"] == "Pod" and n.get("outputs", {}).get("exitCode") == "137"]
    assert len(killed) == 2, [n.get("message") for n in killed]
    assert run["status"]["phase"] == "Succeeded"
    learned = states(repository)
    assert len(learned) == 2
    verdict = repository.objects(f"runs/tiny/{run['metadata']['name']}/")[f"runs/tiny/{run['metadata']['name']}/verdict.json"]
    assert verdict["lost"] == 0
    assert repository.kill(2) is not None

    repository.up()
    client = repository.s3()
    for key in [*repository.objects("trials/tiny/"), *repository.objects("trained/tiny/")]:
        client.delete_object(Bucket="retrain", Key=key)
    client.close()
    repository.retrain("submit", "tiny", "--now", "--reason", "undisturbed", "--wait")
    assert states(repository) == learned
