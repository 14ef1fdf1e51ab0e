"""What docs/howto/kubernetes.md says is what the overlays and components are."""

from __future__ import annotations

import re
import subprocess

import pytest

from localargo.manifests.schema import EVENTS, WORKFLOWS
from tests.docs.pages import blocks, prose
from tests.manifests.installs import COMPONENTS, ON_A_CLUSTER, ROOT, named, of_kind, rendered
from tests.manifests.pods import steps
from tests.manifests.restricted import containers

PAGE = ROOT / "docs/howto/kubernetes.md"
SHELL = "\n".join(block.text for block in blocks(PAGE) if block.language == "sh")


def rows(heading: str) -> list[str]:
    """First cells of the table below a heading of the page."""
    section = prose(PAGE).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `?([\w/-]+)`? \|", section, re.MULTILINE)[1:]


def test_every_component_is_in_a_table() -> None:
    listed = [*rows("Components"), *(row for row in rows("How the bucket tells of an upload") if row != "none")]
    assert sorted(listed) == COMPONENTS


@pytest.mark.parametrize("overlay", ON_A_CLUSTER)
def test_every_overlay_is_rendered_by_a_command_of_the_page(overlay: str) -> None:
    assert f".venv/bin/retrain render {overlay} | kubectl apply --server-side -f -" in SHELL
    kinds = [document.kind for document in rendered(overlay)]
    assert kinds[0] == "Namespace", "it is there before what lies in it"


def test_argo_is_installed_in_the_versions_that_the_manifests_are_checked_against() -> None:
    assert f"argo-workflows/releases/download/v{WORKFLOWS.rpartition('-')[2]}/install.yaml" in SHELL
    assert f"argo-events/v{EVENTS.rpartition('-')[2]}/manifests/install.yaml" in SHELL


@pytest.mark.parametrize("overlay", ["overlays/quickstart", "overlays/kind"])
def test_the_images_that_are_built_are_those_that_run(overlay: str) -> None:
    (loop,) = re.findall(r"for step in ([\w ]+); do", SHELL)
    (loaded,) = re.findall(r'kind load docker-image "(retrain/\$step:\w+)"', SHELL)
    used = {each["image"] for _, pod in steps(rendered(overlay)) for _, each in containers(pod) if "image" in each}
    assert {loaded.replace("$step", step) for step in loop.split()} == used
    assert "\nmake images\n" in SHELL
    made = subprocess.run(["make", "-n", "images", "BUILDER=docker"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"--tag docker\.io/(\S+)", made)) == used


def test_the_keys_and_names_of_the_page_are_those_of_the_trial() -> None:
    documents = rendered("overlays/quickstart")
    import base64

    secret, upload = (
        {key: base64.b64decode(value).decode() for key, value in named(documents, "Secret", name)["data"].items()}
        for name in ("s3", "s3-upload")
    )
    assert f'aws_access_key_id="{upload["AWS_ACCESS_KEY_ID"]}", aws_secret_access_key="{upload["AWS_SECRET_ACCESS_KEY"]}"' in SHELL
    assert f'"{secret["RETRAIN_BUCKET"]}", f"incoming/flight-delay/' in SHELL
    assert "pod/seaweedfs-0" in SHELL and named(documents, "StatefulSet", "seaweedfs")["spec"]["replicas"] == 1
    assert "service/s3 8333" in SHELL


def test_the_secrets_that_production_needs_are_made_by_the_page() -> None:
    created = set(re.findall(r"create secret \w+ ([\w-]+)", SHELL))
    text = str([document.doc for document in rendered("overlays/production") if document.kind != "Secret"])
    needed = {"s3-upload", *re.findall(r"'secretRef': \{'name': '([\w-]+)'\}", text), *re.findall(r"'secretName': '([\w-]+)'", text)}
    needed |= {
        doc["spec"]["webhook"]["retrain"]["authSecret"]["name"]
        for doc in of_kind(rendered("overlays/production"), "EventSource")
        if "webhook" in doc["spec"]
    }
    assert created == needed
