"""How far a pod has come is read from its folder alone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import InvalidInput, NotFound
from localargo.ports import ContainerExit, PodExit
from localargo.runners.podfolder import PodFolder, exit_from_json, owned, remove_tree, write_json


def test_every_state(tmp_path: Path) -> None:
    folder = PodFolder(tmp_path, "p")
    assert folder.state() == "absent"
    folder.create()
    assert folder.state() == "absent"
    write_json(folder.spec, {"pod": "p"})
    assert folder.state() == "staged"
    lock = os.open(folder.lock, os.O_RDWR | os.O_CREAT)
    assert folder.state() == "staged"
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert folder.state() == "running"
    write_json(folder.started, {"at": 1.0})
    assert folder.state() == "running"
    os.close(lock)
    assert folder.state() == "lost"
    folder.write_exit(PodExit("p", "n", "w", 1.0, 2.0, lost=True))
    assert folder.state() == "done"
    found = folder.read_exit()
    assert found
    assert found.lost


def test_a_spec_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_json(tmp_path / "spec.json", {"env": {"SECRET": "x"}})
    assert (tmp_path / "spec.json").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["spec.json"]


def test_forgetting_keeps_the_logs(tmp_path: Path) -> None:
    folder = PodFolder(tmp_path, "p")
    folder.create()
    assert folder.owned_by() == ""
    folder.claim("uid")
    folder.log("main").write_text("x")
    write_json(folder.spec, {})
    folder.clear(keep_logs=True)
    assert sorted(p.name for p in folder.path.iterdir()) == ["log", "owner"]
    assert folder.owned_by() == "uid"
    assert folder.state() == "absent"
    folder.clear(keep_logs=True)
    folder.clear(keep_logs=False)
    assert not folder.path.exists()
    with pytest.raises(NotFound, match="pod p has no folder"):
        folder.read_spec()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_that_is_no_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        PodFolder(tmp_path, name)


TEXT = st.text(max_size=20)
TIMES = st.floats(0, 2e9)


@given(
    st.builds(
        PodExit,
        TEXT,
        TEXT,
        TEXT,
        TIMES,
        TIMES,
        st.lists(st.builds(ContainerExit, TEXT, st.integers(0, 255), TEXT, TIMES, TIMES, TEXT)).map(tuple),
        st.booleans(),
        TEXT,
    )
)
def test_an_end_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, ended: PodExit) -> None:
    folder = PodFolder(tmp_path_factory.mktemp("pods"), "p")
    folder.create()
    folder.write_exit(ended)
    assert folder.read_exit() == ended
    assert exit_from_json({**{f: getattr(ended, f) for f in PodExit.__dataclass_fields__}, "containers": []}).containers == ()


def test_a_folder_that_is_being_removed_says_whose_it_is_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = PodFolder(tmp_path, "p")
    folder.create("a", "z")
    folder.claim("w")
    removed = []

    def killed(path: Path) -> None:
        removed.append(path.name)
        if len(removed) == 3:
            raise KeyboardInterrupt
        remove_tree(path)

    with monkeypatch.context() as patched:
        patched.setattr("localargo.runners.podfolder.remove_tree", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.clear(keep_logs=False)
    assert list(owned(tmp_path).values()) == ["w"]
    folder.clear(keep_logs=False)
    assert not folder.path.exists()
