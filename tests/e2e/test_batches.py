"""Many files as one event, and what a person reads when one of them is bad."""

from __future__ import annotations

import pytest

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_the_end_of_a_batch_starts_a_run_and_a_bad_file_is_named_wherever_one_looks(repository: Repository) -> None:
    repository.model(replaced={"incoming/tiny/": "batches/tiny/"}, grid="[1e-4]")
    repository.up()
    repository.put("batches/tiny/one/a.csv", rows("2024-03-01", 12, seed=1))
    repository.put("batches/tiny/one/b.csv", rows("2024-03-13", 8, seed=2))
    repository.put("batches/tiny/one/_READY", "")
    first = repository.ended("batch")
    assert first["status"]["phase"] == "Succeeded", repository.retrain("get", first["metadata"]["name"])
    assert repository.objects("models/tiny/")["models/tiny/champion.json"]["run"] == first["metadata"]["name"]
    assert len(repository.json("events")["events"]) == 1

    repository.put("batches/tiny/two/c.csv", "at,x,kind,late\n2024-03-21T00:00:00Z,far,a,true\n")
    repository.put("batches/tiny/two/_READY", "")
    wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=batch")["items"]) == 2)
    repository.ended("batch")
    name = repository.json("list", "-l", "retrain/trigger=batch")["items"][0]["metadata"]["name"]
    assert name != first["metadata"]["name"]
    for words in (["list", "-o", "wide"], ["get", name], ["runs", "tiny"], ["why", name]):
        assert "batches/tiny/two/c.csv" in repository.retrain(*words), words
    assert "batches/tiny/two/c.csv" in repository.objects(f"runs/tiny/{name}/")[f"runs/tiny/{name}/result.json"]["reason"]
