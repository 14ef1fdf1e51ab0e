"""Exported models: a folder under the trial in the bucket, which stands alone (`handlers.scoring.export`).

`trials/<model>/<trial>/exports/<digest>/` holds the files, and last of all `export.json`, which lists them with their SHA-256. The winner
of each run is exported when it is judged. The folder of any other trial is made when it is asked for, and is the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers.contracts import BadData
from handlers.data.manifest import Dataset, load_dataset
from handlers.models import kept, saved
from handlers.models.estimators import libraries, module
from handlers.models.kinds import Recipe
from handlers.modelspec.code_digests import code_digest, installed, of_source
from handlers.modelspec.model import ModelSpec
from handlers.runs import trials
from handlers.runs.evaluation import TrainedTrial, on_valid
from handlers.runs.importance import importance
from handlers.scoring import export, learned
from handlers.scoring.scorer import DOCUMENTS, Documents, Scorer
from handlers.storage import Missing, Store, digest, optional_json, write_once

MARKER = "export.json"
FORMAT = 1
MODEL = "model/"
NEEDED = tuple(f"{name}.json" for name in DOCUMENTS)  # what predicts, beside the model's own files


@dataclass(frozen=True, slots=True)
class Export:
    """The list of a folder's files, and how to get one."""

    listed: dict[str, Any]
    read: Callable[[str], bytes]

    def files(self) -> Mapping[str, dict[str, Any]]:
        """SHA-256 and size by path."""
        found: dict[str, dict[str, Any]] = self.listed["files"]
        return found

    def checked(self, path: str) -> bytes:
        """A file that is what is listed; BadData where it is another."""
        data = self.read(path)
        if hashlib.sha256(data).hexdigest() != self.files()[path]["sha256"]:
            raise BadData(f"{path}: it is not the file that {MARKER} lists; export the model again")
        return data


def write(export: Export, folder: Path, wanted: Callable[[str], bool] = lambda _path: True) -> None:
    """Write the wanted files of an export into a folder, each checked."""
    for path in export.files():
        if wanted(path):
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise BadData(f"{MARKER}: {path!r} leads out of the folder; the export is not used")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(export.checked(path))


def scorer(export: Export, code: str | None = None) -> Scorer:
    """The model of an export, each of its files checked; the code that goes with it is not run. `code` is the text of the file that made
    it, as this machine or the cluster has it: BadData for a model of another file, unless it needs no code."""
    model = json.loads(export.checked("model.json")) if "model.json" in export.files() else {}
    if model.get("file") and (code is None or of_source(code) != model["file"]):
        files = {path.removeprefix(MODEL): export.checked(path) for path in export.files() if path.startswith(MODEL)}
        if not kept.readable(files):
            raise BadData(_another(model, code))
        documents = Documents(*(json.loads(export.checked(name)) for name in NEEDED))
        recipe = Recipe(
            kept.kind(model["estimator"]), model["task"], model["params"], model["seed"], len(model["classes"]), model["memory"]
        )
        return Scorer(documents, saved.loaded(recipe, files, f"{model['model']}@{model['trial']}"))
    with tempfile.TemporaryDirectory(prefix="retrain-model-") as place:
        write(export, Path(place), lambda path: path in NEEDED or path.startswith(MODEL))
        return learned.scorer(Path(place), code)


def _another(model: Mapping[str, Any], code: str | None) -> str:
    """Why a model does not predict with the file that is here."""
    name, path = f"{model['model']}@{model['trial']}", str(model["estimator"]).partition(":")[0]
    here = "is not here" if code is None else f"is another one here (its digest is {of_source(code)})"
    return (
        f"{name}: a file of your own made this model, and code of a bucket is not run: {path} of the digest {model['file']} made it, and "
        f"{path} {here}. Put that version back, train with this one, or run the predict.py that `retrain model get {name}` writes"
    )


def folder(model: str, trial: str, name: str) -> str:
    return f"{trials.folder(model, trial)}/exports/{name}"


