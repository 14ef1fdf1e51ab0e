"""How the champion stands today: what the newest run has found of it on test rows of its own, and against the baseline of its first day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.metrics.metrics import below, higher
from handlers.runs.records import RunRecord

Doc = dict[str, Any]


def standing(champion: Mapping[str, Any], ended: Sequence[RunRecord]) -> Doc:
    """{"newest", "fallen", "baseline", "worse_than_baseline"} of a champion's record; `ended` are the model's runs, the newest first.

    `newest`: {"test", "run", "at"}, what the newest run that judged the champion found; None where none has since. `fallen` says that
    this lies beyond the interval that the champion was promoted with, on the bad side. `baseline`: {"name", "value"}, by the run that
    promoted it.
    """
    newest = next(filter(None, (_judged(champion, found) for found in ended)), None)
    baseline, test = _baseline(champion, ended), champion.get("test") or {}
    metric = str(champion.get("metric"))
    bound = test.get("low" if higher(metric) else "high")
    fallen = newest is not None and below(metric, newest["test"]["value"], bound)
    worse = baseline is not None and below(metric, test.get("value"), baseline["value"])
    return {"newest": newest, "baseline": baseline, "fallen": fallen, "worse_than_baseline": worse}


def _judged(champion: Mapping[str, Any], found: RunRecord) -> Doc | None:
    """What a run has found of the champion: as the champion, or as its own winner where no other trial was better."""
    verdict = found.verdict or {}
    if (verdict.get("champion") or {}).get("number") != champion["number"]:
        return None
    metrics = verdict.get("metrics", {}).get(champion.get("metric"), {})
    same = (verdict.get("winner") or {}).get("trial") == champion["trial"]
    test = metrics.get("champion") or (metrics.get("challenger") if same else None)
    return {"test": test, "run": found.run, "at": found.at} if test and test.get("value") is not None else None


def _baseline(champion: Mapping[str, Any], ended: Sequence[RunRecord]) -> Doc | None:
    verdict = next((found.verdict for found in ended if found.run == champion.get("run")), None) or {}
    known = verdict.get("baseline") or {}
    value = known.get("values", {}).get(champion.get("metric"))
    return {"name": known["name"], "value": value} if value is not None else None
