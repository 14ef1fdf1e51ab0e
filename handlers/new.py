"""Look at files and write a spec for them: `python -m handlers.new NAME FILE... [--target COLUMN] [--task TASK] [--time COLUMN|none]
[--group COLUMN]`.

Answers JSON: {"text": the spec, "choices": {"target"|"task"|"time": {"value", "why", "others", "given"}}}. Exit codes: 0; 2 for a choice
that cannot be, or where no target can be guessed; 65 for files that cannot be read.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from handlers.contracts import MODEL_NAME, BadSpec, WrongUsage, main
from handlers.explore import written
from handlers.explore.roles import roles
from handlers.explore.table import read
from handlers.modelspec.parse import parse

TASKS = ("binary", "multiclass", "ranking", "regression")


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m handlers.new", description="Look at files and write a spec for them.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--target", default="", metavar="COLUMN")
    parser.add_argument("--task", default="", choices=("", *TASKS))
    parser.add_argument("--time", default="", metavar="COLUMN|none")
    parser.add_argument("--group", default="", metavar="COLUMN")
    given = parser.parse_args(argv)
    if not MODEL_NAME.fullmatch(given.name):
        raise WrongUsage(f"{given.name!r} is not a model name; accepted: at most 40 of a-z, 0-9 and inner hyphens")
    try:
        table = read(given.files)
    except OSError as error:
        raise WrongUsage(f"{error.filename}: cannot be read: {error.strerror}") from error
    found = roles(table, datetime.now(UTC).date(), given.target, given.task, given.time, given.group)
    text = written.spec(given.name, table, found)
    try:
        parse(text, f"models/{given.name}.yaml")
    except BadSpec as error:
        raise BadSpec(f"the spec for these files would not be accepted:\n{error}") from error
    choices = {"target": asdict(found.target), "task": asdict(found.task), "time": asdict(found.time)}
    print(json.dumps({"text": text, "choices": choices}, ensure_ascii=False))


if __name__ == "__main__":
    main(run)
