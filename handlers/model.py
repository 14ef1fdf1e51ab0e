"""Trained models and their folders: `python -m handlers.model list [NAME] | show NAME[@champion|@N|@TRIAL] | get NAME[@...] --to FOLDER |
rollback NAME --to N --reason TEXT | delete NAME | gc [NAME]`.

`list` names the champions that there have been, the newest first; `show` says what a model is, how good, what it decides by and what each
feature is worth; `get` writes its folder, which stands alone, each file checked; `rollback` makes an earlier champion the champion again;
`delete` removes a model but for its uploads, and `gc` what neither champions nor the last runs need; with `--dry-run` both only say what
they would remove. `-o text|wide|json`; `-o shown` for what prints it
(text, or the header and rows of a table).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

from handlers.contracts import BadData, WrongUsage, instant, main
from handlers.report import model_told
from handlers.runs import champion as champions
from handlers.runs import exports, removal, rollback
from handlers.runs import named as names
from handlers.runs.exports import MARKER
from handlers.runs.named import Named
from handlers.runs.records import models
from handlers.storage import Store, canonical_json, open_store

Doc = dict[str, Any]
SHOWN = ("model", "schema", "metrics", "importance", "provenance")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.model", description="Trained models and their folders.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    of_list = verbs.add_parser("list", help="the champions that there have been")
    of_list.add_argument("name", nargs="?", metavar="NAME")
    for verb, what in (("show", "what a model is"), ("get", "write its folder")):
        verbs.add_parser(verb, help=what).add_argument("name", metavar="NAME[@champion|@N|@TRIAL]")
    verbs.choices["get"].add_argument("--to", type=Path, metavar="FOLDER", required=True)
    of_rollback = verbs.add_parser("rollback", help="make an earlier champion the champion again")
    of_rollback.add_argument("name", metavar="NAME")
    of_rollback.add_argument("--to", type=int, metavar="N", required=True)
    of_rollback.add_argument("--reason", metavar="TEXT", required=True)
    verbs.add_parser("delete", help="remove a model but for its uploads").add_argument("name", metavar="NAME")
    of_gc = verbs.add_parser("gc", help="remove what neither champions nor the last runs need")
    of_gc.add_argument("name", nargs="?", metavar="NAME")
    of_gc.add_argument("--keep-runs", type=int, default=10, metavar="N", help="of each model, beside those of champions")
    of_gc.add_argument("--older-than", type=float, default=7.0, metavar="DAYS")
    for verb in ("delete", "gc"):
        verbs.choices[verb].add_argument("--dry-run", action="store_true")
    for verb in ("show", "get"):
        verbs.choices[verb].add_argument("--code", type=Path, metavar="FILE", help="models/NAME.py, where there is one")
    for parsed in verbs.choices.values():
        parsed.add_argument("-o", "--output", choices=("text", "wide", "shown", "json"), default="text")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    if given.verb == "list":
        answer = listed(open_store(), given.name)
    elif given.verb == "delete":
        answer = removal.deleted(open_store(), given.name, dry=given.dry_run)
    elif given.verb == "gc":
        answer = removal.collected(open_store(), given.name, given.keep_runs, given.older_than, dry=given.dry_run)
    elif given.verb == "rollback":
        answer = rollback.back(open_store(), given.name, given.to, given.reason)
    else:
        found = names.of(given.name, given.code.read_text(encoding="utf-8") if given.code else None)
        answer = shown(found) if given.verb == "show" else got(found, given.to)
    if given.output in ("shown", "json"):
        print(canonical_json(answer if given.output == "json" else model_told.shown_by(given.verb, answer)))
    else:
        print(model_told.TEXTS[given.verb](answer, wide=given.output == "wide"))


def listed(store: Store, name: str | None) -> Doc:
    """Every champion of a model, or of all."""
    if name is not None:
        champions.needed(store, name)
    found = []
    for model in [name] if name else models(store):
        history = champions.history(store, model)
        found += [_row(record, newest=record is history[-1]) for record in reversed(history)]
    return {"models": found}


def _row(record: Doc, *, newest: bool) -> Doc:
    kept = {key: record.get(key) for key in ("model", "number", "trial", "run", "metric", "test", "estimator", "threshold", "export")}
    return {**kept, "champion": newest, "since": instant(record.get("at"))}


def shown(found: Named) -> Doc:
    """What the folder says of the model, and what made it a champion."""
    documents = {name: json.loads(found.export.checked(f"{name}.json")) for name in SHOWN}
    record = found.record and _row(found.record, newest=False)
    of = {"export": found.export.listed["digest"], "files": len(found.export.files())}
    return {"name": found.model, "trial": found.trial, **documents, "record": record, **of}


def got(found: Named, to: Path) -> Doc:
    """Write the folder: it is there whole, or not at all."""
    answer = {"model": found.model, "trial": found.trial, "export": found.export.listed["digest"], "folder": str(to)}
    if to.exists():
        if _is(to, found.export.listed):
            return {**answer, "files": len(found.export.files()), "written": False}
        raise WrongUsage(f"{to} exists; name another folder by --to, or remove it")
    fresh = to.with_name(f".{to.name}.{os.getpid()}.new")
    try:
        fresh.mkdir(parents=True)
        exports.write(found.export, fresh)
        (fresh / MARKER).write_text(canonical_json(found.export.listed), encoding="utf-8")
        fresh.rename(to)
    except OSError as error:
        raise WrongUsage(f"{error.filename or to}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return {**answer, "files": len(found.export.files()), "written": True}


def _is(folder: Path, listed: Doc) -> bool:
    """Whether the folder is this export, each file as it is listed."""
    try:
        if json.loads((folder / MARKER).read_text(encoding="utf-8")) != listed:
            return False
        export = exports.Export(listed, lambda path: (folder / path).read_bytes())
        for path in listed["files"]:
            export.checked(path)
    except (OSError, ValueError, BadData):
        return False
    return True


if __name__ == "__main__":
    main(run)
