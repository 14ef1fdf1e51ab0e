"""The verdict: the threshold, the probability of an improvement, and what happens without a champion to compare with."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.metrics.bootstrap import Interval, Paired
from handlers.runs.gate import Gate, against, first, improvement, incomparable, kept, number, of_all_trials


def interval(value: float, se: float | None = 0.01) -> Interval:
    return Interval(value, se, value - 0.02, value + 0.02, 0.95, 14, 12000) if se else Interval(value, None, None, None, 0.95, 1, 900)


def compared(ours: float, theirs: float, resampled: tuple[tuple[float, float], ...], higher: bool = True) -> Paired:
    better = ours - theirs if higher else theirs - ours
    return Paired(interval(ours), interval(theirs), interval(better), resampled, higher)


def sample(difference: float, spread: float, champion: float = 0.65) -> tuple[tuple[float, float], ...]:
    return tuple((champion + difference + spread * z, champion) for z in np.linspace(-2, 2, 101))


@pytest.mark.parametrize(
    ("stated", "found"), [(0.002, (0.002, 0.0)), ("1%", (0.0, 0.01)), ("2.5 %", (0.0, 0.025)), (0, (0.0, 0.0)), ("0.01", (0.01, 0.0))]
)
def test_improvement_is_absolute_or_a_share(stated: object, found: tuple[float, float]) -> None:
    assert improvement(stated) == pytest.approx(found)


def test_a_spec_without_gate_asks_for_not_worse_at_nine_tenths() -> None:
    assert Gate.of(None, "mae") == Gate("mae", None, None, 0.0, 0.0, 0.9)
    assert Gate.of({"metric": "roc_auc", "at_least": 0.6, "improve_by": "1%", "at_most": None}, "log_loss") == Gate(
        "roc_auc", at_least=0.6, share=0.01
    )


def test_the_first_champion_needs_only_the_threshold() -> None:
    gate = Gate("roc_auc", at_least=0.6, absolute=0.5)
    assert first(gate, interval(0.62)).promoted
    assert "0.6200 (95 % interval 0.6000 to 0.6400)" in first(gate, interval(0.62)).reason
    low = first(gate, interval(0.58))
    assert low.decision == "refused"
    assert "misses the threshold: at least 0.6" in low.reason
    assert first(Gate("roc_auc"), interval(0.4)).promoted
    assert not first(Gate("mae", at_most=20), interval(21.0)).promoted
    assert first(Gate("mae", at_most=20), interval(19.0)).promoted


def test_an_undefined_metric_never_wins() -> None:
    assert not first(Gate("roc_auc"), interval(math.nan)).promoted
    assert first(Gate("roc_auc"), interval(math.nan)).checks[-1]["name"] == "defined"


def test_an_improvement_that_is_sure_enough_is_promoted() -> None:
    gate = Gate("roc_auc", at_least=0.6, absolute=0.002)
    found = against(gate, compared(0.67, 0.65, sample(0.02, 0.005)))
    assert found.promoted
    assert "0.6700 against the champion's 0.6500" in found.reason
    assert found.checks[-1]["probability"] == 1.0


def test_an_improvement_that_may_be_chance_is_refused_with_its_interval() -> None:
    found = against(Gate("roc_auc", absolute=0.002), compared(0.655, 0.65, sample(0.005, 0.01)))
    assert found.decision == "refused"
    assert found.checks[-1]["found"] == pytest.approx(0.005)
    assert found.checks[-1]["required"] == 0.002
    assert 0.5 < found.checks[-1]["probability"] < 0.9
    assert "95 % interval" in found.reason
    assert "below the required 0.9" in found.reason


def test_below_the_threshold_a_better_model_is_refused_all_the_same() -> None:
    found = against(Gate("roc_auc", at_least=0.7), compared(0.67, 0.65, sample(0.02, 0.005)))
    assert found.decision == "refused"
    assert "misses the threshold: at least 0.7" in found.reason


def test_equal_models_are_not_worse() -> None:
    assert against(Gate("roc_auc"), compared(0.65, 0.65, sample(0.0, 0.0))).promoted
    assert not against(Gate("roc_auc", absolute=0.001), compared(0.65, 0.65, sample(0.0, 0.0))).promoted


def test_lower_is_better_for_an_error() -> None:
    pairs = tuple((18.0, 20.0) for _ in range(10))
    assert against(Gate("mae", share=0.01), compared(18.0, 20.0, pairs, higher=False)).promoted
    worse = tuple((b, a) for a, b in pairs)
    assert not against(Gate("mae"), compared(20.0, 18.0, worse, higher=False)).promoted


def test_one_day_cannot_say_how_sure_it_is() -> None:
    found = against(Gate("roc_auc"), compared(0.7, 0.6, ()))
    assert found.decision == "refused"
    assert "one day or cluster" in found.reason


def test_without_a_comparison_the_bar_alone_decides_and_no_bar_refuses() -> None:
    why = "the champion has learned all of these days"
    assert not incomparable(Gate("roc_auc"), interval(0.7), why).promoted
    assert "promote.gate.at_least" in incomparable(Gate("roc_auc"), interval(0.7), why).reason
    assert incomparable(Gate("roc_auc", at_least=0.6), interval(0.7), why).promoted
    assert not incomparable(Gate("roc_auc", at_least=0.6), interval(0.5), why).promoted


def test_the_champion_itself_is_kept() -> None:
    assert kept("roc_auc", interval(0.62)).decision == "kept"


@given(st.floats(-0.1, 0.1), st.floats(0.001, 0.05), st.floats(0.5, 0.99))
def test_asking_for_more_never_promotes_more(difference: float, spread: float, confidence: float) -> None:
    pair = compared(0.65 + difference, 0.65, sample(difference, spread))
    loose = against(Gate("roc_auc", confidence=confidence), pair)
    tight = against(Gate("roc_auc", absolute=0.01, confidence=confidence), pair)
    surer = against(Gate("roc_auc", confidence=min(1.0, confidence + 0.05)), pair)
    assert loose.promoted or not (tight.promoted or surer.promoted)


@pytest.mark.parametrize(("value", "text"), [(0.62431, "0.6243"), (19.4567, "19.46"), (None, "undefined"), (math.nan, "undefined")])
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("decision", "lost", "expected"),
    [("promoted", 0, "promoted"), ("promoted", 2, "refused"), ("refused", 2, "refused"), ("kept", 2, "kept")],
)
def test_a_gate_may_demand_that_no_trial_was_lost(decision: str, lost: int, expected: str) -> None:
    verdict = {"decision": decision, "reason": "better", "checks": [], "trials": ["a", "b", "c", "d"]}
    found = of_all_trials(verdict, lost)
    assert found["decision"] == expected
    assert found["checks"] == [{"name": "all_trials", "passed": not lost, "found": 4, "required": 4 + lost}]
    if expected != decision:
        assert found["reason"] == "2 of 6 trials were lost, and promote.gate.all_trials asks for all of them; better"
