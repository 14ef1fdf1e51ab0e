"""`--context`: verbs that speak to a cluster, and those that refuse."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.cli import verbs
from tests.unit.retrain.cli.driver import HEAD, SHELL, call
from tests.unit.retrain.client.cluster.api_server import WORKFLOWS, ApiServer, listing, recorded, serving, workflow

TEMPLATES = "/apis/argoproj.io/v1alpha1/namespaces/hello/workflowtemplates"
HERE = {"apply", "demo", "down", "env", "init", "lint", "new", "render", "replay", "run", "sources", "tick", "try", "up", "upgrade"}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with serving() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig", namespace="hello")))
        yield server


@pytest.mark.parametrize(
    "words", [("--context", "here", "list"), ("list", "--context", "here"), ("--context", "other", "list", "--context", "here")]
)
def test_the_context_stands_before_or_after_the_verb_and_the_nearest_wins(api: ApiServer, words: tuple[str, ...]) -> None:
    api.gives(f"GET {WORKFLOWS}", listing(workflow()))
    done = call(*words, "-o", "name")
    assert (done.exit_code, done.stdout) == (0, "hello-jzltk\n")


def test_the_namespace_too(api: ApiServer) -> None:
    api.gives(f"GET {WORKFLOWS.replace('hello', 'given')}", listing(workflow("there")))
    assert call("--context", "here", "-n", "given", "list", "-o", "name").stdout == "there\n"
    assert call("list", "--context", "here", "--namespace", "given", "-o", "name").stdout == "there\n"


def test_the_environments_state_folder_does_not_matter(api: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETRAIN_STATE", str(tmp_path))
    api.gives(f"GET {WORKFLOWS}", listing(workflow()))
    assert call("--context", "here", "list", "-o", "name").stdout == "hello-jzltk\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--state", "x", "list", "--context", "here"), "give either --state, an engine on this machine, or --context, a cluster"),
        (("list", "-n", "x"), "--namespace is for a cluster: give --context too"),
        (("--context", "", "list"), "--context is empty"),
    ],
)
def test_what_makes_no_sense_together_is_wrong_usage(words: tuple[str, ...], told: str) -> None:
    refused = call(*words)
    assert refused.exit_code == 2
    assert told in refused.stderr


@pytest.mark.parametrize("verb", sorted(verbs.modules()))
def test_a_verb_takes_a_cluster_or_says_that_it_works_on_this_machine_only(verb: str) -> None:
    refused = call("--context", "here", verb, "--help")
    expected = f"retrain: retrain {verb} works on this machine only: leave out --context and --namespace\n"
    assert (refused.stderr == expected) is (verb in HERE), refused.output


def test_a_workflow_is_shown_with_its_tree(api: ApiServer) -> None:
    api.gives(f"GET {WORKFLOWS}/hello-jzltk", recorded("workflow"))
    told = call("--context", "here", "get", "hello-jzltk")
    assert "✔ hello-jzltk  main" in told.stdout


def test_other_kinds_are_left_to_kubectl(api: ApiServer, tmp_path: Path) -> None:
    for words in (("get", "sensor/webhook"), ("list", "sensors"), ("delete", "sensor/webhook")):
        refused = call("--context", "here", "-n", "hello", *words)
        assert refused.exit_code == 3
        assert (
            "on a cluster retrain handles Workflows and WorkflowTemplates; for other kinds use `kubectl --context here -n hello"
            in refused.stderr
        )
    file = tmp_path / "both.yaml"
    file.write_text(HEAD % "both" + SHELL % "'true'" + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", encoding="utf-8")
    assert "ConfigMap: on a cluster" in call("--context", "here", "submit", str(file)).stderr
    assert api.asked == []


def test_what_only_the_embedded_engine_refuses_is_submitted_to_a_cluster(api: ApiServer, tmp_path: Path) -> None:
    """`http` templates with a body from a URL and the like run on Argo: its own checks decide."""
    file = tmp_path / "plugin.yaml"
    file.write_text(HEAD % "plugin" + "  - name: main\n    plugin: {hello: {}}\n", encoding="utf-8")
    assert call("lint", str(file)).exit_code == 3
    api.gives(f"GET {TEMPLATES}", listing())
    api.gives("GET /apis/argoproj.io/v1alpha1/clusterworkflowtemplates", listing())
    api.gives(f"POST {WORKFLOWS}", (201, workflow("made")))
    done = call("--context", "here", "submit", str(file))
    assert (done.exit_code, done.stdout) == (0, "made\n"), done.output


def test_events_of_a_cluster_are_those_that_its_workflows_name(api: ApiServer) -> None:
    def encoded(tree: dict[str, str]) -> str:
        return base64.b64encode(json.dumps(tree).encode()).decode()

    context = {"id": "3f0c", "source": "bucket", "subject": "upload", "type": "minio", "time": "2013-02-01T00:00:00Z"}
    asked = {"model": "late", "key": "incoming/late/1.csv", "reason": "upload", "ce_id": ""}
    by_event = workflow("retrain-late-1")
    by_event["metadata"]["labels"] = {"events.argoproj.io/sensor": "bucket", "events.argoproj.io/trigger": "upload"}
    parameters = [{"name": "event", "value": encoded(asked)}, {"name": "context", "value": encoded(context)}]
    by_event["spec"]["arguments"] = {"parameters": parameters}
    api.gives(f"GET {WORKFLOWS}", listing(by_event, workflow("by-hand")))
    done = call("--context", "here", "events", "-o", "json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    became = {"sensor": "bucket", "trigger": "upload", "became": "started", "run": "retrain-late-1", "reason": ""}
    assert told["events"] == [{**context, **asked, "became": [became]}]
    assert (told["journal"], told["triggers"]) == (False, [])
    table = call("--context", "here", "events")
    assert "started retrain-late-1" in table.stdout
    assert table.stderr.startswith("note: a cluster keeps no journal of events: these are those that started a Workflow")
    assert json.loads(call("--context", "here", "events", "--model", "other", "-o", "json").stdout)["events"] == []
    refused = call("--context", "here", "events", "get", "3f0c")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "`retrain why 3f0c` tells what became of it" in refused.stderr
