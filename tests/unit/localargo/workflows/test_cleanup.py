"""Finished Workflows and ended pods go when `ttlStrategy` and `podGC` say so; nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localargo.clock import SystemClock
from localargo.engine import Engine
from localargo.errors import NotFound
from localargo.manifests.document import Document
from localargo.manifests.yaml import load_documents
from localargo.workflows import cleanup
from tests.unit.localargo.workflows.test_crash import Crash, Mortal, arm
from tests.waiting import until

ROOT = Path(__file__).parents[4]
ALL = "SELECT wf FROM workflow UNION SELECT wf FROM node UNION SELECT wf FROM edge UNION SELECT wf FROM fact UNION SELECT wf FROM outbox"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def workflow(name: str, command: str = "true", template: dict[str, Any] | None = None, **spec: Any) -> Document:
    main = {"name": "main", **(template or {}), "container": {"image": "local/busybox", "command": ["sh", "-c", command]}}
    body = {"entrypoint": "main", "templates": [main], **spec}
    return Document({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": body}, "w.yaml")


def waiting(document: Document, template: int = 0) -> Document:
    """The container of the template sees the folder `claims/c` of the state folder as `/c`."""
    document.doc["spec"]["volumes"] = [{"name": "c", "persistentVolumeClaim": {"claimName": "c"}}]
    document.doc["spec"]["templates"][template]["container"]["volumeMounts"] = [{"name": "c", "mountPath": "/c"}]
    return document


WAIT = "while ! test -e /c/go; do sleep 0.02; done"


def folders(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "pods").iterdir())


def gone(engine: Engine, name: str) -> bool:
    try:
        engine.admission.get("Workflow", name)
    except NotFound:
        return True
    return False


class Later(SystemClock):
    """A clock eight days ahead."""

    def now(self) -> float:
        return super().now() + 8 * 86400.0


# ---------------------------------------------------------------------------------------------- ttlStrategy


@pytest.mark.anyio
async def test_the_folder_of_a_workload_that_comes_again_and_again_does_not_grow(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        for turn in range(10):
            documents = [
                workflow(f"w-{turn}-{n}", "exit 3" if n == 2 else "true", ttlStrategy={"secondsAfterCompletion": n % 2}) for n in range(3)
            ]
            ended = await engine.run_to_end(documents)
            assert [w["status"]["phase"] for w in ended] == ["Succeeded", "Succeeded", "Failed"]
        await until(lambda: engine.admission.list("Workflow") == [])
        await until(lambda: folders(tmp_path) == [])
    connection = sqlite3.connect(tmp_path / "engine.db")
    assert connection.execute(ALL).fetchall() == []
    connection.close()


@pytest.mark.anyio
async def test_only_what_its_own_strategy_says_is_deleted(tmp_path: Path) -> None:
    template = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: brief}
spec:
  entrypoint: main
  ttlStrategy: {secondsAfterSuccess: 0}
  templates: [{name: main, container: {image: local/busybox, command: ["true"]}}]
"""
    defaults = """
apiVersion: v1
kind: ConfigMap
metadata: {name: workflow-controller-configmap}
data: {workflowDefaults: "spec: {ttlStrategy: {secondsAfterFailure: 0}}"}
"""
    of_template = load_documents(
        "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: of-template}, spec: {workflowTemplateRef: {name: brief}}}", "w"
    )
    async with Engine(tmp_path, [*load_documents(template, "t"), *load_documents(defaults, "d")]) as engine:
        documents = [
            *of_template,
            workflow("by-default", "exit 1"),
            workflow("stays"),
            workflow("own", ttlStrategy={"secondsAfterSuccess": 0}),
        ]
        await engine.run_to_end(documents)
        await until(lambda: [gone(engine, n) for n in ("of-template", "by-default", "own")] == [True, True, True])
        await until(lambda: folders(tmp_path) == ["stays"])
        assert not gone(engine, "stays")


