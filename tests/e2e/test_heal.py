"""What events have left undone is found by a tick, and a model has a calendar of its own."""

from __future__ import annotations

import json

import pytest

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_a_tick_starts_what_a_dead_run_left_and_nothing_twice(repository: Repository) -> None:
    repository.model(replaced={"{quiet: 2s}": '{quiet: 2s, schedule: {cron: "30 4 * * *"}}'}, grid="[1e-4]")
    repository.up()
    repository.retrain("sources", "pause", "bucket")
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
    repository.put("runs/tiny/claim.json", json.dumps({"run": "gone", "heartbeat": 0, "wanted": [{"run": "x"}], "last": None}))
    repository.retrain("tick", "heal")
    run = repository.ended("heal")
    wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=heal")["items"]) == 2)
    repository.ended("heal")
    names = {w["metadata"]["name"]: w["status"]["phase"] for w in repository.json("list", "-l", "retrain/trigger=heal")["items"]}
    (name,) = [name for name in names if name.startswith("retrain-tiny-")]
    assert set(names.values()) == {"Succeeded"}, repository.retrain("get", name)
    assert run["metadata"]["name"] in names
    champion = repository.objects("models/tiny/")["models/tiny/champion.json"]
    assert champion["run"] == name
    request = repository.objects(f"runs/tiny/{name}/")[f"runs/tiny/{name}/request.json"]
    assert request["event"]["reason"] == "heal: run gone has died"

    # nothing is left: neither tick trains
    repository.retrain("tick", "heal")
    repository.retrain("tick", "tiny")
    own = repository.ended("schedule")
    wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=heal")["items"]) == 3)
    repository.ended("heal")
    assert len(repository.json("list", "-l", "retrain/trigger=heal")["items"]) == 3
    result = repository.objects(f"runs/tiny/{own['metadata']['name']}/")[f"runs/tiny/{own['metadata']['name']}/result.json"]
    assert (result["outcome"], result["reason"]) == ("already-trained", f"already trained by run {name}")
    assert f"A run would end at once: already trained by run {name}." in repository.retrain("snapshot", "tiny")
