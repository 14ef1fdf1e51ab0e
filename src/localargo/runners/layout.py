"""Maps paths as a container sees them to paths on this machine, for staging, running and collecting alike."""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from localargo.errors import Unsupported
from localargo.ports import Mount, PodSpec, Volume
from localargo.runners.podfolder import PodFolder

SCRIPT_PATH = "/argo/staging/script"  # where Argo puts the source of a script template
PRIVATE = ("tmp", "run")  # top-level folders that are empty at the start of a pod
BOUND = ("proc", "sys", "dev")  # top-level folders that a pod sees unchanged
MAX_LINKS = 40


def normal(path: str) -> str:
    """The path without `.`, `..` and doubled slashes. Raises Unsupported unless it is absolute."""
    if not path.startswith("/"):
        raise Unsupported(f"path {path!r} is not absolute: artifacts, output files and mounts need an absolute path")
    return "/" + posixpath.normpath(path).lstrip("/")


def inside(path: str) -> str:
    """The path made relative, without leading to a folder above."""
    return normal("/" + path).lstrip("/")


def machine_folders(root: str = "/") -> list[str]:
    """Names of the machine's top-level folders of which a pod gets a writable copy. Symbolic links such as /bin are not among them, nor are
    empty folders, which need no copy."""
    found = [entry for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False) and entry.name not in BOUND]
    return sorted({*(entry.name for entry in found if not _empty(entry.path)), *PRIVATE})


def _empty(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return False  # a folder that cannot be read may contain something


class Layout:
    """Maps the absolute paths that a pod's containers see to folders of the pod.

    The longest mount that contains a path wins; otherwise a path below a folder of the machine is in `upper` (where the pod's
    changes are), and any other in `root`.
    """

    def __init__(self, folder: PodFolder, pod: PodSpec, claims: Path, folders: Iterable[str] = ()) -> None:
        self.folder = folder
        self.claims = claims
        self.machine = frozenset(folders)
        volumes = {volume.name: volume for volume in pod.volumes}
        own = [self._entry(container.name, mount, volumes) for container in pod.containers for mount in container.mounts]
        # (path in the pod, folder here, read-only), deepest path last
        self.mounts: list[tuple[str, Path, bool]] = sorted(dict.fromkeys(own), key=lambda entry: entry[0])

    def _entry(self, container: str, mount: Mount, volumes: Mapping[str, Volume]) -> tuple[str, Path, bool]:
        if mount.volume not in volumes:
            raise Unsupported(f"container {container} mounts volume {mount.volume!r}, which the pod does not declare")
        volume = volumes[mount.volume]
        source = self.source(volume)
        if mount.sub_path:
            source = source / inside(mount.sub_path)
        return normal(mount.path), source, mount.read_only or volume.read_only

    def source(self, volume: Volume) -> Path:
        """The volume's folder on this machine."""
        return self.claims / inside(volume.claim) if volume.claim else self.folder.volumes / inside(volume.name)

    def locate(self, path: str) -> Path:
        """Where the path is, without following links."""
        path = normal(path)
        for mounted, source, _ in reversed(self.mounts):
            if path == mounted or path.startswith(mounted.rstrip("/") + "/"):
                rest = path[len(mounted) :].lstrip("/")
                return source / rest if rest else source
        relative = path.lstrip("/")
        top = relative.split("/", 1)[0]
        return (self.folder.upper if top in self.machine or top in PRIVATE else self.folder.root) / relative

    def resolve(self, path: str) -> Path:
        """Where the path is, following links as the pod would: an absolute link stays inside the pod."""
        pending = normal(path).lstrip("/").split("/")
        seen = ""
        links = 0
        while pending:
            part = pending.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                seen = posixpath.dirname(seen).rstrip("/")
                continue
            here = self.locate(f"{seen}/{part}")
            if here.is_symlink():
                links += 1
                if links > MAX_LINKS:
                    raise Unsupported(f"path {path}: too many levels of symbolic links")
                target = str(here.readlink())
                pending = [*target.split("/"), *pending]
                seen = "" if target.startswith("/") else seen
                continue
            seen = f"{seen}/{part}"
        found = self.locate(seen or "/")
        return self._below(found, seen)

    def _below(self, found: Path, seen: str) -> Path:
        """The machine's file or folder, if the pod sees it and has changed nothing of it and not removed it."""
        top = seen.lstrip("/").split("/", 1)[0]
        if os.path.lexists(found) or top not in self.machine or top in PRIVATE:
            return found
        own = Path(seen)
        return own if self.folder.upper in found.parents and own.exists() and not _removed(found, self.folder.upper) else found

    def declared(self, pod: PodSpec) -> list[str]:
        """Every path that the pod declares: artifacts, output files, mounts."""
        paths = [a.path for a in (*pod.inputs, *pod.output_artifacts) if a.path] + [p.path for p in pod.output_parameters if p.path]
        return sorted({normal(p) for p in [*paths, *(m for m, _, _ in self.mounts)]})


def _removed(path: Path, upper: Path) -> bool:
    """Whether the overlay marks the file (or a folder above it) as removed, by a character device 0/0."""
    while path != upper:
        try:
            found = path.lstat()
        except FileNotFoundError:
            found = None
        if found is not None and stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            return True
        path = path.parent
    return False


def relocated(text: str, paths: Sequence[str], layout: Layout) -> str:
    """The argument with a declared path (or one below it) replaced by its path on this machine: `PATH`, `--option=PATH`."""
    head, sep, tail = text.partition("=") if text.startswith("-") else ("", "", text)
    if not tail.startswith("/"):
        return text
    if any(tail == path or tail.startswith(path.rstrip("/") + "/") for path in paths):
        return head + sep + str(layout.locate(tail))
    return text


def speaks_of(text: str, paths: Sequence[str]) -> str | None:
    """A declared path inside a text where it cannot be replaced (a shell line, a script), if there is one."""
    return next((path for path in paths if path in text), None)


def interpreter_path(inherited: str) -> str:
    """PATH of a pod: the running interpreter first (`python` means it), then the machine's own."""
    first = str(Path(sys.executable).parent)
    return os.pathsep.join([first, *(p for p in inherited.split(os.pathsep) if p and p != first)])
