"""python benchmarks/events.py [--posts 10000] [--out benchmarks/results/events.json]

Webhook posts in a burst to a running engine, beside the floor: a bare uvicorn application that writes each body to SQLite. Then the time
from a post to the first line of the first step. Floor and engine are processes of their own, asked in turns by the same client.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import platform
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
CONNECTIONS = 32
ROUNDS = 3
LATENCIES = 15
TARGETS = {"accepted_per_second": 2000, "drained_seconds": 60, "first_line_ms": 100}
MANIFESTS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec:
  webhook:
    burst: {port: "12000", endpoint: /burst, method: POST}
    one: {port: "12000", endpoint: /one, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: held}
spec:
  suspend: true
  entrypoint: hold
  arguments: {parameters: [{name: window}, {name: event}]}
  templates: [{name: hold, suspend: {}}]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: step}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: local/busybox, command: [sh, -c], args: ["date +%s.%N"]}}]
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: hooks}
spec:
  dependencies:
    - name: burst
      eventSourceName: hooks
      eventName: burst
      transform: {jq: "{n: .body.n, window: (.body.n / 2000 | floor)}"}
      filters: {data: [{path: window, type: string, value: ["^[0-9]+$"]}]}
    - {name: one, eventSourceName: hooks, eventName: one}
  triggers:
    - template:
        name: burst
        conditions: burst
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {name: window-}
              spec:
                workflowTemplateRef: {name: held}
                arguments: {parameters: [{name: window, value: ""}, {name: event, value: ""}]}
          parameters:
            - {src: {dependencyName: burst, dataKey: window}, dest: metadata.name, operation: append}
            - {src: {dependencyName: burst, dataKey: window}, dest: 'spec.arguments.parameters.#(name=="window").value'}
            - src: {dependencyName: burst, dataTemplate: "{{ .Input | toJson | b64enc }}"}
              dest: 'spec.arguments.parameters.#(name=="event").value'
      atLeastOnce: true
    - template:
        name: one
        conditions: one
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: one-}
              spec: {workflowTemplateRef: {name: step}}
"""
FLOOR = """
import sqlite3, sys, uvicorn
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE event(seq INTEGER PRIMARY KEY, data BLOB)")

async def app(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message.get("more_body"):
            break
    db.execute("INSERT INTO event(data) VALUES (?)", (body,))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"success"})

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False, lifespan="off")
"""


