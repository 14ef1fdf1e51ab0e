"""What somebody does with the data of two models: uploads, the same again, other content, deletions, webhooks, ticks; a seed decides.

Every script ends in the same data, whose rows say the opposite of all that came before: whatever was promoted on the way, the gate promotes
what learns the last state, so the champion at the end is one and the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

MODELS = ("one", "two")
DAYS, A_DAY = 14, 40
SPEC = """apiVersion: retrain/v1
kind: Model
metadata: {name: MODEL}
spec:
  task: binary
  data:
    sources:
      incoming: {prefix: incoming/MODEL/, format: csv, columns: {at: timestamp, x: float, kind: string, late: boolean}}
    target: {column: late}
    split: {by: time, column: at, valid: 3d, test: 4d}
  features: {x: {type: number, scale: standard}, kind: {type: category, default: other}}
  model: {estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss, average: true}}
  search: {grid: {alpha: [1e-4, 1e-2]}}
  trigger: {quiet: 1s, at_most: 4s}
  training: {epochs: EPOCHS, batch_rows: 16, checkpoint: {every: 1s}}
  evaluate: {select_by: roc_auc}
  promote: {gate: {metric: roc_auc, at_least: 0.6}}
"""
Kind = Literal["put", "delete", "post", "tick"]


@dataclass(frozen=True, slots=True)
class Action:
    """`name` is an object's key, the id of an event, or the name of a tick; `pause` are seconds before it."""

    kind: Kind
    model: str
    name: str
    body: str = ""
    pause: float = 0.0


def spec(model: str, epochs: int = 40) -> str:
    """The spec of a model that trains two small trials in a second or two."""
    return SPEC.replace("MODEL", model).replace("EPOCHS", str(epochs))


def rows(first: str, seed: int, *, opposite: bool) -> str:
    """CSV of two weeks; `late` follows from x, or from its opposite, with noise."""
    chance = random.Random(seed)
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    lines = ["at,x,kind,late"]
    for row in range(DAYS * A_DAY):
        at = start + timedelta(days=row // A_DAY, seconds=86399 * (row % A_DAY) / (A_DAY - 1))
        x = chance.gauss(0, 1)
        late = (x + chance.gauss(0, 0.4) > 0) != opposite
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{x:.4f},{chance.choice('abc')},{str(late).lower()}")
    return "\n".join(lines) + "\n"


def last(model: str) -> tuple[str, str]:
    """Key and content of the one object that a model has at the end."""
    return f"incoming/{model}/last.csv", rows("2024-06-01", MODELS.index(model) + 1, opposite=True)


def script(seed: int, length: int) -> list[Action]:
    """So many actions, each at its time, and those that lead to the last state."""
    chance = random.Random(seed)
    there: dict[str, dict[str, str]] = {model: {} for model in MODELS}
    done: list[Action] = []
    for number in range(length):
        model = chance.choice(MODELS)
        done.append(_one(chance, model, there[model], number, done))
    for model in MODELS:
        done += [Action("delete", model, key) for key in there[model]]
    for model in MODELS:
        key, body = last(model)
        event = f"last-{model}"
        done += [Action("put", model, key, body), Action("put", model, key, body), *[Action("post", model, event)] * 2]
    return done


def _one(chance: random.Random, model: str, there: dict[str, str], number: int, before: list[Action]) -> Action:
    pause = chance.random() * 2.0
    posted = [each for each in before if each.kind == "post"]
    what = chance.choice(["new", "new", "same", "other", "delete", "post", "posted", "tick"]) if there else "new"
    if what in ("same", "other", "delete"):
        key = chance.choice(sorted(there))
        if what == "delete":
            del there[key]
            return Action("delete", model, key, pause=pause)
        if what == "other":
            there[key] = rows("2024-03-01", 100 + number, opposite=False)
        return Action("put", model, key, there[key], pause)
    if what == "tick":
        return Action("tick", "", "schedule/heal", pause=pause)
    if what == "posted" and posted:
        again = chance.choice(posted)
        return Action("post", again.model, again.name, pause=pause)
    if what in ("post", "posted"):
        return Action("post", model, f"event-{number}", pause=pause)
    key = f"incoming/{model}/{number}.csv"
    there[key] = rows(f"2024-0{1 + number % 4}-01", 100 + number, opposite=False)
    return Action("put", model, key, there[key], pause)
