"""Snapshots: which objects the sources hold, each by its content. What a run learns is what its snapshot names, byte for byte.

`snapshots/<model>/<digest>.json`, immutable. A run whose objects are put again before it has read them takes a new one and says so in its
request, which names the snapshot that was learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.contracts import BadData, TryAgain, log
from handlers.data import contents
from handlers.data.labels import beside, by_day
from handlers.modelspec.digests import run_digest, snapshot_digest
from handlers.modelspec.model import ModelSpec
from handlers.runs import requests
from handlers.storage import Changed, Missing, ObjectInfo, Store, read_json, write_once

READY = "_READY"
ROUNDS = 3  # snapshots that one step takes while objects change under it


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`objects` are [key, size, content], in the order of their keys; `more` is what the document says beside them.

    `without` is the prefix of a source that has no object, "" where all have some. `newest` is when the newest object landed, `at` the
    moment of the state (seconds since 1970 by the bucket's clock); these three are of a look at the sources and are not kept.
    """

    digest: str
    objects: list[list[Any]]
    more: Mapping[str, Any] = field(default_factory=dict)
    without: str = ""
    newest: float = 0.0
    at: float = 0.0

    def tree(self) -> dict[str, Any]:
        return {"objects": self.objects, **self.more}


def objects(store: Store, spec: ModelSpec) -> dict[str, list[ObjectInfo]]:
    """The objects of each source."""
    return {name: _under(store, source.prefix) for name, source in spec.data.sources.items()}


def _under(store: Store, prefix: str) -> list[ObjectInfo]:
    """The objects under a prefix; of batches only those that are complete.

    A file or folder whose name begins with `_` or `.` is not data, as for Spark, Hive and Arrow: `_SUCCESS`, `.part.crc`, `_temporary/`.
    """
    found = list(store.list(prefix))
    if prefix.startswith("batches/"):
        ready = {info.key.removesuffix(READY) for info in found if info.key.endswith(f"/{READY}")}
        found = [info for info in found if any(info.key.startswith(folder) for folder in ready)]
    return [info for info in found if not any(name[:1] in ("_", ".") for name in info.key.removeprefix(prefix).split("/"))]


def look(store: Store, spec: ModelSpec, moment: float | None = None) -> Snapshot:
    """The state of the sources now, or at a past moment; nothing is written but what was learned of contents.

    A past state has, where the split is by days, every object and of their rows those of the days before; else the objects that had landed
    by then.
    """
    changed = ""
    for _ in range(ROUNDS):
        try:
            there = objects(store, spec)
            if moment is not None and not by_day(spec):
                there = {name: [info for info in infos if info.modified <= moment] for name, infos in there.items()}
            every = [info for infos in there.values() for info in infos]
            found = contents.identities(store, spec.name, every)
        except Changed as error:
            changed = str(error)
            continue
        at = store.server_time() if moment is None else moment
        more = beside(spec, at, past=moment is not None)
        without = next((spec.data.sources[name].prefix for name, infos in there.items() if not infos), "")
        newest = max((info.modified for info in every), default=0.0)
        return Snapshot(snapshot_digest(found, more), found, more, without, newest, at)
    raise TryAgain(f"{changed}: changed while it was read, {ROUNDS} times; the step is tried again")


def keep(store: Store, model: str, snapshot: Snapshot) -> None:
    write_once(store, _key(model, snapshot.digest), snapshot.tree())


def load(store: Store, model: str, digest: str) -> Snapshot:
    """The snapshot of a digest; raises BadData when there is none."""
    try:
        tree = read_json(store, _key(model, digest))
    except Missing:
        raise BadData(f"{_key(model, digest)}: no such snapshot in the bucket") from None
    return Snapshot(digest, tree.pop("objects"), tree)


def renew(store: Store, spec: ModelSpec, run: str, *, again: bool = False) -> Snapshot:
    """A new snapshot for a run, named by its request from now on. The snapshot is written before the request that names it.

    Raises TryAgain where another process has made the dataset meanwhile, unless the run is tried `again`.
    """
    request = requests.read(store, spec.name, run)
    if request is not None and request.get("made") == request["snapshot"] and not again:
        raise TryAgain(f"another process of run {run} has made the dataset of its snapshot; the step is tried again")
    snapshot = look(store, spec, requests.asked(request).moment)
    if snapshot.without:
        raise BadData(f"no object is left under {snapshot.without}")
    keep(store, spec.name, snapshot)
    if request is not None and request["snapshot"] != snapshot.digest:
        name = run_digest(snapshot.digest, spec, request["code"])
        before = [*request.get("before", []), request["snapshot"]]
        requests.change(store, spec.name, run, seen=request, snapshot=snapshot.digest, as_of=snapshot.at, digest=name, before=before)
        log("new snapshot", run=run, snapshot=snapshot.digest, before=request["snapshot"])
    return snapshot


def _key(model: str, digest: str) -> str:
    return f"snapshots/{model}/{digest}.json"
