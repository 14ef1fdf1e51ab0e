"""Names of results: each is the digest of what can change it, and of nothing else.

`python -m handlers.modelspec.digests [LOCK...]` prints the digest of each stage's code and the versions of packages as JSON, for an image
to keep.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handlers.modelspec.code_digests import facts, of_source
from handlers.modelspec.model import Lookback, ModelSpec, Source
from handlers.storage import canonical_json, digest


def snapshot_digest(objects: Iterable[Sequence[Any]], more: Mapping[str, Any] | None = None) -> str:
    """Of one state of the sources: identities in the order of their keys, and what a snapshot has only where the spec asks for it."""
    ordered = sorted(list(o) for o in objects)
    return digest({"objects": ordered, **more} if more else ordered)


def query_digest(spec: ModelSpec) -> str:
    """Of how rows are made from a source object: types, statement and scope, row keys, checks, target, and the part's column."""
    tree = spec.tree()
    source, by_hash = spec.data.sources[spec.data.trigger], spec.data.split.by != "time"
    # by time the lengths of the roles make no part anew: a part is cut where a role ends
    split = {key: value for key, value in tree["data"]["split"].items() if by_hash or key in ("by", "column", "unit", "timezone", "part")}
    data = {key: tree["data"][key] for key in ("key", "on_duplicate", "target", "weight", "group")}
    # which rows are old enough decides which parts are used, not what a part holds
    data["target"] = {**data["target"], "label_delay": None}
    others = {name: _read(other) for name, other in spec.data.sources.items() if name != spec.data.trigger}
    return digest(
        {
            "read": _read(source),
            **({"trigger": spec.data.trigger, "others": others} if others else {}),
            "sql": spec.sql,
            "scope": (tree["data"]["query"] or {}).get("scope"),
            "split": split,
            **data,
            "checks": tree["checks"],
        }
    )


def part_digest(spec: ModelSpec, source: Sequence[Any], code: str, references: Mapping[str, Any] | None = None) -> str:
    """Of the rows of one source object (all its days), joined to reference tables where there are some."""
    joined = {"references": references} if references else {}
    return digest({"query": query_digest(spec), "source": list(source[1:]), **joined, "code": code})


def share_digest(spec: ModelSpec, share: Iterable[Sequence[Any]], code: str, references: Mapping[str, Any]) -> str:
    """Of the rows of several source objects in this order, as `part_digest` is of one."""
    sources = [list(source[1:]) for source in share]
    return digest({"query": query_digest(spec), "sources": sources, "references": dict(references), "code": code})


def raw_digest(spec: ModelSpec, name: str, source: Sequence[Any], asked: Iterable[str], code: str) -> str:
    """Of the rows of one object of the source `name` as they are declared, cut by day where the scope looks back."""
    declared = spec.data.sources[name]
    more = [] if declared.format == "jsonl" else sorted(set(asked) - set(declared.columns))
    cut = {key: getattr(spec.data.split, key) for key in ("column", "timezone")} if _looks_back(spec) else None
    return digest({"raw": _read(declared), "asked": more, "cut": cut, "source": list(source[1:]), "code": code})


def window_digest(spec: ModelSpec, window: Mapping[str, Any], references: Mapping[str, Any], code: str) -> str:
    """Of the rows that a query over many rows gives: of one day, or of all."""
    return digest({"query": query_digest(spec), "window": dict(window), "references": dict(references), "code": code})


def _looks_back(spec: ModelSpec) -> bool:
    return spec.data.query is not None and isinstance(spec.data.query.scope, Lookback)


def _read(source: Source) -> dict[str, Any]:
    """How the objects of a source are read."""
    found = Source.model_dump(source, mode="json", exclude={"prefix"})
    if not source.csv.header:
        found["order"] = list(source.columns)
    return found


def dataset_digest(parts: Sequence[Sequence[Any]], spec: ModelSpec, code: str) -> str:
    """Of a manifest: parts with their roles in the order of their rows, and the features."""
    tree = spec.tree()
    return digest(
        {"parts": [list(p) for p in parts], "features": tree["features"], "split": tree["data"]["split"], "task": spec.task, "code": code}
    )


def trial_digest(dataset: str, spec: ModelSpec, params: Mapping[str, Any], code: str) -> str:
    """Of a trained model: data, estimator with its parameters and seed, training."""
    tree = spec.tree()
    model = {key: tree["model"][key] for key in ("estimator", "seed", "memory")} | _own(spec)
    if spec.model.image is not None:
        model["image"] = spec.model.image
    params = {**spec.model.params, **params}
    training = {key: value for key, value in tree["training"].items() if key not in ("checkpoint", "validate")}
    chosen = {"select_by": spec.evaluate.select_by} if spec.training.early_stopping else {}
    return digest({"dataset": dataset, "model": model, "params": params, "training": training, **chosen, "code": code})


def evaluation_digest(trial: str, rows: str, evaluate: Mapping[str, Any], code: str) -> str:
    """Of metrics of one model on some rows (`rows` names dataset and role)."""
    return digest({"trial": trial, "rows": rows, "evaluate": dict(evaluate), "code": code})


def verdict_digest(evaluations: Sequence[str], spec: ModelSpec, champion: str | None, code: str) -> str:
    """Of a decision: what was compared, by which gate, against whom."""
    return digest({"evaluations": list(evaluations), "promote": spec.tree()["promote"], "champion": champion, "code": code})


def run_digest(snapshot: str, spec: ModelSpec, code: str) -> str:
    """Of a whole training: everything but what people are told, promotion, trigger, notifications and resources."""
    tree = {key: value for key, value in spec.tree().items() if key not in ("card", "promote", "trigger", "notify", "resources", "code")}
    return digest({"snapshot": snapshot, "spec": tree, **_own(spec), "code": code})


def _own(spec: ModelSpec) -> dict[str, str]:
    """What the file that makes the model counts for: its parsed code."""
    return {"file": of_source(spec.code)} if spec.code is not None else {}


def promote_digest(spec: ModelSpec, code: str) -> str:
    """Of the gate alone: a run over unchanged data with another gate decides anew."""
    return digest({"promote": spec.tree()["promote"], "code": code})


if __name__ == "__main__":
    print(canonical_json(facts(*map(Path, sys.argv[1:]))))
