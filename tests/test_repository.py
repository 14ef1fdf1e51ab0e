"""The bounds of the design, read off the tree as it is committed."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import yaml

from tests.committed import ROOT, tracked
from tests.handlers.installed import ALSO_RUNS

SOURCES = [p for p in tracked() if p.suffix == ".py" and (ROOT / p).exists()]
VAGUE = {"util", "utils", "helper", "helpers", "common", "core", "manager", "managers", "misc"}
SLEEPS = {
    "tests/campaign/play.py": "somebody pauses between two things that he does",
    "tests/campaign/proxy.py": "a bucket that is slow",
    "tests/campaign/site.py": "between attempts to reach an engine that may be dead",
    "tests/campaign/victims.py": "the instant of a kill is chance",
    "tests/conformance/play_events.py": "recorded stimuli come at recorded times",
    "tests/conformance/play_workflows.py": "recorded operations come at recorded times",
    "tests/e2e/cluster/install.py": "between looks at a cluster that somebody else uses too, and while a part of it is away",
    "tests/e2e/test_crash_events.py": "the instant of a kill is chance; nothing of tests/ can be imported where it runs as a program",
    "tests/unit/localargo/runners/test_crashes.py": "the instant of a kill is chance",
    "tests/unit/localargo/sensors/test_killed.py": "between attempts to reach an engine that may be dead",
    "tests/waiting.py": "how all others wait",
}


@cache
def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(text(path))))


def test_no_file_over_400_lines() -> None:
    assert [(str(path), lines) for path in SOURCES if (lines := len(text(path).splitlines())) > 400] == []


def test_no_function_over_50_lines() -> None:
    functions = [(path, n) for path in SOURCES for n in nodes(path) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert len(functions) > 1000
    assert [f"{path}: {n.name}" for path, n in functions if n.end_lineno and n.end_lineno - n.lineno + 1 > 50] == []


def test_nothing_silences_a_check() -> None:
    words = ("type: " + "ignore", "no" + "qa", "pragma: no " + "cover", "TO" + "DO", "FIX" + "ME", "mark." + "xfail")
    assert [(str(path), word) for path in SOURCES for word in words if word in text(path)] == []


def sleeps(path: Path) -> list[int]:
    """The lines in which a Python file sleeps for a time (`sleep(0)` only gives way)."""
    calls = [node for node in nodes(path) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if re.search(r"(^|\.)sleep$", ast.unparse(call.func)) and ast.unparse(call.args[0]) != "0"]


def test_tests_wait_for_what_happens_and_not_for_a_time() -> None:
    found = {path.as_posix(): sleeps(path) for path in SOURCES if path.parts[0] == "tests"}
    assert {name: lines for name, lines in found.items() if lines and name not in SLEEPS} == {}, "see tests/waiting.py"
    assert [name for name in SLEEPS if not found.get(name)] == []


def test_no_room_has_a_name_that_says_nothing() -> None:
    assert [str(p) for p in SOURCES if VAGUE & {part.removesuffix(".py") for part in p.parts}] == []


def applied_templates() -> list[Path]:
    """The WorkflowTemplates, without what kustomize reads and does not apply."""
    return [
        p
        for p in sorted((ROOT / "workflowtemplates").glob("*.yaml"))
        if p.name not in ("kustomization.yaml", "images.yaml", "limits.yaml", "step.yaml")
    ]


def test_handlers_and_manifests_name_the_same_stages() -> None:
    """Every `python -m handlers.<name>` in the workflow templates is a file, and its image is named for it."""
    for template in applied_templates():
        for step in yaml.safe_load(template.read_text(encoding="utf-8"))["spec"]["templates"]:
            if "container" not in step:
                continue
            python, flag, module = step["container"]["command"]
            assert (python, flag) == ("python", "-m")
            assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()
            # tests/handlers/test_images.py says what runs in the image of another step
            own = module.removeprefix("handlers.")
            image = next((step for step, others in ALSO_RUNS.items() if own in others), own)
            assert step["container"]["image"] == f"retrain/{image}"


def test_locks_have_hashes_and_no_addresses() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


def test_root_and_overlays_list_the_same_folders() -> None:
    def folders(path: Path) -> list[str]:
        resources = yaml.safe_load((ROOT / path / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
        return [Path(r).name for r in resources if not r.endswith(".yaml")]

    for overlay in sorted((ROOT / "overlays").iterdir()):
        assert folders(overlay.relative_to(ROOT)) == folders(Path())


def test_the_dockerfile_has_a_target_for_every_handler_that_is_a_step() -> None:
    targets = re.findall(
        r"^FROM \w+ AS (\w+)\nCMD \[\"handlers\.(\w+)\"\]$", (ROOT / "handlers/Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    templates = "".join(path.read_text(encoding="utf-8") for path in applied_templates())
    steps = set(re.findall(r"image: retrain/(\w+)", templates))
    assert targets == [(step, step) for step, _ in targets]
    assert {step for step, _ in targets} == steps >= {"fetch", "train"}
