"""Which past states a backfill asks for, and what came of each.

`python -m handlers.backfill MODEL --spec TEXT --from DAY --to DAY [--every 7d] [--promote]`.

Each is one CloudEvent, whose id names the model, the instant, and the spec and code that learn it: one that is sent again starts nothing
again, and another spec has ids of its own. What came of an event is read from the bucket; nothing is changed there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from handlers.contracts import INSTANT, BadData, RetrainRequest, WrongUsage, main, moment_of
from handlers.events import seen
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.modelspec.quantities import seconds
from handlers.runs import past, requests, trained
from handlers.storage import Store, canonical_json, open_store

SENDER, TYPE = "/retrain/backfill", "com.retrain.backfill"
MOST = 1000  # past states of one backfill


@dataclass(frozen=True, slots=True)
class Step:
    """One past state. `outcome` is what came of `run`; with a run and no outcome it is under way, with no run it is to be asked for."""

    as_of: str
    event: dict[str, Any]
    run: str = ""
    outcome: str = ""
    reason: str = ""


def run(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m handlers.backfill", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", metavar="MODEL")
    for name in ("spec", "from", "to"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--query", default="")
    parser.add_argument("--code", default="")
    parser.add_argument("--every", default="7d")
    parser.add_argument("--promote", action="store_true")
    parser.add_argument("-o", "--output", choices=("json",), default="json")
    given = parser.parse_args(list(argv))
    spec = parse(given.spec, f"models/{given.model}.yaml", given.query or None, given.code or None)
    asked = [event(given.model, spec, as_of, promote=given.promote) for as_of in instants(getattr(given, "from"), given.to, given.every)]
    store = open_store()
    for each in asked:
        past.check(spec, RetrainRequest.of(each["data"]), store.server_time())
    print(canonical_json({"model": given.model, "steps": [asdict(step(store, spec.name, each)) for each in asked]}))


def instants(first: str, last: str, every: str) -> list[str]:
    """The instants from the first to the last, both included where they fall on one. Raises WrongUsage."""
    begin, end = moment(first, "--from"), moment(last, "--to")
    try:
        apart = seconds(every)
    except ValueError as error:
        raise WrongUsage(f"--every: {error}") from error
    if apart < 1 or apart % 1:
        raise WrongUsage(f"--every: {every} is not a number of whole seconds, at least 1")
    if end < begin:
        raise WrongUsage(f"--to: {last} is before --from, {first}")
    number = int((end - begin).total_seconds() // apart) + 1
    if number > MOST:
        raise WrongUsage(f"--every {every} from {first} to {last} is {number:,} past states; at most {MOST:,} at once: give a longer step")
    return [(begin + timedelta(seconds=apart) * n).strftime(INSTANT) for n in range(number)]


def moment(text: str, option: str) -> datetime:
    """The instant of "2026-03-01" (its beginning, in UTC) or "2026-03-01T00:00:00Z"; WrongUsage names the option."""
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(moment_of(text, option), UTC)
    except BadData as error:
        raise WrongUsage(f"{error}, or a day such as 2026-03-01") from None


def event(model: str, spec: ModelSpec, as_of: str, *, promote: bool) -> dict[str, Any]:
    """The CloudEvent that asks for one past state."""
    learns = trained.named(spec, "").digest
    data = {"model": model, "as_of": as_of, "reason": f"backfill: as of {as_of}", **({"promote": "yes"} if promote else {})}
    name = f"{spec.name}/{as_of}/{learns}{'/promote' if promote else ''}"
    return {"specversion": "1.0", "id": name, "source": SENDER, "type": TYPE, "datacontenttype": "application/json", "data": data}


def step(store: Store, model: str, asked: dict[str, Any]) -> Step:
    """What came of an event."""
    request = RetrainRequest.of({**asked["data"], "id": asked["id"], "type": asked["type"], "sender": asked["source"]})
    by = seen.by(store, model, "", request)
    result = (requests.result(store, model, by) if by else None) or {}
    return Step(request.as_of, asked, by, str(result.get("outcome", "")), str(result.get("reason", "")))


if __name__ == "__main__":
    main(run)
