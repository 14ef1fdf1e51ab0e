"""Who can be killed: the engine, the pod hosts, the bucket's server, its listeners, and handlers; each while every stage runs. Linux."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from localargo.bucket import weed
from localargo.runners import processes
from tests.campaign.site import Site

PAUSE = (0.1, 1.0)  # seconds between two kills
WITHIN = {"train": 4.0, "evaluate": 0.0}  # a kill comes within so many seconds after its stage was seen
SOON = 0.3  # of the other stages
LOOK = 30.0  # seconds that a kill waits for a stage that has not had its share
SCAN = 1.0  # seconds between two looks at all processes
AGAIN = 0.05  # seconds between two looks for one
WEIGHTS = {"handler": 45, "engine": 25, "pod host": 15, "bucket server": 10, "bucket listener": 5}
IDLE = "no handler"
STAGES = ("spec", "look", "fetch", "transform", "grid", "train", "evaluate", "promote", "report", "heal", IDLE)
TWICE = ("train", "evaluate")  # stages with a double share


class Hosts:
    """The pod hosts of a state folder: they are started with their folder's path. All processes are looked at once in a while."""

    def __init__(self, state: Path) -> None:
        self._path = f"{state / 'hosts'}\0".encode()
        self._looked = 0.0
        self._found: list[int] = []

    def __call__(self) -> list[int]:
        if time.monotonic() - self._looked > SCAN:
            self._looked = time.monotonic()
            found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if self._is(entry.name)]
            self._found = [pid for pid in found if parent(pid) not in found]
        return [pid for pid in self._found if self._is(str(pid))]

    def _is(self, pid: str) -> bool:
        try:
            return self._path in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def handlers(hosts: list[int]) -> dict[int, str]:
    """Process and stage of each handler that runs: its output goes into its pod's folder."""
    found = {}
    for host in hosts:
        for pid in processes.children(host):
            try:
                name = Path(f"/proc/{pid}/fd/2").readlink().parent.parent.name
            except OSError:
                continue
            words = name.split("-")
            if len(words) > 2:
                found[pid] = "heal" if words[0] == "heal" else words[-2]
    return found


def recorded(file: Path) -> list[int]:
    return weed.Recorded(file).alive()


class Killer(threading.Thread):
    """Kills so many, one after the other, until it is told that it is enough; each stage gets its share of the kills while it runs."""

    def __init__(self, site: Site, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.hosts = Hosts(site.state)
        self.left = kills
        self.killed: Counter[str] = Counter()  # by "who during a stage"
        self.enough = threading.Event()
        self._share = -(-kills // len(STAGES + TWICE))
        self._met: Counter[str] = Counter()
        self._chance = random.Random(seed)

    @property
    def over(self) -> bool:
        return self.left == 0

    @property
    def counted(self) -> dict[str, int]:
        return dict(self.killed)

    def end(self) -> None:
        self.enough.set()
        self.join()

    def run(self) -> None:
        while self.left and not self.enough.wait(self._chance.uniform(*PAUSE)):
            end = time.monotonic() + LOOK
            while not self.enough.is_set() and not self._kill(anywhere=time.monotonic() > end):
                time.sleep(AGAIN)

    def _kill(self, *, anywhere: bool) -> bool:
        """Kill somebody while a stage runs that has not had its share, or in any stage; whether somebody was killed.

        Never more than the share while no handler runs: on a busy machine an engine would always be killed before it has started one.
        """
        open_ = [each for each in self._stages() if self._wants(each) or (anywhere and each != IDLE)]
        if not open_:
            return False
        stage = min(open_, key=lambda each: (self._met[each], each))
        time.sleep(self._chance.random() * WITHIN.get(stage, SOON))
        who = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        pids = self._pids(who, stage)
        return stage in self._stages() and bool(pids) and self._end(self._chance.choice(pids), who, stage)

    def _wants(self, stage: str) -> bool:
        return self._met[stage] < self._share * (2 if stage in TWICE else 1)

    def _stages(self) -> set[str]:
        return set(handlers(self.hosts()).values()) or {IDLE}

    def _pids(self, who: str, stage: str) -> list[int]:
        of_kind: dict[str, Callable[[], list[int]]] = {
            "handler": lambda: [pid for pid, of in sorted(handlers(self.hosts()).items()) if of == stage],
            "engine": lambda: [self.site.engine.pid] if self.site.engine is not None and self.site.engine.poll() is None else [],
            "pod host": self.hosts,
            "bucket server": lambda: recorded(self.site.state / "seaweedfs" / "server.json"),
            "bucket listener": lambda: recorded(self.site.state / "seaweedfs" / "tails.json"),
        }
        return of_kind[who]()

    def _end(self, pid: int, who: str, stage: str) -> bool:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed[f"{who} during {stage}"] += 1
        self._met[stage] += 1
        self.left -= 1
        return True
