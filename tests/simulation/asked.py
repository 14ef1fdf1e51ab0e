"""What a history is asked to do: the spec of its model, what somebody does with the data, and which runs somebody asks for."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from handlers import backfill
from handlers.contracts import INSTANT
from handlers.modelspec.grid import expand
from handlers.modelspec.parse import parse
from handlers.storage import canonical_json

MODEL = "m"
SPEC = """apiVersion: retrain/v1
kind: Model
metadata: {name: m}
spec:
  task: binary
  data:
    sources: {incoming: {prefix: PREFIX/m/, format: csv, columns: {at: timestamp, x: float, late: boolean}}}
    target: {column: late}
    split: {by: time, column: at, gap: 1d, valid: 3d, test: 4d}
  features: {x: {type: number}}
  model: {estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss}}
  search: {grid: {alpha: ALPHAS}}
  trigger: {quiet: 5s, at_most: 1m, TRIGGER}
  evaluate: {select_by: roc_auc}
  promote: {gate: {metric: roc_auc, at_least: 0.6}}
"""
TOLD = "  notify: [{to: team, on: [promoted, failed, data-refused, lost-trials]}]\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a spec asks for beside the plain one: so many trials, a rule of `trigger`, who is told, parts made in batches; and whether
    somebody asks for past states (`promote`: and for their promotion) or submits with --now."""

    trials: int = 1
    trigger: str = "cooldown: 0s"
    told: bool = False
    batches: bool = False
    past: bool = False
    promote: str = ""
    now: bool = False
    often: int = 1  # beside the others


KINDS = {
    "plain": Kind(often=2),
    "trials": Kind(trials=2, often=3),
    "told": Kind(told=True),
    "told trials": Kind(trials=2, told=True),
    "cooldown": Kind(trigger="cooldown: 25m", now=True),
    "rows": Kind(trigger="min_new_rows: 15", told=True),
    "budget": Kind(trigger="daily_budget: {runs: 2}", now=True),
    "skip": Kind(trigger="in_flight: skip", now=True),
    "supersede": Kind(trials=2, trigger="in_flight: supersede", told=True),
    "supersede one": Kind(trigger="in_flight: supersede"),
    "batches": Kind(batches=True),
    "past": Kind(past=True),
    "past promoted": Kind(trials=2, past=True, promote="yes"),
    "all": Kind(
        trials=2, trigger="cooldown: 20m, min_new_rows: 15, daily_budget: {runs: 3}, in_flight: supersede", told=True, batches=True
    ),
}


class Asked:
    """A spec, as its steps get it and as the heal tick reads it from a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.kind = name, KINDS[name]
        text = SPEC.replace("ALPHAS", str([0.001, 0.01][: self.kind.trials])).replace("TRIGGER", self.kind.trigger)
        text = text.replace("PREFIX", "batches" if self.kind.batches else "incoming") + (TOLD if self.kind.told else "")
        text += "  resources: {transform: {parallel: 2}}\n" if self.kind.batches else ""
        self.folder = folder
        folder.mkdir()
        (folder / f"{MODEL}.yaml").write_text(text, encoding="utf-8")
        self.spec = parse(text, f"{MODEL}.yaml")
        self.text = canonical_json(self.spec.tree())
        self.trials = [canonical_json({"id": trial.id, "params": trial.params}) for trial in expand(self.spec)]


def every(folder: Path) -> list[Asked]:
    """A spec of each kind, as often as the kind is to be met."""
    return [asked for name, kind in KINDS.items() for asked in [Asked(name, folder / name.replace(" ", "-"))] * kind.often]


@dataclass(frozen=True, slots=True)
class Change:
    """`content` is put under `key` so many seconds after the change before it; None deletes."""

    after: float
    key: str
    content: bytes | None


def history_of(random: Random) -> list[Change]:
    """Uploads, overwrites, the same bytes again, deletions; the last change is an upload of something new."""
    found: list[Change] = []
    there: dict[str, bytes] = {}
    for number in range(random.choice((1, 1, 2, 2, 3, 4))):
        key = random.choice("ab")
        what = random.random()
        content: bytes | None = b"content %d" % number
        if key in there and what < 0.25:
            content = there[key]
        elif key in there and what < 0.45:
            content = None
        if content is None:
            del there[key]
        else:
            there[key] = content
        found.append(Change(random.choice((0.0, 1.0, 4.0, 8.0, 15.0, 40.0, 120.0, 400.0, 2000.0)), key, content))
    return [*found, Change(random.choice((0.0, 3.0, 12.0, 100.0, 1000.0)), random.choice("ab"), b"the last")]


def encoded(event: object) -> str:
    """As a Sensor passes an event on."""
    return base64.b64encode(canonical_json(event).encode()).decode()


def past_state(asked: Asked, moment: float) -> dict[str, object]:
    """The CloudEvent that asks for the state of the data at a moment."""
    as_of = datetime.fromtimestamp(moment, UTC).strftime(INSTANT)
    return backfill.event(MODEL, asked.spec, as_of, promote=asked.kind.promote == "yes")
