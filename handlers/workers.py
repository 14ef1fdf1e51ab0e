"""Work in several processes at once, as many as this pod or machine may use.

The processes end with the one that began them, however that ends: they wait for the end of a pipe that only it holds open.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from handlers.contracts import log, logged_by

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.connection import Connection

BEHIND = 5  # less turns, in the unit of `nice`
Item = TypeVar("Item")
Result = TypeVar("Result")
Facts = list[tuple[str, dict[str, Any]]]

# ------------------------------------------------------------------------------------------------ what there is


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many cpus may be used at the same time, and how many bytes of memory."""

    cpus: float
    memory: float

    def at_most(self, cpus: float, memory: float) -> Allowed:
        return Allowed(min(self.cpus, cpus), min(self.memory, memory))

    def processes(self, each: float) -> int:
        """How many processes that use `each` bytes of memory; at least one."""
        return max(1, min(math.ceil(self.cpus), int(self.memory // each)))


def allowed(root: Path = Path("/")) -> Allowed:
    """What this process may use: of the machine, and by the limits of its cgroups (those of its pod), of either version."""
    cpus = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    found = Allowed(cpus, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for folder in _cgroups(root):
        quota, period = [*_words(folder / "cpu.max"), "", ""][:2]
        quota, period = quota or _word(folder / "cpu.cfs_quota_us"), period or _word(folder / "cpu.cfs_period_us")
        limit = _word(folder / "memory.max") or _word(folder / "memory.limit_in_bytes")
        of_cpu = int(quota) / int(period) if quota.isdigit() and period.isdigit() else found.cpus
        found = found.at_most(of_cpu, int(limit) if limit.isdigit() else found.memory)
    return found


def _cgroups(root: Path) -> Iterator[Path]:
    """The folders of this process's cgroups and of those around them. In a container they are often mounted as if they were the root."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        mounted = root / "sys/fs/cgroup" / controllers
        own = mounted / path.lstrip("/")
        yield own
        yield from (folder for folder in own.parents if folder.is_relative_to(mounted))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError:
        return []


def _word(file: Path) -> str:
    return next(iter(_words(file)), "")


# ------------------------------------------------------------------------------------------------ work


def each(work: Callable[[Item], Result], items: Sequence[Item], most: int) -> list[Result]:
    """`work(item)` of all items, in their order, by at most `most` processes; in this one where that is 1 or there is one item.

    What fails first in the order of the items is raised as it is, and what is under way then ends at once. If the system kills a process
    (which is most likely for its memory), this one does the rest alone. `work` and `items` are pickled, and so are results.
    """
    from concurrent.futures.process import BrokenProcessPool

    count = min(most, len(items))
    done: list[Result] = []
    if count > 1:
        try:
            with _processes(work, count) as executor:
                for future in [executor.submit(_work, item) for item in items]:
                    facts, result = future.result()
                    for event, more in facts:
                        log(event, **more)
                    done.append(result)
        except BrokenProcessPool:
            log("a process was killed", consequence="the rest is done in one process", processes=count, left=len(items) - len(done))
    return done + [work(item) for item in items[len(done) :]]


@contextmanager
def _processes(work: Callable[[Any], Any], count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that are begun anew, since a fork would copy the locks of threads, and end when this does, or when this process is gone."""
    import multiprocessing
    import tempfile
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    end, kept = context.Pipe(duplex=False)
    # what a process leaves that is ended at once is in a folder of this one
    with end, tempfile.TemporaryDirectory(prefix="retrain-") as scratch:
        executor = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(work, end, scratch))
        try:
            yield executor
        except BaseException:
            kept.close()
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            kept.close()


_given: list[Callable[[Any], Any]] = []  # in a process of `_processes`: its work


def _begin(work: Callable[[Any], Any], end: Connection, scratch: str) -> None:
    import signal
    import tempfile
    import threading

    # who interrupts at a terminal interrupts all processes; the first one says what follows
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = scratch
    _given.append(work)
    threading.Thread(target=_end_with, args=(end,), daemon=True).start()


def _end_with(end: Connection) -> None:
    try:
        end.recv_bytes()
    finally:
        os._exit(1)


def _work(item: Any) -> tuple[Facts, Any]:
    """What the work says and gives; the process that asked says it, as it says everything."""
    facts: Facts = []
    with logged_by(lambda event, more: facts.append((event, dict(more)))):
        return facts, _given[0](item)


def behind() -> None:
    """Let this thread give way to others, as what it makes is not needed yet. Only on Linux can one thread do so."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.getpriority(os.PRIO_PROCESS, 0) + BEHIND))
