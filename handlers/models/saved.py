"""A model's files, by name: what `save` writes into a folder, as it is kept in checkpoints and in a trial's folder of the bucket.

None of them is a pickle, which is code that runs when it is read: one is neither kept nor loaded.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from handlers.errors import BadData, BadSpec
from handlers.models.kinds import Estimator, Recipe

NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*")
PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle")
# the protocols that have a mark of their own, which all that is written today have
MARKS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))

Files = Mapping[str, bytes]


def files(made: Estimator) -> dict[str, bytes]:
    """What the model saves; BadSpec where it saves nothing, a pickle, or a file with an odd name."""
    with tempfile.TemporaryDirectory(prefix="retrain-model-") as place:
        folder = Path(place)
        made.save(folder)
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    if not found:
        raise BadSpec(f"model.estimator: {made.recipe.kind.path} saves no file")
    for name, data in found.items():
        why = _refused(name, data)
        if why:
            raise BadSpec(f"model.estimator: {made.recipe.kind.path} saves {name}, {why}")
    return found


def loaded(recipe: Recipe, found: Files, where: str) -> Estimator:
    """The model of these files; BadData naming `where` for a file that is not loaded, or not readable."""
    with tempfile.TemporaryDirectory(prefix="retrain-model-") as place:
        for name, data in found.items():
            why = _refused(name, data)
            if why:
                raise BadData(f"{where}/{name}: {why}; it is not loaded")
            path = Path(place, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            return recipe.kind.load(recipe, Path(place), where)
        except FileNotFoundError as error:
            raise BadData(f"{where}: {Path(str(error.filename)).name} is missing; delete the trial's folder to train it again") from error


def _refused(name: str, data: bytes) -> str | None:
    if NAME.fullmatch(name) is None:
        return "whose name has other characters than letters, digits, `_`, `-` and inner dots"
    if name.lower().endswith(PICKLES) or data.startswith(MARKS):
        return "which is a pickle: code that runs when it is read"
    if data.startswith(b"PK\x03\x04") and any(inner.lower().endswith(PICKLES) for inner in _inside(data)):
        return "which holds a pickle: code that runs when it is read"
    return None


def _inside(data: bytes) -> list[str]:
    try:
        return zipfile.ZipFile(io.BytesIO(data)).namelist()
    except zipfile.BadZipFile:
        return []
