"""python -m tests.e2e.test_crash_events [KILLS] [--seed 0] [--out benchmarks/results/crash_events.json]

`retrain up` is killed with SIGKILL at random instants while webhooks are posted from threads, and started again: every event that was
answered with 200 has its Workflow, none has been made anew, and no event has been taken in twice. As a test: 10 kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec: {webhook: {post: {port: "PORT", endpoint: /post, method: POST}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: hooks}
spec:
  dependencies: [{name: post, eventSourceName: hooks, eventName: post}]
  triggers:
  - atLeastOnce: true
    template:
      name: post
      conditions: post
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {name: w-}
            spec: {entrypoint: hold, templates: [{name: hold, suspend: {}}]}
        parameters: [{src: {dependencyName: post, dataKey: body.id}, dest: metadata.name, operation: append}]
"""
POSTERS = 3
PAUSE = 0.01  # seconds between the posts of one thread
LATEST = 1.0  # seconds after its start at which an engine that is not waited for is killed at the latest
ANSWERS = (3, 60)  # the least and most that an engine that is waited for gives before its end
MOMENT = 0.05  # seconds between the last of them and its end at the most
A_STATE = 10  # kills of one state folder
PATIENCE = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Series:
    """One state folder, its engine, and what was posted to it. `made`: uid by name, of every Workflow seen so far."""

    folder: Path
    port: int = field(default_factory=free_port)
    posted: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    heard: threading.Condition = field(default_factory=threading.Condition)

    def start(self) -> subprocess.Popen[str]:
        self.folder.mkdir(exist_ok=True)
        manifest = self.folder / "hooks.yaml"
        manifest.write_text(MANIFESTS.replace("PORT", str(self.port)), encoding="utf-8")
        words = [sys.executable, "-m", "retrain.cli", "up", str(manifest), "--state", str(self.folder / "s")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with (self.folder / "up.log").open("a", encoding="utf-8") as log:
            return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=self.folder)

    def ready(self, engine: subprocess.Popen[str]) -> None:
        assert engine.stdout is not None
        assert "ready" in engine.stdout.readline(), (self.folder / "up.log").read_text(encoding="utf-8")

    def post(self, name: str, until: threading.Event) -> None:
        """Post events with ids of this thread's own until told to stop; an id is posted once, answered or not."""
        with httpx.Client(trust_env=False, timeout=10) as client:
            number = 0
            while not until.wait(PAUSE):
                identity = f"{name}-{number}"
                number += 1
                self.posted.add(identity)
                try:
                    status = client.post(f"http://127.0.0.1:{self.port}/post", json={"id": identity}).status_code
                except httpx.TransportError:
                    continue  # not answered: it may exist or not, but not twice
                if status == 200:
                    with self.heard:
                        self.answered.add(identity)
                        self.heard.notify_all()
                else:
                    self.refused[identity] = status

    def answers(self, count: int) -> None:
        """Wait until so many posts of all were answered."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.answered) >= count, PATIENCE), (
                f"{len(self.answered)} of {count} posts were answered"
            )

    def kill_once(self, number: int, chance: random.Random) -> None:
        """Start, post, kill: mostly while it serves, however long that takes, and every fourth time soon after its start."""
        until = threading.Event()
        posters = [threading.Thread(target=self.post, args=(f"{number}-{thread}", until)) for thread in range(POSTERS)]
        with self.start() as engine:
            try:
                if number % 4:
                    self.ready(engine)
                for poster in posters:
                    poster.start()
                if number % 4:
                    self.answers(len(self.answered) + chance.randint(*ANSWERS))
                    time.sleep(chance.random() * MOMENT)
                else:
                    time.sleep(chance.random() * LATEST)
            finally:
                engine.kill()
                until.set()
        for poster in posters:
            poster.join()

    def check(self) -> list[str]:
        """What is wrong after an undisturbed start, when no event waits any more."""
        with self.start() as engine:
            try:
                self.ready(engine)
                transport = httpx.HTTPTransport(uds=str(self.folder / "s" / "engine.sock"))
                with httpx.Client(transport=transport, base_url="http://engine", timeout=120) as api:
                    return self._differences(api)
            finally:
                engine.terminate()
                engine.wait(PATIENCE)

    def _differences(self, api: httpx.Client) -> list[str]:
        until = time.monotonic() + PATIENCE
        while any(row["lag"] for row in api.get("/localargo/v1/events", params={"limit": 1}).json()["triggers"]):
            assert time.monotonic() < until, "events still wait"
            time.sleep(0.05)
        namespace = api.get("/localargo/v1/info").json()["namespace"]
        items = api.get(f"/api/v1/workflows/{namespace}").json()["items"] or []
        found = [(w["metadata"]["name"].removeprefix("w-"), w["metadata"]["uid"]) for w in items]
        now = dict(found)
        wrong = [f"lost: {identity}" for identity in sorted(self.answered - now.keys())]
        wrong += [f"made anew: {name}" for name, uid in sorted(self.made.items()) if now.get(name) != uid]
        wrong += [f"nobody asked: {name}" for name in sorted(now.keys() - self.posted)]
        wrong += [f"{len(found) - len(now)} names twice"] * (len(found) != len(now))
        wrong += [f"answered {status}: {identity}" for identity, status in sorted(self.refused.items())]
        wrong += [f"taken in twice: {identity}" for identity in self._journalled_twice()]
        self.made = now
        return wrong

    def _journalled_twice(self) -> list[str]:
        connection = sqlite3.connect(self.folder / "s" / "engine.db")
        try:
            taken = [json.loads(data)["body"]["id"] for (data,) in connection.execute("SELECT data FROM event")]
        finally:
            connection.close()
        return sorted({identity for identity in taken if taken.count(identity) > 1})


def play(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Figures of the campaign; `wrong` is empty when all is well."""
    chance, wrong, series = random.Random(seed), [], []
    for number in range(kills):
        if number % A_STATE == 0:
            series.append(Series(folder / str(number)))
        series[-1].kill_once(number, chance)
        if (number + 1) % (A_STATE // 2) == 0 or number + 1 == kills:
            found = series[-1].check()
            wrong += [f"after kill {number}: {each}" for each in found]
            print(f"{number + 1} kills, {sum(len(s.answered) for s in series)} answered, {len(wrong)} wrong", flush=True)
    return {
        "kills": kills,
        "seed": seed,
        "posted": sum(len(s.posted) for s in series),
        "answered": sum(len(s.answered) for s in series),
        "workflows": sum(len(s.made) for s in series),
        "wrong": wrong,
    }


@pytest.mark.slow
def test_ten_kills_under_load_lose_nothing_and_create_nothing_twice(tmp_path: Path) -> None:
    figures = play(tmp_path, 10, 7)
    assert figures["wrong"] == []
    assert figures["answered"] > 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "crash_events.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder:
        figures = play(Path(folder), given.kills, given.seed)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
