"""The installs of the repository, rendered once: the root, the overlays, and each component on its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from localargo.manifests.document import Document
from retrain.project.kustomize import render

ROOT = Path(__file__).parent.parent.parent
OVERLAYS = sorted(f"overlays/{folder.name}" for folder in (ROOT / "overlays").iterdir())
ON_A_CLUSTER = [overlay for overlay in OVERLAYS if overlay != "overlays/laptop"]
EVERYWHERE = [".", *OVERLAYS]
COMPONENTS = sorted(folder.name for folder in (ROOT / "components").iterdir())
NEEDED = {"ephemeral": ["seaweedfs"]}  # components that change what another one brings
Doc = dict[str, Any]


@cache
def rendered(install: str) -> list[Document]:
    return render(ROOT / install)


@cache
def with_component(name: str) -> list[Document]:
    """The default install with one component (and what that one changes), with the values of the production overlay."""
    return render_with([*NEEDED.get(name, []), name])


def render_with(components: list[str], **more: Any) -> list[Document]:
    """The default install with components; `more` are further fields of the kustomization."""
    kustomization = yaml.safe_load((ROOT / "kustomization.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()

        def below(path: str) -> str:
            return os.path.relpath(ROOT / path, folder)

        kustomization["resources"] = [below(each) for each in kustomization["resources"]] + ["values.yaml"]
        kustomization["components"] = [below(f"components/{each}") for each in components]
        shutil.copy(ROOT / "overlays/production/values.yaml", folder)
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization | more), encoding="utf-8")
        return render(folder)


def of_kind(documents: list[Document], kind: str) -> list[Doc]:
    return [d.doc for d in documents if d.kind == kind]


def named(documents: list[Document], kind: str, name: str) -> Doc:
    (found,) = [doc for doc in of_kind(documents, kind) if doc["metadata"]["name"] == name]
    return found
