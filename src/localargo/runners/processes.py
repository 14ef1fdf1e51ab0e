"""What /proc says about processes. Loaded by the pod host: standard library only. Without /proc the answers are empty."""

from __future__ import annotations

import os
import signal
from pathlib import Path

PROC = Path("/proc")


def boot_id() -> str:
    """Identifies the current boot of the machine: process ids of another boot are meaningless."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    """Direct children, of every thread."""
    found: list[int] = []
    try:
        for thread in os.scandir(PROC / str(pid) / "task"):
            found += [int(child) for child in Path(thread.path, "children").read_text().split()]
    except OSError:
        return found
    return found


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def home(pid: int) -> str:
    """HOME in the environment that the process was started with."""
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return ""
    return next((os.fsdecode(v[5:]) for v in environment.split(b"\0") if v.startswith(b"HOME=")), "")


def root_folder(pid: int) -> str:
    """The root folder of the process: "/" unless it is in a pod's mount namespace."""
    try:
        mounts = (PROC / str(pid) / "mountinfo").read_text().splitlines()
    except OSError:
        return "/"
    return next((fields[3] for fields in map(str.split, mounts) if fields[4] == "/"), "/")


def belongs(pid: int, pod: Path) -> bool:
    """Whether the process belongs to the pod: its HOME or its root folder is the pod's."""
    if home(pid) == str(pod / "home"):
        return True
    before, found, after = root_folder(pid).partition(f"/{pod.parent.name}/{pod.name}/")
    return bool(found) and after.endswith("root") and str(pod.parent.parent).endswith(before)


def left_by(pod: Path) -> list[int]:
    """Every process of a pod whose host is gone. Searches all processes."""
    pids = [int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit()] if PROC.is_dir() else []
    return [pid for pid in pids if belongs(pid, pod)]


def kill(pids: list[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to processes; those that are gone are skipped."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_group(leader: int, number: int) -> bool:
    """Send a signal to the process group of `leader`; False when it does not exist (yet, or any more)."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def resident(pids: list[int]) -> int:
    """Bytes of memory in use; shared pages count once per process. Cheap, and never too low."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in pids:
        try:
            total += int((PROC / str(pid) / "statm").read_text().split()[1]) * page
        except (OSError, IndexError):
            continue
    return total


def private(pids: list[int], *, forked: bool) -> int:
    """Bytes of memory that belong to the processes: for children of a warm parent (`forked`) what they do not share with it, else
    their proportional share."""
    names = ("Private_Clean:", "Private_Dirty:") if forked else ("Pss:",)
    total = 0
    for pid in pids:
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(names)) * 1024
    return total
