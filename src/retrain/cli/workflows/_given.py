"""The documents of files with the values given on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localargo import Document
from retrain.cli.options import assignments
from retrain.client.workflows import with_parameters
from retrain.project.manifests import documents


def with_values(files: Sequence[Path], given: tuple[str, ...]) -> list[Document]:
    """What the files hold, their Workflows with the `-p` values."""
    values = assignments(given)
    return [replace(d, doc=with_parameters(d.doc, values)) if d.kind == "Workflow" else d for d in documents(files)]


def names(files: Sequence[Path]) -> str:
    """The files as a message names them."""
    return ", ".join("standard input" if str(path) == "-" else str(path) for path in files)
