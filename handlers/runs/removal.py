"""What of a model can go from the bucket: everything that neither a champion nor one of the last runs needs, or all of it.

What is named by a digest can be made again from the uploads, under the same name; so a marker goes before what it marks, and whatever is
left when a removal is interrupted counts as not there. A run that is under way, or begins, stops a removal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contracts import BadData, WrongUsage
from handlers.data.manifest import load_dataset
from handlers.runs import champion as champions
from handlers.runs import claim, waiting
from handlers.runs.records import models, runs
from handlers.storage import Missing, ObjectInfo, Store, optional_json

Doc = dict[str, Any]
KINDS = ("trained", "trials", "datasets", "parts", "snapshots")
WHOLE = (*KINDS, "contents", "predictions", "events", "outbox", "undelivered", "runs")
MARKERS = ("result.json", "parts.json", "export.json")
LOOK_AGAIN = 100  # objects are removed between two looks at the claim


@dataclass(frozen=True, slots=True)
class Needed:
    """The names that must stay: `runs` whose data and trials are kept, and what follows from them and from the champions."""

    runs: frozenset[str]
    trials: frozenset[str]
    datasets: frozenset[str]
    parts: frozenset[str]
    snapshots: frozenset[str]


def busy(store: Store, model: str) -> str:
    """The run that trains the model or waits for its data; "" when none does."""
    now = store.server_time()
    held, waits = claim.read(store, model)[0], waiting.read(store, model)[0]
    return held.run if held.held(now) else waits.run if waits.there(now) else ""


def needed(store: Store, model: str, keep: int) -> Needed:
    """What the champions there have been and the last `keep` runs that judged trials need."""
    history, ended = champions.history(store, model), runs(store, model)
    judged = [found for found in ended if (found.result or {}).get("trials")]
    of_champions = {str(record["run"]) for record in history}
    kept = [found for n, found in enumerate(judged) if n < keep or found.run in of_champions]
    trials = {str(record["trial"]) for record in history}
    datasets = {str(record["dataset"]) for record in history}
    for found in kept:
        trials.update(map(str, (found.result or {})["trials"]))
        datasets.add(str((found.result or {})["dataset"]))
    for trial in trials:
        request = optional_json(store, f"trials/{model}/{trial}/request.json") or {}
        datasets.update([str(request["dataset"])] if "dataset" in request else [])
    parts = {part.key.split("/")[2] for name in datasets for part in _parts(store, model, name)}
    snapshots = {str(request["snapshot"]) for found in kept if (request := found.request or {}).get("snapshot")}
    names = frozenset(found.run for found in kept)
    return Needed(names, frozenset(trials), frozenset(datasets), frozenset(parts), frozenset(snapshots))


def _parts(store: Store, model: str, dataset: str) -> Sequence[Any]:
    try:
        return load_dataset(store, model, dataset).parts
    except (Missing, BadData):
        return []


def unneeded(store: Store, model: str, keep: int, days: float) -> dict[str, list[ObjectInfo]]:
    """By kind the objects that may go: nothing that is needed, and nothing of which something is younger than so many days."""
    must, oldest = needed(store, model, keep), store.server_time() - days * 86400
    stay: Mapping[str, frozenset[str]] = {
        "trials": must.trials,
        "datasets": must.datasets,
        "parts": must.parts,
        "snapshots": must.snapshots,
    }
    found: dict[str, list[ObjectInfo]] = {}
    for kind in KINDS:
        by_name: dict[str, list[ObjectInfo]] = defaultdict(list)
        for info in store.list(f"{kind}/{model}/"):
            by_name[_name(info.key)].append(info)
        going = [
            name
            for name, infos in by_name.items()
            if max(info.modified for info in infos) < oldest and not _stays(store, kind, name, infos, stay, must)
        ]
        found[kind] = [info for name in going for info in sorted(by_name[name], key=_marker_first)]
    return found


def _name(key: str) -> str:
    """The digest of an object's thing: the third part of its key."""
    return key.split("/")[2].removesuffix(".json")


def _stays(store: Store, kind: str, name: str, infos: Sequence[ObjectInfo], stay: Mapping[str, frozenset[str]], must: Needed) -> bool:
    if kind == "trained":
        marker = optional_json(store, infos[0].key) or {}
        return marker.get("run") in must.runs
    # rows as they are declared belong to no dataset: later days may be made of them
    raw = kind == "parts" and any(info.key.endswith("/raw.json") for info in infos)
    return raw or name in stay[kind]


def _marker_first(info: ObjectInfo) -> tuple[int, str]:
    name = info.key.rsplit("/", 1)[-1]
    return (MARKERS.index(name) if name in MARKERS else len(MARKERS)), info.key


def collected(store: Store, name: str | None, keep: int, days: float, *, dry: bool) -> Doc:
    """Remove what no model needs, of one model or of all: {"models": rows, "dry"}.

    A row is {"model", "busy", "removed": {kind: {"objects", "bytes"}}}; while a run is under way (`busy`) nothing goes of its model.
    """
    there = models(store)
    if name is not None and name not in there:
        raise WrongUsage(f"there is no model {name!r} in the bucket; models: {', '.join(there) or 'none yet'}")
    if keep < 1:
        raise WrongUsage(f"--keep-runs {keep}: at least 1, for a changed gate decides again on the trials of the last run")
    rows = []
    for model in [name] if name else there:
        by = busy(store, model)
        found = unneeded(store, model, keep, days) if not by else {}
        if found and not dry:
            by = remove(store, model, [info for kind in KINDS for info in found[kind]])
        removed = {kind: _sizes(infos) for kind, infos in found.items() if infos}
        rows.append({"model": model, "busy": by, "removed": removed})
    return {"models": rows, "dry": dry}


def remove(store: Store, model: str, infos: Sequence[ObjectInfo]) -> str:
    """Remove the objects in their order; the run that has begun meanwhile, which ends the removal, or ""."""
    for number, info in enumerate(infos):
        if number % LOOK_AGAIN == 0 and (by := busy(store, model)):
            return by
        store.delete(info.key)
    return ""


def whole(store: Store, model: str) -> list[ObjectInfo]:
    """Everything of a model but what was uploaded, in the order in which it goes: the newest champion first, so that none comes back."""
    entries = sorted(store.list(f"models/{model}/history/"), key=lambda info: -int(_number(info.key)))
    pointer = [info for info in store.list(f"models/{model}/") if info.key == champions.pointer_key(model)]
    return [*entries, *pointer, *_of_kinds(store, model)]


def _number(key: str) -> str:
    return key.rsplit("/", 1)[-1].removesuffix(".json")


def _of_kinds(store: Store, model: str) -> Iterator[ObjectInfo]:
    for kind in WHOLE:
        yield from sorted(store.list(f"{kind}/{model}/"), key=_marker_first)


def deleted(store: Store, model: str, *, dry: bool) -> Doc:
    """Remove a model whole but for its uploads: {"model", "objects", "bytes", "dry"}. Raises WrongUsage while a run is under way."""
    found = whole(store, model)
    if not found:
        raise WrongUsage(f"there is nothing of a model {model!r} in the bucket; models: {', '.join(models(store)) or 'none yet'}")
    by = busy(store, model)
    if not by and not dry:
        by = remove(store, model, found)
    if by:
        raise WrongUsage(f"run {by} of {model} is under way: wait for it (`retrain wait {by}`) or end it (`retrain stop {by}`)")
    return {"model": model, **_sizes(found), "dry": dry}


def _sizes(infos: Sequence[ObjectInfo]) -> dict[str, int]:
    return {"objects": len(infos), "bytes": sum(info.size for info in infos)}
