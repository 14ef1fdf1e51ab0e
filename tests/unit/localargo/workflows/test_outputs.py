"""Outputs: of pods, of loops, of templates; and how a pod's end is judged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localargo.ports import ArtifactLocation, ContainerExit, PodExit, StoredOutputs
from localargo.workflows import outputs
from localargo.workflows.artifacts import ArtifactMissing, NotAnArtifact, resolve_arguments, resolve_artifact
from localargo.workflows.pod_results import verdict
from localargo.workflows.scope import Scope
from localargo.workflows.work import CallFailed


def test_a_parameter_that_was_not_written_is_shown_without_a_value() -> None:
    template = {
        "outputs": {
            "parameters": [{"name": "a", "valueFrom": {"path": "/a"}}, {"name": "b", "valueFrom": {"path": "/b"}}],
            "artifacts": [{"name": "x", "path": "/x"}, {"name": "y", "path": "/y", "optional": True}],
        }
    }
    stored = StoredOutputs(parameters={"a": "1"}, artifacts={"x": ArtifactLocation("s3", "k", "b")}, result="r", error="b is missing")
    assert outputs.pod_outputs(template, stored, "0") == {
        "parameters": [{"name": "a", "valueFrom": {"path": "/a"}, "value": "1"}, {"name": "b", "valueFrom": {"path": "/b"}}],
        "artifacts": [{"name": "x", "path": "/x", "s3": {"key": "k", "bucket": "b"}}],
        "result": "r",
        "exitCode": "0",
    }
    assert outputs.pod_outputs({}, None, None) is None


@settings(max_examples=50)
@given(
    st.lists(
        st.one_of(st.lists(st.integers(-9, 9), max_size=3), st.dictionaries(st.text(max_size=2), st.booleans(), max_size=2)), min_size=1
    )
)
def test_lists_of_json_become_a_list_of_what_they_mean(values: list[object]) -> None:
    texts = [json.dumps(v) for v in values]
    assert json.loads(outputs._value_list(texts)) == values
    assert json.loads(outputs._value_list([*texts, "plain"])) == [*texts, "plain"]


@pytest.mark.parametrize(
    ("name", "task"),
    [("w[0].a", "a"), ("w.f(0:x.y)(1)", "f"), ("w[2].again[0].dec", "dec"), ("w", "w"), ("w.x.onExit", "onExit"), ("w.t(1:[a b])", "t")],
)
def test_the_task_of_a_node(name: str, task: str) -> None:
    assert outputs.task_name(name) == task


def test_outputs_of_a_template() -> None:
    scope = Scope({"steps.a.outputs.parameters.x": "1", "steps.b.outputs.parameters.x": None, "steps.b.status": "Skipped"})

    def value(source: dict[str, str]) -> str:
        found = outputs.template_outputs({"outputs": {"parameters": [{"name": "o", "valueFrom": source}]}}, scope)
        assert found is not None
        return str(found["parameters"][0]["value"])

    assert value({"parameter": "{{ steps.a.outputs.parameters.x }}"}) == "1"
    assert value({"parameter": "{{steps.b.outputs.parameters.x}}", "default": "d"}) == "d"
    assert value({"parameter": "{{steps.c.outputs.parameters.x}}", "default": "d"}) == "d"
    assert value({"expression": "steps.b.outputs.parameters.x ?? 'e'"}) == "e"
    assert value({"expression": "asInt(steps.a.outputs.parameters.x) + 1"}) == "2"
    assert value({"expression": "[1, 'two', {'b': 1.50, 'a': true}]"}) == "[1 two map[a:true b:1.5]]"  # as Go prints it, no JSON
    with pytest.raises(CallFailed, match=r"^failed to evaluate expression \"steps\[\\\"b\\\"\]\.outputs\.parameters\.x\"$"):
        value({"expression": 'steps["b"].outputs.parameters.x'})
    with pytest.raises(CallFailed, match="absent optional"):
        value({"parameter": "{{steps.b.outputs.parameters.x}}"})
    with pytest.raises(CallFailed, match=r'Unable to resolve: "x \{\{steps\.a"$'):
        value({"parameter": "x {{steps.a}}"})
    with pytest.raises(CallFailed, match=r'Unable to compile: "steps\.a"$'):
        value({"parameter": "{{=steps.a}}"})
    with pytest.raises(CallFailed, match=r'Unable to resolve: "steps\.c\.outputs\.parameters\.x"'):
        value({"parameter": "{{steps.c.outputs.parameters.x}}"})


def test_artifacts_that_are_referred_to() -> None:
    there = {"name": "x", "s3": {"key": "a/b"}}
    scope = Scope({"steps.a.outputs.result": "r"}, {"steps.a.outputs.artifacts.x": there})
    assert resolve_artifact({"name": "n"}, scope) is None
    assert resolve_artifact({"from": "{{steps.a.outputs.artifacts.x}}"}, scope) == there
    assert resolve_artifact({"fromExpression": "steps.a.outputs.artifacts.x"}, scope) == there
    below = resolve_artifact({"from": "{{steps.a.outputs.artifacts.x}}", "subPath": "c"}, scope)
    assert below == {"name": "x", "s3": {"key": "a/b/c"}}
    locations = "ArchiveLogs:nil,S3:nil,Git:nil,HTTP:nil,Artifactory:nil,HDFS:nil,Raw:nil,OSS:nil,GCS:nil,Azure:nil,Plugin:nil,"
    with pytest.raises(NotAnArtifact) as raised:
        resolve_artifact({"name": "n", "from": "{{steps.a.outputs.result}}"}, scope)
    assert str(raised.value) == (
        "Variable {{&Artifact{Name:n,Path:,Mode:nil,From:{{steps.a.outputs.result}},ArtifactLocation:ArtifactLocation{"
        + locations
        + "},GlobalName:,Archive:nil,Optional:false,SubPath:,RecurseMode:false,FromExpression:,ArtifactGC:nil,Deleted:false,}}} "
        "is not an artifact"
    )
    with pytest.raises(ArtifactMissing, match="Unable to resolve"):
        resolve_arguments([{"name": "n", "from": "{{steps.z.outputs.artifacts.x}}"}], scope)
    assert resolve_arguments([{"name": "n", "from": "{{steps.z.outputs.artifacts.x}}", "optional": True}], scope) == []
    none = [{"name": "n", "fromExpression": "nil", "optional": True}]
    assert resolve_arguments(none, scope) == []
    with pytest.raises(NotAnArtifact):
        resolve_arguments(none, scope, dag=True)


def end(*containers: ContainerExit, lost: bool = False, error: str = "") -> PodExit:
    return PodExit("p", "n", "w", 0.0, 1.0, containers, lost, error)


def exited(code: int, reason: str = "Error", message: str = "", name: str = "main") -> ContainerExit:
    return ContainerExit(name, code, reason, 0.0, 1.0, message)


@pytest.mark.parametrize(
    ("found", "stored", "phase", "message"),
    [
        (end(exited(0, "Completed")), None, "Succeeded", ""),
        (end(exited(3)), None, "Failed", "main: Error (exit code 3)"),
        (end(exited(137, "OOMKilled", "raise it")), None, "Failed", "main: OOMKilled (exit code 137): raise it"),
        (end(exited(143, "DeadlineExceeded")), None, "Failed", "Pod was active on the node longer than the specified deadline"),
        (end(exited(0, "Completed")), StoredOutputs(error="wait: no"), "Error", "wait: no"),
        (end(exited(1)), StoredOutputs(error="wait: no"), "Failed", "main: Error (exit code 1)"),
        (end(lost=True), None, "Error", "pod deleted"),
        (
            end(exited(1, name="z"), exited(0, "Completed", name="a"), exited(64, message="no", name="b")),
            None,
            "Failed",
            "b: Error (exit code 64): no",
        ),
        (end(error="init: Error (exit code 64): no"), None, "Error", "init: Error (exit code 64): no"),
    ],
)
def test_how_a_pods_end_is_judged(found: PodExit, stored: StoredOutputs | None, phase: str, message: str) -> None:
    assert verdict(found, stored) == (phase, message)


def test_an_optional_artifact_of_a_template_may_be_missing_but_nothing_else() -> None:
    scope = Scope({"steps.a.outputs.result": "r"})

    def made(source: dict[str, str]) -> object:
        return outputs.template_outputs({"outputs": {"artifacts": [{"name": "o", "optional": True, **source}]}}, scope)

    assert made({"from": "{{steps.z.outputs.artifacts.x}}"}) == {}
    for source in ({"fromExpression": "nil"}, {"from": "{{steps.a.outputs.result}}"}):
        with pytest.raises(CallFailed, match=r"^unable to resolve outputs from scope: Variable .* is not an artifact$"):
            made(source)
