"""What many documents have in common is written once, and the folders and overlays stay readable."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from localargo import read_file
from localargo.manifests.document import Document
from localargo.manifests.validate import check
from retrain.project.kustomize import load
from tests.manifests.installs import COMPONENTS, EVERYWHERE, ON_A_CLUSTER, OVERLAYS, ROOT, named, rendered

FOLDERS = ("eventsources", "eventbus", "sensors", "workflowtemplates", "rbac")
RAW = [
    path
    for folder in (*FOLDERS, "components", "overlays")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if path.name != "kustomization.yaml" or "components" in path.parts
]
RESTRICTED = "components/restricted/pods.yaml"


def where(text: str) -> dict[str, int]:
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count(text) for path in RAW}
    return {path: count for path, count in found.items() if count}


def test_the_restricted_context_is_written_in_one_file() -> None:
    """There it stands twice, as fields and in the text that Argo takes for its own containers, and says the same."""
    assert where("allowPrivilegeEscalation") == {RESTRICTED: 2}
    assert where("seccompProfile") == {RESTRICTED: 1}
    (pods,) = read_file(ROOT / RESTRICTED)
    context = pods.doc["template"]["spec"]["containers"][0]["securityContext"]
    patch = yaml.safe_load(pods.doc["metadata"]["annotations"]["executor"])
    assert [each["securityContext"] for each in (*patch["initContainers"], *patch["containers"])] == [context, context]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("retryStrategy:", {"workflowtemplates/step.yaml": 1}),
        ("lastRetry.exitCode in", {"workflowtemplates/step.yaml": 1}),
        ("secretRef", {"workflowtemplates/step.yaml": 1}),
        ("toJson | b64enc", {"sensors/trigger.yaml": 2}),
        ("atLeastOnce: true", {"sensors/trigger.yaml": 1}),
        ("^[a-z0-9]", {"sensors/trigger.yaml": 1}),
        ("{resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 256Mi}}}", {"components/event-pods/kustomization.yaml": 1}),
        ("retrain-trial-secret", {"components/trial-secrets/kustomization.yaml": 1}),
    ],
)
def test_a_block_is_written_once(text: str, files: dict[str, int]) -> None:
    assert where(text) == files


def test_handlers_images_have_their_tag_in_one_place() -> None:
    tagged = [path for path in where("image: retrain/") if "image: retrain/step:" in (ROOT / path).read_text(encoding="utf-8")]
    assert tagged == ["workflowtemplates/step.yaml"]
    assert all(":dev" not in (ROOT / path).read_text(encoding="utf-8") for path in where("image: retrain/") if path not in tagged)


def test_no_file_needs_another_to_be_read() -> None:
    """Anchors belong to one file, and kustomize would lose them; the only ones are inside a text."""
    assert set(where(": &")) == {RESTRICTED}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_raw_files_of_a_folder_are_documents_that_argo_takes(folder: str) -> None:
    documents = [
        each
        for path in sorted((ROOT / folder).glob("*.yaml"))
        if path.name not in ("kustomization.yaml", "images.yaml")
        for each in read_file(path)
    ]
    assert documents
    assert [str(f) for f in check(documents, world_of(documents)) if f.severity != "kept"] == []


def world_of(documents: list[Document]) -> list[Document]:
    """The rest of the repository, which the documents name."""
    mine = {(d.kind, d.name) for d in documents}
    return [d for d in rendered(".") if (d.kind, d.name) not in mine]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_that_kustomize_renders_is_taken_too(folder: str) -> None:
    documents = load([ROOT / folder])
    assert [str(f) for f in check(documents, world_of(documents)) if f.severity != "kept"] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_values_and_a_list_of_components(overlay: str) -> None:
    kustomization = yaml.safe_load((ROOT / overlay / "kustomization.yaml").read_text(encoding="utf-8"))
    if overlay in ON_A_CLUSTER:
        assert set(kustomization) == {"apiVersion", "kind", "namespace", "resources", "components"}
        assert {path.name for path in (ROOT / overlay).iterdir()} == {"kustomization.yaml", "values.yaml"}
        listed = [Path(each).name for each in kustomization["components"]]
        assert listed[-1] == "restricted", "it speaks of the pods that the others bring"
        assert set(listed) <= set(COMPONENTS)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_says_what_it_does_and_what_it_loses(component: str) -> None:
    text = (ROOT / "components" / component / "kustomization.yaml").read_text(encoding="utf-8")
    header = [line.removeprefix("# ") for line in text.splitlines()[: text[: text.index("apiVersion")].count("\n")]]
    assert header and all(header)
    assert any(line.startswith("Loses: ") for line in header)
    assert yaml.safe_load(text)["kind"] == "Component"


@pytest.mark.parametrize("install", EVERYWHERE)
def test_what_comes_after_a_training_is_readable(install: str) -> None:
    tasks = {t["name"]: t for t in named(rendered(install), "WorkflowTemplate", "retrain")["spec"]["templates"][0]["dag"]["tasks"]}
    assert max(len(task.get("depends", "")) for task in tasks.values()) < 90
    leaves = set(tasks) - {name for task in tasks.values() for name in tasks if name in task.get("depends", "").replace(".", " ").split()}
    assert leaves == {"close"}


def test_a_replacement_selects_one_kind() -> None:
    """kustomize before 5.8 (kubectl before 1.35) reads `A|B` in a replacement's selector as the name of one kind, and matches nothing."""
    for path in (found for folder in (*FOLDERS, "components", "overlays") for found in (ROOT / folder).rglob("kustomization.yaml")):
        (document,) = read_file(path)
        for replacement in document.doc.get("replacements") or []:
            for target in replacement["targets"]:
                assert "|" not in target["select"].get("kind", ""), path
