"""What is told of a run's end: which events, and what each says. Pure, from the documents of the run to CloudEvents in JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from handlers.contracts import BadData
from handlers.storage import digest


@dataclass(frozen=True, slots=True)
class Kind:
    """`outcomes` are those of the runs that it is told of."""

    type: str
    when: str
    outcomes: tuple[str, ...]


KINDS = {
    "promoted": Kind("dev.retrain.model.promoted", "the run's winner is the model's champion now", ("promoted",)),
    "refused": Kind("dev.retrain.model.refused", "the gate has refused the run's winner; the champion stays", ("refused",)),
    "failed": Kind("dev.retrain.run.failed", "the run has failed, or was stopped", ("failed",)),
    "data-refused": Kind("dev.retrain.data.refused", "the run has failed because its data cannot be used (exit code 65)", ("failed",)),
    "lost-trials": Kind(
        "dev.retrain.trials.lost",
        "the run was judged though some of its trials were not trained or evaluated",
        ("promoted", "refused", "kept"),
    ),
}


class Value(BaseModel):
    """A metric on `test`, with its interval where there is one."""

    model_config = ConfigDict(frozen=True)

    value: float | None = Field(description="null where the metric is not defined")
    low: float | None = Field(default=None, description="the interval's lower end")
    high: float | None = Field(default=None, description="the interval's upper end")
    confidence: float | None = Field(default=None, description="the interval's confidence")


class Data(BaseModel):
    """The data of every type. What a run has not come to is null."""

    model_config = ConfigDict(frozen=True)

    model: str = Field(description="the model's name")
    run: str = Field(description="the run's name")
    outcome: str = Field(description="`promoted`, `refused`, `kept` or `failed`")
    reason: str = Field(description="why, in a sentence: that of the gate, or of the step that failed")
    step: str | None = Field(default=None, description="the step that failed")
    exit_code: int | None = Field(default=None, description="how it ended: 65 for bad data, 78 for a bad spec")
    metric: str | None = Field(default=None, description="the gate's metric")
    test: Value | None = Field(default=None, description="the winner's value of it on `test`")
    difference: Value | None = Field(default=None, description="how much better than the champion's on the same rows; below 0: worse")
    champion: int | None = Field(default=None, description="the number of the champion after the run")
    trial: str | None = Field(default=None, description="the trial that won")
    params: dict[str, Any] | None = Field(default=None, description="its parameters")
    trials: int | None = Field(default=None, description="how many trials were judged")
    lost: int | None = Field(default=None, description="how many were not trained or evaluated")
    report: str = Field(description="the key of the run's page in the bucket; it is written as the run ends")


def kinds(result: Mapping[str, Any], lost: int) -> tuple[str, ...]:
    """Which events a run's result is told by."""
    outcome = str(result["outcome"])
    if outcome == "failed":
        return ("data-refused" if result.get("exit_code") == BadData.exit_code else "failed",)
    return (*((outcome,) if outcome in KINDS else ()), *(("lost-trials",) if lost else ()))


def event(kind: str, result: Mapping[str, Any], verdict: Mapping[str, Any], lost: int) -> dict[str, Any]:
    """The CloudEvent of a run's end. Told again, it has the same id: that of the model, the run and the type."""
    model, run, type_ = str(result["model"]), str(result["run"]), KINDS[kind].type
    source = f"/retrain/{quote(os.environ.get('RETRAIN_BUCKET', ''), safe='')}/models/{model}"
    return {
        "specversion": "1.0",
        "id": digest([source, run, type_]),
        "source": source,
        "type": type_,
        "subject": run,
        "time": datetime.fromtimestamp(float(result["at"]), UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": data(result, verdict, lost).model_dump(mode="json"),
    }


def data(result: Mapping[str, Any], verdict: Mapping[str, Any], lost: int) -> Data:
    """What an event says of a run."""
    found = verdict.get("metrics", {}).get(verdict.get("metric"), {})
    winner = verdict.get("winner") or {}
    return Data(
        model=result["model"],
        run=result["run"],
        outcome=result["outcome"],
        reason=result["reason"],
        step=result.get("step"),
        exit_code=result.get("exit_code"),
        metric=verdict.get("metric"),
        test=_value(found.get("challenger")),
        difference=_value(found.get("difference")),
        champion=result.get("champion"),
        trial=winner.get("trial"),
        params=winner.get("params"),
        trials=len(result["trials"]) if "trials" in result else None,
        lost=lost if "trials" in result else None,
        report=f"runs/{result['model']}/{result['run']}/report.html",
    )


def _value(found: Mapping[str, Any] | None) -> Value | None:
    return Value(**{name: found.get(name) for name in Value.model_fields}) if found else None
