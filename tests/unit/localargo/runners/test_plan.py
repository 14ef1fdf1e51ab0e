"""What the pod host is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from localargo.errors import Unsupported
from localargo.ports import Artifact, Container, Json, OutputParameter, PodSpec
from localargo.runners.layout import Layout
from localargo.runners.plan import Machine, Mode, Planner, expand, runs_module_of
from localargo.runners.podfolder import PodFolder
from tests.unit.localargo.runners.podtools import pod


def plan(tmp_path: Path, spec: PodSpec, mode: Mode, machine: tuple[str, ...] = ()) -> Json:
    there = Layout(PodFolder(tmp_path / "pods", spec.name), spec, tmp_path / "claims", machine)
    return Planner(spec, there, mode, Machine(tmp_path, Path("/repo"), "/usr/bin", ("/venv",), "jobs")).document()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["python", "-m", "jobs.fetch", "look"], True),
        (["python3", "-m", "jobs.fetch"], True),
        (["python", "-m", "json.tool"], False),
        (["python", "-m"], False),
        (["python", "jobs.py"], False),
        (["sh", "-c", "python -m jobs.fetch"], False),
    ],
)
def test_what_is_a_module_of_the_warm_package(words: list[str], found: bool) -> None:
    assert runs_module_of(Container("main", "i", words), "jobs") is found
    assert runs_module_of(Container("main", "i", words[:1], words[1:]), "jobs") is found
    assert not runs_module_of(Container("main", "i", words, script="x"), "jobs")
    assert not runs_module_of(Container("main", "i", words), "")


def test_references_are_kubernetes() -> None:
    assert expand("$(A)-$$(A)-$(B)-$A-$$", {"A": "1"}) == "1-$(A)-$(B)-$A-$$"
    assert expand("$(A)", {"A": "$(A)"}) == "$(A)"


def test_an_argument_that_is_too_long_is_given_as_a_file(tmp_path: Path) -> None:
    long = "x" * 131073
    spec = pod("p", "sh", "-c", long, args=["a", long])
    (main,) = plan(tmp_path, spec, "isolated", ("tmp",))["containers"]
    assert main["argv"] == ["sh", "-c", "@/tmp/argo_arg_1.txt", "a", "@/tmp/argo_arg_3.txt"]
    assert (tmp_path / "pods/p/upper/tmp/argo_arg_3.txt").read_text() == long
    handler = pod("w", "python", "-m", "jobs.x", args=["--results", long])
    (warm,) = plan(tmp_path, handler, "warm", ("tmp",))["containers"]
    kept = tmp_path / "pods/w/upper/tmp/argo_arg_3.txt"
    assert (warm["argv"], kept.read_text()) == (["python", "-m", "jobs.x", "--results", f"@{kept}"], long)
    alone = pod("q", "sh", "-c", long, args=["a"])
    assert plan(tmp_path, alone, "isolated", ("tmp",))["containers"][0]["argv"] == ["sh", "-c", long, "a"]


def test_an_isolated_pod_keeps_its_paths(tmp_path: Path) -> None:
    spec = pod("p", "cat", "/tmp/x", output_parameters=[OutputParameter("x", "/tmp/x")], env={"PATH": "/mine"}, working_dir="/w")
    doc = plan(tmp_path, spec, "isolated", ("tmp", "etc"))
    (main,) = doc["containers"]
    assert main["argv"] == ["cat", "/tmp/x"]
    assert (main["cwd"], main["env"]["PATH"], main["env"]["HOME"]) == ("/w", "/mine", "/argo/home")
    assert main["isolation"] == {
        "folder": str(tmp_path / "pods/p"),
        "machine": ["etc", "tmp"],
        "private": ["tmp", "run"],
        "mounts": [],
        "hide": str(tmp_path),
        "visible": ["/venv"],
    }


def test_a_warm_pod_gets_its_paths_moved_and_one_thread_for_each_core(tmp_path: Path) -> None:
    spec = pod("p", "python", "-m", "jobs.x", "--out=/o/x", "a /o/x", cpu=2.5, output_parameters=[OutputParameter("x", "/o/x")])
    (main,) = plan(tmp_path, spec, "warm")["containers"]
    assert main["argv"][3:] == [f"--out={tmp_path}/pods/p/root/o/x", "a /o/x"]
    assert (main["cwd"], main["cpu"], main["env"]["OMP_NUM_THREADS"], main["isolation"]) == ("/repo", 2, "2", None)


def test_without_namespaces_a_path_inside_a_line_is_refused_with_the_way_out(tmp_path: Path) -> None:
    spec = pod("p", "sh", "-c", "cat /in/f", inputs=[Artifact("f", "/in/f", None)])
    with pytest.raises(Unsupported, match=r"template t, container main: /in/f is used inside a command line.*--option=/in/f"):
        plan(tmp_path, spec, "relocated")
    script = pod("p", containers=[Container("main", "i", ["sh"], script="cat /in/f")], inputs=[Artifact("f", "/in/f", None)])
    with pytest.raises(Unsupported, match="/in/f is used inside"):
        plan(tmp_path, script, "relocated")
    assert plan(tmp_path, pod("p", "cat", "/in/f", inputs=spec.inputs), "relocated")["containers"][0]["argv"][1].startswith(str(tmp_path))


def test_a_pod_that_asks_for_more_memory_than_there_is_does_not_start(tmp_path: Path) -> None:
    spec = pod("p", containers=[Container("main", "i", ["true"], memory_bytes=1 << 60, memory_asked=1 << 60)])
    with pytest.raises(Unsupported, match=r"container main asks for 1\.07e\+09Gi of memory, this machine has [0-9.]+Gi: ask for less"):
        plan(tmp_path, spec, "isolated")
    limited = pod("p", containers=[Container("main", "i", ["true"], memory_bytes=1 << 60, memory_asked=1 << 20)])
    assert plan(tmp_path, limited, "isolated")["containers"][0]["memory"] == 1 << 60
