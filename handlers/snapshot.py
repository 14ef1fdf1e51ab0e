"""What a run would be trained on now, and why: `python -m handlers.snapshot MODEL --spec TEXT [--query SQL] [--code PYTHON] [-o json]`.

TEXT is the model's spec as a run would read it. The objects of its source are compared with those that the champion has learned. The
bucket keeps what was learned of objects' contents, and nothing else is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from handlers.contracts import BadData, counted, main
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.runs import claim as claims
from handlers.runs import requests, snapshots, trained
from handlers.runs.champion import current
from handlers.storage import Store, canonical_json, open_store

Doc = dict[str, Any]
SHOWN = 10  # keys of each kind that a person is shown


def run(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m handlers.snapshot", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--spec", required=True)
    parser.add_argument("--query", default="")
    parser.add_argument("--code", default="")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    given = parser.parse_args(list(argv))
    spec = parse(given.spec, f"models/{given.model}.yaml", given.query or None, given.code or None)
    answer = compared(open_store(), spec)
    print(canonical_json(answer) if given.output == "json" else "\n".join(sentences(answer)))


def compared(store: Store, spec: ModelSpec) -> Doc:
    """The objects now against those of the champion's snapshot, and what a run would decide."""
    taken = snapshots.look(store, spec)
    now = contents(taken.objects)
    champion = current(store, spec.name).record
    learned, snapshot = _learned(store, spec.name, champion)
    decision, reason = _decision(store, spec, taken)
    return {
        "model": spec.name,
        "prefix": spec.data.sources[spec.data.trigger].prefix,
        "decision": decision,
        "reason": reason,
        "objects": len(now),
        "champion": {"run": champion["run"], "number": champion["number"], "snapshot": snapshot} if champion else None,
        "new": sorted(now.keys() - learned.keys()),
        "changed": sorted(key for key in now.keys() & learned.keys() if now[key] != learned[key]),
        "gone": sorted(learned.keys() - now.keys()),
    }


def contents(identities: Any) -> dict[str, Sequence[Any]]:
    """An object's content by its key."""
    return {str(each[0]): list(each[1:]) for each in identities}


def _learned(store: Store, model: str, champion: Mapping[str, Any] | None) -> tuple[dict[str, Sequence[Any]], str | None]:
    """The objects that the champion has learned from, and their snapshot; none where it is not known any more."""
    if champion is None:
        return {}, None
    request = requests.read(store, model, champion["run"])
    try:
        learned = snapshots.load(store, model, str(request["snapshot"])) if request is not None else None
    except BadData:
        learned = None
    return (contents(learned.objects), learned.digest) if learned is not None else ({}, None)


def _decision(store: Store, spec: ModelSpec, taken: snapshots.Snapshot) -> tuple[str, str]:
    """As the step `fetch` decides, without a claim."""
    if taken.without:
        return "no-data", f"no object under {taken.without}"
    named = trained.named(spec, taken.digest)
    decision, reason, _ = trained.decided(store, spec.name, named.digest, named.gate)
    claim, _ = claims.read(store, spec.name)
    if decision != "already-trained" and claim.held(store.server_time()):
        return "busy", f"run {claim.run} is training this model; what is new is trained after it"
    return decision, reason


def sentences(answer: Doc) -> list[str]:
    """The answer for people."""
    does = {
        "train": "A run would train now",
        "redecide": "A run would decide again now and train nothing",
        "already-trained": "A run would end at once",
        "busy": "A run would end at once",
        "no-data": "A run would end at once",
    }
    lines = [f"{does[answer['decision']]}: {answer['reason']}.", f"{counted(answer['objects'], 'object')} under {answer['prefix']}."]
    champion = answer["champion"]
    if champion is None:
        return [*lines, "There is no champion yet: every object is new."]
    if champion["snapshot"] is None:
        return [*lines, f"What champion {champion['number']} has learned is not in the bucket any more: every object is new."]
    if not any(answer[kind] for kind in ("new", "changed", "gone")):
        return [*lines, f"They are those that champion {champion['number']} has learned (run {champion['run']})."]
    lines.append(f"Against what champion {champion['number']} has learned (run {champion['run']}):")
    for kind, word in (("new", "new"), ("changed", "changed"), ("gone", "gone, so the next run does not learn it")):
        keys = answer[kind]
        lines += [f"  {word}: {key}" for key in keys[:SHOWN]]
        if len(keys) > SHOWN:
            lines.append(f"  {kind}: {len(keys) - SHOWN} more (-o json lists all)")
    return lines


if __name__ == "__main__":
    main(run)
