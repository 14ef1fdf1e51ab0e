from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.manifests.document import Document
from localargo.manifests.lint_destinations import check, problems, split
from localargo.manifests.report import Report

RESOURCE: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "a-", "labels": {"x": "y"}},
    "spec": {
        "arguments": {"parameters": [{"name": "model", "value": ""}, {"name": "event", "value": ""}]},
        "workflowTemplateRef": {"name": "t"},
    },
}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("spec.a.0.value", ["spec", "a", "0", "value"]),
        (r"metadata.labels.example\.com/model", ["metadata", "labels", "example.com/model"]),
        ('spec.parameters.#(name=="a.b").value', ["spec", "parameters", '#(name=="a.b")', "value"]),
    ],
)
def test_paths_are_split_as_sjson_does(path: str, parts: list[str]) -> None:
    assert split(path) == parts


@given(st.lists(st.text(st.characters(exclude_characters="()"), min_size=1, max_size=4), min_size=1, max_size=4))
def test_escaped_parts_come_back(parts: list[str]) -> None:
    path = ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in parts)
    assert split(path) == parts


@pytest.mark.parametrize(
    "dest",
    [
        "metadata.name",
        "metadata.generateName",
        r"metadata.labels.example\.com/model",
        "metadata.annotations.model",
        'spec.arguments.parameters.#(name=="model").value',
        "spec.workflowTemplateRef.name",
        "spec.priority",
        "spec.arguments.parameters.-1",
    ],
)
def test_destinations_that_are_there_or_may_be(dest: str) -> None:
    assert list(problems(RESOURCE, dest, {})) == []


@pytest.mark.parametrize(
    ("dest", "key", "message", "hint"),
    [
        ("spec.argumnts.parameters.0.value", "", "Workflow has no field argumnts in spec", "did you mean arguments?"),
        ("spec.arguments.parameters.2.value", "", "2 does not exist: the list has 2 elements", '#(name=="...")'),
        ("spec.arguments.parameters.model.value", "", "model does not exist: this is a list", ""),
        ('spec.arguments.parameters.#(name=="modle").value', "", "no element of this list has name modle", "did you mean model?"),
        ("spec.arguments.parameters.0.value", "body.x", "addresses a position", 'write spec.arguments.parameters.#(name=="model").value'),
        ("spec.arguments.parameters.0.value", "body.event", "sets model, but reads event", 'write #(name=="event") in place of 0'),
        ("metadata.generateName.x", "", "metadata.generateName is a plain value without fields", ""),
        ("spec.templates.0.name", "", "the resource has no templates in spec", "write them out"),
        ("spec.arguments.parameters.0.vlaue", "", "Workflow has no field vlaue", "did you mean value?"),
    ],
)
def test_destinations_that_miss(dest: str, key: str, message: str, hint: str) -> None:
    found = list(problems(RESOURCE, dest, {"src": {"dataKey": key}}))
    assert message in found[-1][0]
    assert hint in found[-1][1]


def test_a_resource_without_a_schema_is_compared_with_itself() -> None:
    assert list(problems({"url": "x"}, "url", {})) == []
    ((message, hint),) = problems({"url": "x"}, "urll", {})
    assert (message, hint) == ("urll does not exist in the resource", "did you mean url?")


def findings(parameter: dict[str, Any], source: str = "webhook") -> list[tuple[str, str]]:
    report = Report()
    check(Document({"kind": "Sensor", "metadata": {"name": "s"}}), report, [parameter], "p", RESOURCE, {"d": source})
    return [(each.severity, each.message) for each in report.findings]


@pytest.mark.parametrize(
    ("src", "severity", "message"),
    [
        ({"dependencyName": "e", "dataKey": "body"}, "warning", "there is no dependency e: this parameter is never set"),
        ({"dataKey": "body"}, "error", "src needs `dependencyName`"),
        ({"dependencyName": "d", "dataKey": "bdy.x"}, "warning", "the payload of a webhook event has no `bdy` at its top"),
        ({"dependencyName": "d", "contextKey": "subjct"}, "warning", "the context of an event has no subjct"),
        ({"dependencyName": "d", "dataTemplate": "{{ nope .Input }}"}, "warning", "this template cannot be used"),
        (
            {"dependencyName": "d", "dataTemplate": "{{ .Input.body.id }}"},
            "warning",
            "a template prints a large or small number in another",
        ),
        ({"dependencyName": "d", "dataTemplate": "{{ .Input"}, "warning", "this template cannot be used"),
        ({"dependencyName": "d", "dataKey": "body", "contextKey": "id"}, "warning", "the data key or template takes precedence"),
        (None, "error", "a parameter needs `src`"),
    ],
)
def test_sources_of_parameters(src: Any, severity: str, message: str) -> None:
    ((found, text),) = findings({"src": src, "dest": "metadata.name"})
    assert found == severity
    assert text.startswith(message)


def test_destination_and_operation_are_checked() -> None:
    assert findings({"src": {"dependencyName": "d"}}) == [("error", "a parameter needs `dest`")]
    ((severity, message),) = findings({"src": {"dependencyName": "d"}, "dest": "metadata.name", "operation": "apend"})
    assert (severity, message) == ("error", "operation is one of overwrite, append, prepend, not apend")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("notification.0.s3.object.key", []),
        ("notification.0.s3.object.userMetadata.any.thing", []),
        ("notification.#.s3", []),
        ("notification.0.s3.objct.key", ["notification.0.s3 of a minio event has no `objct`"]),
        ("notification.0.eventTime.seconds", ["notification.0.eventTime of a minio event has no `seconds`"]),
    ],
)
def test_keys_of_a_bucket_s_notification(key: str, said: list[str]) -> None:
    parameter = {"src": {"dependencyName": "d", "dataKey": key}, "dest": "metadata.name"}
    assert [message for _, message in findings(parameter, "minio")] == said
