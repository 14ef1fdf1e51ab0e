"""What the report of a run says of its model and data, as rows of text: from documents of the bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from handlers.contracts import counted
from handlers.data.manifest import Dataset
from handlers.explore import profile
from handlers.report import drift, model_told
from handlers.report.explain import parameters
from handlers.runs import exports
from handlers.runs.records import RunRecord
from handlers.storage import Store

Doc = Mapping[str, Any]
Row = tuple[str, str]
OBJECTS_SHOWN = 100  # of those that the data is made of
FEATURES_SHOWN = 40
ROLES = (("learned", "train"), ("judged on", "test"))


def spec_of(record: RunRecord) -> dict[str, Any]:
    """The spec as it was when the run started."""
    spec = (record.request or {}).get("spec")
    found = json.loads(spec) if isinstance(spec, str) else spec
    return dict(found or {})


def about(record: RunRecord) -> list[Row]:
    """What the spec says of the model's use."""
    found = spec_of(record).get("card") or {}
    names = ("intended_use", "out_of_scope", "limitations", "owner")
    return [(name.replace("_", " "), str(found[name])) for name in names if found.get(name)]


def card(record: RunRecord, dataset: Dataset | None) -> list[Row]:
    """What the model is: what it predicts, from what, by what, and what it has learned."""
    spec, winner = spec_of(record), (record.verdict or {}).get("winner") or {}
    if not spec:
        return []
    target = spec["data"]["target"]
    classes = target.get("classes") or ([False, True] if spec["task"] == "binary" else [])
    positive = target.get("positive") if target.get("positive") is not None else (classes[1] if spec["task"] == "binary" else None)
    named = f": {', '.join(map(_word, classes))}" if classes else ""
    sure = f"; positive is {_word(positive)}" if positive is not None else ""
    rows = [("predicts", f"{target['column']} ({spec['task']}{named}{sure})"), ("estimator", str(spec["model"]["estimator"]))]
    if winner:
        rows.append(("winner", f"trial {winner['trial']} ({parameters(winner.get('params'))})"))
    if dataset is not None:
        served = [f"{name} ({feature.type})" for name, feature in dataset.features.items()]
        more = f" and {counted(len(served) - FEATURES_SHOWN, 'feature')} more" if len(served) > FEATURES_SHOWN else ""
        rows.append(("features", ", ".join(served[:FEATURES_SHOWN]) + more))
        rows += [(word, f"{counted(_rows(dataset, role), 'row')}, {dataset.words(role)}") for word, role in ROLES]
    return rows


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rows(dataset: Dataset, role: str) -> int:
    return sum(part.rows for part in dataset.of_role(role))


def data(record: RunRecord, dataset: Dataset | None) -> list[Row]:
    rows: list[Row] = []
    if dataset is not None:
        for role in ("train", "valid", "test"):
            lost = dataset.left_out.get(role, 0)
            why = f"; {counted(lost, 'row')} left out, whose group is in an earlier role" if lost else ""
            rows.append((role, f"{counted(_rows(dataset, role), 'row')} of {dataset.words(role)}{why}"))
        objects = dataset.objects()
        more = f" and {len(objects) - OBJECTS_SHOWN:,} more" if len(objects) > OBJECTS_SHOWN else ""
        rows.append(("objects", ", ".join(objects[:OBJECTS_SHOWN]) + more))
        rows.append(("dataset", dataset.digest))
    request = record.request or {}
    if request.get("snapshot"):
        rows.append(("snapshot", str(request["snapshot"])))
    return rows


def columns(dataset: Dataset | None, before: Dataset | None) -> list[Doc]:
    """The columns of train, features first; those of a champion that learned the same rows have not moved."""
    if dataset is None:
        return []
    known = before.statistics if before is not None and before.digest != dataset.digest else {}
    names = [name for name in dataset.features if name in dataset.statistics]
    names += [name for name in dataset.statistics if name not in dataset.features]
    return [
        {
            "profile": profile.column(name, dataset.schema.get(name, ""), dataset.statistics[name]),
            "index": drift.index(known[name], dataset.statistics[name]) if name in known else None,
        }
        for name in names
    ]


def exported(store: Store, model: str, verdict: Doc) -> exports.Export | None:
    """The export of a run's winner; none in a run of an earlier release."""
    winner = (verdict.get("winner") or {}).get("trial")
    return exports.in_bucket(store, model, str(winner), str(verdict["export"])) if winner and verdict.get("export") else None


def made(record: RunRecord, export: exports.Export | None) -> list[Row]:
    """Code and versions that made the winner."""
    rows: list[Row] = []
    if export is not None:
        found = json.loads(export.checked("provenance.json"))
        versions = export.checked("requirements.txt").decode().split()
        rows += [("packages", ", ".join(versions))] if versions else []
        rows += [(f"code of {stage}", str(digest)) for stage, digest in (found.get("code") or {}).items()]
        rows += [(name, str(value)) for name, value in (found.get("kernel") or {}).items()]
        rows += [("state", str(found["state"]))] if found.get("state") else []
        rows.append(("export", f"{export.listed['digest']}, {counted(len(export.files()), 'file')}"))
    seed = (spec_of(record).get("model") or {}).get("seed")
    return [("seed", str(seed)), *rows] if rows and seed is not None else rows


def again(record: RunRecord, verdict: Doc) -> list[Row]:
    """The commands with which the run is looked at and made again."""
    winner = (verdict.get("winner") or {}).get("trial")
    if not winner:
        return []
    model = record.model
    return [
        (f"retrain why {record.run}", "every step from the event to the champion"),
        (f"retrain model get {model}@{winner}", "the model as a folder: predict.py, its packages, provenance"),
        (f"retrain trials {record.run}", "all trials, their parameters and scores"),
        (f"retrain profile {model}", "the data that it has learned from"),
        (f"retrain submit {model} --now", "decide again; trains only what is not there yet"),
    ]


def threshold(verdict: Doc) -> list[Row]:
    return [("positive", " ".join(model_told.threshold(verdict.get("threshold"))))] if verdict.get("threshold") else []


def stated(tree: Any) -> Any:
    """A spec as a person wrote it: without empty values, maps and lists, and without the options of CSV files where there are none."""
    if isinstance(tree, dict):
        kept = {key: stated(value) for key, value in tree.items() if not (key == "csv" and tree.get("format") not in (None, "csv"))}
        return {key: value for key, value in kept.items() if value is not None and value != {} and value != []}
    return [stated(value) for value in tree] if isinstance(tree, list) else tree
