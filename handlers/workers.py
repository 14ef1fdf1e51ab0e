"""Work in several processes at once, as many as this pod or machine may use.

The processes end with the one that began them, however that ends: they wait for the end of a pipe that only it holds open.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from handlers.contracts import Stopped, log, logged_by

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
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
    """`work(item)` of all items, in their order, by at most `most` processes, of which this is one.

    What fails first in the order of the items is raised as it is, and what others have under way then ends at once. If the system kills one
    of them (which is most likely for its memory), this one does the rest alone. `work` and `items` are pickled, and so are results.
    """
    from concurrent.futures.process import BrokenProcessPool

    count = min(most, len(items))
    if count < 2:
        return [work(item) for item in items]
    with _processes(work, count - 1) as executor:
        shared = _Shared(work, items, executor, count - 1)
        try:
            return shared.results()
        except BrokenProcessPool:
            log("a process was killed", consequence="the rest is done in one process", processes=count, left=shared.left)
    return shared.alone()


class _Shared(Generic[Item, Result]):
    """Items that this process and others do, each the next one when it is free. This one need not wait for the others to start."""

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item], executor: ProcessPoolExecutor, others: int) -> None:
        self._work, self._items, self._executor = work, items, executor
        self._outcomes: list[Future[tuple[Facts, Result]]] = []  # of the items that were taken, which are the first ones
        self._lock, self._failed = threading.Lock(), False
        self._done: list[Result] = []
        for _ in range(others):
            self._give()

    @property
    def left(self) -> int:
        return len(self._items) - len(self._done)

    def results(self) -> list[Result]:
        while not self._failed and (taken := self._take()) is not None:
            item, outcome = taken
            try:
                outcome.set_result(_told(self._work, item))
            except Stopped:
                # this process is asked to end, and waits for no other
                raise
            except Exception as error:
                self._failed = True
                outcome.set_exception(error)
            self._collect(wait=False)
        self._collect(wait=True)
        return self._done

    def alone(self) -> list[Result]:
        """Go on without the others."""
        for number in range(len(self._done), len(self._items)):
            outcome = self._outcomes[number] if number < len(self._outcomes) else None
            if outcome is not None and outcome.done() and not outcome.cancelled() and outcome.exception() is None:
                self._add(outcome)
            else:
                self._done.append(self._work(self._items[number]))
        return self._done

    def _take(self) -> tuple[Item, Future[tuple[Facts, Result]]] | None:
        """The next item, for this process."""
        from concurrent.futures import Future

        with self._lock:
            if len(self._outcomes) == len(self._items):
                return None
            item = self._items[len(self._outcomes)]
            self._outcomes.append(Future())
            return item, self._outcomes[-1]

    def _give(self, before: Future[Any] | None = None) -> None:
        """Have another process do the next item, if what it did before went well."""
        if before is not None and (before.cancelled() or before.exception() is not None):
            self._failed = True
            return
        with self._lock:
            if self._failed or len(self._outcomes) == len(self._items):
                return
            try:
                outcome = self._executor.submit(_work, self._items[len(self._outcomes)])
            except RuntimeError:
                # no process is left, or they are being ended: this one does it
                return
            self._outcomes.append(outcome)
        outcome.add_done_callback(self._give)

    def _collect(self, *, wait: bool) -> None:
        """Say what the items say and keep what they give, in their order; without `wait` of those that are done."""
        while len(self._done) < len(self._outcomes):
            outcome = self._outcomes[len(self._done)]
            if not (wait or outcome.done()):
                return
            self._add(outcome)

    def _add(self, outcome: Future[tuple[Facts, Result]]) -> None:
        facts, result = outcome.result()
        for event, more in facts:
            log(event, **more)
        self._done.append(result)


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
    # where memory runs out, better this process than the one that can do the rest
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="utf-8")
    _given.append(work)
    threading.Thread(target=_end_with, args=(end,), daemon=True).start()


def _end_with(end: Connection) -> None:
    try:
        end.recv_bytes()
    finally:
        os._exit(1)


def _work(item: Any) -> tuple[Facts, Any]:
    return _told(_given[0], item)


def _told(work: Callable[[Item], Result], item: Item) -> tuple[Facts, Result]:
    """What the work says and gives; the process that asked says it in its turn, as it says everything."""
    facts: Facts = []
    with logged_by(lambda event, more: facts.append((event, dict(more)))):
        return facts, work(item)


def behind() -> None:
    """Let this thread give way to others, as what it makes is not needed yet. Only on Linux can one thread do so."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.getpriority(os.PRIO_PROCESS, 0) + BEHIND))
