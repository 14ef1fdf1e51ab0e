"""The memo of a running engine is a ConfigMap, as on a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrain.engine import Engine


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
