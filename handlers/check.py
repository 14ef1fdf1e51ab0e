"""Check model specs: `python -m handlers.check FILE...` prints a JSON list of findings, empty when all is well.

A finding is {"severity", "file", "line", "path", "message"}. Exit codes: 0, or 78 when a spec is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handlers.contracts import BadSpec, main
from handlers.data import scopes
from handlers.explore import names
from handlers.models import rehearsal
from handlers.models.estimators import make
from handlers.models.own import Own
from handlers.modelspec import yaml12
from handlers.modelspec.grid import probes
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.own_file import beside
from handlers.modelspec.parse import SpecPath, read

FILE_NAME = "the file's name; a run finds the spec by its file's name"


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m handlers.check", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    findings = [finding for path in parser.parse_args(argv).files for finding in check(path)]
    print(json.dumps(findings, indent=1, ensure_ascii=False))
    if any(found["severity"] == "error" for found in findings):
        sys.exit(BadSpec.exit_code)


def check(path: Path) -> list[dict[str, Any]]:
    """What is wrong with one spec, its statement, its estimator and its metrics included."""

    def finding(line: int, where: str, message: str, severity: str = "error") -> dict[str, Any]:
        return {"severity": severity, "file": str(path), "line": line, "path": where, "message": message}

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [finding(0, "", f"cannot be read: {error}")]
    spec, found = read(text, str(path), *beside(path))
    if spec is None:
        return [finding(f.line, f.path, f.message) for f in found]
    wrong: list[names.Wrong] = [] if spec.name == path.stem else [(("metadata", "name"), f"{spec.name!r} is not {FILE_NAME}")]
    wrong += [(("spec", *where), message) for where, message in _deeper(spec)]
    lines = yaml12.lines(text)
    told = [finding(line_of(lines, where), ".".join(map(str, where)), message) for where, message in wrong]
    source = spec.data.trigger
    prefix = spec.data.sources[source].prefix
    lands = prefix.split("/")[1]
    if lands != spec.name:
        where = ("spec", "data", "sources", source, "prefix")
        message = f"uploads under {'/'.join(prefix.split('/')[:2])}/ start runs of the name `{lands}`, not `{spec.name}`"
        told.append(finding(line_of(lines, where), ".".join(where), message, "warning"))
    return told


def line_of(lines: Mapping[SpecPath, int], path: SpecPath) -> int:
    """The line of a path, or of what is nearest above it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def columns(spec: ModelSpec, path: Path, files: Sequence[Path]) -> None:
    """Raise BadSpec where a spec names columns that the files do not have, a line for each, before the files are read."""
    lines = yaml12.lines(path.read_text(encoding="utf-8"))
    source = spec.data.sources[spec.data.trigger]
    seen = names.seen_in(files[0], source)
    if seen is not None and set(source.columns) - set(seen):
        return  # the file lacks what the spec declares: reading it says so
    wrong = [(("spec", *where), message) for where, message in _found(lambda: names.wrong(spec, seen))]
    if wrong:
        raise BadSpec("\n".join(f"{path}:{line_of(lines, where)}: {'.'.join(map(str, where))}: {message}" for where, message in wrong))


def _deeper(spec: ModelSpec) -> list[names.Wrong]:
    """(path below `spec`, message) of what only the libraries can check."""
    return _found(lambda: scopes.check(spec)) or _found(lambda: _estimators(spec)) or _found(lambda: names.wrong(spec))


def _found(look: Callable[[], list[names.Wrong] | None]) -> list[names.Wrong]:
    """What is found, an error whose text begins with the key included."""
    try:
        return look() or []
    except BadSpec as error:
        where, _, message = str(error).partition(": ")
        return [(tuple(where.split(".")), message)]


def _estimators(spec: ModelSpec) -> None:
    for trial in probes(spec):
        made = make(spec, {**spec.model.params, **trial.params})
        if isinstance(made, Own):
            rehearsal.tried(made, spec, rehearsal.Columns.declared(spec))


if __name__ == "__main__":
    main(run)
