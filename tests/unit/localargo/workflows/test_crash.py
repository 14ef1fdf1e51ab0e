"""The engine dies at every journal write, before and after the commit; the next one ends the Workflow as if nothing had happened."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.errors import NotFound
from localargo.manifests.yaml import load_documents
from localargo.ports import Json
from localargo.runners.client import ProcessPods
from tests.conformance import compare
from tests.waiting import until, wait_until

ROOT = Path(__file__).parents[4]
NAME = "crash-me"
DOCUMENTS = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: numbers, labels: {{workflows.argoproj.io/configmap-type: Parameter}}}}
data: {{list: '["a", "b"]'}}
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
    inputs: {{parameters: [{{name: list, valueFrom: {{configMapKeyRef: {{name: numbers, key: list}}}}}}]}}
    dag:
      tasks:
      - name: fan
        template: once
        withParam: "{{{{inputs.parameters.list}}}}"
        arguments: {{parameters: [{{name: v, value: "fan-{{{{item}}}}"}}]}}
      - {{name: wait, template: wait}}
      - {{name: again, template: again, depends: fan}}
      - {{name: make, template: make, depends: wait}}
      - {{name: kept, template: kept, depends: "fan && wait"}}
  - name: once
    synchronization: {{mutexes: [{{name: one}}]}}
    inputs: {{parameters: [{{name: v}}]}}
    container:
      image: local/busybox
      command: [sh, -c, 'echo "$0" >> /seen/ran; printf "%s" "$0" > /tmp/o', "{{{{inputs.parameters.v}}}}"]
      volumeMounts: [{{name: seen, mountPath: /seen}}]
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
  - name: again
    retryStrategy: {{limit: "2"}}
    container:
      image: local/busybox
      command: [sh, -c, 'echo "again-$0" >> /seen/ran; test "$0" = 1', "{{{{retries}}}}"]
      volumeMounts: [{{name: seen, mountPath: /seen}}]
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
  - name: kept
    memoize: {{key: kept, maxAge: 1h, cache: {{configMap: {{name: memo}}}}}}
    container:
      image: local/busybox
      command: [sh, -c, 'echo kept >> /seen/ran; echo kept > /tmp/o']
      volumeMounts: [{{name: seen, mountPath: /seen}}]
    outputs: {{parameters: [{{name: o, valueFrom: {{path: /tmp/o}}}}]}}
  - name: bye
    container:
      image: local/busybox
      command: [sh, -c, 'echo "bye $0" >> /seen/ran', "{{{{workflow.status}}}}"]
      volumeMounts: [{{name: seen, mountPath: /seen}}]
"""


class Crash(Exception):
    """The engine is dead."""


class Mortal(sqlite3.Connection):
    """Dies at the n-th commit of the process, before or after it; nothing can be written any more then."""

    left = 0
    after = False
    dead = False
    die = staticmethod(lambda: None)

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return super().execute(sql, parameters)
        if Mortal.dead:
            raise Crash
        Mortal.left -= 1
        if Mortal.left != 0:
            return super().execute(sql, parameters)
        Mortal.dead = True
        if Mortal.after:
            super().execute(sql, parameters)
        Mortal.die()
        raise Crash


def arm(commit: int, after: bool) -> None:
    Mortal.left, Mortal.after, Mortal.dead = commit, after, False


async def start_and_submit(state: Path, factory: type[sqlite3.Connection]) -> None:
    """An engine that runs the Workflow until it has ended or the engine is dead."""
    documents = load_documents(DOCUMENTS, "crash.yaml")
    engine = Engine(state, [d for d in documents if d.kind != "Workflow"], factory=factory)
    await engine.__aenter__()
    try:
        engine.admission.create(next(d.doc for d in documents if d.kind == "Workflow"))
        await engine.ended(NAME)
    finally:
        await engine.stop(detach=True)


