"""Pods for the tests: real hosts, real processes, a folder as the bucket."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localargo.errors import NotFound
from localargo.ports import Container, PodExit, PodSpec
from localargo.runners.client import ProcessPods
from localargo.settings import WarmPackage
from tests.waiting import until

WARM = WarmPackage("jobs", ("numpy", "pyarrow.compute", "duckdb", "sklearn.ensemble", "threadpoolctl", "boto3", "not_installed"))


class FolderBucket:
    """The Bucket protocol on a folder."""

    def __init__(self, folder: Path) -> None:
        self.name = "bucket"
        self.folder = folder

    def get(self, key: str) -> bytes:
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            raise NotFound("The specified key does not exist.") from None

    def put(self, key: str, data: bytes) -> str:
        (self.folder / key).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / key).write_bytes(data)
        return "etag"

    def download(self, key: str, to: Path) -> None:
        data = self.get(key)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def list(self, prefix: str) -> list[str]:
        keys = (p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        return sorted(k for k in keys if k.startswith(prefix))

    def exists(self, key: str) -> bool:
        return (self.folder / key).is_file()


@dataclass
class Kept:
    """ProcessPods with what it told."""

    pods: ProcessPods
    exits: dict[str, PodExit] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)

    async def ended(self, name: str) -> PodExit:
        """Wait for the pod's end."""
        await until(lambda: name in self.exits)
        return self.exits[name]

    async def run(self, pod: PodSpec) -> PodExit:
        """Start it and wait for its end."""
        await self.pods.ensure(pod)
        return await self.ended(pod.name)

    def written(self, pod: str) -> str:
        """What stands in the log of main at this moment."""
        path = self.pods.pods / pod / "log/main.log"
        return path.read_text() if path.exists() else ""

    async def log(self, pod: str, container: str = "main", follow: bool = False) -> str:
        """The whole log."""
        return b"".join([data async for data in self.pods.logs(pod, container, follow)]).decode()


Make = Callable[..., Kept]


def alive(pid: int) -> bool:
    """Whether the process runs (one that has ended and waits to be collected does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pod(name: str, *command: str, **fields: Any) -> PodSpec:
    """A pod with one container; container fields are told from the pod's by their names."""
    of_container = {k: fields.pop(k) for k in list(fields) if k in Container.__dataclass_fields__}
    main = Container(name="main", image="local/busybox", command=list(command), **of_container)
    return PodSpec(
        name=name,
        namespace="default",
        workflow="wf",
        node_id=f"id-{name}",
        template="t",
        **{"containers": [main], "grace_seconds": 60.0, **fields},
    )


def sh(name: str, line: str, **fields: Any) -> PodSpec:
    """A pod that runs a shell line."""
    return pod(name, "sh", "-c", line, **fields)


def show(pattern: str, count: int) -> str:
    """A shell line that prints the ids of processes by their command lines once there are so many."""
    return f"until test $(pgrep -fxc '{pattern}') = {count}; do sleep 0.02; done; pgrep -fx '{pattern}'"


def hosts_of(state: Path) -> list[int]:
    """Pod hosts of a state folder that run now (not their children, which bear their name until they become something else)."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if any(w.endswith(b"/runners/host.py") for w in words) and os.fsencode(state / "hosts") in words:
                found[int(entry.name)] = parent
    return [pid for pid, parent in found.items() if parent not in found]


def of_the_interpreter() -> list[str]:
    """What a pod sees in /tmp beside its own files: the way to the interpreter, where that lies there."""
    return sorted({Path(p).parts[2] for p in (sys.prefix, sys.base_prefix) if Path(p).parts[1] == "tmp"})


def there(path: str) -> bool:
    """Whether the machine has the file."""
    return os.path.lexists(path)
