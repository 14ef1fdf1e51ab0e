"""May a run train now? Pure: from the spec's `trigger`, what has been trained, who trains, the new rows and the time to an answer.

The rules, in this order: `daily_budget`, `cooldown`, `min_new_rows` (once the rows are known), then `in_flight` while another run trains.
Who submits with `--now` is above all of them but the claim: one run trains a model at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from handlers.contracts import counted, instant
from handlers.modelspec.quantities import seconds
from handlers.modelspec.trigger import Trigger

Kind = Literal["start", "wait", "supersede", "skip", "refuse"]


@dataclass(frozen=True, slots=True)
class History:
    """What the model's trainings have been: the last one that was finished, and the runs that were counted on `day` (UTC), with what
    their steps have used, which is known where a price is."""

    last: str = ""
    ended: float = 0.0
    day: str = ""
    counted: tuple[str, ...] = ()
    processor_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that wants to train. `new_rows` and `gone` (objects) against the last training; None while the rows are not known, or where
    the rule does not apply: no training before, or another spec. `now`: submitted with `--now`."""

    run: str
    now: bool = False
    new_rows: int | None = None
    gone: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """`rule` is the key of `trigger` that refused (or would have, but for `--now`); `next` is when a training is possible again, None
    where that depends on data. `reason` is a sentence without its full stop."""

    kind: Kind
    rule: str = ""
    reason: str = ""
    next: float | None = None


START = Answer("start")


def day_of(now: float) -> str:
    """The day by which runs are counted."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def admitted(trigger: Trigger, history: History, asked: Asked, holder: str, now: float) -> Answer:
    """The answer for `asked` at `now`. `holder` is the other run that trains the model, "" when none does.

    With `--now` the answer is to start (or to wait for the holder) and names the rule that was set aside.
    """
    refused = refusal(trigger, history, asked, now)
    if asked.now:
        aside = refused or (Answer("skip", "in_flight", f"run {holder} was training") if holder and trigger.in_flight == "skip" else START)
        supersedes = holder and trigger.in_flight == "supersede"
        return Answer("supersede" if supersedes else "wait" if holder else "start", aside.rule, aside.reason)
    if refused:
        return refused
    if not holder:
        return START
    if trigger.in_flight == "skip":
        return Answer("skip", "in_flight", f"run {holder} is training this model and trigger.in_flight is skip: this event is dropped")
    return Answer("supersede" if trigger.in_flight == "supersede" else "wait", "in_flight")


def refusal(trigger: Trigger, history: History, asked: Asked, now: float) -> Answer | None:
    """Why nothing may train now, whoever holds the claim; None when something may."""
    return _budget(trigger, history, asked, now) or _cooldown(trigger, history, asked, now) or _rows(trigger, asked)


def _budget(trigger: Trigger, history: History, asked: Asked, now: float) -> Answer | None:
    budget, today = trigger.daily_budget, day_of(now)
    runs = history.counted if history.day == today else ()
    if budget is None or asked.run in runs or not runs:
        return None
    told = f"{counted(len(runs), 'run')} of this model on {today} (UTC)"
    if budget.runs is not None and len(runs) >= budget.runs:
        spent = f"{told}, and trigger.daily_budget.runs is {budget.runs}"
    elif over := _money(trigger, history):
        spent = f"{told} cost {over}"
    else:
        return None
    first = datetime.fromisoformat(today).replace(tzinfo=UTC) + timedelta(days=1)
    return _until("daily_budget", spent, first.timestamp())


def _money(trigger: Trigger, history: History) -> str:
    """What the day's runs have cost, where that is all that the day may cost; else ""."""
    budget, price = trigger.daily_budget, trigger.price
    if budget is None or budget.money is None or price is None or price.of(history.processor_seconds) < budget.money:
        return ""
    spent, most = (f"{amount(money)} {price.currency}" for money in (price.of(history.processor_seconds), float(budget.money)))
    used = f"{history.processor_seconds / 3600:,.2f} processor hours at {amount(float(price.cpu_hour))} {price.currency}"
    return f"{spent} ({used}), and trigger.daily_budget.money is {most}"


def amount(money: float) -> str:
    """ "1,234.50"; of less than one unit as many digits as say something: "0.0042"."""
    return f"{money:,.2f}" if money >= 1 else f"{money:.2g}"


def _cooldown(trigger: Trigger, history: History, asked: Asked, now: float) -> Answer | None:
    over = history.ended + seconds(trigger.cooldown)
    if history.last in ("", asked.run) or now >= over:
        return None
    return _until(
        "cooldown", f"run {history.last} trained until {instant(history.ended)}, and trigger.cooldown is {trigger.cooldown}", over
    )


def _rows(trigger: Trigger, asked: Asked) -> Answer | None:
    needed = trigger.min_new_rows
    # 0 and 1: every change is enough, one that only takes rows away too
    if needed <= 1 or asked.new_rows is None or asked.gone or asked.new_rows >= needed:
        return None
    few, more = f"too few new rows: {asked.new_rows:,} of {needed:,}", counted(needed - asked.new_rows, "more row")
    return Answer("refuse", "min_new_rows", f"{few} (trigger.min_new_rows); the next training is possible after {more}")


def _until(rule: str, why: str, at: float) -> Answer:
    return Answer("refuse", rule, f"{why}; the next training is possible from {instant(at)} and starts then", at)
