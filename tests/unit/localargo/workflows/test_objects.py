from pathlib import Path
from typing import Any

import pytest

from localargo.store import open_store
from localargo.workflows.objects import SCHEMA, Documents, known_kind, resource_name


def doc(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, **more}


def test_what_is_put_is_there_again_after_a_restart(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "a.db", [SCHEMA])
    first = Documents(connection, "ns", {})
    version = first.next_version()
    first.put(doc("ConfigMap", "b", data={"x": "1"}))
    first.put(doc("ConfigMap", "a"))
    first.put(doc("ConfigMap", "b", data={"x": "2"}))
    first.put(doc("Secret", "gone"))
    first.remove("Secret", "gone")
    again = Documents(connection, "ns", {})
    assert again.of_kind("ConfigMap") == [doc("ConfigMap", "b", data={"x": "2"}), doc("ConfigMap", "a")]
    assert again.get("Secret", "gone") is None
    assert again.everything() == again.of_kind("ConfigMap")
    assert int(again.next_version()) > int(version)
    connection.close()


def test_a_world_is_a_snapshot(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "a.db", [SCHEMA])
    documents = Documents(connection, "ns", {"LANG": "C"})
    documents.repository = {"s3": {"bucket": "own"}}
    before = documents.world()
    assert documents.world() is before
    documents.put(doc("WorkflowTemplate", "t"))
    after = documents.world()
    assert before.templates == {}
    assert after.templates == {"t": doc("WorkflowTemplate", "t")}
    assert (after.namespace, after.artifact_repository, after.pod_environment) == ("ns", {"s3": {"bucket": "own"}}, {"LANG": "C"})
    connection.close()


@pytest.mark.parametrize(
    "data",
    [
        {"artifactRepository": "s3: {bucket: b, keyFormat: k}", "workflowDefaults": "spec: {entrypoint: x}"},
        {"config": "artifactRepository: {s3: {bucket: b, keyFormat: k}}\nworkflowDefaults: {spec: {entrypoint: x}}"},
    ],
)
def test_the_controllers_configmap_is_read_in_both_forms(tmp_path: Path, data: dict[str, str]) -> None:
    connection = open_store(tmp_path / "a.db", [SCHEMA])
    documents = Documents(connection, "ns", {})
    documents.resolve_repository = lambda given: {"resolved": given}
    documents.put(doc("ConfigMap", "workflow-controller-configmap", data=data))
    world = documents.world()
    assert world.artifact_repository == {"resolved": {"s3": {"bucket": "b", "keyFormat": "k"}}}
    assert world.workflow_defaults == {"spec": {"entrypoint": "x"}}
    connection.close()


def test_kinds_have_names_for_people_and_for_messages() -> None:
    assert known_kind("configmaps") == known_kind("cm") == known_kind("ConfigMap") == "ConfigMap"
    assert known_kind("workflowtemplates.argoproj.io") == "WorkflowTemplate"
    assert known_kind("Gadget") == "Gadget"
    assert resource_name("Workflow") == "workflows.argoproj.io"
    assert resource_name("Gadget") == "gadgets"
