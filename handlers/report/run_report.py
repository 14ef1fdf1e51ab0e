"""Writes the report of a run from what it has left in the bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from handlers import failures as reasons
from handlers.contracts import BadData, instant, long_argument
from handlers.data.manifest import Dataset, load_dataset
from handlers.metrics.metrics import higher
from handlers.report import drift, followed, told_of_run
from handlers.report.facts import Facts
from handlers.report.page import page
from handlers.runs import trials
from handlers.runs.champion import current, history
from handlers.runs.followed import of_run
from handlers.runs.records import RunRecord, evaluated, read_run
from handlers.runs.requests import run_folder
from handlers.storage import Store, optional_json

# an engine's list of failed steps may be long; a report shows this many
SHOWN_FAILURES = 30


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
    dataset = _dataset(store, model, str(result.get("dataset") or verdict.get("dataset") or ""))
    before = _dataset(store, model, str((verdict.get("champion") or {}).get("dataset") or ""))
    evaluations, export = _evaluations(store, verdict), told_of_run.exported(store, model, verdict)
    columns = told_of_run.columns(dataset, before)
    return Facts(
        model=model,
        run=run,
        status=status,
        outcome=str(result.get("outcome", "")),
        reason=_reason(record, failures, store),
        verdict=verdict,
        trials=_trials(store, model, verdict, select_by),
        higher=higher(select_by),
        roc={name: [(float(x), float(y)) for x, y in found.get("roc", [])] for name, found in evaluations.items()},
        pictures={name: found.get("pictures") or {} for name, found in evaluations.items()},
        importance=json.loads(export.checked("importance.json")) if export else None,
        about=told_of_run.about(record),
        card=told_of_run.card(record, dataset),
        columns=columns,
        columns_against=_against(verdict, before) if any(each["index"] is not None for each in columns) else "",
        history=history(store, model),
        chain=followed.chain(of_run(store, record), brief=True),
        data=told_of_run.data(record, dataset),
        decides=told_of_run.threshold(verdict),
        failures=failures,
        made=told_of_run.made(record, export),
        again=told_of_run.again(record, verdict),
        spec=_spec(record),
        select_by=select_by,
        champion_trial=str((current(store, model).record or {}).get("trial", "")),
        at=instant(record.at) if record.at else "",
    )


def _against(verdict: Mapping[str, Any], before: Dataset | None) -> str:
    """What the drift of the columns is measured against."""
    words = before.words("train") if before is not None else ""
    return (
        f"Drift is the population stability index against the rows that champion {verdict['champion']['number']} learned from ({words}): "
        f"below {drift.MOVED} as before, from {drift.FAR} on moved far."
    )


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
    except BadData:
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
    best = higher(select_by)
    return sorted(found, key=lambda t: (t["value"] is None, -t["value"] if best and t["value"] is not None else t["value"] or 0.0))


def _spec(record: RunRecord) -> str:
    """The spec as it was when the run started, as YAML."""
    import yaml

    spec = told_of_run.stated(told_of_run.spec_of(record))
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=110) if spec else ""
