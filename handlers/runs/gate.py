"""The decision whether a challenger becomes champion: pure, from numbers to a verdict with reasons.

The rule: the absolute bar (`at_least`, `at_most`) holds for the challenger's value on `test`; and, where there is a champion that can be
asked about the same rows, the chance that the challenger is better by at least `improve_by` - over resamples of whole days - reaches
`confidence`. Without `improve_by` the difference asked for is 0: not worse than the champion. A first champion needs only the bar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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
    def has_bar(self) -> bool:
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
    """`checks` are the conditions asked, each with `name`, `passed`, what was `found` and `asked`; `reason` says it in one sentence."""

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
    """ "0.6243 (95 % interval 0.6001 to 0.6480 over 14 days)"."""
    if found.low is None or found.high is None:
        return number(found.value)
    return f"{number(found.value)} ({found.confidence:.0%} interval {number(found.low)} to {number(found.high)})".replace("%", " %")


def bar(gate: Gate, found: Interval) -> list[dict[str, Any]]:
    """The absolute conditions; an undefined value fails them."""
    checks: list[dict[str, Any]] = []
    if gate.at_least is not None:
        checks.append(_check("at_least", found.value >= gate.at_least, found.value, gate.at_least))
    if gate.at_most is not None:
        checks.append(_check("at_most", found.value <= gate.at_most, found.value, gate.at_most))
    if not math.isfinite(found.value):
        checks.append(_check("defined", False, None, None))
    return checks


def _check(name: str, passed: bool, found: float | None, asked: float | None, **more: Any) -> dict[str, Any]:
    finite = found if found is not None and math.isfinite(found) else None
    return {"name": name, "passed": bool(passed), "found": finite, "asked": asked, **more}


def first(gate: Gate, found: Interval) -> Verdict:
    """The verdict while there is no champion: the absolute bar alone."""
    checks = bar(gate, found)
    failed = [c for c in checks if not c["passed"]]
    said = f"{gate.metric} {within(found)} on test"
    if failed:
        return Verdict("refused", f"{said} misses the bar: {_asked(gate)}", tuple(checks))
    return Verdict(
        "promoted", f"first champion: {said}" + (f" reaches the bar ({_asked(gate)})" if checks else ", no bar is set"), tuple(checks)
    )


def against(gate: Gate, compared: Paired) -> Verdict:
    """The verdict against a champion that was asked about the same rows."""
    checks = bar(gate, compared.challenger)
    chance = compared.chance(gate.absolute, gate.share)
    required = gate.absolute + gate.share * abs(compared.champion.value)
    improved = chance is not None and chance >= gate.confidence
    checks.append(
        _check("improve_by", improved, compared.difference.value, required, chance=chance, confidence=gate.confidence),
    )
    said = (
        f"{gate.metric} {number(compared.challenger.value)} against the champion's {number(compared.champion.value)} on the same "
        f"{compared.challenger.rows:,} rows: better by {within(compared.difference)}"
    )
    goal = "being not worse" if required == 0 else f"an improvement of {number(required)}"
    if chance is None:
        why = f"one day or cluster of rows cannot say how sure that is, and {goal} is asked at confidence {gate.confidence:g}"
        return Verdict("refused", f"{said}; {why}", tuple(checks))
    sure = f"the chance of {goal} is {chance:.3f}, {gate.confidence:g} is asked"
    failed = [c for c in checks if not c["passed"] and c["name"] != "improve_by"]
    if failed:
        return Verdict("refused", f"{said}; it misses the bar: {_asked(gate)}", tuple(checks))
    return Verdict("promoted" if improved else "refused", f"{said}; {sure}", tuple(checks))


def incomparable(gate: Gate, found: Interval, why: str) -> Verdict:
    """The champion cannot be asked about these rows: the bar alone decides, and without a bar nothing is promoted."""
    checks = bar(gate, found)
    if not gate.has_bar:
        text = f"no comparison with the champion: {why}; with promote.gate.at_least or at_most the bar alone would decide"
        return Verdict("refused", text, (*checks, _check("comparable", False, None, None)))
    alone = first(gate, found)
    outcome = "reaches" if alone.promoted else "misses"
    text = f"no comparison with the champion: {why}; by the bar alone: {gate.metric} {within(found)} {outcome} {_asked(gate)}"
    return Verdict(alone.decision, text, alone.checks)


def kept(metric: str, found: Interval) -> Verdict:
    """The winner is the champion itself."""
    return Verdict("kept", f"the winner is the champion itself ({metric} {within(found)} on test)", ())


def _asked(gate: Gate) -> str:
    parts = []
    if gate.at_least is not None:
        parts.append(f"at least {gate.at_least:g}")
    if gate.at_most is not None:
        parts.append(f"at most {gate.at_most:g}")
    return " and ".join(parts) or "a defined value"