class Caller(asyncio.Protocol):
    """One connection that posts its numbers one after the other."""

    def __init__(self, head: bytes, numbers: Iterator[int], done: asyncio.Future[None], statuses: dict[bytes, int]) -> None:
        self._head = head
        self._numbers = numbers
        self._done = done
        self._statuses = statuses
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        number = next(self._numbers, None)
        if number is None:
            self._done.set_result(None)
            return
        body = b'{"n":%d,"model":"flight-delay","reason":"burst"}' % number
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(self._head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return
        status = head.split(b" ", 2)[1]
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._buffer = rest[length:]
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server hung up"))


async def burst(port: int, path: str, first: int, count: int) -> tuple[float, dict[str, int]]:
    """Seconds until the last of `count` posts is answered, and how often each status came."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode()
    statuses: dict[bytes, int] = {}
    numbers = iter(range(first, first + count))
    loop = asyncio.get_running_loop()
    waiting = [loop.create_future() for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for done in waiting:
        await loop.create_connection(functools.partial(Caller, head, numbers, done, statuses), "127.0.0.1", port)
    await asyncio.gather(*waiting)
    return time.perf_counter() - began, {status.decode(): n for status, n in statuses.items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def floor(folder: Path) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", FLOOR, str(folder / "floor.db"), str(port)])
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def engine(folder: Path) -> Iterator[tuple[int, httpx.Client]]:
    (folder / "manifests.yaml").write_text(MANIFESTS, encoding="utf-8")
    state = folder / "state"
    words = [sys.executable, "-m", "retrain.cli", "up", str(folder / "manifests.yaml"), "--state", str(state), "--ports", "free"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        while "ready" not in process.stdout.readline():
            if process.poll() is not None:
                raise RuntimeError("the engine ended before it was ready")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(state / "engine.sock")), base_url="http://engine", timeout=60) as api:
            where = next(row["where"] for row in api.get("/localargo/v1/info").json()["sources"] if row["event"] == "burst")
            yield int(where.split(":")[2].split("/")[0]), api
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def drained(api: httpx.Client) -> float:
    """Seconds until no event waits."""
    began = time.perf_counter()
    while any(row["lag"] for row in api.get("/localargo/v1/events", params={"limit": 1}).json()["triggers"]):
        time.sleep(0.05)
    return time.perf_counter() - began


def lost(folder: Path, count: int) -> int:
    """How many of the numbered events are not in the journal."""
    db = sqlite3.connect(folder / "state" / "engine.db")
    found = {json.loads(data)["body"]["n"] for (data,) in db.execute("SELECT data FROM event WHERE subject = 'burst'")}
    db.close()
    return len(set(range(count)) - found)


def first_lines(port: int, api: httpx.Client) -> list[float]:
    """Milliseconds from before a post to what the step's own clock says."""
    namespace = api.get("/localargo/v1/info").json()["namespace"]
    found: list[float] = []
    seen: set[str] = set()
    with httpx.Client(trust_env=False) as client:
        for _ in range(LATENCIES):
            began = time.time()
            client.post(f"http://127.0.0.1:{port}/one", content=b"{}").raise_for_status()
            found.append((first_line(api, namespace, seen) - began) * 1000)
    return found


def first_line(api: httpx.Client, namespace: str, seen: set[str]) -> float:
    while True:
        for item in api.get(f"/api/v1/workflows/{namespace}").json()["items"]:
            name = item["metadata"]["name"]
            if name.startswith("one-") and name not in seen and item["status"].get("phase") == "Succeeded":
                seen.add(name)
                text = api.get(f"/api/v1/workflows/{namespace}/{name}/log", params={"podName": name, "container": "main"}).text
                return float(json.loads(text.removeprefix("data: ").partition("\n")[0])["result"]["content"])
        time.sleep(0.02)


def measure(posts: int) -> dict[str, Any]:
    """All numbers of one run."""
    each = posts // ROUNDS
    rates: dict[str, list[float]] = {"floor": [], "engine": []}
    with tempfile.TemporaryDirectory(prefix="retrain-bench-") as name:
        folder = Path(name)
        with floor(folder) as bare, engine(folder) as (port, api):
            for at in range(ROUNDS):
                count = posts - at * each if at == ROUNDS - 1 else each
                for label, where in (("floor", bare), ("engine", port)):
                    seconds, statuses = asyncio.run(burst(where, "/burst", at * each, count))
                    if statuses != {"200": count}:
                        raise RuntimeError(f"{label}: {statuses}")
                    rates[label].append(count / seconds)
                    waited = drained(api)
            began = time.perf_counter()
            asyncio.run(burst(port, "/burst", posts, posts))
            accepted = time.perf_counter() - began
            waited = drained(api)
            windows = [w for w in api.get("/localargo/v1/objects/Workflow").json()["items"] if w["metadata"]["name"].startswith("window-")]
            missing = lost(folder, 2 * posts)
            lines = first_lines(port, api)
    return {
        "posts": posts,
        "connections": CONNECTIONS,
        "floor_per_second": [round(r) for r in rates["floor"]],
        "accepted_per_second": [round(r) for r in rates["engine"]] + [round(posts / accepted)],
        "ratio_of_medians": round(statistics.median(rates["engine"]) / statistics.median(rates["floor"]), 2),
        "burst_of": posts,
        "drained_seconds_after_burst": round(waited, 1),
        "lost": missing,
        "workflows": len(windows),
        "workflows_expected": -(-2 * posts // 2000),
        "first_line_ms": {"median": round(statistics.median(lines), 1), "all": [round(x, 1) for x in lines]},
        "targets": TARGETS,
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()},
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(measure(given.posts), indent=1)
    print(text)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
