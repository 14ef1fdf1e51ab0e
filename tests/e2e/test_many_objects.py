"""Parts of many objects, made by a pod a batch: the dataset of one pod, also when a pod is killed; and what is wrong is said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers import fetch, transform
from handlers.runs import snapshots
from handlers.storage import FolderStore
from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
FILES = {f"{n}.csv": rows(f"2024-03-{1 + 4 * n:02}", 4, seed=n) for n in range(5)}


def cut_small(repository: Repository, *, kill: int) -> None:
    """In the copy: batches of little, one of which kills its pod after it has read some objects."""
    file = repository.folder / "handlers" / "runs" / "batches.py"
    text = file.read_text(encoding="utf-8")
    least, made = "LEAST_BYTES = 128 << 20", "    return sum(each.fresh for one in made for each in one.read)\n"
    assert (least in text, made in text) == (True, True)
    dies = (
        f"    if number == {kill} and any(each.fresh for one in made for each in one.read):\n"
        "        __import__('os').kill(__import__('os').getpid(), 9)\n"
    )
    file.write_text(text.replace(least, "LEAST_BYTES = 1").replace(made, dies + made), encoding="utf-8")


def of_one_pod(repository: Repository, folder: Path) -> str:
    """The dataset that one pod makes of the same files."""
    store = FolderStore(folder)
    for name, text in FILES.items():
        store.put(f"batches/tiny/one/{name}", text.encode())
    store.put("batches/tiny/one/_READY", b"")
    spec = fetch.checked((repository.folder / "models" / "tiny.yaml").read_text(encoding="utf-8"), "tiny.yaml", None)
    taken = snapshots.look(store, spec)
    snapshots.keep(store, "tiny", taken)
    return transform.of_run(store, spec, "r", taken.digest)[0].digest


def pods(workflow: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """(name, phase) of a step's pods."""
    found = [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod" and node["displayName"].startswith(name)]
    return sorted((node["displayName"], node["phase"]) for node in found)


def test_three_pods_one_of_them_killed_and_then_a_bad_file(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> None:
    more = {"incoming/tiny/": "batches/tiny/", "trigger: {quiet: 2s}": "trigger: {quiet: 2s}\n  resources: {transform: {parallel: 3}}"}
    repository.model(replaced=more, grid="[1e-4]")
    cut_small(repository, kill=1)
    repository.up()
    for name, text in FILES.items():
        repository.put(f"batches/tiny/one/{name}", text)
    repository.put("batches/tiny/one/_READY", "")
    first = repository.ended("batch")
    run = first["metadata"]["name"]
    assert first["status"]["phase"] == "Succeeded", repository.retrain("get", run)
    phases = [phase for _, phase in pods(first, "make(")]
    assert sorted(phases) == ["Failed", *["Succeeded"] * 3], repository.retrain("get", run)
    result = repository.objects(f"runs/tiny/{run}/")[f"runs/tiny/{run}/result.json"]
    assert (result["outcome"], result["dataset"]) == ("promoted", of_one_pod(repository, tmp_path_factory.mktemp("one")))

    bad = "batches/tiny/two/6.csv"
    repository.put("batches/tiny/two/5.csv", rows("2024-03-21", 4, seed=5))
    repository.put(bad, "at,x,kind,late\n2024-03-25T00:00:00Z,far,a,true\n")
    repository.put("batches/tiny/two/_READY", "")
    wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=batch")["items"]) > 1)
    repository.ended("batch")
    (second,) = (w for w in repository.json("list", "-l", "retrain/trigger=batch")["items"] if w["metadata"]["name"] != run)
    name = second["metadata"]["name"]
    assert (second["status"]["phase"], len(pods(repository.json("get", name), "make("))) == ("Failed", 2)
    failed = repository.objects(f"runs/tiny/{name}/")
    assert failed[f"runs/tiny/{name}/result.json"]["reason"].startswith(f"step transform failed: {bad}")
    assert len([key for key in failed if "/failures/" in key and "transform" in key]) == 1
    assert repository.retrain("why", name).count(bad) == 1
