"""What /proc says about processes. Loaded by the pod host: standard library only. Where there is no /proc the answers are empty."""

from __future__ import annotations

import os
import signal
from pathlib import Path

PROC = Path("/proc")


def boot_id() -> str:
    """Names this run of the machine: process ids of another one mean nothing."""
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
    """The process and all that descend from it."""
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
    """Which folder of its filesystem the process has as its root: "/" unless it lives in a pod's mount namespace."""
    try:
        mounts = (PROC / str(pid) / "mountinfo").read_text().splitlines()
    except OSError:
        return "/"
    return next((fields[3] for fields in map(str.split, mounts) if fields[4] == "/"), "/")


def belongs(pid: int, pod: Path) -> bool:
    """Whether the process is one of the pod's, wherever it has gone: its HOME is the pod's, or its root is."""
    if home(pid) == str(pod / "home"):
        return True
    before, found, after = root_folder(pid).partition(f"/{pod.parent.name}/{pod.name}/")
    return bool(found) and after.endswith("root") and str(pod.parent.parent).endswith(before)


def left_by(pod: Path) -> list[int]:
    """Every process of a pod whose host is gone. Looks at all processes."""
    pids = [int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit()] if PROC.is_dir() else []
    return [pid for pid in pids if belongs(pid, pod)]


def kill(pids: list[int], number: int = signal.SIGKILL) -> None:
    """Signal processes; those that are gone are passed over."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def kill_group(leader: int, number: int) -> bool:
    """Signal the process group that `leader` opened; False when there is none (yet, or any more)."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def resident(pids: list[int]) -> int:
    """Bytes of memory in use, shared pages counted for each: cheap, and never too little."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for pid in pids:
        try:
            total += int((PROC / str(pid) / "statm").read_text().split()[1]) * page
        except (OSError, IndexError):
            continue
    return total


def private(pids: list[int], *, forked: bool) -> int:
    """Bytes of memory that are the processes' own: for children of a warm parent (`forked`) what they do not share with it, else
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
