"""`pytest tests/e2e/cluster --context NAME`: a namespace of its own on a real cluster with Argo's controllers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from retrain.client.cluster.api import KubernetesApi
from retrain.client.place import Cluster
from tests.e2e.cluster import report
from tests.unit.retrain.cli.driver import call

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = {"rules": [{"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}]}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--context", help="the context of the kubeconfig whose cluster the tests use")
    parser.addoption("--cluster-report", type=Path, help="write what was tried, on what, and how long it took, as Markdown")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the report."""
    file, context = config.getoption("--cluster-report", None), config.getoption("--context", None)
    if file and context:
        tried = [r for kind in ("passed", "failed", "error") for r in terminalreporter.stats.get(kind, []) if r.when == "call" or r.failed]
        file.write_text(report.written(context, [(r.nodeid, r.outcome, r.duration) for r in tried]), encoding="utf-8")


@pytest.fixture(scope="session")
def context(request: pytest.FixtureRequest) -> str:
    """The context; without one the tests are skipped."""
    given = request.config.getoption("--context", None)
    if not given:
        pytest.skip("needs a cluster: pytest tests/e2e/cluster --context NAME")
    return str(given)


@pytest.fixture(scope="session")
def cluster(context: str) -> Iterator[Cluster]:
    """A new namespace in which Workflows may report their results."""
    made = Cluster(context, f"retrain-e2e-{secrets.token_hex(3)}")
    api = KubernetesApi(made)
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": made.namespace}})
    try:
        below = f"{RBAC}/namespaces/{made.namespace}"
        api.call("POST", f"{below}/roles", {"metadata": {"name": "results"}, **ROLE})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "results"}
        account = {"kind": "ServiceAccount", "name": "default", "namespace": made.namespace}
        api.call("POST", f"{below}/rolebindings", {"metadata": {"name": "results"}, "roleRef": role, "subjects": [account]})
        yield made
    finally:
        api.call("DELETE", f"/api/v1/namespaces/{made.namespace}")


@pytest.fixture
def retrain(cluster: Cluster) -> Callable[..., Result]:
    """A verb on the cluster."""

    def run(*arguments: str, exit_code: int = 0) -> Result:
        done = call("--context", cluster.context, "-n", cluster.namespace, *arguments)
        assert done.exit_code == exit_code, done.output
        return done

    return run


@pytest.fixture
def submitted(retrain: Callable[..., Result], tmp_path: Path) -> Callable[..., str]:
    """Submit a Workflow of templates whose first is the entrypoint; its name."""

    def submit(*templates: dict[str, Any], spec: dict[str, Any] | None = None) -> str:
        document = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": "e2e-", "labels": {"e2e": "yes"}},
            "spec": {"entrypoint": templates[0]["name"], "templates": list(templates), **(spec or {})},
        }
        file = tmp_path / "workflow.yaml"
        file.write_text(yaml.safe_dump(document), encoding="utf-8")
        return retrain("submit", str(file), "-o", "name").stdout.strip()

    return submit
