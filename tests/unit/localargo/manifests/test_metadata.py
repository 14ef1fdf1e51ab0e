"""Names, labels and annotations as an API server takes them."""

from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.manifests.document import Document
from localargo.manifests.metadata import check
from localargo.manifests.validate import check as lint


def metadata(**given: Any) -> dict[str, Any]:
    return {"name": "retrain-flight-delay-176000", **given}


@pytest.mark.parametrize("name", ["a", "a-b.c", "0", "retrain-flight-delay-29922360", "x" * 253])
def test_a_name_is_a_subdomain(name: str) -> None:
    check("workflows.argoproj.io", metadata(name=name))


@pytest.mark.parametrize(
    "name", ["", "Not A Name!", "-a", "a-", "a..b", "a/b", "../../etc/passwd", "{{workflow.name}}", "a\n", "ż", "x" * 254, 5, None, "a_b"]
)
def test_what_is_no_name_is_refused_in_the_servers_words(name: Any) -> None:
    with pytest.raises(InvalidInput, match=r"(?s)^workflows.argoproj.io .* is invalid: metadata.name: Invalid value"):
        check("workflows.argoproj.io", metadata(name=name))


@pytest.mark.parametrize("labels", [{"a": ""}, {"example.com/model": "delay"}, {"A_b.c": "A_b.c"}, {"retrain/trigger": "upload"}])
def test_labels_that_are_labels(labels: dict[str, str]) -> None:
    check("workflows.argoproj.io", metadata(labels=labels))


@pytest.mark.parametrize(
    "labels",
    [
        {"a": "b c"},
        {"a": "x" * 64},
        {"a": "{{x}}"},
        {"a": "-b"},
        {"": "b"},
        {"a b": "c"},
        {"a": 5},
        {"a": None},
        {"Ex/a": "b"},
        {"a/b/c": "d"},
    ],
)
def test_labels_that_are_none(labels: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"metadata\.labels"):
        check("workflows.argoproj.io", metadata(labels=labels))


def test_annotations_hold_any_text_but_not_without_end() -> None:
    check("workflows.argoproj.io", metadata(annotations={"a": "{{x}} $(y)\n"}))
    with pytest.raises(InvalidInput, match="Too long"):
        check("workflows.argoproj.io", metadata(annotations={"a": "x" * 300_000}))
    with pytest.raises(InvalidInput, match="text is needed"):
        check("workflows.argoproj.io", metadata(annotations={"a": True}))
    with pytest.raises(InvalidInput, match="a mapping is needed"):
        check("workflows.argoproj.io", metadata(annotations="a"))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": "A_b"}, "metadata.name"),
        ({"name": "-a"}, "metadata.name"),
        ({"generateName": "A-"}, "metadata.generateName"),
        ({"generateName": "{{item}}-"}, "metadata.generateName"),
        ({"name": "a", "labels": {"model": "{{x}}"}}, "metadata.labels"),
    ],
)
@pytest.mark.parametrize("kind", ["Workflow", "ConfigMap"])
def test_the_check_of_a_file_finds_what_the_server_refuses(kind: str, given: dict[str, Any], path: str) -> None:
    spec = {"entrypoint": "m", "templates": [{"name": "m", "container": {"image": "x", "command": ["x"]}}]}
    document = {"apiVersion": "v1", "kind": kind, "metadata": given}
    if kind == "Workflow":
        document |= {"apiVersion": "argoproj.io/v1alpha1", "spec": spec}
    (found,) = [each for each in lint([Document(document, "m.yaml", {})]) if each.severity == "error"]
    assert found.path.endswith(f" {path}")
    assert found.message.endswith(": the API server refuses this")


def test_a_name_that_the_server_completes_is_taken() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}}
    assert lint([Document(document, "m.yaml", {})]) == []
