"""What a model has learned, from the files of its folder, by the module of its kind: no pickle, and no type that the kind does not need."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from handlers.errors import BadData
from handlers.models import saved
from handlers.models.kinds import Recipe
from handlers.scoring.scorer import Documents, Learned, Scorer

FILE = "estimator.py"
MODULE = re.compile(r"[a-z][a-z0-9_]*")


def scorer(folder: Path, code: str | None = None) -> Scorer:
    """The model of an exported folder; BadData where it is none. `code` is the file that made it, by default the folder's own."""
    documents = Documents.read(folder)
    if documents.model.get("file") and code is None:
        code = (folder / FILE).read_text(encoding="utf-8")
    return Scorer(documents, of_folder(documents.model, folder / "model", code))


def of_folder(model: dict[str, Any], folder: Path, code: str | None) -> Learned:
    """What `model` says, from the files that its kind has saved."""
    module = import_module(f"{__package__.rpartition('.')[0]}.models.{_module(model)}")
    if code is not None:
        path, _, name = str(model["estimator"]).partition(":")
        kind = module.kind(module.File(path, name, code))
    else:
        kind = next((kind for kind in getattr(module, "KINDS", ()) if kind.path == model["estimator"]), None)
    if kind is None:
        raise BadData(f"{folder}: {model['estimator']} is not known here")
    recipe = Recipe(kind, model["task"], model["params"], model["seed"], len(model["classes"]), model["memory"])
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return saved.loaded(recipe, files, str(folder))


def _module(model: dict[str, Any]) -> str:
    name = str(model["module"])
    if MODULE.fullmatch(name) is None:
        raise BadData(f"model.json: {name!r} is no module of estimators")
    return name
