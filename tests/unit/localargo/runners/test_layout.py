"""Where paths lie: one answer for staging, running and collecting, and none outside of the pod's folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import Unsupported
from localargo.ports import Artifact, Mount, OutputParameter, Volume
from localargo.runners.layout import Layout, inside, machine_folders, normal, relocated, speaks_of
from localargo.runners.podfolder import PodFolder
from tests.unit.localargo.runners.podtools import pod

SPEC = pod(
    "p",
    "true",
    mounts=[Mount("ws", "/work/space"), Mount("ws", "/work/space/sub", sub_path="x/../y"), Mount("pvc", "/data", read_only=True)],
    volumes=[Volume("ws"), Volume("pvc", claim="claim")],
    inputs=[Artifact("i", "/in/f", None)],
    output_parameters=[OutputParameter("o", "/out/../out/o")],
)


def layout(root: Path, machine: tuple[str, ...] = ("etc", "tmp", "usr")) -> Layout:
    return Layout(PodFolder(root / "pods", "p"), SPEC, root / "claims", machine)


def test_a_folder_of_the_machine_that_the_pod_left_as_it_was_is_the_machines(tmp_path: Path) -> None:
    there = layout(tmp_path)
    assert there.resolve("/etc") == Path("/etc")
    there.locate("/etc").mkdir(parents=True)
    assert there.resolve("/etc") == tmp_path / "pods/p/upper/etc"


def test_the_longest_mount_wins_then_the_machines_folders(tmp_path: Path) -> None:
    at = layout(tmp_path).locate
    here = tmp_path / "pods/p"
    assert at("/work/space/a") == here / "volumes/ws/a"
    assert at("/work/space") == here / "volumes/ws"
    assert at("/work/spaceship") == here / "root/work/spaceship"
    assert at("/work/space/sub/b") == here / "volumes/ws/y/b"
    assert at("/data/x") == tmp_path / "claims/claim/x"
    assert at("/etc/model") == here / "upper/etc/model"
    assert at("/opt/x") == here / "root/opt/x"


def test_declared_paths(tmp_path: Path) -> None:
    assert layout(tmp_path).declared(SPEC) == ["/data", "/in/f", "/out/o", "/work/space", "/work/space/sub"]


@given(st.lists(st.sampled_from(["..", ".", "", "a", "work", "space", "etc", "data", "x y"]), max_size=8))
def test_no_path_leads_out_of_the_pod(parts: list[str]) -> None:
    root = Path("/nowhere")
    found = layout(root).locate("/" + "/".join(parts))
    assert ".." not in found.parts
    assert found.is_relative_to(root / "pods/p") or found.is_relative_to(root / "claims/claim")
    assert not inside("/".join(parts)).startswith(("/", ".."))


@pytest.mark.parametrize("path", ["relative", "", "./x"])
def test_a_relative_path_is_refused(path: str) -> None:
    with pytest.raises(Unsupported, match="is not absolute"):
        normal(path)


def test_a_mount_of_no_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="mounts volume 'none'"):
        Layout(PodFolder(tmp_path, "p"), pod("p", "true", mounts=[Mount("none", "/x")]), tmp_path)


def test_arguments_are_relocated_whole_or_as_options(tmp_path: Path) -> None:
    there = layout(tmp_path)
    paths = there.declared(SPEC)
    new = str(tmp_path / "pods/p/root/in/f")
    assert relocated("/in/f", paths, there) == new
    assert relocated("--x=/in/f", paths, there) == f"--x={new}"
    assert relocated("/in/f/deeper", paths, there) == f"{new}/deeper"
    for kept in ("/in/fx", "x/in/f", "--x=/usr/bin/env", "cat /in/f", "{}", "a=/in/f"):
        assert relocated(kept, paths, there) == kept
    assert speaks_of("cat /in/f", paths) == "/in/f"
    assert speaks_of("cat /in", paths) is None


def test_links(tmp_path: Path) -> None:
    there = layout(tmp_path)
    root = tmp_path / "pods/p/root"
    (root / "a").mkdir(parents=True)
    (root / "a/up").symlink_to("../b/file")
    (root / "a/loop").symlink_to("/a/loop")
    (root / "a/out").symlink_to("../../../../../../etc/passwd")
    assert there.resolve("/a/up") == root / "b/file"
    assert there.resolve("/a/out") in (tmp_path / "pods/p/upper/etc/passwd", Path("/etc/passwd"))  # the machine's own, as the pod sees it
    with pytest.raises(Unsupported, match="too many levels"):
        there.resolve("/a/loop")


def test_folders_to_copy_are_those_that_hold_something(tmp_path: Path) -> None:
    for name in ("full/below", "empty", "dev/null"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("full")
    (tmp_path / "file").touch()
    assert machine_folders(str(tmp_path)) == ["full", "run", "tmp"]
