"""What must never be seen in the bucket, looked for at each change of it; and what must be there at the end."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from handlers.runs.claim import DEAD_AFTER_SECONDS, WAITS_SECONDS
from tests.simulation.bucket import Bucket

JUDGED = ("promoted", "refused", "kept", "backfilled")
# name, and the only content that a key of this kind ever has
FOREVER = ("snapshots/", "datasets/", "parts/", "models/m/history/")


class Watch:
    """`found` says in a sentence each what was wrong; a history without faults has none."""

    def __init__(self, bucket: Bucket, model: str, trials: int, clock: Callable[[], float]) -> None:
        self.bucket = bucket
        self.model = model
        self.trials = trials
        self.clock = clock
        self.found: list[str] = []
        self.takeovers = 0
        self.markers: dict[str, int] = defaultdict(int)  # how often a trial's result was written
        self.judged: dict[tuple[str, str], set[str]] = defaultdict(
            set
        )  # runs that were judged, by the state that they trained and the gate
        bucket.watchers.append(self.changed)

    def wrong(self, sentence: str) -> None:
        self.found.append(sentence)

    def changed(self, key: str, before: bytes | None, after: bytes | None) -> None:
        if key.startswith(FOREVER) and before is not None and before != after:
            self.wrong(f"{key} was changed")
        if key == f"runs/{self.model}/claim.json":
            self._claim(json.loads(before) if before else None, json.loads(after or b"{}"))
        elif key == f"models/{self.model}/champion.json":
            self._pointer(json.loads(before) if before else None, json.loads(after or b"{}"))
        elif key.startswith(f"models/{self.model}/history/"):
            self._entry(json.loads(after or b"{}"))
        elif key.startswith("trials/") and key.endswith("/result.json"):
            self.markers[key.split("/")[2]] += 1
        elif key.startswith("runs/") and key.endswith("/result.json"):
            self._result(key, json.loads(after or b"{}"))

    def _claim(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        if not before or not before["run"] or before["run"] == after["run"]:
            return
        if not after["run"]:
            if (after["last"] or {}).get("run") != before["run"]:
                self.wrong(f"the claim of {before['run']} was released by another")
            elif bool(before["wanted"]) != after["last"]["wanted"]:
                self.wrong(f"{before['run']} released its claim and did not see that more was wanted")
            return
        self.takeovers += 1
        if self.clock() - before["heartbeat"] < (WAITS_SECONDS if before.get("waits") else DEAD_AFTER_SECONDS) - 2:
            self.wrong(f"{after['run']} took the claim of {before['run']}, which lives")
        kept = {w["run"] for w in after["wanted"]}
        lost = [w for w in before["wanted"] if w["run"] not in kept and w["run"] != after["run"]]
        if lost:
            self.wrong(f"{after['run']} took over and dropped what was wanted: {lost}")

    def _pointer(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        number = after.get("number")
        if number != (before["number"] if before else 0) + 1 and before != after:
            self.wrong(f"the champion's pointer went from {before and before['number']} to {number}")
        entry = self.bucket.objects.get(f"models/{self.model}/history/{number}.json")
        if entry is None or json.loads(entry.data) != after:
            self.wrong(f"the pointer names champion {number}, which the history does not have")

    def _entry(self, entry: dict[str, Any]) -> None:
        request = self._document(f"runs/{self.model}/{entry['run']}/request.json")
        if request["event"]["as_of"] and request["event"]["promote"] != "yes":
            self.wrong(f"champion {entry['number']} is of a past state that was not to be promoted")
        verdict = self.bucket.objects.get(f"runs/{self.model}/{entry['run']}/verdict.json")
        compared = (json.loads(verdict.data)["champion"] or {}).get("number", 0) if verdict else None
        if compared != entry["number"] - 1:
            self.wrong(f"champion {entry['number']} was compared with champion {compared}")

    def _result(self, key: str, result: dict[str, Any]) -> None:
        if result["outcome"] in JUDGED:
            request = self._document(key.replace("/result.json", "/request.json"))
            # a run that lost trials is no finished training: another one trains them, and is judged
            if len(result["trials"]) == self.trials:
                self.judged[request["digest"], request["gate"]].add(result["run"])

    def _document(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bucket.get(key))
        return found

    def history(self) -> list[dict[str, Any]]:
        prefix = f"models/{self.model}/history/"
        entries = [json.loads(kept.data) for key, kept in self.bucket.objects.items() if key.startswith(prefix)]
        return sorted(entries, key=lambda entry: int(entry["number"]))

    def champion(self) -> tuple[str, str] | None:
        """Dataset and state of the champion."""
        kept = self.bucket.objects.get(f"models/{self.model}/champion.json")
        if kept is None:
            return None
        record = json.loads(kept.data)
        return record["dataset"], record["state"]

    def at_the_end(self, trained: bool, quiet: tuple[str, str] | None) -> list[str]:
        """Everything that was wrong. `quiet` is the champion of the quiet history."""
        if not trained:
            self.wrong("the state of the data at the end was not trained")
        self.found += [f"trial {trial} was marked {times} times" for trial, times in self.markers.items() if times > 1]
        self.found += [f"runs {sorted(runs)} were judged on one state" for runs in self.judged.values() if len(runs) > 1]
        for entry in self.history():
            result = self.bucket.objects.get(f"runs/{self.model}/{entry['run']}/result.json")
            if result and json.loads(result.data)["outcome"] != "promoted":
                self.wrong(f"{entry['run']} has promoted and says that it is {json.loads(result.data)['outcome']}")
        entries = self.history()
        # where trials were lost another run judges all of them, perhaps after another state has had its turn
        whole = [entry for entry in entries if entry["decided"]]
        for what, these in (("run", entries), ("trial", whole)):
            names = [entry[what] for entry in these]
            self.found += [f"{what} {name} was promoted {names.count(name)} times" for name in sorted(set(names)) if names.count(name) > 1]
        if any(entry["trial"] == after["trial"] for entry, after in pairwise(entries)):
            self.wrong("a champion was followed by itself")
        if [entry["number"] for entry in entries] != list(range(1, len(entries) + 1)):
            self.wrong("the history has a gap")
        if self.champion() != quiet:
            self.wrong(f"the champion is {self.champion()}, and {quiet} in the quiet history")
        return self.found
