"""Work in several processes: what it gives and raises is what one process would, and no process outlives the one that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from handlers import workers
from handlers.contracts import BadData, log, logged_by
from handlers.storage import Changed, Temporary
from handlers.workers import Allowed, allowed
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
HERE = Allowed(len(os.sched_getaffinity(0)), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, (HERE.cpus, HERE.memory)),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/memory.max": "max\n"},
            (HERE.cpus, HERE.memory),
        ),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n", "sys/fs/cgroup/memory.max": "1048576\n"},
            (0.5, 1 << 20),
        ),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "90000 100000",
                "sys/fs/cgroup/a/cpu.max": "40000 100000",
                "sys/fs/cgroup/a/memory.max": "7",
            },
            (0.4, 7),
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/x\n1:cpu,cpuacct:/pod/y\n9:name=systemd:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "4096\n",
                "sys/fs/cgroup/cpu,cpuacct/pod/y/cpu.cfs_quota_us": "30000\n",
                "sys/fs/cgroup/cpu,cpuacct/pod/y/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            (0.3, 4096),
        ),
    ],
    ids=["no cgroups", "no limit", "of a container", "of a group around it", "version 1"],
)
def test_what_may_be_used(tmp_path: Path, files: dict[str, str], expected: tuple[float, float]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert allowed(tmp_path) == Allowed(*expected)


@pytest.mark.parametrize(("cpus", "memory", "each", "count"), [(0.5, 9, 1, 1), (2.5, 9, 1, 3), (8, 9, 2, 4), (8, 1, 2, 1)])
def test_how_many_processes_that_is(cpus: float, memory: float, each: float, count: int) -> None:
    assert Allowed(cpus, memory).processes(each) == count


def squared(number: int) -> tuple[int, int]:
    log("squared", number=number)
    return number * number, os.getpid()


def told(work: Callable[[Any], Any], items: list[Any], most: int) -> tuple[list[Any], list[tuple[str, Mapping[str, Any]]]]:
    facts: list[tuple[str, Mapping[str, Any]]] = []
    with logged_by(lambda event, more: facts.append((event, more))):
        return workers.each(work, items, most), facts


def with_others(folder: Path, number: int) -> tuple[int, int]:
    """Ends when two processes have begun one."""
    (folder / f"{os.getpid()}").touch()
    wait_until(lambda: len(list(folder.iterdir())) == 2)
    return squared(number)


def test_results_and_what_is_said_come_in_the_order_of_the_items(tmp_path: Path) -> None:
    found, facts = told(partial(with_others, tmp_path), list(range(20)), 2)
    assert [square for square, _ in found] == [n * n for n in range(20)]
    assert {str(pid) for _, pid in found} == {path.name for path in tmp_path.iterdir()}
    assert str(os.getpid()) in {path.name for path in tmp_path.iterdir()}
    assert facts == [("squared", {"number": n}) for n in range(20)]


@pytest.mark.parametrize(("items", "most"), [([3], 2), ([3, 4], 1), ([], 2)])
def test_one_item_or_one_process_is_done_here(items: list[int], most: int) -> None:
    found, facts = told(squared, items, most)
    assert found == [(n * n, os.getpid()) for n in items]
    assert len(facts) == len(items)


def failing(folder: Path, error: Exception | None) -> None:
    """The good one ends when a bad one has begun, so that the first to fail is not the first in order."""
    if error is None:
        wait_until((folder / "begun").exists)
        return
    (folder / "begun").touch()
    raise error


@pytest.mark.parametrize("error", [BadData("1.csv, row 7: no"), Temporary("503"), Changed("incoming/1.csv"), ZeroDivisionError("x")])
def test_an_error_is_the_first_in_order_and_as_it_was_raised(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        workers.each(partial(failing, tmp_path), [None, error, RuntimeError("a later one")], 3)
    assert raised.value.args == error.args


def failing_here(asked: int, folder: Path, number: int) -> int:
    """The one that asked fails at once, another later but at an item before, or at none."""
    if os.getpid() == asked:
        raise Temporary(f"{number} here")
    (folder / f"{number}").touch()
    if number == 0:
        raise BadData("0 there")
    return number


def test_what_fails_here_waits_for_what_comes_before_it(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="0 there"):
        workers.each(partial(failing_here, os.getpid(), tmp_path), list(range(9)), 2)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


def killed(asked: int, folder: Path, number: int) -> int:
    """Another process is killed; the one that asked waits for that in what it does first."""
    if os.getpid() != asked:
        (folder / "begun").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    wait_until((folder / "begun").exists)
    log("done", number=number)
    return number


def test_a_process_that_the_system_kills_leaves_its_work_to_the_first(tmp_path: Path) -> None:
    found, facts = told(partial(killed, os.getpid(), tmp_path), list(range(5)), 2)
    assert found == list(range(5))
    assert [event for event, _ in facts] == ["a process was killed", *["done"] * 5]
    assert [more["number"] for event, more in facts if event == "done"] == list(range(5))


WAITS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from handlers import workers
from handlers.contracts import main
from tests.handlers.test_workers import waits
main(lambda words: print(workers.each(partial(waits, Path(words[0])), list(range(2)), 2)), sys.argv[1:])
"""


def waits(folder: Path, number: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory():
        (folder / f"{os.getpid()}").touch()
        threading.Event().wait()


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_no_process_outlives_the_one_that_began_it(tmp_path: Path, number: signal.Signals, code: int) -> None:
    begun, scratch = tmp_path / "begun", tmp_path / "scratch"
    begun.mkdir()
    scratch.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    words = [sys.executable, "-c", WAITS, str(begun)]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        wait_until(lambda: len(list(begun.iterdir())) == 2)
        pids = [int(path.name) for path in begun.iterdir()]
        assert all(alive(pid) for pid in pids)
        first.send_signal(number)
        out, err = first.communicate()
        assert (first.returncode, out) == (code, ""), err
    wait_until(lambda: not any(alive(pid) for pid in pids))
    if number != signal.SIGKILL:
        assert list(scratch.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has its own turns")
def test_a_thread_gives_way_and_the_others_do_not() -> None:
    def mine() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = mine()
    with ThreadPoolExecutor(1, initializer=workers.behind) as pool:
        assert pool.submit(mine).result() == min(19, before + workers.BEHIND)
    assert mine() == before
