"""Questions about events, objects, models, runs and trials, answered from the bucket.

`python -m handlers.why NAME` (an event's id, an object's key, a run, a trial or a model), `... models`, `... runs [MODEL]`,
`... queue`, `... trials RUN`, `... curves RUN`, `... history MODEL`, `... compare RUN RUN`, `... events`, and, to be exact, `... event ID`,
`... object KEY`, `... run RUN`, `... trial ID`, `... model MODEL`;
`-o json` for machines, `-o shown` for what prints it (sentences, or the header and rows of a table); text otherwise, a table's cells
between tabs. `--journal` hands over what the engine's journal has about the name. Nothing is changed, except that a half-finished change
of the champion is finished first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from handlers import failures
from handlers.contracts import TryAgain, WrongUsage, instant, json_argument, main
from handlers.events import outbox
from handlers.report import compared, curves, explain, followed, of_events, of_objects, queue
from handlers.report.answers import shown, text
from handlers.runs import champion as champions
from handlers.runs import followed as chains
from handlers.runs import live, requests, trials
from handlers.runs.champion import current
from handlers.runs.records import RunRecord, evaluated, find_run, find_trials, models, read_run, runs
from handlers.runs.standing import standing
from handlers.storage import Store, canonical_json, open_store, optional_json

Doc = dict[str, Any]
VERBS = ("models", "runs", "queue", "trials", "curves", "events", "event", "object", "run", "trial", "model", "history", "compare", "any")
KINDS = (
    ("event", "ID"),
    ("object", "KEY"),
    ("run", "RUN"),
    ("trials", "RUN"),
    ("curves", "RUN"),
    ("trial", "TRIAL"),
    ("model", "MODEL"),
    ("history", "MODEL"),
    ("any", "NAME"),
)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    words = list(argv)
    first = next((w for w in words if not w.startswith("-")), None)
    if first is not None and first not in VERBS:
        words.insert(words.index(first), "any")
    parser = argparse.ArgumentParser(prog="python -m handlers.why", description="Why is this the champion, and how did the runs go?")
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="models|runs|queue|trials|curves|events|event|object|run|trial|model|history|compare|NAME"
    )
    verbs.add_parser("models", help="every model with its champion")
    of_runs = verbs.add_parser("runs", help="the runs of a model, or of all")
    of_runs.add_argument("name", nargs="?", metavar="MODEL")
    of_events = verbs.add_parser("events", help="the events that runs were started by")
    of_events.add_argument("--limit", type=int, default=20)
    of_events.add_argument("--since", type=float, default=0.0, help="seconds since 1970")
    verbs.add_parser("queue", help="who trains, who waits, what it has cost")
    for verb, what in KINDS:
        verbs.add_parser(verb, help=f"one {what.lower()}").add_argument("name", metavar=what)
    of_two = verbs.add_parser("compare", help="two runs side by side")
    of_two.add_argument("name", metavar="RUN")
    of_two.add_argument("other", metavar="RUN")
    for sub in verbs.choices.values():
        sub.add_argument("-o", "--output", choices=("text", "json", "shown"), default="text")
        sub.add_argument("--model", default=None, help="look in this model only")
        sub.add_argument("--journal", default="[]", metavar="JSON", help="events of the engine's journal: a list")
    return parser.parse_args(words)


def run(argv: Sequence[str]) -> None:
    given = arguments(argv)
    found = ANSWERS[given.verb](open_store(), given)
    if given.output == "text":
        print(text(shown(given.verb, found)))
    else:
        print(canonical_json(found if given.output == "json" else shown(given.verb, found)))


def answer(store: Store, words: Sequence[str]) -> Doc:
    """What the words ask for, from a store that is open already."""
    given = arguments(words)
    return ANSWERS[given.verb](store, given)


def journal(given: argparse.Namespace) -> list[Doc]:
    """What the engine told about the name: events with what became of them."""
    return [dict(each) for each in json_argument(given.journal, "--journal")]


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
        row["standing"] = standing(record, ended)
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
        found = of_events.unwritten(given.name, journal(given))
    if found is None:
        raise WrongUsage(f"there is no run {given.name!r}; `python -m handlers.why runs` lists them")
    champion = current(store, found.model).record
    chain = chains.of_run(store, found)
    events = [each for each in journal(given) if any(became["run"] == found.run for became in each["became"])]
    told = explain.run(found.run, found.request, found.result, found.verdict, _failing(store, found))
    next_ = followed.next_of_run(chain)
    return {
        "kind": "run",
        **_run_row(store, found, champion),
        "request": found.request,
        "verdict": found.verdict,
        "result": found.result,
        "of_trials": [_trial_row(store, found.model, s["trial"], s, found, champion) for s in (found.verdict or {}).get("trials", [])],
        "chain": chain,
        "events": events,
        "next": next_,
        "why": [
            *told,
            *outbox.unsent(store, found.model, found.run),
            *followed.lines(followed.chain(chain, events, brief=True)),
            *followed.following(next_),
        ],
        "report": f"runs/{found.model}/{found.run}/report.html",
    }


def _trial_row(store: Store, model: str, trial: str, score: Doc, record: RunRecord | None, champion: Doc | None) -> Doc:
    result = trials.result(store, model, trial) or {}
    evaluation = evaluated(store, score)
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
    exact = [each for each in found if each[1] == given.name]
    if len(exact or found) != 1:
        what = "no trial has an id that begins" if not found else f"{len(found)} trials have ids that begin"
        raise WrongUsage(f"{what} with {given.name!r}; `python -m handlers.why run NAME` lists a run's trials")
    model, trial = (exact or found)[0]
    result = trials.result(store, model, trial)
    state = "trained" if result is not None else "not finished"
    row = _trial_row(store, model, trial, {}, None, current(store, model).record)
    failures = (optional_json(store, f"{trials.folder(model, trial)}/failures.json") or {}).get("failures", [])
    lines = {"curve": trials.curve(store, model, trial), "within": trials.within(store, model, trial)}
    told = {**row, "kind": "trial", "status": state, **lines, "failures": failures}
    return {**told, **_around(store, model, trial)}


def _around(store: Store, model: str, trial: str) -> Doc:
    """The runs that had a trial, their events, and what its data was made of."""
    mine = [record for record in runs(store, model) if trial in _trials_of(record)]
    request = optional_json(store, f"{trials.folder(model, trial)}/request.json") or {}
    dataset = chains.dataset_of(store, model, str(request.get("dataset") or ""))
    had = [
        {"run": one.run, "outcome": one.outcome, "at": one.at, "winner": ((one.verdict or {}).get("winner") or {}).get("trial") == trial}
        for one in mine
    ]
    champion = chains.champion_of_trial(store, model, trial)
    return {
        "runs": had,
        "events": [event for one in mine if (event := chains.event_of(one.request))],
        "parts": chains.parts_of(dataset) if dataset else None,
        "dataset": chains.described(model, dataset) if dataset else None,
        "became": champion,
        "next": [*(f"retrain why {one['run']}" for one in had[:1]), f"retrain why {model}"],
    }


def _trials_of(record: RunRecord) -> list[str]:
    return [*((record.result or {}).get("trials") or []), *(each["trial"] for each in (record.verdict or {}).get("trials", []))]


def _model(store: Store, given: argparse.Namespace) -> Doc:
    model = given.name
    record = current(store, model).record
    ended = runs(store, model)
    if record is None and not ended:
        known = ", ".join(models(store)) or "none yet"
        raise WrongUsage(f"there is no model {model!r} in the bucket; there are: {known}")
    verdicts = [found.verdict for found in ended if found.verdict is not None]
    told = [*explain.model(model, record, verdicts), *outbox.unsent(store, model)]
    chain = chains.of_run(store, read_run(store, model, record["run"])) if record is not None else None
    latest = record["run"] if record is not None else ended[0].run
    answer = {"kind": "model", "model": model, "champion": record, "history": champions.history(store, model), "chain": chain}
    next_ = [f"retrain why {latest}", f"retrain runs {model}", f"retrain snapshot {model}"]
    return {
        **answer,
        "next": next_,
        "why": [*told, *followed.lines(followed.chain(chain, brief=True) if chain else []), *followed.following(next_)],
    }


def _events(store: Store, given: argparse.Namespace) -> Doc:
    return of_events.named_by_runs(store, given.model, given.since, given.limit)


def _queue(store: Store, given: argparse.Namespace) -> Doc:
    return queue.told(store, given.model)


def _event(store: Store, given: argparse.Namespace) -> Doc:
    return of_events.event(store, given.name, given.model, journal(given))


def _object(store: Store, given: argparse.Namespace) -> Doc:
    return of_objects.thing(store, given.name, given.model, journal(given))


def _history(store: Store, given: argparse.Namespace) -> Doc:
    """The champions of a model, the newest first."""
    if given.name not in (there := models(store)):
        raise WrongUsage(f"there is no model {given.name!r} in the bucket; models: {', '.join(there) or 'none yet'}")
    found = champions.history(store, given.name)[::-1]
    return {"model": given.name, "champions": found, "since": [instant(each.get("at")) for each in found]}


def _compare(store: Store, given: argparse.Namespace) -> Doc:
    """What two runs have in common and what not."""
    one, other = (_run(store, argparse.Namespace(**{**vars(given), "name": name})) for name in (given.name, given.other))
    return {"runs": [one["run"], other["run"]], "compared": compared.runs(one, other)}


# ------------------------------------------------------------------------------------------------ anything


def _any(store: Store, given: argparse.Namespace) -> Doc:
    """Whatever has that name. More than one is answered with the candidates."""
    found = _candidates(store, given)
    if not found:
        known = ", ".join(models(store)) or "none yet"
        raise WrongUsage(f"there is no model, run, trial, event or object {given.name!r} in the bucket; models: {known}")
    if len(found) > 1:
        raise WrongUsage(of_events.ambiguous(given.name, found))
    kind, given.name = found[0]
    return ANSWERS[kind](store, given)


def _candidates(store: Store, given: argparse.Namespace) -> list[tuple[str, str]]:
    """(kind, name) of all that a name may mean: what is called so, else what begins so of trials and events."""
    name: str = given.name
    if "/" in name:
        return [_written(store, name)]
    events = of_events.ids(name, journal(given), of_events.started(store, given.model))
    found = list(dict.fromkeys(trial for _, trial in find_trials(store, name)))
    exact = [("model", name)] if name in models(store) else []
    exact += [("run", name)] if find_run(store, name) or of_events.unwritten(name, journal(given)) else []
    exact += [("trial", each) for each in found if each == name] + [("event", each) for each in events if each == name]
    return exact or [*(("trial", each) for each in found), *(("event", each) for each in events)]


def _written(store: Store, key: str) -> tuple[str, str]:
    """What an object's key stands for: what a run has written stands for the run, the trial or the model."""
    folder, _, rest = of_objects.key_of(key).partition("/")
    name = rest.split("/")
    if folder == "models" and name[0] in models(store):
        return "model", name[0]
    if len(name) > 2 and folder in ("runs", "trials"):
        return folder.removesuffix("s"), name[1]
    return "object", key


