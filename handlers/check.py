"""Check model specs: `python -m handlers.check FILE...` prints a JSON list of findings, empty when all is well.

A finding is {"severity", "file", "line", "path", "message"}. Exit codes: 0, or 78 when a spec is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from handlers.contracts import BadSpec, main
from handlers.data.query import check_scope
from handlers.models.estimators import check_metrics, make
from handlers.modelspec.grid import expand
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import read


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
    statement = path.with_suffix(".sql")
    spec, found = read(text, str(path), statement.read_text(encoding="utf-8") if statement.exists() else None)
    if spec is None:
        return [finding(f.line, f.path, f.message) for f in found]
    wrong = (
        [finding(1, "metadata.name", f"{spec.name!r} is not the file's name; a run finds the spec by its file's name")]
        if spec.name != path.stem
        else []
    )
    source = spec.data.trigger
    prefix = spec.data.sources[source].prefix
    lands = prefix.split("/")[1]
    if lands != spec.name:
        told = f"uploads under {'/'.join(prefix.split('/')[:2])}/ start runs of the name `{lands}`, not `{spec.name}`"
        wrong.append(finding(1, f"spec.data.sources.{source}.prefix", told, "warning"))
    try:
        _deeper(spec)
    except BadSpec as error:
        where, _, message = str(error).partition(": ")
        wrong.append(finding(1, f"spec.{where}", message))
    return wrong


def _deeper(spec: ModelSpec) -> None:
    """What only the libraries can check."""
    if spec.sql:
        check_scope(spec.sql, spec.data.trigger, spec.data.sources[spec.data.trigger].columns)
    for trial in expand(spec):
        params = {**spec.model.params, **trial.params}
        check_metrics(spec, make(spec.model.estimator, spec.task, params, seed=spec.model.seed, memory=spec.model.memory))


if __name__ == "__main__":
    main(run)
