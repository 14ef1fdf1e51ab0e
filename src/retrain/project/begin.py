"""A new project: models of one's own on the manifests of the installed release."""

from __future__ import annotations

from pathlib import Path

from localargo import InvalidInput
from retrain.project import brought, generated, models
from retrain.project.files import write


def begin(folder: Path) -> list[str]:
    """Write what a project begins with; the paths of files that were there and stay as they are.

    Raises InvalidInput, and writes nothing, where a file of the manifests' names is there and says something else.
    """
    if brought.recorded(folder) is not None:
        raise InvalidInput(f"{folder} is a project already: `retrain upgrade` in it brings new manifests")
    files, once = brought.files(), brought.once()
    for path, text in files.items():
        if (folder / path).exists() and not _says(folder / path, text):
            raise InvalidInput(f"{folder / path} exists already, and a project begins with another: nothing was written; name a new folder")
    kept = [path for path, text in once.items() if (folder / path).exists() and not _says(folder / path, text)]
    for path, text in {**files, **once}.items():
        if not (folder / path).exists():
            write(folder / path, text)
    (folder / "models" / generated.FOLDER).mkdir(exist_ok=True)
    models.sync(folder / "models")
    write(folder / brought.RECORD, brought.record(files))
    return kept


def _says(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8", errors="surrogateescape") == text
