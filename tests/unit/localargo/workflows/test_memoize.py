"""The memo of a running engine is a ConfigMap, as on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.workflows.memoize import remembered
from localargo.workflows.messages import SaveMemo


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def memoized(name: str) -> dict[str, Any]:
    memo = {"key": "k", "maxAge": "1h", "cache": {"configMap": {"name": "cache"}}}
    main = {"name": "main", "memoize": memo, "container": {"image": "local/busybox", "command": ["true"]}}
    spec = {"entrypoint": "main", "templates": [main]}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}


@pytest.mark.anyio
async def test_workflows_share_what_the_configmap_holds(tmp_path: Path) -> None:
    hits = []
    async with Engine(tmp_path / "s") as engine:
        for name in ("first", "second", "third"):
            if name == "third":
                engine.admission.delete("ConfigMap", "cache")
            engine.admission.create(memoized(name))
            await engine.ended(name)
            hits.append(engine.admission.get("Workflow", name)["status"]["nodes"][name]["memoizationStatus"]["hit"])
        found = engine.admission.get("ConfigMap", "cache")
    assert hits == [False, True, False]
    assert found["metadata"]["labels"] == {"workflows.argoproj.io/configmap-type": "Cache"}
    assert found["metadata"]["uid"]
    entry = json.loads(found["data"]["k"])
    assert (entry["nodeID"], entry["outputs"]) == ("third", {"exitCode": "0"})


def test_who_is_answered_by_the_cache_leaves_the_time_there() -> None:
    made = remembered(None, [SaveMemo("n", "cache", "k", {"result": "1"})], 1_800_000_000.0)
    asked = remembered(made, [SaveMemo("m", "cache", "k", {}, hit=True)], 1_800_000_060.0)
    assert json.loads(asked["data"]["k"]) == {
        "nodeID": "n",
        "outputs": {"result": "1"},
        "creationTimestamp": "2027-01-15T08:00:00Z",
        "lastHitTimestamp": "2027-01-15T08:01:00Z",
    }
    emptied = {**made, "data": {}}
    assert remembered(emptied, [SaveMemo("m", "cache", "k", {}, hit=True)], 1_800_000_060.0)["data"] == {}


def test_an_entry_that_is_too_old_was_asked_for_as_well(tell: Callable[..., Any]) -> None:
    old = {"nodeID": "x", "outputs": {}, "creationTimestamp": "2020-01-01T00:00:00Z", "lastHitTimestamp": "2020-01-01T00:00:00Z"}
    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    memoize: {key: k, maxAge: 10s, cache: {configMap: {name: cache}}}
    container: {image: i, command: [exit, "1"]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cache, labels: {workflows.argoproj.io/configmap-type: Cache}}
data: {}
"""
    )
    told.world.configmaps["cache"]["data"]["k"] = json.dumps(old)
    assert told.play()["status"]["phase"] == "Failed"
    entry = json.loads(told.world.configmaps["cache"]["data"]["k"])
    assert (entry["nodeID"], entry["creationTimestamp"]) == ("x", "2020-01-01T00:00:00Z")
    assert entry["lastHitTimestamp"].startswith("2027-")
