"""Judge a run's winner against the champion and move the champion pointer; or write the run's report.

`python -m handlers.promote [judge] --model M --spec JSON --dataset DIGEST --run NAME --results JSON --status TEXT --decision D
--verdict-out PATH --again-out PATH --name-out PATH --event-out PATH` and `python -m handlers.promote report --model M --run NAME --status
PHASE --failures JSON --again-out PATH --name-out PATH --event-out PATH --notify-out PATH`, which ends a run that nobody judged.

Written in this order: verdict.json, the marker in trained/, the history entry, the pointer, the events that tell of it, result.json; then
the claim is released.
After a crash at any point a repetition ends in the same state, with one promotion. It exits non-zero when the run has failed, because it is
the last task of the run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from handlers import failures
from handlers.contracts import BadData, BadSpec, GaveUp, json_items, log, main, write_output
from handlers.data.manifest import load_dataset
from handlers.events import outbox, receivers
from handlers.modelspec.code_digests import of_source
from handlers.modelspec.grid import expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.report.run_report import ended_early, parse_failures, write_report
from handlers.runs import champion as champions
from handlers.runs import exports, pacing, past, requests, rounds, spending, trained, trials, waiting
from handlers.runs.champion import Overtaken
from handlers.runs.claim import Heartbeat, Released, follower, release, resume, since, superseded, told
from handlers.runs.claim import read as read_claim
from handlers.runs.comparison import verdict as judged
from handlers.runs.evaluation import on_valid
from handlers.runs.gate import of_all_trials
from handlers.runs.records import RunRecord, read_run, runs
from handlers.runs.requests import run_folder
from handlers.storage import Store, canonical_json, open_store, write_json

ENDED_BEFORE = ("already-trained", "busy", "duplicate", "joined", "no-data", "deferred", "skipped")
JUDGING = ("train", "redecide")
ATTEMPTS = 5


class Decided(Exception):
    """Another run has decided on the same data, spec and gate; the text says which."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.promote", description="Judge a run's winner and move the champion pointer.")
    for name, default in (("spec", ""), ("dataset", ""), ("results", "[]"), ("status", ""), ("decision", ""), ("uid", "")):
        parser.add_argument(f"--{name}", default=default)
    for name in ("model", "run"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("verdict-out", "again-out"):
        parser.add_argument(f"--{name}", required=True, metavar="PATH")
    for name in ("name-out", "event-out"):
        parser.add_argument(f"--{name}", metavar="PATH")
    return parser.parse_args(argv)


def report_arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.promote report", description="Write the run's report.html.")
    for name in ("model", "run"):
        parser.add_argument(f"--{name}", required=True)
    for name, default in (("status", ""), ("failures", "null"), ("uid", "")):
        parser.add_argument(f"--{name}", default=default)
    for name in ("again-out", "name-out", "event-out", "notify-out"):
        parser.add_argument(f"--{name}", metavar="PATH")
    return parser.parse_args(argv)


def run(argv: Sequence[str] | None = None) -> None:
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["report"]:
        report(report_arguments(words[1:]))
        return
    judge(arguments(words[1:] if words[:1] == ["judge"] else words))


def report(given: argparse.Namespace) -> None:
    """The last thing of a run, whatever happened to it: its result and its claim when it was not judged, and its page."""
    store = open_store()
    if _elsewhere(store, given):
        write_output(given.notify_out, "no")
        return
    again = _follow(given, close(store, given))
    write_output(given.notify_out, "yes" if outbox.waiting(store, given.model) else "no")
    log("report is written", key=write_report(store, given.model, given.run, given.status, given.failures), again=again)


def _follow(given: argparse.Namespace, released: Released) -> bool:
    """Say whether a run follows, and which."""
    name, event = follower(given.model, given.run, released)
    write_output(given.again_out, "yes" if released.wanted else "no")
    write_output(given.name_out, name)
    write_output(given.event_out, event)
    return released.wanted


def close(store: Store, given: argparse.Namespace) -> Released:
    """End a run that nobody judged (stopped, or in error) and let go of what it holds; what was wanted meanwhile."""
    joined = waiting.leave(store, given.model, given.run)
    record = read_run(store, given.model, given.run)
    if record.result is None:
        verdict = record.verdict or {}
        if verdict.get("decision") == "promoted" and _carried_out(store, given.model, verdict):
            outcome = _judged(store, verdict)
        else:
            verdict, outcome = {}, _ended_early(store, given)
        result = {"model": given.model, "run": given.run, **outcome, "closed": True, "at": store.server_time()}
        _ended(store, given, "", result, verdict)
    unjudged = record.result is None or bool(record.result.get("closed"))
    holds = read_claim(store, given.model)[0].run == given.run
    # a run that was judged let go of its claim then, and started what follows it
    released = release(store, given.model, given.run) if unjudged or holds else Released()
    return released._replace(wanted=released.wanted or joined)


def _ended_early(store: Store, given: argparse.Namespace) -> dict[str, Any]:
    reason = ended_early(store, given.model, given.run, parse_failures(given.failures))
    known = next((each for each in failures.of_run(store, given.model, given.run) if each["message"] == reason), None)
    return {"outcome": "failed", "reason": reason, **_step(known)}


def judge(given: argparse.Namespace) -> None:
    store = open_store()
    if _elsewhere(store, given):
        write_output(given.verdict_out, canonical_json({"outcome": "elsewhere"}))
        return
    record = read_run(store, given.model, given.run)
    result = record.result
    if result is None or result["outcome"] == "failed":
        if result is not None and given.decision in JUDGING:
            # a run that failed may have been tried again: what came of it now counts, while its data is the newest that was claimed
            _not_since(given.run, resume(store, given.model, given.run))
        result = end(store, given, record.request or {})
    released = release(store, given.model, given.run)
    write_output(given.verdict_out, canonical_json({k: result.get(k) for k in ("outcome", "reason", "champion", "winner")}))
    again = _follow(given, released)
    log("run has ended", run=given.run, outcome=result["outcome"], reason=result["reason"], again=again)
    if result["outcome"] == "failed":
        raise GaveUp(result["reason"])


def _elsewhere(store: Store, given: argparse.Namespace) -> bool:
    """Whether a Workflow of this name on another engine does the run: it is not judged, closed or followed here."""
    found = requests.of_another(store, given.model, given.run, given.uid)
    if found:
        write_output(given.again_out, "no")
        write_output(given.name_out, "")
        write_output(given.event_out, "")
        log("another engine does this run", run=given.run)
    return found


def end(store: Store, given: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """Bring the run to its end; its result's document, written last."""
    outcome, verdict = _outcome(store, given, request)
    result = {"model": given.model, "run": given.run, "decision": given.decision, "status": given.status, **outcome}
    # what comes next is measured by the present
    if verdict and request and not verdict["lost"] and given.decision == "train" and not requests.asked(request).as_of:
        pacing.finished(store, load(given.spec), request, load_dataset(store, given.model, outcome["dataset"]))
    result.update(_cost(store, given), at=store.server_time())
    return _ended(store, given, given.spec, result, verdict)


def _cost(store: Store, given: argparse.Namespace) -> dict[str, Any]:
    """What the run has cost; without a spec that can be read no step came so far that it could cost anything."""
    try:
        return spending.cost(store, load(given.spec).trigger.price, given.model, given.run) if given.spec else {}
    except BadSpec:
        return {}


def _ended(store: Store, given: argparse.Namespace, spec: str, result: dict[str, Any], verdict: dict[str, Any]) -> dict[str, Any]:
    """The events that tell of a result, then the result; the one that counts."""
    receiving = receivers.told_of(store, given.model, given.run, spec)
    entries = outbox.put(store, receiving, result, verdict, int(verdict.get("lost", 0)))
    counts = requests.end(store, given.model, given.run, result)
    outbox.drop(store, entries, counts)
    return counts


def lost_trials(given: argparse.Namespace, scores: Sequence[dict[str, Any]]) -> int:
    """How many trials of the search were not trained and evaluated; of a run that only decides again none can be lost."""
    if given.decision != "train":
        return 0
    spec = load(given.spec)
    if spec.search.has_rounds:
        return rounds.searched(open_store(), given.model, given.run).lost
    return len(expand(spec)) - len(scores)


def _outcome(store: Store, given: argparse.Namespace, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the result says beside its names, and the verdict; empty where nothing was judged."""
    decision = "deferred" if request.get("decision") == "deferred" else given.decision
    if decision in ENDED_BEFORE:
        return {"outcome": decision, "reason": str(request.get("reason", decision)), **(request.get("refused") or {})}, {}
    scores = [s for s in json_items(given.results, "--results") if s.get("trial")]
    dataset = given.dataset
    try:
        _not_decided(store, given, request)
        spec = _spec(given.spec)
        if given.decision == "redecide":
            dataset, scores = earlier(store, given.model, given.run, request, spec)
        elif spec.search.has_rounds:
            scores = rounds.searched(store, given.model, given.run).scores(spec)
        failed = _failed(given.status, given.decision, scores, failures.of_run(store, given.model, given.run))
        by = superseded(store, given.model, given.run)
        # what was trained in full is judged all the same
        if by and (failed or lost_trials(given, scores)):
            return {"outcome": "superseded", "reason": told(by), "by": by}, {}
        if failed:
            return failed, {}
        with Heartbeat(store, given.model, given.run):
            document = decide(store, spec, dataset, given, scores, request)
        rounds.forget_checkpoints(store, given.model, given.run, spec)
    except Decided as why:
        return {"outcome": "already-trained", "reason": str(why)}, {}
    except (BadData, BadSpec, GaveUp) as error:
        # without a spec no step came so far that it could be named
        reasons = [] if given.spec else failures.of_run(store, given.model, given.run)
        known = failures.of_step(reasons, "spec")
        if known:
            return {"outcome": "failed", "reason": f"{error}: {known['message']}", **_step(known)}, {}
        return {"outcome": "failed", "reason": str(error), "step": "promote-judge", "exit_code": error.exit_code}, {}
    return _judged(store, document), document


def _not_decided(store: Store, given: argparse.Namespace, request: dict[str, Any]) -> None:
    """Raise Decided when another run has decided on the same: the data went back to what it was before this run read it, or the run lost
    its claim and got it again, or the other one has promoted and has not said so yet."""
    by = trained.run_of(store, given.model, request["digest"], request["gate"]) if "digest" in request else None
    if by not in (None, given.run):
        raise Decided(f"already trained by run {by}")


def _judged(store: Store, verdict: dict[str, Any]) -> dict[str, Any]:
    """What the result of a judged run says."""
    record = champions.current(store, verdict["model"]).record or {}
    return {
        "outcome": verdict["decision"],
        "reason": verdict["reason"],
        "verdict": verdict["digest"],
        "dataset": verdict["dataset"],
        "winner": verdict["winner"]["trial"],
        "champion": record.get("number"),
        "trials": [each["trial"] for each in verdict["trials"]],
    }


def _spec(text: str) -> ModelSpec:
    if not text:
        raise GaveUp("the run has no spec: its first step failed")
    return load(text)


def _failed(status: str, decision: str, scores: list[dict[str, Any]], reasons: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How the whole run has failed, None when it has not: a stage before the trials failed, or no trial was trained and evaluated."""
    phases = dict(word.split("=", 1) for word in status.split() if "=" in word)
    lost = [stage for stage, phase in phases.items() if phase in ("Failed", "Error")]
    before = [stage for stage in lost if stage not in ("train", "evaluate")]
    if before:
        known = failures.of_step(reasons, before[0])
        told = f"step {before[0]} failed: {known['message']}" if known else f"step {before[0]} failed; see its log"
        return {"outcome": "failed", "reason": told, **_step(known)}
    if decision not in JUDGING:
        return {"outcome": "failed", "reason": f"fetch decided neither to train nor to decide again, but {decision!r}"}
    if not scores:
        known = next((found for found in (failures.of_step(reasons, stage) for stage in lost) if found), None)
        told = f"no trial was trained and evaluated ({', '.join(lost)} failed)" if lost else "no trial was trained and evaluated"
        return {"outcome": "failed", "reason": f"{told}: {known['message']}" if known else told, **_step(known)}
    return None


def _step(known: dict[str, Any] | None) -> dict[str, Any]:
    """Which step failed and how it ended, as the result of a failed run says it, where the step has left its reason."""
    return {"step": known["step"], "exit_code": known["exit_code"]} if known else {}


def earlier(store: Store, model: str, run: str, request: dict[str, Any], spec: ModelSpec) -> tuple[str, list[dict[str, Any]]]:
    """The dataset and the trials of the run that trained what this run decides again, scored as `evaluate` asks now."""
    wanted = request.get("earlier")
    found: RunRecord | None = None
    for record in runs(store, model):
        usable = record.result is not None and record.result.get("trials") and record.run != run
        if usable and (wanted is None or record.run == wanted):
            found = record
            break
    if found is None or found.result is None:
        raise GaveUp(f"there is no earlier run of {model} with trials to decide on again" + (f" (named: {wanted})" if wanted else ""))
    dataset = load_dataset(store, model, found.result["dataset"])
    scores = []
    for trial in found.result["trials"]:
        value = on_valid(store, model, trial, spec, dataset)["metrics"][spec.evaluate.select_by]["value"]
        scores.append({"trial": trial, "select_by": spec.evaluate.select_by, "value": value})
    return dataset.digest, scores


def decide(
    store: Store, spec: ModelSpec, dataset: str, given: argparse.Namespace, scores: list[dict[str, Any]], request: dict[str, Any]
) -> dict[str, Any]:
    """The verdict, carried out. Repeated when another run changed the champion meanwhile.

    The order is what holds a run that lost its claim off: the pointer is read, then the claim, then the pointer is moved if it is still the
    one that was read. Whoever has taken the claim over and promoted was either seen in the claim, or has moved the pointer. And whoever has
    promoted the same is seen after the pointer was read, and nobody else promotes it then.
    """
    model, run, asked, lost = given.model, given.run, requests.asked(request), lost_trials(given, scores)
    for _ in range(ATTEMPTS):
        pointer = champions.current(store, model)
        known = read_run(store, model, run).verdict
        if known is not None and _carried_out(store, model, known):
            return {"lost": lost, **known}
        _not_decided(store, given, request)
        against, rows = pointer if asked.promotes else champions.Pointer(None, None), load_dataset(store, model, dataset)
        search = rounds.searched(store, model, run).told(spec) if spec.search.has_rounds else {}
        found = judged(store, model, spec, rows, run, scores, against)
        if spec.promote.gate is not None and spec.promote.gate.all_trials:
            found = of_all_trials(found, lost)
        known = past.verdict({**found, **search, "lost": lost}, asked)
        # takes as long as its rows need, so it is made before the claim is looked at; without a promotion it does nothing
        known["export"] = exports.keep(store, model, known["winner"]["trial"], spec, rows)
        claim, _ = read_claim(store, model)
        if claim.run != run:
            _not_since(run, since(claim, run))
            raise GaveUp(f"run {run} has released its claim of {model} before it was judged; start the run again")
        write_json(store, f"{run_folder(model, run)}/verdict.json", known)
        promoted = known["decision"] == "promoted"
        # with trials lost the training is not finished: the next event trains what is missing
        decided = request if "digest" in request and not lost else None
        if decided:
            trained.mark(store, decided, pointer.number + 1 if promoted else None)
        if not promoted:
            return known
        try:
            record = champions.change(store, model, pointer, _record(store, model, known, decided, spec))
        except Overtaken as why:
            log("compared again", reason=str(why))
            continue
        log("champion", number=record["number"], trial=record["trial"])
        return known
    raise GaveUp(f"the champion of {model} changed {ATTEMPTS} times during the comparison; start the run again")


def _carried_out(store: Store, model: str, verdict: dict[str, Any]) -> bool:
    """Whether the champion that follows the one of the verdict is this run's."""
    follows = champions.entry(store, model, int((verdict["champion"] or {}).get("number", 0)) + 1)
    return follows is not None and follows["run"] == verdict["run"]


def _not_since(run: str, other: str) -> None:
    """Raise GaveUp when another run has had the claim since `run` had it."""
    if other:
        raise GaveUp(f"run {other} has had the model since run {run} lost its claim of it; what run {run} has trained is not judged")


def _record(store: Store, model: str, document: dict[str, Any], decided: dict[str, Any] | None, spec: ModelSpec) -> dict[str, Any]:
    """The champion's record: enough to say which trial it is and why, without other documents, and by which training it is `decided`."""
    trial = document["winner"]["trial"]
    result = trials.result(store, model, trial) or {}
    test = document["metrics"][document["metric"]]["challenger"]
    return {
        "kind": "promotion",
        "model": model,
        "trial": trial,
        "dataset": document["dataset"],
        "run": document["run"],
        "verdict": document["digest"],
        "reason": document["reason"],
        "metric": document["metric"],
        "test": test,
        "resampled": document["resampled"],
        "metrics": {name: found["challenger"] for name, found in document["metrics"].items()},
        "export": document["export"],
        **({"file": of_source(spec.code)} if spec.code is not None else {}),
        **({"threshold": document["threshold"]} if document.get("threshold") else {}),
        "params": document["winner"]["params"],
        **_event(requests.read(store, model, document["run"]) or {}),
        **{name: result.get(name) for name in ("estimator", "state", "learned")},
        "decided": trained.entered(decided) if decided else None,
    }


def _event(request: dict[str, Any]) -> dict[str, Any]:
    """The event that a run was started by, its values empty where none was; and the runs that it took up because they found it busy."""
    asked = request.get("event") or {}
    event = {**(request.get("context") or {}), "key": asked.get("key", ""), "reason": asked.get("reason", "")}
    return {"event": event, "took_up": request.get("took_up") or []}


if __name__ == "__main__":
    main(run)
