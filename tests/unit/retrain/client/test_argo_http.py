"""The client against a real engine: what it asks is Argo Server's API, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from localargo import AlreadyExists, InvalidInput, NotFound
from retrain.client.argo_http import ArgoHttp
from retrain.client.connection import Connection
from retrain.client.workflows import changes, find, phase, pod_name, until_ended
from tests.unit.retrain.cli.driver import Engine, shell

SRC = Path(__file__).parents[4] / "src/retrain"


class Recorded(Connection):
    """A connection that remembers what was asked."""

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.asked: list[tuple[str, str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, query: Any = None, headers: Any = None) -> Any:
        self.asked.append((method, path, body))
        return super().call(method, path, body, query, headers)


@pytest.fixture
def server(engine: Engine) -> ArgoHttp:
    return ArgoHttp(Connection(engine.state))


def workflow(script: str, name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(shell(script, name))
    return document


def test_a_workflow_from_its_creation_to_its_removal(server: ArgoHttp) -> None:
    name = server.create(workflow("echo one; printf two", "client"))["metadata"]["name"]
    ended = until_ended(server, name)
    assert phase(ended) == "Succeeded"
    (node,) = ended["status"]["nodes"].values()
    assert list(server.log(name, pod_name(ended, node), "main", follow=False)) == ["one", "two"]
    again = server.operate("resubmit", name, {})["metadata"]["name"]
    assert [phase(w) for w in changes(server, again)][-1] == "Succeeded"
    for each in (name, again):
        server.delete(each)
    with pytest.raises(NotFound, match=rf'"{name}" not found: `retrain list` shows the Workflows there are'):
        find(server, name)


def test_errors_are_typed(server: ArgoHttp) -> None:
    named = {**workflow("true", "x"), "metadata": {"name": "typed"}}
    server.create(named)
    with pytest.raises(AlreadyExists):
        server.create(named)
    until_ended(server, "typed")
    with pytest.raises(InvalidInput, match="To retry a succeeded workflow"):
        server.operate("retry", "typed", {})
    server.delete("typed")


def test_the_newest_come_first_and_the_rest_is_counted(server: ArgoHttp) -> None:
    names = [server.create({**workflow("true", f"n{i}"), "metadata": {"name": f"n{i}", "labels": {"of": "listing"}}}) for i in range(5)]
    found = server.workflows("of=listing", limit=2)
    assert [w["metadata"]["name"] for w in found.items] == ["n4", "n3"]
    assert found.more == 3
    whole = server.workflows("of=listing")
    assert ([w["metadata"]["name"] for w in whole.items], whole.more) == (["n4", "n3", "n2", "n1", "n0"], 0)
    for each in names:
        until_ended(server, each["metadata"]["name"])
        server.delete(each["metadata"]["name"])


def test_a_template_is_created_replaced_and_removed(server: ArgoHttp, engine: Engine) -> None:
    template = {**workflow("echo first", "x"), "kind": "WorkflowTemplate", "metadata": {"name": "stored"}}
    server.store_template(template)
    template["spec"]["entrypoint"] = "other"
    template["spec"]["templates"][0]["name"] = "other"
    server.store_template(template)
    assert server.template("stored")["spec"]["entrypoint"] == "other"
    assert "stored" in [t["metadata"]["name"] for t in server.templates()]
    server.delete_template("stored")
    with pytest.raises(NotFound):
        server.template("stored")
    assert server.cluster_templates() == []


def test_only_paths_of_argo_server_are_asked(engine: Engine) -> None:
    connection = Recorded(engine.state)
    server = ArgoHttp(connection)
    name = server.create(workflow("true", "paths"))["metadata"]["name"]
    until_ended(server, name)
    server.workflows(limit=1)
    server.operate("resubmit", name, {"parameters": []})
    server.templates()
    server.delete(name)
    assert [path for _, path, _ in connection.asked if not path.startswith("/api/v1/")] == []
    assert ("PUT", f"/api/v1/workflows/{server.namespace}/{name}/resubmit") in [(m, p) for m, p, _ in connection.asked]


def test_no_verb_about_workflows_knows_the_engines_own_paths() -> None:
    """Only `local_engine` has them, so that everything else can speak to a cluster."""
    own = [path for path in SRC.rglob("*.py") if re.search(r'"/?localargo/v1|/localargo/v1/', path.read_text(encoding="utf-8"))]
    assert own == [SRC / "client/local_engine.py"]
