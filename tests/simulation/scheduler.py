"""Tasks that take turns: a seed decides whose turn it is, and a clock of their own says when.

A task is ordinary code in a thread that hands over at `Scheduler.pause`, or a generator (a flow) that yields seconds to wait, a task to
wait for, or a list of them. One runs at a time, so a seed always gives the same order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from random import Random
from typing import Any

START = 1_700_000_000.0
MOMENT = 0.2  # seconds that a request takes at the most
STAYS = 0.5  # how often who has the turn keeps it
Flow = Generator[Any, Any, None]


class Killed(BaseException):
    """The process is gone: nothing that it would have done happens any more."""


class Task:
    """`result` is what the work returned; `killed` when it never will. `left`: nobody waits for it any more, and it may still run."""

    __slots__ = ("begun", "children", "context", "done", "flow", "killed", "left", "lock", "name", "result", "waits", "wake", "work")

    def __init__(self, name: str, wake: float, flow: Flow | None = None, work: Callable[[], Any] | None = None) -> None:
        self.name = name
        self.wake = wake
        self.flow = flow
        self.work = work
        self.lock = threading.Lock()
        self.lock.acquire()
        self.begun = False
        self.done = False
        self.killed = False
        self.left = False
        self.context: Any = None
        self.result: Any = None
        self.waits: list[Task] = []
        self.children: list[Task] = []


class Worker(threading.Thread):
    """A thread that does the work of one task after another; a task that comes next and has not begun goes on in the same thread."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.inbox = threading.Lock()
        self.inbox.acquire()
        self.scheduler: Scheduler | None = None
        self.task: Task | None = None
        self.start()

    def run(self) -> None:
        while True:
            self.inbox.acquire()
            scheduler, task = self.scheduler, self.task
            while task is not None:
                assert scheduler is not None
                scheduler.work(task)
                task = scheduler.next(self)


_idle: list[Worker] = []


class Scheduler:
    """`now` is the only clock. `broken` is an error that no task should have ended with."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.now = START
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self.turns = 0
        self.broken: BaseException | None = None
        self._ended = threading.Lock()
        self._ended.acquire()

    def spawn(self, name: str, work: Callable[[], Any], delay: float = 0.0) -> Task:
        """Work in a thread of its own."""
        task = Task(name, self.now + delay, work=work)
        self.tasks.append(task)
        return task

    def start(self, name: str, flow: Flow, delay: float = 0.0) -> Task:
        task = Task(name, self.now + delay, flow=flow)
        self.tasks.append(task)
        return task

    def processes(self) -> bool:
        """Whether any process is there, standing still or at work."""
        return any(task.flow is None for task in self.tasks)

    def step(self) -> None:
        """Let a moment pass, in which others may have their turn."""
        self.now += self.random.random() * MOMENT
        self.pause()

    def pause(self, seconds: float = 0.0) -> None:
        """Hand over, and go on when it is this task's turn again, at the earliest after so many seconds."""
        me = self.current
        assert me is not None
        me.wake = self.now + seconds
        chosen = self._choose(me)
        if chosen is not me:
            self._hand_over(chosen)
            me.lock.acquire()
        self.current = me
        if me.killed:
            raise Killed(me.name)

    def kill(self, task: Task) -> None:
        """End a task and its children at their next turn; they do nothing more."""
        for each in (task, *task.children):
            if not each.done:
                each.killed = True
                each.wake = self.now

    def die(self, where: str) -> None:
        """The current task is killed here and now."""
        assert self.current is not None
        self.kill(self.current)
        raise Killed(where)

    def freeze(self, seconds: float, *, whole: bool) -> None:
        """The current task stands still, with its children when `whole`."""
        assert self.current is not None
        for child in self.current.children if whole else ():
            child.wake = max(child.wake, self.now + seconds)
        self.pause(seconds)

    def end(self, task: Task) -> None:
        task.done = True
        self.tasks.remove(task)
        for child in task.children:
            if not child.done:
                child.killed = True
                child.wake = self.now

    def run(self) -> None:
        """Until every task has ended. Raises what broke a task."""
        self._hand_over(self._choose(None))
        self._ended.acquire()
        if self.broken is not None:
            raise self.broken

    def work(self, task: Task) -> None:
        """The whole of a task."""
        assert task.work is not None
        self.current, task.begun = task, True
        try:
            if not task.killed:
                task.result = task.work()
        except Killed:
            task.killed = True
        except BaseException as error:
            self.broken = self.broken or error
        self.end(task)

    def next(self, worker: Worker) -> Task | None:
        """What a worker whose task has ended does next; None when another thread goes on."""
        chosen = self._choose(None)
        if chosen is not None and not chosen.begun:
            return chosen
        _idle.append(worker)
        self._hand_over(chosen)
        return None

    def _hand_over(self, chosen: Task | None) -> None:
        if chosen is None:
            self._ended.release()
        elif chosen.begun:
            chosen.lock.release()
        else:
            worker = _idle.pop() if _idle else Worker()
            worker.scheduler, worker.task = self, chosen
            worker.inbox.release()

    def _choose(self, me: Task | None) -> Task | None:
        """Whose turn it is: mostly still `me`'s. Flows are gone on with on the way. None when every task has ended."""
        while True:
            if self.broken is not None:
                self._give_up()
            free = [task for task in self.tasks if task.killed or not task.waits or all(each.done or each.left for each in task.waits)]
            if not free:
                return None
            ready = [task for task in free if task.wake <= self.now]
            if not ready:
                self.now = min(task.wake for task in free)
                ready = [task for task in free if task.wake <= self.now]
            self.turns += 1
            if me is not None and me in ready and self.random.random() < STAYS:
                return me
            chosen = ready[0] if len(ready) == 1 else ready[self.random.randrange(len(ready))]
            if chosen.flow is None:
                return chosen
            self._advance(chosen)

    def _give_up(self) -> None:
        """A task is broken: all others end."""
        for task in list(self.tasks):
            if task.flow is not None:
                self.end(task)
            task.killed, task.wake = True, self.now

    def _advance(self, task: Task) -> None:
        assert task.flow is not None
        task.waits = []
        try:
            asked = task.flow.throw(Killed(task.name)) if task.killed else next(task.flow)
        except (StopIteration, Killed):
            self.end(task)
            return
        except BaseException as error:
            self.broken = self.broken or error
            self.end(task)
            return
        if isinstance(asked, Task):
            task.waits = [asked]
        elif isinstance(asked, list):
            task.waits = asked
        else:
            task.wake = self.now + float(asked)
