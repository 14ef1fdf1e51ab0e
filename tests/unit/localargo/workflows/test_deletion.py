"""What stays of a Workflow that was deleted: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localargo.engine import Engine
from localargo.manifests.yaml import load_documents
from tests.waiting import until

TEXT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: {name}}}
spec: {{entrypoint: main, templates: [{{name: main, container: {{image: local/busybox, command: [sh, -c, "echo {said}; {then}"]}}}}]}}
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def document(name: str, said: str = "said", then: str = "true") -> Any:
    return load_documents(TEXT.format(name=name, said=said, then=then), "w.yaml")[0]


def folders(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "pods").iterdir())


@pytest.mark.anyio
async def test_the_folders_of_its_pods_go_with_a_workflow(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        await engine.run_to_end([document("gone"), document("stays")])
        assert folders(tmp_path) == ["gone", "stays"]
        engine.admission.delete("Workflow", "gone")
        await until(lambda: folders(tmp_path) == ["stays"])
        (ended,) = await engine.run_to_end([document("gone", then="exit 3")])
        assert ended["status"]["message"] == "main: Error (exit code 3)"
        assert (tmp_path / "pods/gone/log/main.log").read_text() == "said\n"


@pytest.mark.anyio
async def test_a_running_workflow_that_is_deleted_and_made_again_runs_again(tmp_path: Path) -> None:
    async with Engine(tmp_path, [document("w", "old", "sleep 60")]) as engine:
        await engine.until("w", lambda run: bool(run.nodes) and run.nodes["w"]["phase"] == "Running")
        engine.admission.delete("Workflow", "w")
        (ended,) = await engine.run_to_end([document("w", "new", "exit 3")])
        assert ended["status"]["message"] == "main: Error (exit code 3)"
        assert (tmp_path / "pods/w/log/main.log").read_text() == "new\n"


@pytest.mark.anyio
async def test_what_a_kill_left_is_removed_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("localargo.workflows.action_dispatcher.ActionDispatcher.discard", lambda self, owner: None)
        async with Engine(tmp_path) as engine:
            await engine.run_to_end([document("gone"), document("stays")])
            engine.admission.delete("Workflow", "gone")
    assert folders(tmp_path) == ["gone", "stays"]
    async with Engine(tmp_path):
        await until(lambda: folders(tmp_path) == ["stays"])
