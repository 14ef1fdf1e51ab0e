"""What `handlers.why` answers, as text for people: sentences where there are some, else a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from handlers.report import compared, explain, followed, queue, under_way
from handlers.runs.gate import number

Doc = dict[str, Any]
_EVENT = ("id", "source", "subject", "time", "model")
INTERVAL, WITHIN = "INTERVAL", "DIFFERENCE'S INTERVAL"
TOLD = ("failed", "deferred", "skipped", "superseded")  # outcomes whose reason a list of runs shows


def shown(verb: str, answer: Doc) -> Doc:
    """The answer for people: {"text"}, sentences, or {"header", "rows", "spare"}, a table.

    Of `spare` its printer leaves out what does not fit, the first named first.
    """
    if "why" in answer:
        return {"text": "\n".join(answer["why"])}
    if "curve" in answer:
        return {"text": _trial_text(answer)}
    if verb in ("trials", "curves"):
        return {**_of_trials(answer), "outcome": answer["outcome"]}
    return TABLES[verb](answer)


def _of_trials(answer: Doc) -> Doc:
    if answer["trials"]:
        return _trials(answer)
    if answer["training"]:
        return _table(*under_way.table(answer))
    return {"text": f"Run {answer['run']} has no trials: {answer['outcome']}" + (f" ({answer['reason']})" if answer["reason"] else "")}


def text(answer: Doc) -> str:
    """What `shown` gave as lines, the cells of a table between tabs."""
    return str(answer["text"]) if "text" in answer else "\n".join("\t".join(row) for row in [answer["header"], *answer["rows"]])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str]) -> Doc:
    return {"header": list(header), "rows": [list(row) for row in rows], "spare": list(spare)}


def _model_cells(row: Doc) -> list[str]:
    found = row["champion"]
    if found is None:
        return [row["model"], "none", *[""] * 6, str(row["runs"]), ""]
    test, newest = [explain.value(found["test"]), explain.interval(found["test"])], row["standing"]["newest"]
    now = explain.value(newest["test"]) if newest else ""
    cells = [row["model"], str(found["number"]), found["trial"], found["metric"], *test, now, row["since"], str(row["runs"])]
    return [*cells, _standing(row["standing"])]


def _standing(found: Doc) -> str:
    """What is wrong with a champion."""
    told = ["worse than when it was promoted"] if found["fallen"] else []
    if found["worse_than_baseline"]:
        told.append(f"worse than the baseline ({found['baseline']['name']}: {number(found['baseline']['value'])})")
    return "; ".join(told)


def _run_cells(row: Doc) -> list[str]:
    test = [f"{row['metric']} {explain.value(row['test'])}", explain.interval(row["test"])] if row["test"] else ["", ""]
    better = [explain.value(row["difference"]), explain.interval(row["difference"])] if row["difference"] else ["", ""]
    told = row["outcome"] in TOLD or (row["outcome"] == "running" and " failed: " in row["reason"])
    past = row["as_of"] and f"as of {row['as_of']}"
    last = "; ".join(filter(None, ["champion" if row["champion"] else row["reason"] if told else "", row["now"], past]))
    return [row["model"], row["run"], row["outcome"], str(row["trials"] or ""), *test, *better, last]


def _trials(answer: Doc) -> Doc:
    """The trials, each with the parameters in which they differ."""
    trials, metric = answer["trials"], answer["metric"] or "metric"
    differing = explain.differing(trials)
    header = ["TRIAL", "PARAMS", f"{metric} ON VALID", INTERVAL, "EPOCHS", "SECONDS", "NOTE"]
    rows = [_trial_cells(row, answer["metric"], differing) for row in trials]
    return _table(header, rows, spare=["SECONDS", "EPOCHS", INTERVAL, "TRIAL"])


def _trial_cells(row: Doc, metric: str | None, differing: Set[str]) -> list[str]:
    found = row["valid"].get(metric)
    ended = under_way.ended(row["ended_by"])
    role = "; ".join(filter(None, [", ".join(name for name in ("winner", "champion") if row[name]), ended]))
    valid = [explain.value(found), explain.interval(found)] if found and "low" in found else ["", ""]
    own = {name: value for name, value in (row["params"] or {}).items() if name in differing}
    return [row["trial"], explain.parameters(own or row["params"]), *valid, str(row["epochs"] or ""), str(row["seconds"] or ""), role]


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


def _events(answer: Doc) -> Doc:
    header = ["ID", "SOURCE", "EVENT", "TIME", "MODEL", "RUN"]
    rows = [[*(str(each[name]) for name in _EVENT), each["became"][0]["run"]] for each in answer["events"]]
    return _table(header, rows, spare=header[:4])


def _models(answer: Doc) -> Doc:
    header = ["MODEL", "CHAMPION", "TRIAL", "METRIC", "ON TEST", INTERVAL, "ON NEWEST TEST", "SINCE", "RUNS", "NOTE"]
    return _table(header, [_model_cells(row) for row in answer["models"]], spare=["RUNS", INTERVAL, "TRIAL", "METRIC", "SINCE"])


def _runs(answer: Doc) -> Doc:
    header = ["MODEL", "RUN", "OUTCOME", "TRIALS", "ON TEST", INTERVAL, "BETTER BY", WITHIN, "NOTE"]
    return _table(header, [_run_cells(row) for row in answer["runs"]], spare=[INTERVAL, WITHIN, "TRIALS", "MODEL", "BETTER BY"])


def _history(answer: Doc) -> Doc:
    header = ["NUMBER", "TRIAL", "PARAMS", "METRIC", "ON TEST", INTERVAL, "SINCE", "RUN", "REASON"]
    rows = compared.champions(answer["champions"], answer["since"])
    return _table(header, rows, spare=["REASON", INTERVAL, "METRIC", "TRIAL", "PARAMS", "SINCE"])


def _compare(answer: Doc) -> Doc:
    rows = [["" if each["same"] else "*", each["fact"], *each["values"]] for each in answer["compared"]]
    return _table(["", "FACT", *answer["runs"]], rows, spare=[])


def _queue(answer: Doc) -> Doc:
    header = ["MODEL", "TRAINS", "WAITS", "WANTED", "COST OF 30 DAYS"]
    return _table(header, [queue.cells(row) for row in answer["models"]], spare=["WANTED"])


TABLES: Mapping[str, Callable[[Doc], Doc]] = {
    "models": _models,
    "runs": _runs,
    "queue": _queue,
    "history": _history,
    "compare": _compare,
    "events": _events,
}
