"""Writes the report of a run from what it has left in the bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from handlers import failures as reasons
from handlers.contracts import counted, instant, long_argument
from handlers.data.manifest import Dataset, load_dataset
from handlers.metrics.metrics import METRICS
from handlers.report import followed, model_told
from handlers.report.page import Facts, page
from handlers.runs import exports, trials
from handlers.runs.champion import current
from handlers.runs.followed import of_run
from handlers.runs.records import RunRecord, evaluated, read_run
from handlers.runs.requests import run_folder
from handlers.storage import Missing, Store, optional_json

# an engine's list of failed steps may be long; a report shows this many
SHOWN_FAILURES = 30
OBJECTS_SHOWN = 100  # of those that the data is made of


def write_report(store: Store, model: str, run: str, status: str, failures: str) -> str:
    """Write runs/<model>/<run>/report.html and give its key. Works for a run that ended at any point, even before its first document."""
    key = f"{run_folder(model, run)}/report.html"
    store.put(key, page(facts(store, model, run, status, parse_failures(failures))).encode())
    return key


def parse_failures(text: str) -> list[dict[str, Any]]:
    """The engine's `workflow.failures`: JSON inside a JSON string, "null" for none; what cannot be read is shown as it is."""
    found: Any = long_argument(text, "--failures")
    for _ in range(3):
        if not isinstance(found, str):
            break
        try:
            found = json.loads(found) if found.strip() else None
        except ValueError:
            return [{"message": text[:2000]}]
    items = found if isinstance(found, list) else []
    return [dict(item) for item in items if isinstance(item, Mapping)][:SHOWN_FAILURES]


def facts(store: Store, model: str, run: str, status: str, failures: Sequence[Mapping[str, Any]]) -> Facts:
    """What the page is made of."""
    record = read_run(store, model, run)
    result, verdict = record.result or {}, record.verdict or {}
    select_by = str(verdict.get("select_by", ""))
    champion = current(store, model).record or {}
    dataset = _dataset(store, model, str(result.get("dataset") or verdict.get("dataset") or ""))
    evaluations = _evaluations(store, verdict)
    return Facts(
        model=model,
        run=run,
        status=status,
        outcome=str(result.get("outcome", "")),
        reason=_reason(record, failures, store),
        verdict=verdict,
        trials=_trials(store, model, verdict, select_by),
        roc={name: [(float(x), float(y)) for x, y in found.get("roc", [])] for name, found in evaluations.items()},
        chain=followed.chain(of_run(store, record), brief=True),
        data=_data(record, dataset),
        decides=[("positive", " ".join(model_told.threshold(verdict.get("threshold"))))] if verdict.get("threshold") else [],
        features=_features(store, model, verdict),
        failures=failures,
        spec=_spec(record),
        select_by=select_by,
        champion_trial=str(champion.get("trial", "")),
        at=instant(record.at) if record.at else "",
    )


def _features(store: Store, model: str, verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the features are worth to the winner, the most important one first; nothing in a run of an earlier release."""
    winner = (verdict.get("winner") or {}).get("trial")
    export = exports.in_bucket(store, model, str(winner), str(verdict.get("export"))) if winner and verdict.get("export") else None
    found = json.loads(export.checked("importance.json")) if export else None
    if not found:
        return []
    head, rows, left = model_told.worth(found)
    more = [("", f"and {counted(left, 'feature')} more")] if left else []
    return [("", head), *((name, f"{loss} {spread}") for name, loss, spread in rows), *more]


def _reason(record: RunRecord, failures: Sequence[Mapping[str, Any]], store: Store) -> str:
    if record.result is not None:
        return str(record.result.get("reason", ""))
    return ended_early(store, record.model, record.run, failures)


def ended_early(store: Store, model: str, run: str, failures: Sequence[Mapping[str, Any]]) -> str:
    """Why a run ended that nobody judged."""
    messages = [str(f["message"]) for f in (*reversed(reasons.of_run(store, model, run)), *failures) if f.get("message")]
    return messages[0] if messages else "The run ended before it could record why."


def _dataset(store: Store, model: str, digest: str) -> Dataset | None:
    if not digest:
        return None
    try:
        return load_dataset(store, model, digest)
    except Missing:
        return None


def _evaluations(store: Store, verdict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    keys: Mapping[str, str] = verdict.get("evaluations", {})
    found = {name: optional_json(store, key) for name, key in keys.items()}
    return {name: document for name, document in found.items() if document is not None}


def _trials(store: Store, model: str, verdict: Mapping[str, Any], select_by: str) -> list[dict[str, Any]]:
    """Each trial of the run with its scores and its curve, the best first."""
    found = []
    for score in verdict.get("trials", []):
        name = score["trial"]
        result = trials.result(store, model, name) or {}
        evaluation = evaluated(store, score)
        found.append(
            {
                "trial": name,
                "params": score.get("params", {}),
                "valid": evaluation.get("metrics") or {k: {"value": v} for k, v in result.get("valid", {}).items()},
                "epochs": result.get("epochs", "–"),
                "seconds": result.get("seconds"),
                "curve": trials.curve(store, model, name),
                "value": score.get("value"),
            },
        )
    table = next((t for t in METRICS.values() if select_by in t), {})
    higher = table[select_by].higher if select_by in table else True
    return sorted(found, key=lambda t: (t["value"] is None, -t["value"] if higher and t["value"] is not None else t["value"] or 0.0))


def _data(record: RunRecord, dataset: Dataset | None) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if dataset is not None:
        for role in ("train", "valid", "test"):
            number = sum(part.rows for part in dataset.parts if part.role == role)
            lost = dataset.left_out.get(role, 0)
            why = f"; {counted(lost, 'row')} left out, whose group is in an earlier role" if lost else ""
            rows.append((role, f"{counted(number, 'row')} of {dataset.words(role)}{why}"))
        objects = dataset.objects()
        more = f" and {len(objects) - OBJECTS_SHOWN:,} more" if len(objects) > OBJECTS_SHOWN else ""
        rows.append(("objects", ", ".join(objects[:OBJECTS_SHOWN]) + more))
        rows.append(("dataset", dataset.digest))
    request = record.request or {}
    if request.get("snapshot"):
        rows.append(("snapshot", str(request["snapshot"])))
    return rows


def _spec(record: RunRecord) -> str:
    """The spec as it was when the run started, as YAML."""
    import yaml

    spec = (record.request or {}).get("spec")
    if isinstance(spec, str):
        spec = json.loads(spec)
    return yaml.safe_dump(_stated(spec), sort_keys=False, allow_unicode=True, width=110) if spec else ""


def _stated(tree: Any) -> Any:
    """A tree without empty values, maps and lists."""
    if isinstance(tree, dict):
        kept = {key: _stated(value) for key, value in tree.items()}
        return {key: value for key, value in kept.items() if value is not None and value != {} and value != []}
    return [_stated(value) for value in tree] if isinstance(tree, list) else tree
