"""Loading documents for a verb: the list of models kept complete, references resolved against what the server already has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from localargo import Document
from retrain.project.manifests import MODELS, documents


def load(files: Sequence[Path]) -> list[Document]:
    """What `files` hold, by default the laptop's overlay, whose list of models is brought up to date first."""
    if not files:
        _say_if_old()
        list_models()
    return documents(files)


def _say_if_old() -> None:
    """Warn where the manifests are of one release and the handlers of another."""
    from retrain.project.brought import outdated

    if old := outdated(Path()):
        click.echo(f"warning: {old}", err=True)


def list_models() -> None:
    """List every model of models/ in its kustomization, write what follows from the specs, and say so if something was missing."""
    from retrain.project import models

    if (MODELS / "kustomization.yaml").exists() and models.sync(MODELS):
        click.echo(f"{MODELS}/kustomization.yaml and {MODELS}/generated/ now say what the specs say", err=True)


def known(stored: Sequence[dict[str, Any]], given: Sequence[Document]) -> list[Document]:
    """Documents that the server has already and that none of those given replaces, so that lint finds what they refer to."""
    replaced = {(d.kind, d.name) for d in given}
    return [Document(doc, "engine", {}) for doc in stored if (doc["kind"], doc["metadata"]["name"]) not in replaced]
