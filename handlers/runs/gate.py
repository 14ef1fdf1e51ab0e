"""The decision whether a challenger becomes champion: pure, from numbers to a verdict with reasons.

The rule: the challenger's value on `test` meets the threshold (`at_least`, `at_most`); and, where the champion can predict the same rows,
the probability that the challenger is better by at least `improve_by`, over resamples of whole days, groups or what else is independent,
is at least `confidence`. Without `improve_by` the challenger must be at least as good as the champion. A first champion needs only the
threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from handlers.contracts import counted
from handlers.metrics.bootstrap import Interval, Paired

DEFAULT_CONFIDENCE = 0.9
Decision = Literal["promoted", "refused", "kept"]


@dataclass(frozen=True, slots=True)
class Gate:
    """`absolute` and `share` are the two forms of improve_by: 0.002, and "1%" of the champion's value as 0.01."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    absolute: float = 0.0
    share: float = 0.0
    confidence: float = DEFAULT_CONFIDENCE

    @property
    def has_threshold(self) -> bool:
        return self.at_least is not None or self.at_most is not None

    @classmethod
    def of(cls, gate: Mapping[str, Any] | None, select_by: str) -> Gate:
        """From the spec's `promote.gate`; without one, the metric that chooses the winner, not worse than the champion at 0.9."""
        stated = {key: value for key, value in (gate or {}).items() if value is not None}
        absolute, share = improvement(stated.get("improve_by", 0))
        return cls(
            str(stated.get("metric", select_by)),
            stated.get("at_least"),
            stated.get("at_most"),
            absolute,
            share,
            float(stated.get("confidence", DEFAULT_CONFIDENCE)),
        )


def improvement(stated: Any) -> tuple[float, float]:
    """(absolute, share) of an improve_by: a number, or text such as "1%"."""
    if isinstance(stated, str) and stated.strip().endswith("%"):
        return 0.0, float(stated.strip()[:-1]) / 100.0
    return float(stated), 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checks` are the conditions, each with `name`, `passed`, and what was `found` and `required`; `reason` says it in one sentence."""

    decision: Decision
    reason: str
    checks: tuple[dict[str, Any], ...]

    @property
    def promoted(self) -> bool:
        return self.decision == "promoted"


def number(value: float | None) -> str:
    """Four decimals for small numbers, fewer for large ones."""
    if value is None or not math.isfinite(value):
        return "undefined"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def within(found: Interval) -> str:
    """ "0.6243 (95 % interval 0.6001 to 0.6480)"."""
    if found.low is None or found.high is None:
        return number(found.value)
    return f"{number(found.value)} ({found.confidence:.0%} interval {number(found.low)} to {number(found.high)})".replace("%", " %")


def threshold_checks(gate: Gate, found: Interval) -> list[dict[str, Any]]:
    """The absolute conditions; an undefined value fails them."""
    checks: list[dict[str, Any]] = []
    if gate.at_least is not None:
        checks.append(_check("at_least", found.value >= gate.at_least, found.value, gate.at_least))
    if gate.at_most is not None:
        checks.append(_check("at_most", found.value <= gate.at_most, found.value, gate.at_most))
    if not math.isfinite(found.value):
        checks.append(_check("defined", False, None, None))
    return checks


def _check(name: str, passed: bool, found: float | None, required: float | None, **more: Any) -> dict[str, Any]:
    finite = found if found is not None and math.isfinite(found) else None
    return {"name": name, "passed": bool(passed), "found": finite, "required": required, **more}


def first(gate: Gate, found: Interval) -> Verdict:
    """The verdict while there is no champion: the threshold alone."""
    checks = threshold_checks(gate, found)
    failed = [c for c in checks if not c["passed"]]
    summary = f"{gate.metric} {within(found)} on test"
    if failed:
        return Verdict("refused", f"{summary} misses the threshold: {_required(gate)}", tuple(checks))
    return Verdict(
        "promoted",
        f"first champion: {summary}" + (f" meets the threshold ({_required(gate)})" if checks else "; no threshold is set"),
        tuple(checks),
    )


def against(gate: Gate, compared: Paired) -> Verdict:
    """The verdict against a champion that has predicted the same rows."""
    checks = threshold_checks(gate, compared.challenger)
    probability = compared.probability(gate.absolute, gate.share)
    required = gate.absolute + gate.share * abs(compared.champion.value)
    improved = probability is not None and probability >= gate.confidence
    checks.append(
        _check("improve_by", improved, compared.difference.value, required, probability=probability, confidence=gate.confidence),
    )
    summary = (
        f"{gate.metric} {number(compared.challenger.value)} against the champion's {number(compared.champion.value)} on the same "
        f"{counted(compared.challenger.rows, 'row')}: better by {within(compared.difference)}"
    )
    goal = "being at least as good" if required == 0 else f"an improvement of at least {number(required)}"
    if probability is None:
        why = f"one day or cluster of rows gives no probability of {goal}; the required probability is {gate.confidence:g}"
        return Verdict("refused", f"{summary}; {why}", tuple(checks))
    reached = "which reaches" if improved else "below"
    certainty = f"{goal} has probability {probability:.3f}, {reached} the required {gate.confidence:g}"
    failed = [c for c in checks if not c["passed"] and c["name"] != "improve_by"]
    if failed:
        return Verdict("refused", f"{summary}; it misses the threshold: {_required(gate)}", tuple(checks))
    return Verdict("promoted" if improved else "refused", f"{summary}; {certainty}", tuple(checks))


def incomparable(gate: Gate, found: Interval, why: str) -> Verdict:
    """The champion cannot predict these rows: the threshold alone decides, and without one nothing is promoted."""
    checks = threshold_checks(gate, found)
    if not gate.has_threshold:
        text = f"no comparison with the champion: {why}; set promote.gate.at_least or at_most to decide by a threshold alone"
        return Verdict("refused", text, (*checks, _check("comparable", False, None, None)))
    alone = first(gate, found)
    outcome = "meets" if alone.promoted else "misses"
    text = f"no comparison with the champion: {why}; by the threshold alone: {gate.metric} {within(found)} {outcome} {_required(gate)}"
    return Verdict(alone.decision, text, alone.checks)


def of_all_trials(verdict: Mapping[str, Any], lost: int) -> dict[str, Any]:
    """The verdict of a gate that demands that every trial was trained and evaluated: nothing is promoted while some are lost."""
    there = len(verdict["trials"])
    checks = [*verdict["checks"], _check("all_trials", lost == 0, there, there + lost)]
    if not lost or verdict["decision"] != "promoted":
        return {**verdict, "checks": checks}
    why = f"{lost} of {counted(there + lost, 'trial')} were lost, and promote.gate.all_trials asks for all of them"
    return {**verdict, "checks": checks, "decision": "refused", "reason": f"{why}; {verdict['reason']}"}


def kept(metric: str, found: Interval) -> Verdict:
    """The winner is the champion itself."""
    return Verdict("kept", f"the winner is the champion itself ({metric} {within(found)} on test)", ())


def _required(gate: Gate) -> str:
    parts = []
    if gate.at_least is not None:
        parts.append(f"at least {gate.at_least:g}")
    if gate.at_most is not None:
        parts.append(f"at most {gate.at_most:g}")
    return " and ".join(parts) or "a defined value"
