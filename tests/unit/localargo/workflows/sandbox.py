"""Runs pods of a test for real: each container in a mount namespace of its own, with the pod's folders as /tmp, volumes and new paths.

For tests of the pure part only: the engine has its own runner. Needs a kernel that lets us unshare mounts (`available`).
"""

from __future__ import annotations

import functools
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from localargo.artifacts.stage import StageError, collect, stage
from localargo.ports import Container, ContainerExit, PodExit, PodSpec, StoredOutputs


@functools.cache
def available() -> bool:
    """Whether this machine gives us mount namespaces with overlays and a new root."""
    overlay = "mount -t overlay o -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /mnt/o"
    probe = f"mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/o && {overlay}"
    try:
        return subprocess.run(["unshare", "-m", "sh", "-c", probe], capture_output=True, timeout=120, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class FolderBucket:
    """A bucket that is a folder."""

    def __init__(self, folder: Path) -> None:
        self.name = "local"
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> bytes:
        return (self.folder / key).read_bytes()

    def put(self, key: str, data: bytes) -> str:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return ""

    def download(self, key: str, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(self.get(key))

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def list(self, prefix: str) -> list[str]:
        found = (str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file())
        return sorted(k for k in found if k.startswith(prefix))

    def exists(self, key: str) -> bool:
        return (self.folder / key).is_file()


class Box:
    """One pod: its folder, its processes, its end. Implements `ports.PodPaths`."""

    def __init__(self, pod: PodSpec, root: Path, claims: Path, bucket: FolderBucket) -> None:
        self.pod = pod
        self.folder = root / pod.name
        self.bucket = bucket
        self.mounts: dict[str, Path] = {}
        self.waiting: list[Container] = list(pod.containers)
        self.running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        self.exits: dict[str, ContainerExit] = {}
        self.began = time.time()
        self.killed = ""
        self.error = ""
        self._lay_out(claims)
        try:
            stage(pod, self, bucket)
        except StageError as e:
            self.error = str(e)

    def _lay_out(self, claims: Path) -> None:
        self.mounts["/tmp"] = self.folder / "tmp"
        for volume in self.pod.volumes:
            place = claims / volume.claim if volume.claim else self.folder / "volumes" / volume.name
            for name, text in volume.files.items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(text, encoding="utf-8")
            place.mkdir(parents=True, exist_ok=True)
            for container in self.pod.containers:
                for mount in container.mounts:
                    if mount.volume == volume.name:
                        self.mounts[mount.path.rstrip("/")] = place / mount.sub_path
        paths = [a.path for a in (*self.pod.inputs, *self.pod.output_artifacts)] + [o.path for o in self.pod.output_parameters]
        for path in paths:
            top = "/" + path.strip("/").split("/")[0]
            if not self._mounted(path) and not Path(top).exists():
                self.mounts[top] = self.folder / "top" / top.strip("/")
        for place in self.mounts.values():
            place.mkdir(parents=True, exist_ok=True)

    def _mounted(self, path: str) -> str:
        return max((m for m in self.mounts if path == m or path.startswith(m + "/")), key=len, default="")

    def locate(self, path: str) -> Path:
        mount = self._mounted(path)
        return self.mounts[mount] / path[len(mount) :].strip("/") if mount else Path(path)

    def resolve(self, path: str) -> Path:
        return self.locate(path)

    def _script(self) -> str:
        """A new root: the machine read-only, overlays where a mount point must be made, the pod's folders bound in."""
        lines = ["mount --make-rprivate /", "mount -t tmpfs none /mnt", "mkdir /mnt/root /mnt/o"]
        tops = {m.strip("/").split("/")[0] for m in self.mounts}
        for top in sorted(p.name for p in Path("/").iterdir() if p.is_dir() and not p.is_symlink() and p.name not in ("mnt", "tmp")):
            lines.append(f"mkdir -p /mnt/root/{top}")
            if top in tops:
                lines.append(f"mkdir -p /mnt/o/{top}/u /mnt/o/{top}/w")
                lines.append(f"mount -t overlay o -o lowerdir=/{top},upperdir=/mnt/o/{top}/u,workdir=/mnt/o/{top}/w /mnt/root/{top}")
            else:
                lines.append(f"mount --rbind /{top} /mnt/root/{top}")
        lines += [f"ln -s {link.readlink()} /mnt/root/{link.name}" for link in Path("/").iterdir() if link.is_symlink()]
        for inside in sorted(self.mounts, key=len):
            lines += [f"mkdir -p /mnt/root{inside}", f"mount --bind {shlex.quote(str(self.mounts[inside]))} /mnt/root{inside}"]
        for prefix in {sys.prefix, sys.base_prefix}:  # the interpreter, should it lie where a pod has a folder of its own
            if self._mounted(prefix):
                lines += [f"mkdir -p /mnt/root{prefix}", f"mount --rbind {shlex.quote(prefix)} /mnt/root{prefix}"]
        lines.append('exec chroot /mnt/root sh -c \'cd "$0" && exec "$@"\' "$@"')
        return "set -e\n" + "\n".join(lines)

    def advance(self, now: float) -> PodExit | None:
        """Start what may start, look at what ended; the pod's end when it has."""
        if self.error:
            return PodExit(self.pod.name, self.pod.node_id, self.pod.workflow, self.began, time.time(), error=self.error)
        for container in list(self.waiting):
            if all(d in self.exits for d in container.depends):
                self.waiting.remove(container)
                bad = next((d for d in container.depends if self.exits[d].exit_code != 0), None)
                if bad is None:
                    self._start(container)
                else:
                    why = f'dependency "{bad}" exited with non-zero code: {self.exits[bad].exit_code}'
                    self.exits[container.name] = ContainerExit(container.name, 64, "Error", now, now, why)
        for name, (process, began) in list(self.running.items()):
            code = process.poll()
            if code is not None:
                del self.running[name]
                self._ended(name, 128 - code if code < 0 else code, began)
        if self.pod.deadline is not None and now >= self.pod.deadline and not self.killed:
            self.kill("DeadlineExceeded")
        if self.running or self.waiting:
            return None
        return PodExit(self.pod.name, self.pod.node_id, self.pod.workflow, self.began, time.time(), containers=list(self.exits.values()))

    def _start(self, container: Container) -> None:
        words = [*container.command, *container.args]
        if container.script is not None:
            (self.folder / "tmp" / ".script").write_text(container.script, encoding="utf-8")
            words.append("/tmp/.script")
        with (self.folder / f"{container.name}.out").open("wb") as out, (self.folder / f"{container.name}.err").open("wb") as err:
            process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", self._script(), "sh", container.working_dir or "/tmp", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(container.env),
                start_new_session=True,
            )
        self.running[container.name] = (process, time.time())

    def _ended(self, name: str, code: int, began: float) -> None:
        reason = self.killed if self.killed == "DeadlineExceeded" else "Error" if code else "Completed"
        self.exits[name] = ContainerExit(name, code, reason, began, time.time())

    def kill(self, why: str = "stopped") -> None:
        """SIGTERM to every process of the pod."""
        self.killed = why
        self.waiting.clear()
        for process, _ in self.running.values():
            os.killpg(process.pid, signal.SIGTERM)

    def collect(self) -> StoredOutputs:
        """What the pod left."""
        main = "main" if (self.folder / "main.out").exists() else self.pod.containers[0].name
        result = self.folder / f"{main}.out" if self.pod.capture_result else None
        return collect(self.pod, self, self.bucket, result, None)
