"""python benchmarks/fanout.py [--sizes 100 1000 10000] [--real 200] [--out benchmarks/results/fanout.json]

One Workflow that fans out over N items, with pods that end as soon as they are asked for: what is left is the engine's own cost per
node (reconcile, journal, wake-ups), beside the floor: SQLite alone writing one row and one commit of the same durability per node. Each
size runs in processes of its own; the smaller sizes are repeated and the median taken. Then one fan-out with real pods. Prints the
ratios of the largest to the smallest size. Memory counts what a first Workflow loads once, which small sizes share among few nodes:
`kib_more` is what each further node takes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from localargo.clock import SystemClock
from localargo.engine import Engine
from localargo.logs import open_log
from localargo.manifests.document import Document
from localargo.ports import ContainerExit, PodExit, PodSpec, StoredOutputs
from localargo.store import open_store
from localargo.workflows import ledger, objects
from localargo.workflows.action_dispatcher import ActionDispatcher
from localargo.workflows.admission import Admission
from localargo.workflows.controller import Controller
from localargo.workflows.operations import FINISHED

ROUNDS = {100: 7, 1000: 3}
TARGET = 1.3
PATIENCE = 560.0


class InstantPods:
    """Pods that succeed in the turn after the one that asked for them."""

    def __init__(self) -> None:
        self.on_exit: Callable[[PodExit], None] = lambda ended: None

    async def ensure(self, pod: PodSpec) -> None:
        now = time.time()
        done = ContainerExit("main", 0, "Completed", now, now)
        asyncio.get_running_loop().call_soon(self.on_exit, PodExit(pod.name, pod.node_id, pod.workflow, now, now, (done,)))

    async def stop(self, pod: str, grace_seconds: float) -> None:
        """Nothing runs."""

    async def collect(self, pod: PodSpec) -> StoredOutputs:
        return StoredOutputs()

    async def forget(self, pod: str) -> None:
        """Nothing is kept."""

    async def discard(self, owner: str) -> None:
        """Nothing is kept."""

    async def remove(self, pod: str, owner: str) -> None:
        """Nothing is kept."""

    async def keep_only(self, owners: Collection[str], pods: Collection[str]) -> Mapping[str, str]:
        return {}

    async def logs(self, pod: str, container: str, follow: bool) -> AsyncIterator[bytes]:
        if follow:
            yield b""


def workflow(size: int) -> dict[str, Any]:
    items = {"name": "fan", "template": "step", "withSequence": {"count": str(size)}}
    fan = {"name": "main", "steps": [[{**items, "arguments": {"parameters": [{"name": "n", "value": "{{item}}"}]}}]]}
    container = {"image": "local/busybox", "command": ["true", "{{inputs.parameters.n}}"]}
    step = {"name": "step", "inputs": {"parameters": [{"name": "n"}]}, "container": container}
    metadata = {"name": f"fan-{size}"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {"entrypoint": "main", "templates": [fan, step]},
    }


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def play(size: int, folder: Path) -> dict[str, float]:
    """The engine's part alone, in this process. The Workflow's end is told by the controller, not asked for."""
    close_log = open_log(folder / "engine.log", logging.getLogger("localargo"))
    connection = open_store(folder / "engine.db", [objects.SCHEMA, ledger.SCHEMA])
    pods, clock = InstantPods(), SystemClock()
    documents = objects.Documents(connection, "argo", {})
    controller = Controller(connection, documents, ActionDispatcher(pods, clock), clock)
    pods.on_exit = controller.pod_exited
    admission = Admission(connection, documents, controller, clock, "argo")
    ended = asyncio.Event()
    name = f"fan-{size}"
    most = before = resident()
    spent: dict[str, float] = {}

    wall, processor = time.perf_counter(), time.process_time()

    def changed(_: str) -> None:
        nonlocal most
        most = max(most, resident())
        spent.update(wall_seconds=time.perf_counter() - wall, cpu_seconds=time.process_time() - processor)
        if controller.run_of(name).head.get("phase") in FINISHED:
            ended.set()

    controller.listeners.append(changed)
    admission.create(workflow(size))
    await asyncio.wait_for(ended.wait(), PATIENCE)
    nodes = admission.get("Workflow", name)["status"]
    if nodes["phase"] != "Succeeded" or len(nodes["nodes"]) != size + 2:
        raise SystemExit(f"{name}: {nodes['phase']}, {len(nodes['nodes'])} nodes")
    await controller.close(stop_pods=False)
    connection.close()
    close_log()
    return {**spent, "bytes": most - before}


def floor(size: int, folder: Path) -> float:
    """Seconds for SQLite alone: a row and a commit a node."""
    connection: sqlite3.Connection = open_store(folder / "floor.db", ["CREATE TABLE IF NOT EXISTS node(id INTEGER PRIMARY KEY, doc TEXT)"])
    text = json.dumps(workflow(1))
    began = time.perf_counter()
    for number in range(size):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO node VALUES (?, ?)", (number, text))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


async def real(size: int, folder: Path) -> float:
    """Seconds for a fan-out whose pods are processes, on an engine that has run one pod before."""
    async with Engine(folder / "state") as engine:
        first, fan = (Document(workflow(n), "fanout.yaml") for n in (1, size))
        await engine.run_to_end([first])
        began = time.perf_counter()
        ended = await asyncio.wait_for(engine.run_to_end([fan]), PATIENCE)
        seconds = time.perf_counter() - began
    if ended[0]["status"]["phase"] != "Succeeded":
        raise SystemExit(f"real pods: {ended[0]['status'].get('message')}")
    return seconds


def alone(size: int) -> dict[str, float]:
    """`play` in a process of its own."""
    command = [sys.executable, __file__, "--play", str(size)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE + 30, check=False)
    if told.returncode:
        raise SystemExit(told.stderr)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measure(size: int) -> dict[str, float]:
    """The medians of the size's rounds, a node."""
    rounds = [alone(size) for _ in range(ROUNDS.get(size, 1))]
    of = {key: statistics.median(r[key] for r in rounds) / size for key in rounds[0]}
    row = {"wall_ms": of["wall_seconds"] * 1e3, "cpu_ms": of["cpu_seconds"] * 1e3, "kib": of["bytes"] / 1024}
    return {key: round(value, 3) for key, value in row.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--real", type=int, default=200, metavar="PODS")
    parser.add_argument("--play", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "fanout.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retrain-") as name:
        if given.play:
            print(json.dumps(asyncio.run(play(given.play, Path(name)))))
            return 0
        floor_ms = floor(1000, Path(name))
        pod_ms = asyncio.run(real(given.real, Path(name))) / given.real * 1e3
    rows = {}
    for size in given.sizes:
        rows[str(size)] = measure(size)
        print(f"{size} nodes, each: {rows[str(size)]}", flush=True)
    for small, large in itertools.pairwise(given.sizes):
        more = rows[str(large)]["kib"] * large - rows[str(small)]["kib"] * small
        rows[str(large)]["kib_more"] = round(more / (large - small), 3)
    first, last = rows[str(given.sizes[0])], rows[str(given.sizes[-1])]
    ratios = {key: round(last[key] / first[key], 2) for key in first if first[key]}
    met = all(ratios.get(key, 0.0) <= TARGET for key in ("wall_ms", "cpu_ms", "kib"))
    print(f"{given.sizes[-1]} against {given.sizes[0]} nodes: {ratios} (target: at most {TARGET})")
    print("KiB for each further node: " + ", ".join(f"up to {n}: {row['kib_more']}" for n, row in rows.items() if "kib_more" in row))
    print(f"floor: {floor_ms:.2f} ms a node; a real pod: {pod_ms:.1f} ms each")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    found = {"machine": machine, "per_node": rows, "ratios": ratios, "target_ratio": TARGET, "met": met}
    figures = {**found, "floor_ms": round(floor_ms, 3), "real_pods": given.real, "real_pod_ms": round(pod_ms, 2)}
    given.out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
