"""The plan of a pod for its host (`spec.json`): commands, environments and folders, nothing specific to Argo."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from localargo.errors import Unsupported
from localargo.ports import Container, Json, PodSpec
from localargo.runners import claims
from localargo.runners.child import LONGEST_WORD
from localargo.runners.layout import PRIVATE, SCRIPT_PATH, Layout, inside, interpreter_path, relocated, speaks_of

Mode = Literal["warm", "isolated", "relocated"]
HOME_INSIDE = "/argo/home"
FOLDERS: dict[Mode, tuple[str, ...]] = {  # the subfolders of a pod's folder besides the logs
    "warm": ("home", "upper", "upper/tmp"),
    "isolated": ("root", "upper", "upper/tmp", "upper/run"),
    "relocated": ("home", "root", "upper", "upper/tmp", "upper/run"),
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
REFERENCE = re.compile(r"\$(\$)?\(([A-Za-z_.][-A-Za-z0-9_.]*)\)")


def machine_memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def gibibytes(size: float) -> str:
    """As a quantity: 24Gi, 1.5Gi."""
    return f"{size / 2**30:.3g}Gi"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a pod gets from the machine. `state`: the engine's state folder; `cwd`: where modules of the warm package run; `path`: its PATH;
    `visible`: folders that every pod must see, such as the interpreter's; `warm`: the name of the package whose modules start warm;
    `memory`: bytes that there are."""

    state: Path
    cwd: Path
    path: str
    visible: tuple[str, ...]
    warm: str = ""
    memory: int = field(default_factory=machine_memory)

    @classmethod
    def here(cls, state: Path, cwd: Path, warm: str) -> Machine:
        """With this process's PATH and interpreter."""
        prefixes = tuple(dict.fromkeys((sys.prefix, sys.base_prefix)))
        return cls(state, cwd, os.environ.get("PATH", os.defpath), prefixes, warm)


def default_slots() -> int:
    """How many pods run at a time: more than there are cores, because pods also wait; at most what a Kubernetes node accepts."""
    return min(110, 16 * (os.cpu_count() or 1))


def runs_module_of(container: Container, package: str) -> bool:
    """Whether the command is `python -m PACKAGE.<module> ...`; never for an empty package name."""
    words = [*container.command, *container.args]
    if not package or container.script is not None or len(words) < 3:
        return False
    return words[0] in ("python", "python3") and words[1] == "-m" and words[2].startswith(f"{package}.")


