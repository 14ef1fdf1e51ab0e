"""A training's state as one object, written whole: the model with its optimizer, where it is in the data, and how it went so far.

One PUT replaces the object, so a reader finds the state before or the state after, never a mixture. Nothing random is kept elsewhere:
the order of the rows follows from seed and epoch, an estimator's own generator travels inside its file.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from typing import Any

from handlers.contracts import BadData
from handlers.data.read import Position
from handlers.models import kernel as kernels
from handlers.models import saved
from handlers.models.kinds import Estimator, Recipe
from handlers.storage import Missing, Store

FORMAT = 3


@dataclass
class Progress:
    """`epoch` is under way, `position` its last learned batch (None: not begun), `batches` how many it has learned. `history` are the
    finished epochs' lines, `within` those of validations within epochs.

    `best` is {"epoch", "value"} of the best epoch on `valid`; `best_model` its files; `stale` how many epochs ago that was.
    """

    epoch: int = 0
    position: Position | None = None
    batches: int = 0
    rows: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    within: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_model: saved.Files | None = None
    stale: int = 0
    stopped: str | None = None


def key(folder: str) -> str:
    return f"{folder}/checkpoint/state.zip"


def pack(made: Estimator, progress: Progress) -> bytes:
    """The bytes of one checkpoint."""
    state = {
        "format": FORMAT,
        "kernel": kernels.kernel(),
        "versions": kernels.versions(made.recipe.kind.requirements),
        "epoch": progress.epoch,
        "position": asdict(progress.position) if progress.position is not None else None,
        "batches": progress.batches,
        "rows": progress.rows,
        "history": progress.history,
        "within": progress.within,
        "best": progress.best,
        "stale": progress.stale,
        "stopped": progress.stopped,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("state.json", json.dumps(state, sort_keys=True))
        for folder, files in (("model", saved.files(made)), ("best", progress.best_model or {})):
            for name, data in files.items():
                archive.writestr(f"{folder}/{name}", data)
    return packed.getvalue()


def save(store: Store, folder: str, made: Estimator, progress: Progress) -> None:
    store.put(key(folder), pack(made, progress))


class CannotResume(Exception):
    """The checkpoint cannot be continued exactly; the text says why. Training starts again."""


def resume(store: Store, folder: str, recipe: Recipe) -> tuple[Estimator, Progress] | None:
    """The model and the progress of the last checkpoint, None without one; CannotResume under another kernel or library version."""
    where = key(folder)
    try:
        data = store.get(where)
    except Missing:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            state = json.loads(archive.read("state.json"))
            model, best = _files(archive, "model/"), _files(archive, "best/")
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CannotResume(f"{where} is damaged ({error})") from error
    why = _why_not(state, recipe)
    if why:
        raise CannotResume(f"{where}: {why}")
    try:
        made = saved.loaded(recipe, model, where)
    except BadData as error:
        raise CannotResume(str(error)) from error
    position = Position(**state["position"]) if state["position"] is not None else None
    progress = Progress(
        state["epoch"],
        position,
        state["batches"],
        state["rows"],
        state["history"],
        state["within"],
        state["best"],
        best or None,
        state["stale"],
        state["stopped"],
    )
    return made, progress


def _files(archive: zipfile.ZipFile, folder: str) -> dict[str, bytes]:
    return {name.removeprefix(folder): archive.read(name) for name in archive.namelist() if name.startswith(folder)}


def _why_not(state: dict[str, Any], recipe: Recipe) -> str | None:
    if state.get("format") != FORMAT:
        return f"its format is {state.get('format')!r}, this code reads {FORMAT}"
    return kernels.difference(state.get("kernel", {}), kernels.kernel()) or kernels.difference(
        state.get("versions", {}), kernels.versions(recipe.kind.requirements)
    )
