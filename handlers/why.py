"""Questions about models, runs and trials, answered from the bucket.

`python -m handlers.why NAME` (of a model, a run or a trial), `... models`, `... runs [MODEL]`, `... trials RUN`, and, to be exact,
`... model MODEL`, `... run RUN`, `... trial ID`; `-o json` for machines, sentences and tables otherwise. Nothing is changed, except that a
half-finished change of the champion is finished first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from handlers import failures
from handlers.contracts import TryAgain, WrongUsage, instant, main
from handlers.events import outbox
from handlers.report import explain
from handlers.runs import champion as champions
from handlers.runs import requests, trials
from handlers.runs.champion import current
from handlers.runs.gate import number
from handlers.runs.records import RunRecord, find_run, find_trials, models, read_run, runs
from handlers.storage import Store, canonical_json, open_store, optional_json

Doc = dict[str, Any]
VERBS = ("models", "runs", "trials", "run", "trial", "model", "any")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    words = list(argv)
    first = next((w for w in words if not w.startswith("-")), None)
    if first is not None and first not in VERBS:
        words.insert(words.index(first), "any")
    parser = argparse.ArgumentParser(prog="python -m handlers.why", description="Why is this the champion, and how did the runs go?")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="models|runs|trials|run|trial|model|NAME")
    verbs.add_parser("models", help="every model with its champion")
    of_runs = verbs.add_parser("runs", help="the runs of a model, or of all")
    of_runs.add_argument("name", nargs="?", metavar="MODEL")
    for verb, what in (("run", "RUN"), ("trials", "RUN"), ("trial", "TRIAL"), ("model", "MODEL"), ("any", "NAME")):
        verbs.add_parser(verb, help=f"one {what.lower()}").add_argument("name", metavar=what)
    for sub in verbs.choices.values():
        sub.add_argument("-o", "--output", choices=("text", "json"), default="text")
        sub.add_argument("--model", default=None, help="look in this model only")
    return parser.parse_args(words)


def run(argv: Sequence[str]) -> None:
    given = arguments(argv)
    answer = ANSWERS[given.verb](open_store(), given)
    print(canonical_json(answer) if given.output == "json" else text(given.verb, answer))


# ------------------------------------------------------------------------------------------------ answers


def _models(store: Store, given: argparse.Namespace) -> Doc:
    return {"models": [_model_row(store, name) for name in models(store) if given.model in (None, name)]}


def _model_row(store: Store, model: str) -> Doc:
    record = current(store, model).record
    ended = runs(store, model)
    row: Doc = {"model": model, "runs": len(ended), "last": ended[0].outcome if ended else None, "champion": None}
    if record is not None:
        row["champion"] = {
            name: record.get(name)
            for name in ("number", "trial", "run", "at", "metric", "test", "metrics", "params", "learned", "estimator")
        }
        row["since"] = instant(record.get("at"))
    return row


def _runs(store: Store, given: argparse.Namespace) -> Doc:
    wanted, there = given.name or given.model, models(store)
    if wanted and wanted not in there:
        raise WrongUsage(f"there is no model {wanted!r} in the bucket; models: {', '.join(there) or 'none yet'}")
    names = [wanted] if wanted else there
    return {"runs": [_run_row(store, record, current(store, name).record) for name in names for record in runs(store, name)]}


def _run_row(store: Store, record: RunRecord, champion: Doc | None) -> Doc:
    verdict, result = record.verdict or {}, record.result or {}
    test = verdict.get("metrics", {}).get(verdict.get("metric"), {})
    return {
        "model": record.model,
        "run": record.run,
        "outcome": record.outcome,
        "reason": result.get("reason") or _failing(store, record) or (record.request or {}).get("reason", ""),
        "metric": verdict.get("metric"),
        "test": test.get("challenger"),
        "difference": test.get("difference"),
        "trials": len(verdict.get("trials", [])),
        "winner": verdict.get("winner"),
        "champion": champion is not None and champion["run"] == record.run,
        "as_of": requests.asked(record.request).as_of or None,
        "at": record.at or None,
        "now": explain.submitted_now(record.request),
        "next_possible_at": result.get("next_possible_at"),
    }


def _failing(store: Store, record: RunRecord) -> str:
    """Why a run that has not ended will fail: what a step of it has left that is not tried again."""
    if record.result is not None:
        return ""
    lasting = [each for each in failures.of_run(store, record.model, record.run) if each["exit_code"] != TryAgain.exit_code]
    return f"{lasting[-1]['step']} failed: {lasting[-1]['message']}" if lasting else ""


def _run(store: Store, given: argparse.Namespace) -> Doc:
    found = read_run(store, given.model, given.name) if given.model else find_run(store, given.name)
    if found is None or not (found.request or found.verdict or found.result):
        raise WrongUsage(f"there is no run {given.name!r}; `python -m handlers.why runs` lists them")
    champion = current(store, found.model).record
    return {
        **_run_row(store, found, champion),
        "request": found.request,
        "verdict": found.verdict,
        "result": found.result,
        "of_trials": [_trial_row(store, found.model, s["trial"], s, found, champion) for s in (found.verdict or {}).get("trials", [])],
        "why": [
            *explain.run(found.run, found.request, found.result, found.verdict, _failing(store, found)),
            *outbox.unsent(store, found.model, found.run),
        ],
        "report": f"runs/{found.model}/{found.run}/report.html",
    }


def _trial_row(store: Store, model: str, trial: str, score: Doc, record: RunRecord | None, champion: Doc | None) -> Doc:
    result = trials.result(store, model, trial) or {}
    evaluation = optional_json(store, str(score.get("evaluation", ""))) or {}
    winner = ((record.verdict if record else None) or {}).get("winner", {}).get("trial")
    return {
        "model": model,
        "trial": trial,
        "params": score.get("params") or result.get("params"),
        "valid": evaluation.get("metrics") or {k: {"value": v} for k, v in result.get("valid", {}).items()},
        "winner": trial == winner,
        "champion": champion is not None and champion["trial"] == trial,
        **{name: result.get(name) for name in ("epochs", "epoch", "stopped", "rows", "seconds", "state", "estimator", "learned")},
    }


def _trial(store: Store, given: argparse.Namespace) -> Doc:
    found = [(m, t) for m, t in find_trials(store, given.name) if given.model in (None, m)]
    if len(found) != 1:
        what = "no trial has an id that begins" if not found else f"{len(found)} trials have ids that begin"
        raise WrongUsage(f"{what} with {given.name!r}; `python -m handlers.why run NAME` lists a run's trials")
    model, trial = found[0]
    result = trials.result(store, model, trial)
    state = "trained" if result is not None else "not finished"
    row = _trial_row(store, model, trial, {}, None, current(store, model).record)
    failures = (optional_json(store, f"{trials.folder(model, trial)}/failures.json") or {}).get("failures", [])
    return {**row, "status": state, "curve": trials.curve(store, model, trial), "failures": failures}


def _model(store: Store, given: argparse.Namespace) -> Doc:
    model = given.name
    record = current(store, model).record
    ended = runs(store, model)
    if record is None and not ended:
        known = ", ".join(models(store)) or "none yet"
        raise WrongUsage(f"there is no model {model!r} in the bucket; there are: {known}")
    verdicts = [found.verdict for found in ended if found.verdict is not None]
    told = [*explain.model(model, record, verdicts), *outbox.unsent(store, model)]
    return {"model": model, "champion": record, "history": champions.history(store, model), "why": told}


def _any(store: Store, given: argparse.Namespace) -> Doc:
    """A model, a run or a trial of that name, in this order."""
    if given.name in models(store):
        return _model(store, given)
    if find_run(store, given.name) is not None:
        return _run(store, given)
    try:
        return _trial(store, given)
    except WrongUsage:
        known = ", ".join(models(store)) or "none yet"
        raise WrongUsage(f"there is no model, run or trial {given.name!r} in the bucket; models: {known}") from None


def _trials(store: Store, given: argparse.Namespace) -> Doc:
    """The trials of a run, the best on `valid` first."""
    run = _run(store, given)
    return {**{name: run[name] for name in ("run", "outcome", "reason", "metric")}, "trials": run["of_trials"]}


ANSWERS = {"models": _models, "runs": _runs, "trials": _trials, "run": _run, "trial": _trial, "model": _model, "any": _any}

# -------------------------------------------------------------------------------------------------- text


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
    told = row["outcome"] in ("failed", "deferred", "skipped") or (row["outcome"] == "running" and " failed: " in row["reason"])
    last = "; ".join(
        filter(
            None, ["champion" if row["champion"] else row["reason"] if told else "", row["now"], row["as_of"] and f"as of {row['as_of']}"]
        )
    )
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
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    whole = [list(head), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in whole) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in whole)


if __name__ == "__main__":
    main(run, sys.argv[1:])
