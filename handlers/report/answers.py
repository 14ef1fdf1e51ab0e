"""What `handlers.why` answers, as text for people: sentences where there are some, else a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handlers.report import explain, followed
from handlers.runs.gate import number

Doc = dict[str, Any]
_EVENT = ("id", "source", "subject", "time", "model")
TOLD = ("failed", "deferred", "skipped", "superseded")  # outcomes whose reason a list of runs shows


def text(verb: str, answer: Doc) -> str:
    """The answer for people: sentences where there are some, else a table."""
    if "why" in answer:
        return "\n".join(answer["why"])
    if "curve" in answer:
        return _trial_text(answer)
    if verb == "trials" and not answer["trials"]:
        return f"Run {answer['run']} has no trials: {answer['outcome']}" + (f" ({answer['reason']})" if answer["reason"] else "")
    if verb == "trials":
        head = ["TRIAL", "PARAMS", f"{answer['metric'] or 'metric'} ON VALID", "EPOCHS", "SECONDS", ""]
        return _table(head, [_trial_cells(row, answer["metric"]) for row in answer["trials"]])
    if verb == "events":
        head = ["ID", "SOURCE", "EVENT", "TIME", "MODEL", "RUN"]
        return _table(head, [[str(each[name]) for name in _EVENT] + [each["became"][0]["run"]] for each in answer["events"]])
    if verb == "models":
        head = ["MODEL", "CHAMPION", "METRIC", "ON TEST", "SINCE", "RUNS"]
        return _table(head, [_model_cells(row) for row in answer["models"]])
    head = ["MODEL", "RUN", "OUTCOME", "TRIALS", "ON TEST", "BETTER BY", ""]
    return _table(head, [_run_cells(row) for row in answer["runs"]])


def _model_cells(row: Doc) -> list[str]:
    found = row["champion"]
    if found is None:
        return [row["model"], "none", "", "", "", str(row["runs"])]
    return [
        row["model"],
        f"{found['number']} ({found['trial']})",
        found["metric"],
        explain.valued(found["test"]),
        row["since"],
        str(row["runs"]),
    ]


def _run_cells(row: Doc) -> list[str]:
    test = f"{row['metric']} {explain.valued(row['test'])}" if row["test"] else ""
    better = explain.valued(row["difference"]) if row["difference"] else ""
    told = row["outcome"] in TOLD or (row["outcome"] == "running" and " failed: " in row["reason"])
    past = row["as_of"] and f"as of {row['as_of']}"
    last = "; ".join(filter(None, ["champion" if row["champion"] else row["reason"] if told else "", row["now"], past]))
    return [row["model"], row["run"], row["outcome"], str(row["trials"] or ""), test, better, last]


def _trial_cells(row: Doc, metric: str | None) -> list[str]:
    found = row["valid"].get(metric)
    role = ", ".join(name for name in ("winner", "champion") if row[name])
    valid = explain.valued(found) if found and "low" in found else ""
    return [row["trial"], explain.parameters(row["params"]), valid, str(row["epochs"] or ""), str(row["seconds"] or ""), role]


def _trial_text(answer: Doc) -> str:
    lines = [
        f"Trial {answer['trial']} of {answer['model']} ({explain.parameters(answer['params'])}) is {answer['status']}"
        + (", and it is the champion." if answer["champion"] else "."),
    ]
    for line in answer["curve"]:
        valid = ", ".join(f"{k} {number(v)}" for k, v in line["valid"].items())
        lines.append(f"  epoch {line['epoch']}: {valid}" + (" (best so far)" if line.get("best") else ""))
    if answer["stopped"]:
        lines.append(f"It stopped early: {answer['stopped']}.")
    lines += [f"It failed in run {f['run']}: {f['error']}" for f in answer["failures"]]
    lines += [*followed.lines(followed.of_trial(answer)), *followed.following(answer["next"])]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    whole = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in whole) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in whole)
