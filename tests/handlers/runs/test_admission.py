"""Which runs may train now: one function of the spec's trigger, the trainings so far, the new rows and the time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.modelspec.trigger import Trigger
from handlers.runs.admission import START, Answer, Asked, History, admitted, amount, day_of, refusal

DAY = 86400.0
NOON = 20_000 * DAY + DAY / 2  # 2024-10-04 12:00:00 UTC
TODAY = "2024-10-04"
NOTHING = History()


def trigger(**given: Any) -> Trigger:
    return Trigger.model_validate(given)


def ask(rules: Trigger, *, history: History = NOTHING, holder: str = "", now: float = NOON, **asked: Any) -> Answer:
    return admitted(rules, history, Asked("new", **asked), holder, now)


def test_without_rules_a_run_starts_and_waits_for_who_trains() -> None:
    assert ask(trigger()) == START
    assert ask(trigger(), holder="a").kind == "wait"


def test_cooldown_counts_from_the_end_of_the_last_training() -> None:
    rules, history = trigger(cooldown="6h"), History(last="a", ended=NOON)
    early = ask(rules, history=history, now=NOON + 6 * 3600 - 1)
    assert (early.kind, early.rule, early.next) == ("refuse", "cooldown", NOON + 6 * 3600)
    assert early.reason == (
        "run a trained until 2024-10-04 12:00:00 UTC, and trigger.cooldown is 6h; "
        "the next training is possible from 2024-10-04 18:00:00 UTC and starts then"
    )
    assert ask(rules, history=history, now=NOON + 6 * 3600) == START
    assert ask(rules) == START, "nothing was trained before"


def test_a_day_s_runs_are_counted_in_utc() -> None:
    rules = trigger(daily_budget={"runs": 2})
    spent = History(day=TODAY, counted=("a", "b"))
    answer = ask(rules, history=spent)
    assert (answer.kind, answer.rule, answer.next) == ("refuse", "daily_budget", NOON + DAY / 2)
    assert answer.reason.startswith("2 runs of this model on 2024-10-04 (UTC), and trigger.daily_budget.runs is 2;")
    assert ask(rules, history=spent, now=NOON + DAY / 2) == START
    assert ask(rules, history=History(day=TODAY, counted=("a",))) == START
    assert ask(rules, history=History(day=TODAY, counted=("a", "new"))) == START, "a run that is counted has its place"


PRICED = {"daily_budget": {"money": 2}, "price": {"cpu_hour": 0.05, "currency": "EUR"}}


def test_a_day_s_money_is_what_its_runs_steps_have_used() -> None:
    rules, hours = trigger(**PRICED), 3600.0
    spent = History(day=TODAY, counted=("a", "b", "c"), processor_seconds=40 * hours)
    answer = ask(rules, history=spent)
    assert (answer.kind, answer.rule, answer.next) == ("refuse", "daily_budget", NOON + DAY / 2)
    assert answer.reason == (
        "3 runs of this model on 2024-10-04 (UTC) cost 2.00 EUR (40.00 processor hours at 0.05 EUR), and trigger.daily_budget.money is "
        "2.00 EUR; the next training is possible from 2024-10-05 00:00:00 UTC and starts then"
    )
    assert ask(rules, history=replace(spent, processor_seconds=39.9 * hours)) == START
    assert ask(rules, history=spent, now=NOON + DAY / 2) == START, "the next day has a budget of its own"
    assert ask(rules, history=replace(spent, counted=("a", "new"))) == START, "a run that is counted goes on"
    aside = admitted(rules, spent, Asked("new", now=True), "", NOON)
    assert (aside.kind, aside.rule, aside.reason) == ("start", "daily_budget", answer.reason)


def test_of_both_budgets_the_one_that_is_spent_refuses() -> None:
    rules = trigger(daily_budget={"money": 2, "runs": 2}, price=PRICED["price"])
    assert "daily_budget.runs is 2" in ask(rules, history=History(day=TODAY, counted=("a", "b"))).reason
    assert "daily_budget.money is 2.00" in ask(rules, history=History(day=TODAY, counted=("a",), processor_seconds=1e6)).reason
    assert ask(rules, history=History(day=TODAY, counted=("a",), processor_seconds=1e3)) == START


def test_a_price_alone_refuses_nothing() -> None:
    assert ask(trigger(price=PRICED["price"]), history=History(day=TODAY, counted=("a",), processor_seconds=1e9)) == START


@pytest.mark.parametrize(("money", "text"), [(1234.5, "1,234.50"), (1, "1.00"), (0.05, "0.05"), (0.0042, "0.0042")])
def test_amounts_say_something(money: float, text: str) -> None:
    assert amount(money) == text


def test_too_few_new_rows_are_refused_once_they_are_known() -> None:
    rules = trigger(min_new_rows=1000)
    few = ask(rules, new_rows=120)
    assert (few.kind, few.rule, few.next) == ("refuse", "min_new_rows", None)
    assert few.reason == "too few new rows: 120 of 1,000 (trigger.min_new_rows); the next training is possible after 880 more rows"
    assert ask(rules, new_rows=1000) == ask(rules, new_rows=None) == START
    assert ask(rules, new_rows=0, gone=1) == START, "what is gone is not learned any more"
    assert ask(trigger(), new_rows=0) == START


def test_skip_drops_what_comes_while_a_run_trains() -> None:
    rules = trigger(in_flight="skip")
    answer = ask(rules, holder="a")
    assert (answer.kind, answer.reason) == ("skip", "run a is training this model and trigger.in_flight is skip: this event is dropped")
    assert ask(rules) == START


def test_supersede_asks_who_trains_to_stop_but_only_where_a_training_is_allowed() -> None:
    rules = trigger(in_flight="supersede", daily_budget={"runs": 1})
    assert ask(rules, holder="a").kind == "supersede"
    assert ask(rules, holder="a", history=History(day=TODAY, counted=("a",))).kind == "refuse"


@pytest.mark.parametrize(
    ("given_", "history", "more", "rule"),
    [
        ({"cooldown": "6h"}, History(last="a", ended=NOON - 1), {}, "cooldown"),
        ({"daily_budget": {"runs": 1}}, History(day=TODAY, counted=("a",)), {}, "daily_budget"),
        ({"min_new_rows": 1000}, History(), {"new_rows": 3}, "min_new_rows"),
    ],
)
def test_now_starts_and_names_the_rule_that_was_set_aside(given_: Any, history: History, more: Any, rule: str) -> None:
    answer = ask(trigger(**given_), history=history, **more)
    assert answer.kind == "refuse"
    aside = admitted(trigger(**given_), history, Asked("new", now=True, **more), "", NOON)
    assert (aside.kind, aside.rule, aside.reason) == ("start", rule, answer.reason)


def test_now_waits_for_who_trains() -> None:
    answer = admitted(trigger(in_flight="skip"), History(), Asked("new", now=True), "a", NOON)
    assert (answer.kind, answer.rule) == ("wait", "in_flight")


RULES = st.builds(
    trigger,
    cooldown=st.sampled_from(["0s", "1h", "3d"]),
    daily_budget=st.sampled_from([None, {"runs": 1}, {"runs": 3}, {"money": 0.5}, {"runs": 2, "money": 2}]),
    price=st.just({"cpu_hour": 1, "currency": "EUR"}),
    min_new_rows=st.sampled_from([0, 1, 100]),
    in_flight=st.sampled_from(["queue", "skip", "supersede"]),
)
TIMES = st.floats(0, 100 * DAY)
HISTORIES = st.builds(
    History,
    last=st.sampled_from(["", "a"]),
    ended=TIMES,
    day=TIMES.map(day_of),
    counted=st.lists(st.sampled_from("abcd"), unique=True, max_size=4).map(tuple),
    processor_seconds=st.floats(0, 4 * 3600),
)


@settings(max_examples=150)
@given(rules=RULES, history=HISTORIES, now=TIMES, rows=st.none() | st.integers(0, 200), holder=st.sampled_from(["", "h"]))
def test_who_waits_until_the_named_time_is_let_in_and_no_second_earlier(
    rules: Trigger, history: History, now: float, rows: int | None, holder: str
) -> None:
    asked = Asked("new", new_rows=rows)
    answer = admitted(rules, history, asked, holder, now)
    if answer.kind == "refuse":
        assert answer.reason
        assert (answer.next is None) == (answer.rule == "min_new_rows")
    if answer.kind == "start":
        assert not holder
        assert refusal(rules, history, asked, now) is None
    if answer.next is not None:
        assert answer.next > now
        assert refusal(rules, history, asked, (now + answer.next) / 2) is not None
        later = refusal(rules, history, asked, answer.next)
        assert later is None or later.rule != answer.rule
    aside = admitted(rules, history, Asked("new", now=True, new_rows=rows), holder, now)
    assert aside.kind == ("start" if not holder else "supersede" if rules.in_flight == "supersede" else "wait")


@settings(max_examples=50)
@given(rules=RULES, nows=st.lists(st.floats(0, 5 * DAY), min_size=1, max_size=20).map(sorted))
def test_no_day_has_more_runs_than_its_budget(rules: Trigger, nows: list[float]) -> None:
    """Runs ask one after the other, each trains where it may and is counted, and ends a minute later."""
    history, days = History(), dict[str, int]()
    for number, now in enumerate(nows):
        name = f"r{number}"
        if admitted(rules, history, Asked(name), "", now).kind == "start":
            same = history.counted if history.day == day_of(now) else ()
            history = History(name, now + 60, day_of(now), (*same, name))
            days[day_of(now)] = days.get(day_of(now), 0) + 1
    budget = rules.daily_budget
    assert budget is None or budget.runs is None or max(days.values()) <= budget.runs


@settings(max_examples=100)
@given(
    rules=RULES,
    runs=st.lists(st.tuples(st.floats(0, 3 * DAY), st.floats(0, 3 * 3600)), min_size=1, max_size=20).map(sorted),
)
def test_no_day_costs_more_than_its_budget_before_its_last_run(rules: Trigger, runs: list[tuple[float, float]]) -> None:
    history, before = History(), dict[str, float]()
    for number, (now, used) in enumerate(runs):
        today = history if history.day == day_of(now) else History(day=day_of(now))
        if admitted(rules, history, Asked(f"r{number}"), "", now).kind == "start":
            before[today.day] = today.processor_seconds
            counted = (*today.counted, f"r{number}")
            history = History(f"r{number}", now, today.day, counted, today.processor_seconds + used)
    budget, price = rules.daily_budget, rules.price
    assert price is not None
    assert budget is None or budget.money is None or all(price.of(seconds) < budget.money for seconds in before.values())
