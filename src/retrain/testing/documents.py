"""Where tests take their documents from: files, folders, text or trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from retrain.errors import refuse
from retrain.manifests.document import Document
from retrain.manifests.validate import check
from retrain.manifests.yaml import load_documents
from retrain.render.kustomize import load

Given = str | PathLike[str] | Document | Mapping[str, Any]


def gather(given: Sequence[Given], known: Sequence[Document]) -> list[Document]:
    """The documents of everything given, checked as `retrain lint` does, with those already known around them.

    A text of several lines is YAML; any other text and a Path name a file or a folder (rendered where it has a kustomization); a Document
    or a tree is taken as it is. Raises InvalidInput or Unsupported with every finding.
    """
    found: list[Document] = []
    for each in given:
        if isinstance(each, Document):
            found.append(each)
        elif isinstance(each, Mapping):
            found.append(Document(dict(each)))
        elif isinstance(each, str) and "\n" in each:
            found += load_documents(each, "<test>")
        else:
            found += load([Path(each)])
    refuse(check(found, known))
    return found
