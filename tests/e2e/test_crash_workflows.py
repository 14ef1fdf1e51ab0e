"""python tests/e2e/test_crash_workflows.py [--kills 200] [--seed 0] [--out benchmarks/results/crash_workflows.json]

An engine process is killed with SIGKILL at random instants over a Workflow that uses many features, and started again: its end equals
the uninterrupted one, every step has run as often as without the kill, and nothing is left running. As a test: 5 instants, and 40 of
`make campaign`.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "crash-me"
SEEN = "volumeMounts: [{name: seen, mountPath: /seen}]"
DOCUMENTS = f"""
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {{name: shared}}
spec:
  templates:
  - name: say
    inputs: {{parameters: [{{name: v}}]}}
    container:
      image: local/busybox
      command: [sh, -c, 'echo "$0" >> /seen/ran; echo "$0" > /tmp/o', "{{{{inputs.parameters.v}}}}"]
      {SEEN}
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {NAME}}}
spec:
  entrypoint: main
  onExit: bye
  volumes: [{{name: seen, persistentVolumeClaim: {{claimName: seen}}}}]
  templates:
  - name: main
    dag:
      tasks:
      - {{name: fan, template: once, withItems: [a, b, c], arguments: {{parameters: [{{name: v, value: "fan-{{{{item}}}}"}}]}}}}
      - {{name: wait, template: wait}}
      - {{name: make, template: make}}
      - {{name: write, template: write}}
      - {{name: again, template: again, depends: fan}}
      - {{name: kept, template: kept, depends: wait}}
      - {{name: ref, depends: make, templateRef: {{name: shared, template: say}}, arguments: {{parameters: [{{name: v, value: ref}}]}}}}
      - {{name: read, template: read, depends: write,
          arguments: {{artifacts: [{{name: a, from: "{{{{tasks.write.outputs.artifacts.a}}}}"}}]}}}}
  - name: once
    synchronization: {{mutexes: [{{name: one}}]}}
    inputs: {{parameters: [{{name: v}}]}}
    container: {{image: local/busybox, command: [sh, -c, 'echo "$0" >> /seen/ran; sleep 0.05', "{{{{inputs.parameters.v}}}}"], {SEEN}}}
  - name: again
    retryStrategy: {{limit: "2", backoff: {{duration: "0.1s"}}}}
    container: {{image: local/busybox, command: [sh, -c, 'echo "again-$0" >> /seen/ran; test "$0" = 1', "{{{{retries}}}}"], {SEEN}}}
  - name: wait
    suspend: {{duration: "0.2s"}}
  - name: make
    resource:
      action: create
      manifest: |
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: made}}
        data: {{x: "1"}}
  - name: write
    container: {{image: local/busybox, command: [sh, -c, 'echo write >> /seen/ran; echo hello > /tmp/a'], {SEEN}}}
    outputs: {{artifacts: [{{name: a, path: /tmp/a}}]}}
  - name: read
    inputs: {{artifacts: [{{name: a, path: /tmp/in}}]}}
    container: {{image: local/busybox, command: [sh, -c, 'echo "read $(cat /tmp/in)" >> /seen/ran'], {SEEN}}}
  - name: kept
    memoize: {{key: kept, maxAge: 1h, cache: {{configMap: {{name: memo}}}}}}
    container: {{image: local/busybox, command: [sh, -c, 'echo kept >> /seen/ran; echo kept > /tmp/o'], {SEEN}}}
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
  - name: bye
    container: {{image: local/busybox, command: [sh, -c, 'echo "bye $0" >> /seen/ran', "{{{{workflow.status}}}}"], {SEEN}}}
"""
RAN = sorted(["again-0", "again-1", "bye Succeeded", "fan-a", "fan-b", "fan-c", "kept", "read hello", "ref", "write"])
ENGINE = """
import asyncio, json, sys
from pathlib import Path
from localargo.engine import Engine
from localargo.manifests.yaml import load_documents

async def main(state, manifest, end):
    documents = load_documents(Path(manifest).read_text(), manifest)
    async with Engine(Path(state), documents) as engine:
        await engine.ended("crash-me")
        Path(end).write_text(json.dumps(engine.admission.get("Workflow", "crash-me")))

