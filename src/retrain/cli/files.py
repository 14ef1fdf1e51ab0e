"""Which documents a verb is about: the files named, or the laptop's overlay of the repository one stands in."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import click

from localargo import Document, InvalidInput

OVERLAY = Path("overlays/laptop")
MODELS = Path("models")


def documents(files: Sequence[Path], *, mend: bool = False) -> list[Document]:
    """What `files` hold, by default the laptop's overlay; with `mend` that one's list of models is kept equal to the folder first.

    Raises UsageError where there is neither, InvalidInput for a model's spec: it is no manifest.
    """
    from retrain.project import models
    from retrain.project.kustomize import load

    if not files and not OVERLAY.is_dir():
        raise click.UsageError(f"no {OVERLAY} here: name manifests, or go to the folder of your repository")
    if not files and mend and (MODELS / "kustomization.yaml").exists() and models.sync(MODELS):
        click.echo(f"{MODELS}/kustomization.yaml now lists every model", err=True)
    found = load(list(files) or [OVERLAY])
    for document in found:
        if is_spec(document):
            raise InvalidInput(
                f"{document.file}: the spec of a model is no manifest: `retrain lint` checks it, `retrain try` runs it on local files, "
                f"and `retrain apply` without FILES loads all of {MODELS}/"
            )
    return found


def is_spec(document: Document) -> bool:
    """Whether it is the spec of a model."""
    return document.kind == "Model" and str(document.doc.get("apiVersion", "")).startswith("retrain/")


def need_handlers() -> None:
    """The steps answer themselves, and they lie in the repository. Raises UsageError where they cannot be called from."""
    if not Path("handlers/__init__.py").is_file() and importlib.util.find_spec("handlers") is None:
        raise click.UsageError("no handlers/ here: go to the folder of your repository")