@pytest.mark.anyio
async def test_who_waits_for_several_reads_each_though_the_first_is_deleted_meanwhile(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        documents = [waiting(workflow("slow", WAIT)), workflow("fast", ttlStrategy={"secondsAfterSuccess": 0})]
        running = asyncio.ensure_future(engine.run_to_end(documents))
        await until(lambda: engine.controller.knows("fast"))
        await until(lambda: gone(engine, "fast"))
        (tmp_path / "claims/c/go").touch()
        slow, fast = await asyncio.wait_for(running, 60)
        assert (slow["status"]["phase"], fast["status"]["phase"]) == ("Succeeded", "Succeeded")


@pytest.mark.anyio
async def test_what_became_due_while_no_engine_ran_goes_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([workflow("hour", ttlStrategy={"secondsAfterCompletion": 3600}), workflow("stays")])
    async with Engine(tmp_path) as engine:
        assert not gone(engine, "hour")
    monkeypatch.setattr("localargo.engine.SystemClock", Later)
    async with Engine(tmp_path) as engine:
        await until(lambda: gone(engine, "hour"))
        await until(lambda: folders(tmp_path) == ["stays"])


@pytest.mark.anyio
async def test_the_defaults_of_the_reference_delete_every_workflow_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/reference/environment.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    async with Engine(tmp_path, load_documents(block, "environment.md")) as engine:
        await engine.run_to_end([workflow("good"), workflow("bad", "exit 1")])
    async with Engine(tmp_path) as engine:
        assert not gone(engine, "good")
    monkeypatch.setattr("localargo.engine.SystemClock", Later)
    async with Engine(tmp_path) as engine:
        await until(lambda: engine.admission.list("Workflow") == [])


@pytest.mark.anyio
async def test_a_refused_workflow_is_deleted_too(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        refused = workflow("refused", ttlStrategy={"secondsAfterCompletion": 0})
        refused.doc["spec"]["workflowTemplateRef"] = {"name": "missing"}
        del refused.doc["spec"]["templates"], refused.doc["spec"]["entrypoint"]
        engine.admission.create(refused.doc)
        await until(lambda: gone(engine, "refused"))


@pytest.mark.anyio
async def test_a_strategy_that_is_set_later_counts(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([workflow("w")])
        engine.admission.patch("Workflow", "w", {"spec": {"ttlStrategy": {"secondsAfterSuccess": 0}}})
        await until(lambda: gone(engine, "w"))


@pytest.mark.anyio
async def test_a_workflow_that_goes_on_is_not_deleted(tmp_path: Path) -> None:
    go = tmp_path / "claims" / "c" / "go"
    command = "test -e /c/go || { touch /c/go; exit 1; }; while test -e /c/go; do sleep 0.05; done"
    document = waiting(workflow("again", command, ttlStrategy={"secondsAfterFailure": 1, "secondsAfterSuccess": 600}))
    async with Engine(tmp_path) as engine:
        (failed,) = await engine.run_to_end([document])
        assert failed["status"]["phase"] == "Failed"
        engine.operations.operate("retry", "again", {})
        await engine.run_to_end([workflow("other", ttlStrategy={"secondsAfterSuccess": 1})])
        await until(lambda: gone(engine, "other"))  # its time began later than that of the failed one
        go.unlink()
        await asyncio.wait_for(engine.ended("again"), 60)
        assert engine.admission.get("Workflow", "again")["status"]["phase"] == "Succeeded"


async def _start_and_expire(state: Path, factory: type[sqlite3.Connection]) -> None:
    engine = Engine(state, factory=factory)
    await engine.__aenter__()
    try:
        engine.admission.create(workflow("brief", "echo said", ttlStrategy={"secondsAfterCompletion": 0}).doc)
        await engine.ended("brief")
        deleted = asyncio.ensure_future(until(lambda: gone(engine, "brief")))
        await asyncio.wait([deleted, engine.controller.failed], return_when=asyncio.FIRST_COMPLETED)
        deleted.cancel()
        if engine.controller.failed.done():
            engine.controller.failed.result()
    finally:
        await engine.stop(detach=True)


async def _next_engine(state: Path) -> None:
    """What is left either goes on to its end and its deletion, or is gone with everything."""
    async with Engine(state) as engine:
        await until(lambda: gone(engine, "brief"))
        await until(lambda: folders(state) == [])


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_commit_leaves_no_half_of_a_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    monkeypatch.setattr(cleanup, "AT_LEAST", 0.0)
    commit = 0
    while True:
        commit += 1
        state = tmp_path / str(commit)
        arm(commit, after)
        with contextlib.suppress(Crash):
            asyncio.run(_start_and_expire(state, Mortal))
        if not Mortal.dead:
            break
        assert whole(state), f"commit {commit}"
        asyncio.run(_next_engine(state))
    assert commit > 3


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_is_killed_at_the_commit_of_a_deletion_leaves_no_half_of_a_workflow(tmp_path: Path, when: str) -> None:
    state = tmp_path / "s"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, __file__, str(state), when]
    killed = subprocess.run(command, cwd=ROOT, env=environment, timeout=120, check=False, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert whole(state)
    assert folders(state) == ["brief"]
    asyncio.run(_next_engine(state))


class Doomed(sqlite3.Connection):
    """Its process is killed at the commit that deletes a Workflow."""

    after = False
    deletes = False

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.deletes |= sql.startswith("DELETE FROM workflow")
        if not (self.deletes and sql == "COMMIT"):
            return super().execute(sql, parameters)
        if Doomed.after:
            super().execute(sql, parameters)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it lives")


def whole(state: Path) -> bool:
    """Whether every row is of a Workflow that is there."""
    connection = sqlite3.connect(state / "engine.db")
    rows, there = connection.execute(ALL).fetchall(), connection.execute("SELECT wf FROM workflow").fetchall()
    connection.close()
    return sorted(rows) == sorted(there)


# ---------------------------------------------------------------------------------------------- podGC


TWO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: two}
spec:
  entrypoint: main
  podGC: {strategy: STRATEGY, deleteDelayDuration: 0s}
  templates:
  - name: main
    steps: [[{name: good, template: good}, {name: bad, template: bad, continueOn: {failed: true}}], [{name: last, template: good}]]
  - {name: good, metadata: {labels: {kind: good}}, container: {image: local/busybox, command: [echo, said]}}
  - {name: bad, container: {image: local/busybox, command: [sh, -c, exit 3]}}
"""


def left(state: Path) -> list[str]:
    return sorted(name.split("-")[1] for name in folders(state))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("strategy", "stay"),
    [
        ("OnPodCompletion", []),
        ("OnPodSuccess", ["bad"]),
        ("OnWorkflowCompletion", []),
        ("OnWorkflowSuccess", []),
        ("OnPodCompletion, labelSelector: {matchLabels: {kind: good}}", ["bad"]),
        ('""', ["bad", "good", "good"]),
    ],
)
async def test_folders_of_pods_go_as_the_strategy_says(tmp_path: Path, strategy: str, stay: list[str]) -> None:
    async with Engine(tmp_path) as engine:
        (ended,) = await engine.run_to_end(load_documents(TWO.replace("STRATEGY", strategy), "two.yaml"))
        assert ended["status"]["phase"] == "Succeeded"
        await until(lambda: left(tmp_path) == stay)
    assert left(tmp_path) == stay


@pytest.mark.anyio
async def test_pods_of_a_workflow_that_fails_stay_when_only_success_removes_them(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([workflow("w", "exit 3", podGC={"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "0s"})])
        await engine.run_to_end([workflow("x", podGC={"strategy": "OnWorkflowSuccess", "deleteDelayDuration": "0s"})])
        await until(lambda: folders(tmp_path) == ["w"])


@pytest.mark.anyio
async def test_a_pod_goes_while_its_workflow_still_runs(tmp_path: Path) -> None:
    text = TWO.replace("STRATEGY", "OnPodCompletion").replace("{name: last, template: good}", "{name: last, template: waits}")
    (document,) = load_documents(
        f"{text}  - {{name: waits, container: {{image: local/busybox, command: [sh, -c, '{WAIT}']}}}}\n", "two.yaml"
    )
    async with Engine(tmp_path) as engine:
        running = asyncio.ensure_future(engine.run_to_end([waiting(document, 3)]))
        await until(lambda: left(tmp_path) == ["waits"])
        assert engine.admission.get("Workflow", "two")["status"]["phase"] == "Running"
        (tmp_path / "claims/c/go").touch()
        await asyncio.wait_for(running, 60)
        await until(lambda: left(tmp_path) == [])


@pytest.mark.anyio
async def test_pods_whose_time_came_while_no_engine_ran_go_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([workflow("w", podGC={"strategy": "OnPodCompletion", "deleteDelayDuration": "1h"}), workflow("stays")])
    assert folders(tmp_path) == ["stays", "w"]
    monkeypatch.setattr("localargo.engine.SystemClock", Later)
    async with Engine(tmp_path) as engine:
        await until(lambda: folders(tmp_path) == ["stays"])
        assert not gone(engine, "w")


# ---------------------------------------------------------------------------------------------- what an ended pod leaves


@pytest.mark.anyio
async def test_an_ended_pod_leaves_its_logs_alone(tmp_path: Path) -> None:
    document = workflow("w", "echo said; echo x > /scratch/x; echo y > /tmp/y; exit 3", volumes=[{"name": "scratch", "emptyDir": {}}])
    document.doc["spec"]["templates"][0]["container"]["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([document])
        await until(lambda: sorted(p.name for p in (tmp_path / "pods/w").iterdir()) == ["log", "owner"])
    assert (tmp_path / "pods/w/log/main.log").read_text() == "said\n"


@pytest.mark.anyio
async def test_what_a_kill_left_of_an_ended_pod_is_forgotten_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("localargo.workflows.action_dispatcher.ActionDispatcher.forget", lambda self, pod: None)
        async with Engine(tmp_path) as engine:
            await engine.run_to_end([workflow("w", "echo said")])
    assert (tmp_path / "pods/w/exit.json").exists()
    async with Engine(tmp_path):
        assert sorted(p.name for p in (tmp_path / "pods/w").iterdir()) == ["log", "owner"]
    assert (tmp_path / "pods/w/log/main.log").read_text() == "said\n"


if __name__ == "__main__":
    Doomed.after = sys.argv[2] == "after"
    asyncio.run(_start_and_expire(Path(sys.argv[1]), Doomed))
