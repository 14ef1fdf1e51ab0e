"""A pod's folder under `STATE/pods`: the files that say how far the pod has come.

`spec.json` -> `lock` (held by the pod host while the pod runs) -> `started.json` -> `exit.json`, each written under another name
and renamed. The files decide; messages over the socket only say that there is something to read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from localargo.errors import InvalidInput, NotFound
from localargo.ports import ContainerExit, Json, PodExit

State = Literal["absent", "staged", "running", "done", "lost"]


def write_json(path: Path, value: Json) -> None:
    """Write a file so that a reader sees all of it or nothing."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # the specification contains the pod's secrets
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(value).encode())
    partial.replace(path)


def remove_tree(path: Path) -> None:
    """Remove a folder whatever the permissions inside: a pod may have changed them, and an overlay's work folder has none."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        return
    path.chmod(0o700)
    for folder, below, _ in os.walk(path):
        for name in below:
            inner = Path(folder, name)
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def exit_from_json(doc: Json) -> PodExit:
    """The record in `exit.json`."""
    containers = tuple(ContainerExit(**container) for container in doc["containers"])
    return PodExit(**{**doc, "containers": containers})


class PodFolder:
    """One pod's folder; the constructor does not touch the disk."""

    def __init__(self, pods: Path, name: str) -> None:
        if not name or "/" in name or name in (".", ".."):
            raise InvalidInput(f"pod name {name!r} cannot be the name of a folder")
        self.name = name
        self.path = pods / name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PodFolder) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def spec(self) -> Path:
        """The plan for the pod host."""
        return self.path / "spec.json"

    @property
    def lock(self) -> Path:
        """Held by the pod host while the pod runs."""
        return self.path / "lock"

    @property
    def owner(self) -> Path:
        """The uid of the pod's Workflow."""
        return self.path / "owner"

    @property
    def started(self) -> Path:
        """Written before the pod's first process is created."""
        return self.path / "started.json"

    @property
    def exit(self) -> Path:
        """How the pod ended."""
        return self.path / "exit.json"

    @property
    def logs(self) -> Path:
        """One log file per container."""
        return self.path / "log"

    @property
    def root(self) -> Path:
        """Top-level files and folders of the pod that the machine does not have."""
        return self.path / "root"

    @property
    def upper(self) -> Path:
        """What the pod wrote into folders of the machine."""
        return self.path / "upper"

    @property
    def volumes(self) -> Path:
        """The pod's own volumes by name."""
        return self.path / "volumes"

    @property
    def home(self) -> Path:
        """HOME of a pod without a mount namespace."""
        return self.path / "home"

    def create(self, *more: str) -> None:
        """Create the folder, its folder of logs, and `more` (parents first)."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in (self.logs.name, *more):
            (self.path / name).mkdir(exist_ok=True)

    def claim(self, owner: str) -> None:
        """Record the uid of the pod's Workflow, with which the folder is deleted."""
        if owner:
            self.path.mkdir(parents=True, exist_ok=True)
            self.owner.write_text(owner)

    def owned_by(self) -> str:
        """The uid of the Workflow; "" when unknown."""
        try:
            return self.owner.read_text()
        except FileNotFoundError:
            return ""

    def locked(self) -> bool:
        """Whether a pod host holds the pod's lock."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def state(self) -> State:
        """How far the pod has come. Tests the lock before it looks for `exit.json`, so that no end is missed."""
        if self.exit.exists():
            return "done"
        if self.locked():
            return "running"
        if self.exit.exists():
            return "done"
        if self.started.exists():
            return "lost"
        return "staged" if self.spec.exists() else "absent"

    def read_exit(self) -> PodExit | None:
        """How the pod ended; None when it has not, or its folder was removed."""
        try:
            return exit_from_json(json.loads(self.exit.read_text()))
        except FileNotFoundError:
            return None

    def write_exit(self, ended: PodExit) -> None:
        """Record an end that no host recorded: lost, or never started. On a full disk it is told without a record."""
        with contextlib.suppress(OSError):
            write_json(self.exit, asdict(ended))

    def read_started(self) -> dict[str, Json]:
        """What the host wrote at the start; {} before."""
        try:
            read: dict[str, Json] = json.loads(self.started.read_text())
        except FileNotFoundError:
            return {}
        return read

    def read_spec(self) -> dict[str, Json]:
        """The plan of the pod. Raises NotFound when the pod was never staged or its folder was removed."""
        try:
            read: dict[str, Json] = json.loads(self.spec.read_text())
        except FileNotFoundError:
            raise NotFound(f"pod {self.name} has no folder: it was never started, or its folder was removed") from None
        return read

    def log(self, container: str) -> Path:
        """The container's log: both output streams in order."""
        return self.logs / f"{container}.log"

    def result(self, container: str) -> Path:
        """The end of the container's standard output."""
        return self.path / "out" / f"{container}.result"

    def clear(self, *, keep_logs: bool) -> None:
        """Remove the folder, or all of it but logs. The files that say the state go last, and after them whose it is: a removal that was
        interrupted is done again."""
        keep = {self.owner.name, self.spec.name, self.started.name, self.exit.name, self.lock.name}
        if keep_logs:
            keep.add(self.logs.name)
        for entry in self.path.iterdir() if self.path.exists() else ():
            if entry.name not in keep:
                remove_tree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink(missing_ok=True)
        for last in (self.spec, self.lock, self.started, self.exit):
            last.unlink(missing_ok=True)
        if not keep_logs:
            remove_tree(self.path)


def owned(pods: Path) -> dict[PodFolder, str]:
    """The folders whose Workflow is recorded, with its uid."""
    folders = [PodFolder(pods, entry.name) for entry in os.scandir(pods)]
    return {folder: owner for folder in folders if (owner := folder.owned_by())}


def forget_all(folders: Iterable[PodFolder]) -> None:
    """Clear the folders that contain more than logs, unless the pod still runs."""
    for folder in folders:
        if folder.state() in ("done", "lost", "staged"):
            folder.clear(keep_logs=True)