print("up", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""
PATIENCE = 90.0
PR_SET_CHILD_SUBREAPER = 36

_spec = importlib.util.spec_from_file_location("crash_workflows_compare", ROOT / "tests" / "conformance" / "compare.py")
assert _spec is not None
assert _spec.loader is not None
compare = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(compare)


class Campaign:
    """Engines on state folders below `folder`; `whole` is the uninterrupted end and `seconds` how long it took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "crash.yaml"
        self.manifest.write_text(DOCUMENTS, encoding="utf-8")
        self.before = left_running()
        self.hits = 0  # kills before the Workflow had ended
        starting = time.time()
        self.whole = self.finish(folder / "whole")
        self.seconds = Path(str(folder / "whole") + ".json").stat().st_mtime - starting  # its bucket takes some seconds more to stop
        assert ran(folder / "whole") == RAN
        assert self.whole["phase"] == "Succeeded", self.whole

    def start(self, state: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", ENGINE, str(state), str(self.manifest), str(state) + ".json"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        engine = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=self.folder)
        assert engine.stdout is not None
        engine.stdout.readline()
        return engine

    def finish(self, state: Path) -> Any:
        """The normalised end that an undisturbed engine comes to."""
        with self.start(state) as engine:
            try:
                _, errors = engine.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                engine.kill()
                raise
            assert engine.returncode == 0, errors
        return compare.normalise_workflow(json.loads(Path(str(state) + ".json").read_text(encoding="utf-8")))

    def kill_once(self, state: Path, seconds: float) -> list[str]:
        """What differs after a kill so many seconds after the start; whether it hit a living engine does not matter."""
        with self.start(state) as engine:
            try:
                engine.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                engine.send_signal(signal.SIGKILL)
                engine.communicate()
                self.hits += not Path(str(state) + ".json").exists()
        end = self.finish(state)
        wrong = [str(difference) for difference in compare.differences(self.whole, end)]
        if ran(state) != RAN:
            wrong.append(f"ran: {ran(state)}")
        left = [line for line in left_running() if line not in self.before]
        self.before += left  # told once
        return wrong + [f"left running: {line}" for line in left]


def ran(state: Path) -> list[str]:
    return sorted((state / "claims" / "seen" / "ran").read_text(encoding="utf-8").splitlines())


def left_running() -> list[str]:
    """Descendants of this process, which is their reaper: whoever loses its parent, in whatever session or namespace, is a child here."""
    parents, lines = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            lines[process.name] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state != "Z":
            parents[process.name] = parent
    found, ours = [], [str(os.getpid())]
    while ours:
        children = [pid for pid, parent in parents.items() if parent in ours]
        found += [f"{pid} {lines[pid]}" for pid in children]
        ours = children
    return found


def adopt_orphans(on: bool) -> None:
    """Whether orphans among the descendants become children of this process (Linux)."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def play(folder: Path, kills: int, seed: int) -> tuple[Campaign, dict[str, list[str]]]:
    """What differs after each of the kills."""
    chance, wrong = random.Random(seed), {}
    adopt_orphans(True)
    try:
        campaign = Campaign(folder)
        for number in range(kills):
            at = chance.random() * campaign.seconds
            found = campaign.kill_once(folder / str(number), at)
            if found:
                wrong[f"{number} at {at:.3f} s"] = found
                print(f"{number} at {at:.3f} s: {found}", flush=True)
    finally:
        adopt_orphans(False)
    return campaign, wrong


@pytest.mark.slow
@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.campaign)])
def test_kills_at_random_instants_change_nothing(tmp_path: Path, kills: int) -> None:
    campaign, wrong = play(tmp_path, kills, 6)
    assert wrong == {}
    assert campaign.hits >= 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "crash_workflows.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder:
        campaign, wrong = play(Path(folder), given.kills, given.seed)
    print(f"{given.kills} kills, {campaign.hits} of them before the Workflow had ended, {len(wrong)} with differences")
    figures: dict[str, Any] = {
        "kills": given.kills,
        "before_the_end": campaign.hits,
        "seed": given.seed,
        "workflow_seconds": round(campaign.seconds, 2),
    }
    figures["differences"] = wrong
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
