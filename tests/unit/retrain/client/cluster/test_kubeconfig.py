"""Which cluster a context means, with which credentials, and what is said when there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localargo import InvalidInput, NotFound, Unavailable
from retrain.client.cluster.api import Forbidden, KubernetesApi
from retrain.client.place import Cluster
from tests.unit.retrain.client.cluster.api_server import WORKFLOWS, ApiServer, recorded


def test_the_namespace_is_the_one_given_else_the_contexts_else_default(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KubernetesApi(Cluster("here", "given")).namespace == "given"
    assert KubernetesApi(Cluster("here")).namespace == "hello"
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "without")))
    assert KubernetesApi(Cluster("here")).namespace == "default"


def test_an_unknown_context_is_refused_with_those_there_are(api: ApiServer) -> None:
    with pytest.raises(InvalidInput, match="has no context 'nowhere'; there are: here, other"):
        KubernetesApi(Cluster("nowhere"))


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(InvalidInput, match=f"kubeconfig {tmp_path / 'absent'}: Invalid kube-config file. No configuration found"):
        KubernetesApi(Cluster("here"))


def test_a_token_is_sent(api: ApiServer) -> None:
    api.gives(f"GET {WORKFLOWS}/absent", (200, {}))
    KubernetesApi(Cluster("here")).call("GET", f"{WORKFLOWS}/absent")
    assert [r.headers["authorization"] for r in api.asked] == ["Bearer secret"]


def test_a_program_that_issues_tokens_is_asked(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = "client.authentication.k8s.io/v1"
    told = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "issued"}}
    script = f"print({json.dumps(json.dumps(told))})"
    issuer = {"apiVersion": version, "command": sys.executable, "args": ["-c", script], "interactiveMode": "Never"}
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "exec", {"exec": issuer})))
    api.gives(f"GET {WORKFLOWS}", (200, {}))
    KubernetesApi(Cluster("here")).call("GET", WORKFLOWS)
    assert api.asked[0].headers["authorization"] == "Bearer issued"


def test_what_the_cluster_refuses_is_one_sentence(api: ApiServer) -> None:
    client = KubernetesApi(Cluster("here"))
    api.gives(f"GET {WORKFLOWS}", recorded("unauthorized"), recorded("forbidden"), recorded("absent"), recorded("no-kind"))
    with pytest.raises(Forbidden, match=r"^the cluster of context here does not accept its credentials: log in again"):
        client.call("GET", WORKFLOWS)
    with pytest.raises(Forbidden, match=r'^context here: workflows.argoproj.io is forbidden: User ".*" cannot list resource "workflows"'):
        client.call("GET", WORKFLOWS)
    with pytest.raises(NotFound, match=r'^workflows.argoproj.io "absent" not found$'):
        client.call("GET", WORKFLOWS)
    with pytest.raises(NotFound, match="context here has no Argo: its API server does not know the kind; `retrain doctor --context here`"):
        client.call("GET", WORKFLOWS)


def test_an_api_server_that_is_away_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = ApiServer(address="http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(nobody.kubeconfig(tmp_path / "kubeconfig")))
    with pytest.raises(Unavailable, match=r"^the API server of context here at http://127.0.0.1:1 does not answer \(.*refused"):
        KubernetesApi(Cluster("here")).call("GET", "/version")


def test_without_the_package_the_command_that_installs_it_is_shown() -> None:
    program = "import sys; sys.modules['kubernetes'] = None; import retrain.cli; retrain.cli.main(['--context', 'any', 'list'])"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == "retrain: --context needs the package `kubernetes`: pip install 'retrain[cluster]'\n"


def test_the_package_is_imported_for_a_cluster_only() -> None:
    program = "import sys, retrain.cli, retrain.cli.workflows.list_, retrain.client.cluster.workflows; print('kubernetes' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "False\n"
