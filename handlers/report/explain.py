"""Sentences with numbers about champions and runs: pure, from the documents of the bucket to text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.contracts import counted, instant
from handlers.runs.admission import amount
from handlers.runs.gate import number

Doc = Mapping[str, Any]


def parameters(params: Doc | None) -> str:
    """ "alpha=1e-05, penalty=l2", or that the spec alone decides."""
    return ", ".join(f"{key}={value}" for key, value in (params or {}).items()) or "as in the spec"


def differing(rows: Sequence[Doc]) -> set[str]:
    """The parameters in which the rows differ."""
    given = [row["params"] or {} for row in rows]
    return {name for params in given for name in params if any(params.get(name) != other.get(name) for other in given)}


def valued(found: Doc | None) -> str:
    """ "0.6243 (95 % interval 0.6001 to 0.6480)" of an interval's document."""
    if not found or found.get("value") is None:
        return "undefined"
    within = interval(found)
    return value(found) + (f" ({within.replace(':', ' interval')})" if within else "")


def value(found: Doc | None) -> str:
    """ "0.6243" of an interval's document."""
    return "undefined" if not found or found.get("value") is None else number(found["value"])


def interval(found: Doc | None) -> str:
    """ "95 %: 0.6001 to 0.6480" of an interval's document; nothing where there is none."""
    if not found or found.get("value") is None or found.get("low") is None:
        return ""
    return f"{round(float(found['confidence']) * 100)} %: {number(found['low'])} to {number(found['high'])}"


def judged_on(test: Doc, resampled: str | None) -> str:
    """ "12,345 rows of 14 test days" or "120 test rows"; records of earlier releases do not say what was resampled: it was days."""
    if resampled == "row":
        return counted(test["rows"], "test row")
    clusters = f"test {resampled or 'day'}"
    return f"{counted(test['rows'], 'row')} of {counted(test['clusters'], clusters)}"


def champion(record: Doc) -> list[str]:
    """Why this model is the champion."""
    sentences = [
        f"Champion {record['number']} of {record['model']} is trial {record['trial']} ({parameters(record.get('params'))}), "
        f"since {instant(record.get('at'))}, by run {record['run']}.",
    ]
    learned = record.get("learned") or {}
    if learned:
        between = f" of {learned['first']} to {learned['last']}" if "first" in learned else ""
        sentences.append(f"It learned from {counted(learned['rows'], 'row')}{between}.")
    if record.get("test"):
        test = record["test"]
        sentences.append(f"On {judged_on(test, record.get('resampled'))} its {record['metric']} is {valued(test)}.")
    reason = record.get("reason", "no reason is recorded")
    if record.get("kind") == "rollback":
        sentences.append(f"A person went back to champion {record['of']}: {reason}.")
    else:
        sentences.append(f"It was promoted because: {reason}.")
    if record.get("predecessor"):
        sentences.append(f"It replaced champion {record['predecessor']}.")
    return sentences


def challenger(verdict: Doc) -> list[str]:
    """Why the winner of a run did or did not become champion."""
    winner = verdict.get("winner") or {}
    who = f"trial {winner['trial']} ({parameters(winner.get('params'))})" if winner else "no trial"
    sentences = [f"Run {verdict['run']} chose {who}; it was {verdict['decision']}: {verdict['reason']}."]
    sentences += [_check(check) for check in verdict.get("checks", []) if not check.get("passed")]
    if verdict.get("compared"):
        sentences.append(f"Rows: {verdict['compared']}.")
    return sentences


def _check(check: Doc) -> str:
    # verdicts of earlier releases say `asked` and `chance`
    required = check.get("required", check.get("asked"))
    if check["name"] == "improve_by":
        probability = check.get("probability", check.get("chance"))
        found = "undefined" if probability is None else f"{probability:.3f}"
        return (
            f"Required: better by at least {number(required)} with probability {check['confidence']:g}; "
            f"found: better by {number(check['found'])}, and the probability of the required improvement is {found}."
        )
    if check["name"] == "comparable":
        return "It could not be compared with the champion, and no threshold is set."
    if check["name"] == "defined":
        return "The metric is not defined on the test rows."
    return f"Required: {check['name'].replace('_', ' ')} {required:g}; found: {number(check['found'])}."


def model(name: str, record: Doc | None, verdicts: Sequence[Doc]) -> list[str]:
    """The champion, and why the last challenger after it was not promoted. `verdicts` are the model's, the newest first."""
    if record is None:
        sentences = [f"{name} has no champion yet."]
        return sentences + (challenger(verdicts[0]) if verdicts else ["No run has judged a trial yet."])
    sentences = champion(record)
    last = next((v for v in verdicts if v.get("decision") not in ("promoted", "backfilled")), None)
    if last is not None and float(last.get("at") or 0) > float(record.get("at") or 0):
        return sentences + challenger(last)
    return [*sentences, "No challenger has been judged since."]


def run(name: str, request: Doc | None, result: Doc | None, verdict: Doc | None, failing: str = "") -> list[str]:
    """How a run ended, or that it has not; `failing`: why it will fail."""
    aside = submitted_now(request)
    if result is None:
        ended = f"Run {name} has not ended" + (f" (requested at {instant(request.get('at'))})." if request and request.get("at") else ".")
        return [ended, *([f"Step {failing}."] if failing else []), *([f"It was {aside}."] if aside else [])]
    ended = f"Run {name} ended at {instant(result.get('at'))} as {result['outcome']}"
    sentences = [f"{ended}.", *challenger(verdict)] if verdict else [f"{ended}: {result.get('reason', '')}."]
    return [*sentences, *cost(result), *([f"It was {aside}."] if aside else [])]


def cost(result: Doc) -> list[str]:
    """What a run has cost, where a price was known."""
    found = result.get("cost")
    if not found:
        return []
    return [f"It cost {amount(found['money'])} {found['currency']} for {found['processor_seconds'] / 3600:,.2f} processor hours."]


def submitted_now(request: Doc | None) -> str:
    """ "submitted with --now: why", and which rule of `trigger` that set aside; "" for a run that was not."""
    asked = (request or {}).get("event") or {}
    if not asked.get("now"):
        return ""
    aside = ((request or {}).get("overrode") or {}).get("reason")
    return f"submitted with --now: {asked['reason']}" + (f" (set aside: {aside})" if aside else "")