def lay_out(pod: PodSpec, layout: Layout, mode: Mode) -> None:
    """Create volumes, scripts and the folders that the containers expect."""
    layout.folder.create(*FOLDERS[mode], *(["out"] if pod.capture_result else []))
    for volume in pod.volumes:
        if volume.claim and volume.owner:
            claims.mark(layout.claims, volume.claim, volume.owner)
        source = layout.source(volume)
        source.mkdir(parents=True, exist_ok=True)
        for name, text in volume.files.items():
            file = source / inside(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for _, source, _ in layout.mounts:
        if not source.exists():
            source.mkdir(parents=True)
    for container in pod.containers:
        if container.script is not None:
            script = layout.locate(SCRIPT_PATH)
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(container.script)
            script.chmod(0o755)  # as Argo writes it: `command: [sh, -c]` runs the file itself
    if mode == "isolated":
        layout.locate(HOME_INSIDE).mkdir(parents=True, exist_ok=True)
        return
    for path in [a.path for a in pod.output_artifacts] + [p.path for p in pod.output_parameters]:
        layout.locate(path).parent.mkdir(parents=True, exist_ok=True)


def expand(text: str, environment: dict[str, str]) -> str:
    """Expand Kubernetes' `$(NAME)` in commands and arguments; an unknown name stays unchanged, `$$(` becomes `$(`."""

    def replace(match: re.Match[str]) -> str:
        if match[1]:
            return f"$({match[2]})"
        return environment.get(match[2], match[0])

    return REFERENCE.sub(replace, text)


class Planner:
    """Writes the plan of one pod in one mode."""

    def __init__(self, pod: PodSpec, layout: Layout, mode: Mode, machine: Machine) -> None:
        self.pod = pod
        self.layout = layout
        self.mode = mode
        self.machine = machine
        self.folder = layout.folder
        self.declared = layout.declared(pod)

    def document(self) -> dict[str, Json]:
        """The plan. Raises Unsupported when the mode is `relocated` and a declared path is used where it cannot be replaced."""
        return {
            "pod": self.pod.name,
            "node_id": self.pod.node_id,
            "workflow": self.pod.workflow,
            "mode": self.mode,
            "deadline": self.pod.deadline,
            "stop_at": self.pod.stop_at,
            "grace": self.pod.grace_seconds,
            "machine": sorted(self.layout.machine),
            "containers": [self._container(container) for container in self.pod.containers],
        }

    def _isolation(self, container: Container) -> dict[str, Json]:
        visible = list(self.machine.visible)
        if runs_module_of(container, self.machine.warm):
            visible.append(str(self.machine.cwd))
        return {
            "folder": str(self.folder.path),
            "machine": sorted(self.layout.machine),
            "private": list(PRIVATE),
            "mounts": [[inside, str(source), read_only] for inside, source, read_only in self.layout.mounts],
            "hide": str(self.machine.state),
            "visible": visible,
        }

    def _container(self, container: Container) -> dict[str, Json]:
        environment = self._environment(container)
        words = [expand(word, environment) for word in (*container.command, *container.args)]
        if container.script is not None:
            words.append(SCRIPT_PATH)
        if not container.command:
            raise Unsupported(
                f"template {self.pod.template}, container {container.name}: no command. Images are not pulled here, so "
                "their entry point is not known: add `command`"
            )
        if (container.memory_asked or 0) > self.machine.memory:
            raise Unsupported(
                f"container {container.name} asks for {gibibytes(container.memory_asked or 0)} of memory, this machine has "
                f"{gibibytes(self.machine.memory)}: ask for less, or run it on a cluster"
            )
        if self.mode != "isolated":
            words = self._relocate(container, words)
            environment = {name: relocated(value, self.declared, self.layout) for name, value in environment.items()}
        words = self._offload(words, len(words) - len(container.args))
        return {
            "name": container.name,
            "argv": words,
            "env": environment,
            "cwd": self._cwd(container),
            "import_from": str(self.machine.cwd),
            "warm": self.mode == "warm",
            "isolation": self._isolation(container) if self.mode == "isolated" else None,
            "cpu": self._threads(container),
            "memory": container.memory_bytes,
            "log": str(self.folder.log(container.name)),
            "result": str(self.folder.result(container.name)) if self.pod.capture_result else None,
        }

    def _offload(self, words: list[str], first: int) -> list[str]:
        """Replace arguments above the kernel's limit as Argo's executor does: by `@` and a file that contains the argument."""
        if len(json.dumps(words[first:])) <= LONGEST_WORD:
            return words
        found = list(words)
        for place, word in enumerate(words):
            if place and len(word.encode()) >= LONGEST_WORD:
                path = f"/{PRIVATE[0]}/argo_arg_{place - 1}.txt"
                file = self.layout.locate(path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(word)
                found[place] = f"@{path if self.mode == 'isolated' else file}"
        return found

    def _threads(self, container: Container) -> int:
        return max(1, int(container.cpu or 1))

    def _environment(self, container: Container) -> dict[str, str]:
        """The manifest's variables, and of this machine only those that a process needs."""
        inside = self.mode == "isolated"
        base = {
            "PATH": interpreter_path(self.machine.path),
            "HOME": HOME_INSIDE if inside else str(self.folder.home),
            "TMPDIR": f"/{PRIVATE[0]}" if inside else str(self.folder.upper / PRIVATE[0]),
            "LANG": "C.UTF-8",
        }
        if self.mode == "warm":
            base |= {name: str(self._threads(container)) for name in THREADS} | {"OMP_WAIT_POLICY": "passive"}
        return base | dict(container.env)

    def _cwd(self, container: Container) -> str:
        if container.working_dir:
            return container.working_dir if self.mode == "isolated" else str(self.layout.locate(container.working_dir))
        if runs_module_of(container, self.machine.warm):
            return str(self.machine.cwd)
        return "/" if self.mode == "isolated" else str(self.folder.root)

    def _relocate(self, container: Container, words: list[str]) -> list[str]:
        paths = [*self.declared, *([SCRIPT_PATH] if container.script is not None else [])]
        moved = [relocated(word, paths, self.layout) for word in words]
        if self.mode == "relocated":
            fixed = [word for word, to in zip(words, moved, strict=True) if word == to]
            for text in [*fixed, container.script or ""]:
                if path := speaks_of(text, paths):
                    raise Unsupported(
                        f"template {self.pod.template}, container {container.name}: {path} is used inside a command line, and this "
                        "machine gives no mount namespaces, in which that path would exist. Give it as an argument of its own "
                        f"('{path}' or '--option={path}'), or allow user namespaces (sysctl user.max_user_namespaces)"
                    )
        return moved
