"""What must hold when all is over, read from the bucket and from what the engine has kept."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.campaign.scenario import MODELS, last

JUDGED = ("promoted", "refused", "kept", "backfilled")


class Objects:
    """The JSON objects of a bucket, read once."""

    def __init__(self, client: Any) -> None:
        self.found: dict[str, Any] = {}
        for prefix in ("runs/", "models/", "snapshots/", "trials/", "datasets/"):
            for page in client.get_paginator("list_objects_v2").paginate(Bucket="retrain", Prefix=prefix):
                for item in page.get("Contents", ()):
                    if item["Key"].endswith(".json"):
                        self.found[item["Key"]] = json.loads(client.get_object(Bucket="retrain", Key=item["Key"])["Body"].read())

    def named(self, prefix: str, name: str) -> list[Any]:
        return [value for key, value in self.found.items() if key.startswith(prefix) and key.endswith(name)]

    def champion(self, model: str) -> Any:
        return self.found.get(f"models/{model}/champion.json")

    def digest(self, model: str) -> str:
        """Of what the champion has learned; "" without one."""
        champion = self.champion(model)
        return str(self.found[f"trials/{model}/{champion['trial']}/result.json"]["state"]) if champion else ""

    def has_learned_the_last_state(self, model: str) -> bool:
        """Whether a run has judged trials of exactly the objects that are there at the end, and let go of the model."""
        key, body = last(model)
        wanted = [[key, len(body.encode()), hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()]]
        for result in self.named(f"runs/{model}/", "/result.json"):
            request = self.found.get(f"runs/{model}/{result['run']}/request.json") or {}
            snapshot = self.found.get(f"snapshots/{model}/{request.get('snapshot')}.json")
            if result["outcome"] in JUDGED and snapshot is not None and snapshot["objects"] == wanted:
                return not (self.found.get(f"runs/{model}/claim.json") or {}).get("run")
        return False


def wrong(objects: Objects, digests: dict[str, str] | None) -> list[str]:
    """Every sentence says what does not hold."""
    found = [f"lost: the last data of {model} is not trained" for model in MODELS if not objects.has_learned_the_last_state(model)]
    for model in MODELS:
        found += [f"{model}: {each}" for each in (*_trained_twice(objects, model), *_promoted_twice(objects, model))]
        if digests is not None and objects.digest(model) != digests[model]:
            found.append(f"{model}: the champion has learned {objects.digest(model)}, that of the quiet run {digests[model]}")
    return found


def _trained_twice(objects: Objects, model: str) -> list[str]:
    """A run that has lost a trial may judge what is left of it: the state is trained when a later run has trained what is missing."""
    judged: Counter[str] = Counter()
    for result in objects.named(f"runs/{model}/", "/result.json"):
        run = f"runs/{model}/{result['run']}"
        request, verdict = (objects.found.get(f"{run}/{name}.json") or {} for name in ("request", "verdict"))
        if result["outcome"] in JUDGED and request.get("decision") == "train" and not verdict.get("lost"):
            judged[request["digest"]] += 1
    return [f"state {digest} was trained and judged {times} times" for digest, times in judged.items() if times > 1]


def _promoted_twice(objects: Objects, model: str) -> list[str]:
    entries = sorted(objects.named(f"models/{model}/history/", ".json"), key=lambda each: int(each["number"]))
    found = [
        f"{what} {name} was promoted {times} times" for what in ("run", "trial") for name, times in _counted(entries, what) if times > 1
    ]
    numbers = [int(each["number"]) for each in entries]
    found += [f"the history has the numbers {numbers}"] * (numbers != list(range(1, len(numbers) + 1)))
    found += [f"entry {n} follows {e['predecessor']}" for n, e in enumerate(entries, 1) if (e["predecessor"] or 0) != n - 1]
    champion = objects.champion(model)
    found += ["the champion is not the last of its history"] * ((entries[-1] if entries else None) != champion)
    said = {r["run"] for r in objects.named(f"runs/{model}/", "/result.json") if r["outcome"] == "promoted"}
    found += [f"run {run} says promoted, and the history does not have it" for run in sorted(said - {each["run"] for each in entries})]
    return found


def _counted(entries: list[Any], what: str) -> list[tuple[str, int]]:
    return sorted(Counter(str(each[what]) for each in entries).items())


def events(state: Path, answered: set[str]) -> list[str]:
    """Every event that was answered is in the journal, and every Sensor has acted on each."""
    connection = sqlite3.connect(f"file:{state / 'engine.db'}?mode=ro", uri=True)
    try:
        posted = {_id(data) for (data,) in connection.execute("SELECT data FROM event WHERE source = 'webhook'")}
        failed = connection.execute("SELECT sensor, name, reason FROM outcome WHERE outcome = 'failed'").fetchall()
    finally:
        connection.close()
    found = [f"lost: the event {name} was answered and is not in the journal" for name in sorted(answered - posted)]
    return found + [f"sensor {sensor}: {name} {reason}" for sensor, name, reason in failed]


def _id(data: bytes) -> str:
    return str(json.loads(data)["body"]["id"])


def again(states: Sequence[Path]) -> dict[str, int]:
    """How often each trial was trained to its end, where that was more than once: work that was done again, with the same result."""
    times: Counter[str] = Counter()
    for log in (log for state in states for log in (state / "pods").glob("*/log/*.log")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"trial is trained"' in line:
                times[json.loads(line)["trial"]] += 1
    return {trial: count for trial, count in times.items() if count > 1}
