from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.client.cluster.workflows import ArgoOnKubernetes
from retrain.client.place import Cluster
from tests.unit.retrain.client.cluster.api_server import ApiServer, serving


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """An API server, and a kubeconfig whose context `here` names it."""
    with serving() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig", namespace="hello")))
        yield server


@pytest.fixture
def argo(api: ApiServer) -> ArgoOnKubernetes:
    return ArgoOnKubernetes(Cluster("here"))
