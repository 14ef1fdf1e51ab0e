"""What `trigger` and `notify` promise, looked for at each change of the bucket and at each event that arrives."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from handlers.events import told
from handlers.events.post import NotTaken, Slow
from handlers.modelspec.model import ModelSpec, Notify
from handlers.modelspec.quantities import seconds
from handlers.runs import requests
from handlers.runs.admission import day_of
from handlers.runs.snapshots import Snapshot
from tests.simulation.asked import MODEL
from tests.simulation.bucket import Bucket
from tests.simulation.scheduler import Scheduler

ROWS = 10  # of every object
CALM = 4 * 3600.0  # seconds after which receivers take everything
Doc = dict[str, Any]


class Rules:
    """Every training that was counted was allowed, and nothing trains that was not counted."""

    def __init__(self, bucket: Bucket, spec: ModelSpec, clock: Callable[[], float], wrong: Callable[[str], None]) -> None:
        self.bucket = bucket
        self.spec = spec
        self.clock = clock
        self.wrong = wrong
        self.counted: set[str] = set()
        bucket.watchers.append(self.changed)

    def trains(self, run: str) -> None:
        """The run has begun to train."""
        if run not in self.counted:
            self.wrong(f"{run} trains and was not counted")

    def changed(self, key: str, before: bytes | None, after: bytes | None) -> None:
        if key == f"runs/{MODEL}/trainings.json":
            self._trainings(json.loads(before) if before else {"last": None, "day": "", "counted": []}, json.loads(after or b"{}"))

    def _trainings(self, before: Doc, after: Doc) -> None:
        budget = self.spec.trigger.daily_budget
        most = budget.runs if budget is not None and budget.runs is not None else sys.maxsize
        if len(after["counted"]) > most and not any(self._asked(run).now for run in after["counted"]):
            self.wrong(f"{len(after['counted'])} runs were counted on {after['day']}")
        if before["day"] == after["day"] and after["counted"][: len(before["counted"])] != before["counted"]:
            self.wrong("a run that was counted is not any more")
        if len(set(after["counted"])) != len(after["counted"]):
            self.wrong("a run was counted twice")
        for run in set(after["counted"]) - self.counted:
            self.counted.add(run)
            if not self._asked(run).now and not self._asked(run).as_of:
                self._allowed(run, before["last"])
            if abs(self.clock() - self._day(after["day"])) > 1.5 * 86400:
                self.wrong(f"{run} was counted for {after['day']}")
        if before["last"] and after["last"] and before["last"] != after["last"]:
            was, now = (requests.as_of(self._request(each["last"]["run"])) for each in (before, after))
            if now < was:
                self.wrong(f"the last training is {after['last']['run']}, which is older than {before['last']['run']}")

    def _day(self, day: str) -> float:
        now = self.clock()
        return next((now + shift for shift in (0.0, -86400.0) if day_of(now + shift) == day), 0.0)

    def _allowed(self, run: str, last: Doc | None) -> None:
        if last is None or last["run"] == run:
            return
        trigger = self.spec.trigger
        if self.clock() < last["at"] + seconds(trigger.cooldown) - 2:
            self.wrong(f"{run} was counted within the cooldown after {last['run']}")
        learned, there = self._objects(last["snapshot"]), self._objects(self._request(run)["snapshot"])
        if not self._enough(learned, there):
            self.wrong(f"{run} was counted with too few new rows")

    def _enough(self, learned: Sequence[Any], there: Sequence[Any]) -> bool:
        """Whether what is there has so many rows more, or an object less, that it may be trained."""
        before, now = {content for _, _, content in learned}, {content for _, _, content in there}
        gone = [key for key, _, content in learned if key not in {each[0] for each in there} and content not in now]
        new = max(ROWS * sum(content not in before for _, _, content in there), ROWS * (len(there) - len(learned)))
        return bool(gone) or self.spec.trigger.min_new_rows <= 1 or new >= self.spec.trigger.min_new_rows

    def _request(self, run: str) -> Doc:
        return requests.read(self.bucket, MODEL, run) or {}

    def _asked(self, run: str) -> Any:
        return requests.asked(self._request(run))

    def _objects(self, snapshot: str) -> list[Any]:
        found: list[Any] = json.loads(self.bucket.get(f"snapshots/{MODEL}/{snapshot}.json"))["objects"]
        return found

    def need_not(self, digest: str, taken: Snapshot) -> bool:
        """Whether this state need not be trained: too few rows are new, or it was skipped for a run that came to something."""
        last = self._last()
        if last is not None and not self._enough(self._objects(last["snapshot"]), taken.objects):
            return True
        skipped = [each for each in documents(self.bucket, "request.json") if each["digest"] == digest and each["decision"] == "skipped"]
        results = [requests.result(self.bucket, MODEL, each["by"]) for each in skipped]
        return any(found is not None and found["outcome"] != "failed" for found in results)

    def _last(self) -> Doc | None:
        kept = self.bucket.objects.get(f"runs/{MODEL}/trainings.json")
        found: Doc | None = json.loads(kept.data)["last"] if kept else None
        return found

    def at_the_end(self) -> list[str]:
        """What became of those who submitted with --now and found the model busy."""
        every = documents(self.bucket, "request.json")
        found = []
        for each in every:
            result = requests.result(self.bucket, MODEL, each["run"])
            if result is None or result["outcome"] != "busy" or not requests.asked(each).now:
                continue
            by = self._request(str(each["by"]))
            # it was at the same state, or at that one until it found newer data
            same = each["snapshot"] in (by.get("snapshot"), *by.get("before", []))
            later = [other for other in every if other["run"] != each["run"] and other["at"] >= each["at"]]
            if not same and not any(requests.asked(other).now or each["run"] in (other.get("took_up") or []) for other in later):
                found.append(f"{each['run']} was submitted with --now, found the model busy, and no run followed it")
        return found


class Receiver:
    """Who is told. It takes a message or does not, answers or does not; what arrives must be what the run's result says."""

    def __init__(self, bucket: Bucket, scheduler: Scheduler, wrong: Callable[[str], None], failing: float) -> None:
        self.bucket = bucket
        self.scheduler = scheduler
        self.wrong = wrong
        self.failing = failing
        self.began = scheduler.now
        self.ids: dict[tuple[str, str], str] = {}
        self.arrived = 0
        self.said: float | None = None  # when a run of the model has first said who is told
        bucket.watchers.append(self._written)

    def _written(self, key: str, _before: bytes | None, _after: bytes | None) -> None:
        if self.said is None and key.startswith(f"runs/{MODEL}/") and key.endswith("/request.json"):
            self.said = self.scheduler.now

    def post(self, event: Doc) -> None:
        self.scheduler.step()
        fails = self.scheduler.random.random() < self.failing and self.scheduler.now < self.began + CALM
        if fails and self.scheduler.random.random() < 0.5:
            raise NotTaken("it answered 503")
        self.arrived += 1
        run, outcome = event["data"]["run"], event["data"]["outcome"]
        result = requests.result(self.bucket, MODEL, run)
        if result is None or result["outcome"] != outcome:
            self.wrong(f"it was told that {run} was {outcome}, which is {result and result['outcome']}")
        if self.ids.setdefault((run, event["type"]), event["id"]) != event["id"]:
            self.wrong(f"the event {event['type']} of {run} has two ids")
        if fails:
            raise Slow("no answer in time")

    def untold(self, receivers: Sequence[Notify]) -> list[str]:
        """Ends of runs that nobody was told of."""
        found: list[str] = []
        for result in documents(self.bucket, "result.json") if receivers else ():
            if result.get("closed") and (self.said is None or result["at"] <= self.said):
                continue  # it ended before any run of the model had said who is told
            verdict = self.bucket.objects.get(f"runs/{MODEL}/{result['run']}/verdict.json")
            lost = json.loads(verdict.data).get("lost", 0) if verdict and "trials" in result else 0
            kinds = [kind for kind in told.kinds(result, lost) if kind in receivers[0].on]
            found += [f"{kind} of {result['run']} was not told" for kind in kinds if (result["run"], told.KINDS[kind].type) not in self.ids]
        return found


def documents(bucket: Bucket, name: str) -> list[Doc]:
    """The documents of this name, of every run."""
    return [json.loads(kept.data) for key, kept in bucket.objects.items() if key.startswith(f"runs/{MODEL}/") and key.endswith(f"/{name}")]
