"""Reads the documents of tests from files, folders, text or trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from localargo.errors import refuse
from localargo.manifests.document import Document
from localargo.manifests.validate import check
from localargo.manifests.yaml import load_documents

Load = Callable[[Sequence[Path]], list[Document]]
Given = str | PathLike[str] | Document | Mapping[str, Any]


def gather(given: Sequence[Given], known: Sequence[Document], load: Load) -> list[Document]:
    """The documents of everything given, checked together with those already known.

    Text of several lines is YAML; other text and a Path name a file or a folder, which `load` reads; a Document or a tree is
    used as it is. Raises InvalidInput or Unsupported with every finding.
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
