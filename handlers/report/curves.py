"""The trials of a run while it trains, and after: what each was asked, how far it has come, its curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.runs import live, trials
from handlers.runs.records import RunRecord
from handlers.storage import Store, optional_json

Doc = dict[str, Any]
GOES = ("epoch", "epochs", "rows_per_second", "seconds_left", "at")  # what a training tells of itself


def of_run(store: Store, record: RunRecord) -> Doc:
    """{"select_by", "trials"}: the trials that the verdict names, else those that the run has begun."""
    verdict = record.verdict or {}
    told = {str(each["trial"]): each for each in live.of_run(store, record.model, record.run)}
    names = [str(each["trial"]) for each in verdict.get("trials", [])] or list(told) or _begun(store, record)
    evaluate = ((record.request or {}).get("spec") or {}).get("evaluate") or {}
    metric = str(verdict.get("select_by") or evaluate.get("select_by") or "")
    from handlers.metrics.metrics import higher

    return {"select_by": metric, "higher": higher(metric), "trials": [_told(store, record, name, told.get(name)) for name in names]}


def _begun(store: Store, record: RunRecord) -> list[str]:
    """The trials whose training this run began, where they tell nothing of themselves: in runs of an earlier release."""
    keys = [info.key for info in store.list(f"trials/{record.model}/") if info.key.endswith("/request.json")]
    asked = (optional_json(store, key) for key in keys)
    return [str(each["trial"]) for each in asked if each is not None and each.get("run") == record.run]


def _told(store: Store, record: RunRecord, name: str, told: Doc | None) -> Doc:
    result = trials.result(store, record.model, name)
    request: Mapping[str, Any] = optional_json(store, f"{trials.folder(record.model, name)}/request.json") or {}
    failed = trials.failures(store, record.model, name, record.run)
    state = "trained" if result is not None else "failed" if failed and record.result is not None else "training"
    state = "not finished" if record.result is not None and state == "training" else state
    goes = {key: told.get(key) for key in GOES} if told and state == "training" else None
    return {
        "trial": name,
        "state": state,
        "goes": goes,
        "params": request.get("params") or (result or {}).get("params") or {},
        "curve": trials.curve(store, record.model, name),
        "failures": failed,
        **{key: (result or {}).get(key) for key in ("epochs", "epoch", "stopped", "seconds", "rows")},
    }
