"""The workflow verbs on a real cluster with Argo's own controller."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from retrain.client.cluster.workflows import ArgoOnKubernetes
from retrain.client.place import Cluster
from retrain.client.workflows import changes, phase

Run = Callable[..., Result]
Submit = Callable[..., str]


def shell(script: str, name: str = "main", **fields: Any) -> dict[str, Any]:
    container = {"image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c"], "args": [script]}
    return {"name": name, "container": container, **fields}


def approval() -> list[dict[str, Any]]:
    steps = [[{"name": "approve", "template": "approve"}], [{"name": "after", "template": "after", "arguments": {"parameters": [WORD]}}]]
    supplied = {"parameters": [{"name": "word", "valueFrom": {"supplied": {}, "default": "none"}}]}
    after = shell("echo word {{inputs.parameters.word}}", "after", inputs={"parameters": [{"name": "word"}]})
    return [{"name": "main", "steps": steps}, {"name": "approve", "suspend": {}, "outputs": supplied}, after]


WORD = {"name": "word", "value": "{{steps.approve.outputs.parameters.word}}"}


def until_suspended(cluster: Cluster, name: str) -> None:
    """Wait for the suspended node by the watch."""
    for change in ArgoOnKubernetes(cluster).watch(name):
        nodes = (change.workflow.get("status") or {}).get("nodes") or {}
        if any(node["type"] == "Suspend" and node["phase"] == "Running" for node in nodes.values()):
            return


def test_a_workflow_is_submitted_followed_and_shown(retrain: Run, submitted: Submit) -> None:
    name = submitted(shell("echo one; sleep 2; echo two"))
    lines = [line for line in retrain("logs", name, "--follow").stdout.splitlines() if "argo=true" not in line]
    assert lines == ["one", "two"]
    assert f"Succeeded  {name}" in retrain("watch", name).stdout
    assert retrain("wait", name).stdout == f"{name} Succeeded\n"
    assert f"✔ {name}" in retrain("get", name).stdout
    assert name in retrain("list", "-l", "e2e=yes", "--phase", "Succeeded", "-o", "name").stdout.split()
    assert retrain("list", "-l", "e2e=no", "-o", "name").stdout == ""


def test_latest_is_the_one_created_last_and_deleted_is_gone(retrain: Run, submitted: Submit) -> None:
    name = submitted(shell("true"))
    assert retrain("get", "@latest", "-o", "name").stdout == f"{name}\n"
    retrain("wait", name)
    again = retrain("resubmit", name).stdout.split()[1]
    retrain("wait", again)
    assert (
        json.loads(retrain("get", again, "-o", "json").stdout)["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"]
        == name
    )
    retrain("delete", name, again)
    assert f'"{name}" not found' in retrain("get", name, exit_code=1).stderr


def test_a_node_is_supplied_and_resumed(retrain: Run, submitted: Submit, cluster: Cluster) -> None:
    name = submitted(*approval())
    until_suspended(cluster, name)
    retrain("node", "set", name, "--node-field-selector", "displayName=approve", "-p", "word=yes")
    retrain("resume", name, "--node-field-selector", "displayName=approve")
    retrain("wait", name)
    assert "word yes" in retrain("logs", name, "after").stdout


def test_resume_without_a_selector_takes_the_default(retrain: Run, submitted: Submit, cluster: Cluster) -> None:
    name = submitted(*approval())
    until_suspended(cluster, name)
    retrain("resume", name)
    retrain("wait", name)
    assert "word none" in retrain("logs", name, "after").stdout


def test_a_suspended_workflow_starts_nothing_until_it_is_resumed(retrain: Run, submitted: Submit) -> None:
    name = submitted(shell("true"), spec={"suspend": True})
    assert "nodes" not in (json.loads(retrain("get", name, "-o", "json").stdout).get("status") or {})
    retrain("resume", name)
    assert retrain("wait", name).stdout == f"{name} Succeeded\n"
    assert "cannot suspend completed workflows" in retrain("suspend", name, exit_code=2).stderr


def test_stop_runs_the_exit_handler_and_terminate_does_not(retrain: Run, submitted: Submit) -> None:
    for verb, handlers in (("stop", 1), ("terminate", 0)):
        name = submitted(shell("trap 'exit 1' TERM; while true; do sleep 1; done"), shell("true", "after"), spec={"onExit": "after"})
        retrain(verb, name)
        retrain("wait", name, exit_code=1)
        nodes = json.loads(retrain("get", name, "-o", "json").stdout)["status"].get("nodes", {})
        assert len([n for n in nodes.values() if n["name"].endswith(".onExit")]) == handlers, verb
        assert "cannot shutdown a completed workflow" in retrain(verb, name, exit_code=2).stderr


def test_a_pending_node_says_what_its_pod_waits_for(cluster: Cluster, submitted: Submit, retrain: Run) -> None:
    unschedulable = shell("true", nodeSelector={"there": "is-none"})
    mounted = shell("true", volumes=[{"name": "absent", "secret": {"secretName": "absent"}}])
    mounted["container"]["volumeMounts"] = [{"name": "absent", "mountPath": "/absent"}]
    reasons = ((unschedulable, "Unschedulable: 0/1 nodes"), (mounted, "FailedMount: MountVolume.SetUp failed"))
    for template, reason in reasons:
        name = submitted(template)
        for _ in ArgoOnKubernetes(cluster).watch(name):
            if reason in retrain("get", name).stdout:
                break
        retrain("terminate", name)


def test_what_only_argo_can_do_is_refused_with_the_command_that_does_it(retrain: Run, submitted: Submit) -> None:
    name = submitted(shell("false"))
    retrain("wait", name, exit_code=1)
    assert f"`argo retry {name} --context" in retrain("retry", name, exit_code=3).stderr


def test_a_template_is_stored_with_the_workflow_that_needs_it_and_submitted_from(retrain: Run, tmp_path: Path) -> None:
    word = {"name": "word", "value": "{{workflow.parameters.word}}"}
    greet = shell("echo {{inputs.parameters.word}}", "greet", inputs={"parameters": [word]})
    spec = {"entrypoint": "greet", "arguments": {"parameters": [{"name": "word", "value": "first"}]}, "templates": [greet]}
    api_version = "argoproj.io/v1alpha1"
    template = {"apiVersion": api_version, "kind": "WorkflowTemplate", "metadata": {"name": "greet"}, "spec": spec}
    workflow = {
        "apiVersion": api_version,
        "kind": "Workflow",
        "metadata": {"generateName": "greet-"},
        "spec": {"workflowTemplateRef": {"name": "greet"}},
    }
    file = tmp_path / "both.yaml"
    file.write_text(yaml.safe_dump_all([workflow, template]), encoding="utf-8")
    name = retrain("submit", str(file), "--wait", "-o", "name").stdout.strip()
    assert "first" in retrain("logs", name).stdout.splitlines()
    told = retrain("submit", "--from", "workflowtemplate/greet", "-p", "word=second", "--watch").stdout
    assert "Succeeded" in told
    assert "second" in retrain("logs", "@latest").stdout.splitlines()
    assert retrain("list", "workflowtemplates", "-o", "name").stdout == "greet\n"
    assert retrain("delete", "workflowtemplate/greet").stdout == "workflowtemplate greet deleted\n"


def test_a_watch_goes_on_over_many_requests(cluster: Cluster, submitted: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request of this watch lasts a second, so that the Workflow outlives several of them."""
    monkeypatch.setattr("retrain.client.cluster.api.WATCH_SECONDS", 1)
    name = submitted(shell("sleep 5"))
    assert [phase(w) for w in changes(ArgoOnKubernetes(cluster), name)][-1] == "Succeeded"