def _curves(store: Store, given: argparse.Namespace) -> Doc:
    """The trials of a run with their curves, also of a run that has not been judged yet."""
    run = _run(store, given)
    rows = {row["trial"]: row for row in run["of_trials"]}
    found = curves.of_run(store, read_run(store, run["model"], run["run"]))
    told = [{"valid": {}, "winner": False, "champion": False, **rows.get(each["trial"], {}), **each} for each in found["trials"]]
    return {
        **{name: run[name] for name in ("model", "run", "outcome", "reason", "metric")},
        "select_by": found["select_by"],
        "higher": found["higher"],
        "training": [],
        "trials": told,
    }


def _trials(store: Store, given: argparse.Namespace) -> Doc:
    """The trials of a run, the best on `valid` first, and how each goes or went."""
    run = _run(store, given)
    found = {name: run[name] for name in ("run", "outcome", "reason", "metric")}
    training = live.of_run(store, run["model"], run["run"])
    stopped = {each["result"]: each["stopped"] for each in training if each["stopped"]}
    rows = [{**row, "ended_by": stopped.get(row["trial"])} for row in run["of_trials"]]
    return {**found, "trials": rows, "training": training, "now": store.server_time()}


ANSWERS = {
    "models": _models,
    "runs": _runs,
    "queue": _queue,
    "trials": _trials,
    "curves": _curves,
    "events": _events,
    "event": _event,
    "object": _object,
    "run": _run,
    "trial": _trial,
    "model": _model,
    "history": _history,
    "compare": _compare,
    "any": _any,
}


if __name__ == "__main__":
    main(run, sys.argv[1:])