def named(trial: str, spec: ModelSpec, evaluation: str) -> str:
    """The digest of an export: of the trial, of its evaluation, which chose the threshold, and of the code that goes with it."""
    return digest({"trial": trial, "evaluation": evaluation, "code": code_digest("exports", libraries(spec.model.estimator))})


def keep(store: Store, model: str, trial: str, spec: ModelSpec, dataset: Dataset) -> str:
    """Export a trial into the bucket, unless it is there; its digest. The marker comes last."""
    evaluation = on_valid(store, model, trial, spec, dataset)
    name = named(trial, spec, evaluation["digest"])
    where = folder(model, trial, name)
    if optional_json(store, f"{where}/{MARKER}") is None:
        trained = TrainedTrial.open(store, model, trial, spec.code)
        files = export.folder(_exported(store, model, trained, spec, dataset, evaluation), installed)
        for path, data in files.items():
            store.put(f"{where}/{path}", data)
        write_once(store, f"{where}/{MARKER}", _listed(model, trial, name, files))
    return name


def in_bucket(store: Store, model: str, trial: str, name: str) -> Export | None:
    """An export of the bucket; None where there is none of that digest."""
    where = folder(model, trial, name)
    listed = optional_json(store, f"{where}/{MARKER}")
    return None if listed is None else Export(listed, lambda path: _got(store, f"{where}/{path}"))


def _got(store: Store, key: str) -> bytes:
    try:
        return store.get(key)
    except Missing:
        raise BadData(f"{key}: {MARKER} lists it, and it is not in the bucket") from None


def made(store: Store, model: str, trial: str, code: str | None = None) -> Export:
    """The export of a trial, by the spec and the data that it was trained with: that of the bucket, or else one that is made here and
    not kept. BadData where there is no such trained trial. `code` is the file that may be run, if it is the one that made the model."""
    trained = TrainedTrial.open(store, model, trial, code)
    # what the bucket says is not run
    spec = trained.spec.model_copy(update={"code": code})
    dataset = load_dataset(store, model, trained.request["dataset"])
    evaluation = on_valid(store, model, trial, spec, dataset)
    name = named(trial, spec, evaluation["digest"])
    known = in_bucket(store, model, trial, name)
    if known is not None:
        return known
    files = export.folder(_exported(store, model, trained, spec, dataset, evaluation), installed)
    return Export(_listed(model, trial, name, files), files.__getitem__)


def _listed(model: str, trial: str, name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    listed = {path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in files.items()}
    return {"format": FORMAT, "model": model, "trial": trial, "digest": name, "files": listed}


def _exported(
    store: Store, model: str, trained: TrainedTrial, spec: ModelSpec, dataset: Dataset, evaluation: dict[str, Any]
) -> export.Exported:
    trial, kind = trained.trial, trained.estimator.recipe.kind
    result = trials.result(store, model, trial) or {}
    threshold = evaluation.get("threshold")
    needed = libraries(spec.model.estimator)
    return export.Exported(
        model=model,
        trial=trial,
        # how it encodes and learned is the trial's own spec; how it decides is the evaluation's
        spec=trained.spec,
        params=trained.request["params"],
        dataset=trained.dataset,
        module=module(kind),
        files=trials.model_files(store, model, trial),
        libraries=kind.requirements,
        threshold=threshold,
        metrics={"valid": evaluation["metrics"], "rows": evaluation["rows"], "evaluation": evaluation["digest"]},
        importance=importance(store, trained, dataset, spec, threshold["value"] if threshold else None),
        provenance={
            "model": model,
            "trial": trial,
            "run": trained.request.get("run"),
            "dataset": trained.dataset.digest,
            "learned": result.get("learned"),
            "state": result.get("state"),
            "versions": result.get("versions"),
            "kernel": result.get("kernel"),
            "code": {stage: code_digest(stage, needed) for stage in ("trials", "evaluations", "exports")},
        },
        table=kind.table,
    )
