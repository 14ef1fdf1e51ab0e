"""What `pytest tests/e2e/cluster --context NAME --cluster-report FILE` writes: docs/reference/cluster-report.md."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime

from retrain.client.cluster.api import KubernetesApi
from retrain.client.place import Cluster
from tests.committed import ROOT

HEAD = """# What ran on a real cluster

`pytest tests/e2e/cluster --context NAME --cluster-report docs/reference/cluster-report.md` wrote this page. The tests install
`overlays/quickstart` as [Run on Kubernetes](../howto/kubernetes.md) says, change nothing by hand, and remove it again.

"""


def written(context: str, tried: Iterable[tuple[str, str, float]]) -> str:
    """The report of the tests that ran: name, outcome and seconds of each."""
    lines = [f"- {line}" for line in _versions(context)]
    rows = [f"| {_sentence(name)} | {outcome} | {seconds:.0f} s |" for name, outcome, seconds in tried]
    return HEAD + "\n".join([*lines, "", "| tried | outcome | took |", "|---|---|---|", *rows, ""])


def _sentence(name: str) -> str:
    """A test's name, to be read."""
    return name.rpartition("::test_")[2].replace("_", " ")


def _versions(context: str) -> list[str]:
    api = KubernetesApi(Cluster(context, "default"))
    yet = [f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}", f"Kubernetes {api.call('GET', '/version')['gitVersion']}"]
    for node in api.items("/api/v1/nodes")[0]:
        info, has = node["status"]["nodeInfo"], node["status"]["capacity"]
        yet.append(f"node: {has['cpu']} CPUs, {has['memory']} of memory, {info['containerRuntimeVersion']}, kernel {info['kernelVersion']}")
    for pod in api.items("/api/v1/pods")[0]:
        if pod["metadata"]["namespace"] in ("argo", "argo-events"):
            yet += [container["image"].rpartition("/")[2] for container in pod["spec"]["containers"]]
    return yet


def _commit() -> str:
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
