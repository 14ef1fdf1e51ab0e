"""What an image of a step has: the packages of its lock, installed as the image has them, and the layers that its Dockerfile names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "handlers/Dockerfile").read_text(encoding="utf-8")


ALSO_RUNS = {"fetch": ("heal", "notify"), "evaluate": ("score",)}  # handlers that have no image of their own


@cache
def lock(name: str) -> dict[str, str]:
    """The entries of a lock by distribution and marker (one distribution may have two), each with its version and hashes."""
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        match = re.match(r"([\w.-]+)==(\S+)(?: ; (.+?))? +(--hash.+)", line)
        assert match, f"requirements/{name}.txt: {line[:100]}"
        found[f"{match[1]} {match[3] or ''}".strip()] = " ".join([match[2], *match[4].split()])
    return found


def distributions(step: str) -> set[str]:
    """The distributions of a step's lock."""
    return {entry.split()[0] for entry in lock(step)}


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile: what it is from, and its instructions."""

    parent: str
    lines: tuple[str, ...]


@cache
def stages() -> dict[str, Stage]:
    text = re.sub(r"\\\n\s*", "", DOCKERFILE)
    found = {}
    for part in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        (head, *lines) = part.strip().splitlines()
        parent, name = head.split(" AS ")
        found[name] = Stage(parent, tuple(lines))
    return found


KINDS = ("xgboost", "lightgbm", "boosted")  # images that train, evaluate and promote models of other libraries
TORCH = "torch"  # one more, of packages that development goes without
STEPS = tuple(name for name, stage in stages().items() if any(line.startswith("CMD ") for line in stage.lines))


def lineage(name: str) -> list[Stage]:
    """A stage and those that it is from, the oldest first."""
    found = []
    while name in stages():
        found.append(stages()[name])
        name = found[-1].parent
    return found[::-1]


def layers(step: str) -> list[str]:
    """The layers of packages that a step's image has."""
    lines = [line for stage in lineage(step) for line in stage.lines]
    return [match[1] for line in lines if (match := re.fullmatch(r"COPY --from=(\w+) /packages/\1 /packages/\1", line))]


@cache
def contents() -> dict[str, set[str]]:
    """The distributions of each layer: what a lock has beyond the stages before it."""
    found: dict[str, set[str]] = {}
    for name in stages():
        made = [match for line in stages()[name].lines if (match := re.search(r"sh layer\.sh (\w+) (\w+)\.txt$", line))]
        for match in made:
            before = set().union(*(found.get(each, set()) for each in found if stages()[each] in lineage(name)))
            assert match[1] == name
            found[name] = distributions(match[2]) - before
    return found


def install(layer: str, packages: Path) -> Path:
    """The packages of a layer as links to those that are installed here, without what an image leaves out."""
    for name in contents()[layer]:
        try:
            files = metadata.distribution(name).files or []
        except metadata.PackageNotFoundError:
            continue  # of another platform or version of Python
        for file in files:
            if ".." in file.parts:
                continue
            place = packages / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(file.locate())
    subprocess.run(["sh", str(ROOT / "handlers/prune.sh"), str(packages)], check=True)
    return packages


@dataclass(frozen=True)
class Image:
    """The image of a step: `app` is the folder of its code, `packages` are its layers."""

    app: Path
    packages: tuple[Path, ...]

    def python(self, *words: str, **environment: str) -> str:
        """What Python prints where nothing else is installed."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
        own = {"PYTHONPATH": os.pathsep.join(map(str, self.packages)), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-S", *words]
        ended = subprocess.run(command, cwd=self.app, env={**kept, **own, **environment}, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{' '.join(words)[:200]} ended with {ended.returncode}:\n{ended.stderr}"
        return ended.stdout