async def finish(state: Path) -> dict[str, Any]:
    """The next engine: it goes on with what is there (what was never stored is submitted again) and returns the end."""
    documents = load_documents(DOCUMENTS, "crash.yaml")
    async with Engine(state, [d for d in documents if d.kind != "Workflow"]) as engine:
        try:
            engine.admission.get("Workflow", NAME)
        except NotFound:
            engine.admission.create(next(d.doc for d in documents if d.kind == "Workflow"))
        await asyncio.wait_for(engine.ended(NAME), 60)
        engine.admission.get("ConfigMap", "made")
        return engine.admission.get("Workflow", NAME)


def normalised(workflow: dict[str, Any]) -> Any:
    return compare.normalise_workflow(workflow)


def ran(state: Path) -> list[str]:
    return sorted((state / "claims" / "seen" / "ran").read_text().splitlines())


RAN = ["again-0", "again-1", "bye Succeeded", "fan-a", "fan-b", "kept"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    state = tmp_path_factory.mktemp("whole") / "s"
    end = asyncio.run(finish(state))
    assert end["status"]["phase"] == "Succeeded"
    assert ran(state) == RAN
    return normalised(end)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_commit_changes_nothing(uninterrupted: Any, tmp_path: Path, after: bool) -> None:
    commit = 0
    while True:
        commit += 1
        state = tmp_path / str(commit)
        arm(commit, after)
        with contextlib.suppress(Crash):
            asyncio.run(start_and_submit(state, Mortal))
        if not Mortal.dead:
            break
        end = asyncio.run(finish(state))
        assert normalised(end) == uninterrupted, f"commit {commit}"
        assert ran(state) == RAN, f"commit {commit}"
    assert commit > 10


@pytest.mark.slow
@pytest.mark.parametrize("commit", [3, 8, 13])
def test_a_killed_process_changes_nothing_and_leaves_no_orphan(uninterrupted: Any, tmp_path: Path, commit: int) -> None:
    state = tmp_path / "s"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    killed = subprocess.run(
        [sys.executable, __file__, str(state), str(commit)], cwd=ROOT, env=environment, timeout=120, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    end = asyncio.run(finish(state))
    assert normalised(end) == uninterrupted
    assert ran(state) == RAN
    wait_until(lambda: subprocess.run(["pgrep", "-f", str(state)], stdout=subprocess.DEVNULL, check=False).returncode == 1)


LATE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: late}
spec:
  entrypoint: main
  volumes: [{name: seen, persistentVolumeClaim: {claimName: seen}}]
  templates:
  - name: main
    container:
      image: local/busybox
      command: [sh, -c, 'echo once >> /seen/ran; while ! test -e /seen/go; do sleep 0.02; done']
      volumeMounts: [{name: seen, mountPath: /seen}]
"""


@pytest.mark.slow
def test_a_pod_that_ends_while_the_engine_starts_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "s"
    start, heard = ProcessPods.start, ProcessPods._heard
    told: list[Json] = []

    def hear(self: ProcessPods, line: Json) -> None:
        heard(self, line)
        told.append(line)

    async def begin() -> None:
        engine = Engine(state, [])
        await engine.__aenter__()
        engine.admission.create(load_documents(LATE, "late.yaml")[0].doc)
        await until((state / "claims/seen/ran").exists)
        await engine.stop(detach=True)

    async def started_late(self: ProcessPods) -> None:
        await start(self)
        (state / "claims/seen/go").touch()
        await until(lambda: bool(list(state.glob("pods/*/exit.json"))))
        await until(lambda: told)

    async def end() -> dict[str, Any]:
        async with Engine(state, []) as engine:
            await asyncio.wait_for(engine.ended("late"), 60)
            return engine.admission.get("Workflow", "late")

    asyncio.run(begin())
    monkeypatch.setattr(ProcessPods, "start", started_late)
    monkeypatch.setattr(ProcessPods, "_heard", hear)
    assert asyncio.run(end())["status"]["phase"] == "Succeeded"
    assert ran(state) == ["once"]


if __name__ == "__main__":
    Mortal.die = staticmethod(lambda: os.kill(os.getpid(), signal.SIGKILL))
    arm(int(sys.argv[2]), after=True)
    asyncio.run(start_and_submit(Path(sys.argv[1]), Mortal))
