"""Documents from files and folders of manifests, without rendering."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from localargo.errors import InvalidInput
from localargo.manifests.document import Document
from localargo.manifests.yaml import load_documents

MANIFESTS = (".yaml", ".yml", ".json")


def read_paths(paths: Sequence[Path]) -> list[Document]:
    """Documents of files and folders in the order given.

    From a folder every .yaml, .yml and .json file directly in it is read, in the order of names; `-` is standard input.
    Raises InvalidInput naming what is missing, empty or broken.
    """
    found: list[Document] = []
    for path in paths:
        if str(path) == "-":
            found += _standard_input()
        elif path.is_dir():
            found += _folder(path)
        elif path.is_file():
            found += read_file(path)
        else:
            raise InvalidInput(f"{path}: no such file or folder")
    return found


def read_file(path: Path) -> list[Document]:
    """The documents of one file. Raises InvalidInput when it cannot be read."""
    try:
        return _documents(path.read_bytes(), str(path))
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error


def _standard_input() -> list[Document]:
    documents = _documents(sys.stdin.buffer.read(), "standard input")
    if not documents:
        raise InvalidInput("standard input: it contains no document")
    return documents


def _folder(folder: Path) -> list[Document]:
    files = sorted(path for path in folder.iterdir() if path.suffix in MANIFESTS and path.is_file())
    if not files:
        raise InvalidInput(f"{folder}: neither a kustomization.yaml nor a .yaml, .yml or .json file in this folder")
    return [document for path in files for document in read_file(path)]


def _documents(text: bytes, file: str) -> list[Document]:
    try:
        return load_documents(text.decode("utf-8"), file)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file}: it is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
