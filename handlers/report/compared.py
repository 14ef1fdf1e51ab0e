"""Two runs side by side, and the champions of a model one after another: pure, from documents of the bucket to rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handlers.report import explain

Doc = Mapping[str, Any]
Fact = tuple[str, str]
ABSENT = "-"


def runs(one: Doc, other: Doc) -> list[dict[str, Any]]:
    """What is known of two runs: {"fact", "values" (of the one, of the other), "same"}. Keys of their specs are named where they differ.

    `one` and `other` are `handlers.why run`'s answers.
    """
    first, second = dict(_facts(one)), dict(_facts(other))
    specs = [dict(_leaves((each["request"] or {}).get("spec") or {})) for each in (one, other)]
    different = [name for name in {**specs[0], **specs[1]} if specs[0].get(name) != specs[1].get(name)]
    rows = [(name, first.get(name, ABSENT), second.get(name, ABSENT)) for name in {**first, **second}]
    rows += [(f"spec {name}", specs[0].get(name, ABSENT), specs[1].get(name, ABSENT)) for name in different]
    return [{"fact": fact, "values": [left, right], "same": left == right} for fact, left, right in rows]


def _facts(run: Doc) -> Iterator[Fact]:
    verdict, request = run["verdict"] or {}, run["request"] or {}
    yield "model", run["model"]
    yield "outcome", run["outcome"]
    if run["reason"]:
        yield "reason", run["reason"]
    for name, found in (verdict.get("metrics") or {}).items():
        yield f"{name} on test", explain.valued(found.get("challenger"))
    if verdict.get("winner"):
        yield "winner", verdict["winner"]["trial"]
        yield "parameters", explain.parameters(verdict["winner"].get("params"))
        yield "trials", str(len(verdict["trials"]))
    for role, rows in ((verdict.get("data") or {}).get("rows") or {}).items():
        yield f"rows of {role}", f"{rows['now']:,}" if rows.get("now") is not None else ABSENT
    yield from ((name, str(request[name])) for name in ("snapshot", "code") if request.get(name))
    if verdict.get("dataset"):
        yield "dataset", verdict["dataset"]


def _leaves(value: Any, path: str = "") -> Iterator[Fact]:
    """Each value of a spec by its dotted path; a list is one value."""
    if isinstance(value, Mapping) and value:
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    elif value is not None and value != {}:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def champions(history: Sequence[Doc], at: Sequence[str]) -> list[list[str]]:
    """A row for each champion, the newest first, as the header of `handlers.report.answers` has them; `at`: since when each was."""
    rows = []
    for record, since in zip(history, at, strict=True):
        test = record.get("test")
        went_back = f"back to champion {record['of']}: " if record.get("kind") == "rollback" else ""
        shown = [explain.value(test), explain.interval(test), since, record["run"], went_back + str(record.get("reason") or "")]
        rows.append([str(record["number"]), record["trial"], explain.parameters(record.get("params")), str(record.get("metric")), *shown])
    return rows
