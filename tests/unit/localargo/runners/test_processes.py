"""What /proc says, asked about this process and its children."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from localargo.runners import processes


def test_the_tree_of_descendants_and_their_memory() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo up; wait"], stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()
        tree = processes.tree(shell.pid)
        assert shell.pid in processes.children(os.getpid())
        assert tree[0] == shell.pid
        assert len(tree) == 2
        resident = processes.resident(tree)
        assert 0 < processes.private(tree, forked=True) <= processes.private(tree, forked=False) <= resident
        processes.kill([*tree, 1 << 22])
    assert processes.resident([1 << 22]) == 0


def test_whose_a_process_is(tmp_path: Path) -> None:
    pod = tmp_path / "pods" / "p"
    environment = {"HOME": str(pod / "home"), "PATH": os.environ["PATH"]}
    with subprocess.Popen(["sh", "-c", "echo up; sleep 60"], env=environment, stdout=subprocess.PIPE) as mine:
        assert mine.stdout is not None
        mine.stdout.readline()
        assert processes.home(mine.pid) == str(pod / "home")
        assert processes.belongs(mine.pid, pod)
        assert not processes.belongs(mine.pid, tmp_path / "pods" / "other")
        assert mine.pid in processes.left_by(pod)
        processes.kill(processes.left_by(pod))
    assert processes.root_folder(os.getpid()) == "/"
    assert processes.root_folder(1 << 22) == "/"


def test_groups() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) as shell:
        processes.kill_group(shell.pid, 9)
        assert shell.wait() == -9
    processes.kill_group(shell.pid, 9)


def test_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", Path("/no/such"))
    assert processes.boot_id() == ""
    assert processes.left_by(Path("/x/p")) == []
    assert processes.tree(os.getpid()) == [os.getpid()]
