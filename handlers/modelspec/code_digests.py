"""The digest of the code that a stage computes with: results are named by it, so what is listed here decides what is computed again.

A room, or a module of one, is in a stage's list when it can change what the stage leaves. Comments, docstrings and the layout of the
text cannot: the parsed code is digested. `contracts`, `failures`, `preempted`, `storage` and `workers` compute nothing. Code that only
reads, reports or records is in no list.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from handlers.contracts import BadSpec
from handlers.storage import digest

ROOT = Path(__file__).parent.parent.parent
IMAGE_FILE = ROOT / "code-digest"
LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+) \\$", re.MULTILINE)  # not those of some platforms or versions of Python only


@dataclass(frozen=True, slots=True)
class Code:
    """`modules` are rooms of `handlers`, or single modules of them; `libraries` are distributions."""

    modules: tuple[str, ...]
    libraries: tuple[str, ...]


# a trial also hangs on its estimator's libraries (Kind.libraries), and with early stopping on the metric that stops it
STAGES = {
    "parts": Code(("modelspec", "data"), ("duckdb", "pyarrow")),
    "datasets": Code(("modelspec", "data"), ("duckdb", "pyarrow")),
    "trials": Code(
        ("modelspec", "data", "metrics.predictions", "models"),
        ("duckdb", "pyarrow", "numpy", "scikit-learn", "scipy", "skops"),
    ),
    "early_stopped_trials": Code(
        ("modelspec", "data", "metrics", "models"),
        ("duckdb", "pyarrow", "numpy", "scikit-learn", "scipy", "skops"),
    ),
    "evaluations": Code(
        ("modelspec", "data", "metrics", "models", "runs.evaluation"),
        ("duckdb", "pyarrow", "numpy", "scikit-learn", "scipy", "skops"),
    ),
    "exports": Code(
        ("modelspec", "data", "metrics", "models", "scoring", "runs.evaluation", "runs.exports", "runs.importance", "errors"),
        ("duckdb", "pyarrow", "numpy", "scikit-learn", "scipy", "skops"),
    ),
    "verdicts": Code(
        (
            *("modelspec", "data", "metrics", "models"),
            *("runs.evaluation", "runs.gate", "runs.comparable", "runs.comparison", "runs.differences"),
        ),
        ("duckdb", "pyarrow", "numpy", "scikit-learn", "scipy", "skops"),
    ),
}


def code_digest(stage: str, libraries: tuple[str, ...] = ()) -> str:
    """The digest of a stage's code, and of the versions of the `libraries` that it uses beyond those of its list.

    RETRAIN_CODE_DIGEST stands for every stage; then comes the file that was written when the image was built. An image of a step does
    not have the packages of every stage, so the file keeps their versions too.
    """
    return os.environ.get("RETRAIN_CODE_DIGEST") or computed(stage, libraries)


@cache
def computed(stage: str, libraries: tuple[str, ...]) -> str:
    """The digest from the image's file, or else from the code that is here."""
    image = _image() if IMAGE_FILE.is_file() else None
    own = image["stages"][stage] if image else of_stage(ROOT, stage)
    if not libraries:
        return own
    try:
        versions = {name: image["packages"][name] for name in libraries} if image else _versions(libraries)
    except (KeyError, metadata.PackageNotFoundError) as error:
        name = error.args[0]
        raise BadSpec(
            f"model.estimator: it needs the package {name}, which is not installed here; run `python -m pip install {name}`"
        ) from None
    return digest({"stage": own, "libraries": versions})


def installed(libraries: Sequence[str]) -> dict[str, str]:
    """The versions of distributions: those of the image's file, or else of what is installed here."""
    if not IMAGE_FILE.is_file():
        return _versions(libraries)
    return {name: _image()["packages"][name] for name in libraries}


def of_stage(root: Path, stage: str) -> str:
    """The digest of a stage's code in the tree `root`, and of the versions of the libraries in its list."""
    code = STAGES[stage]
    files = {path.relative_to(root).as_posix(): _of_source(path.read_bytes()) for path in files_of(root, stage)}
    return digest({"files": files, "libraries": _versions(code.libraries)})


def files_of(root: Path, stage: str) -> list[Path]:
    """The files that a stage's list names, in order."""
    found: set[Path] = set()
    for name in STAGES[stage].modules:
        place = root.joinpath("handlers", *name.split("."))
        found.update(place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")])
    return sorted(found)


def facts(*locks: Path) -> dict[str, dict[str, str]]:
    """What an image keeps: the digest of each stage's code, and the version of every package that is installed where it is made.

    `locks` name packages that are not installed there, and are in images of some steps.
    """
    locked = dict(found for lock in locks for found in LOCKED.findall(lock.read_text(encoding="utf-8")))
    packages = {re.sub(r"[-_.]+", "-", found.name).lower(): found.version for found in metadata.distributions()}
    packages = {**locked, **packages}
    return {"stages": {stage: of_stage(ROOT, stage) for stage in STAGES}, "packages": packages}


def _image() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(IMAGE_FILE.read_text(encoding="utf-8"))
    return found


def _versions(libraries: Sequence[str]) -> dict[str, str]:
    return {name: metadata.version(name) for name in libraries}


def of_source(code: str) -> str:
    """The digest of a text's parsed code."""
    return _of_source(code.encode())[:16]


@cache
def _of_source(source: bytes) -> str:
    words: list[str] = []
    _add_words(ast.parse(source), words)
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _add_words(node: ast.AST, words: list[str]) -> None:
    """Add the parsed code as words. Fields without a value are left out, as later versions of Python add some."""
    words.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        for item in value if isinstance(value, list) else (value,):
            if item is None or _is_text_alone(item):
                continue
            words.append(name)
            if isinstance(item, ast.AST):
                _add_words(item, words)
            else:
                words.append(repr(item))
    words.append(")")


def _is_text_alone(item: object) -> bool:
    """Whether a statement is a docstring, or a string that does nothing."""
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
