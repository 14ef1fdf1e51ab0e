"""Which trained model a name means: NAME[@champion|@N|@TRIAL], or s3://BUCKET/models/NAME, or an exported folder in a bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from handlers.contracts import MODEL_NAME, WrongUsage
from handlers.runs import champion as champions
from handlers.runs import exports, trials
from handlers.runs.exports import Export
from handlers.storage import S3Store, Store, open_store

CHAMPION = "champion"
TRIAL = re.compile(r"[0-9a-f]{16}")
FOLDER = re.compile(r"trials/(?P<model>[^/]+)/(?P<trial>[^/]+)/exports/(?P<name>[0-9a-f]{16})/?")
POINTER = re.compile(r"models/(?P<model>[^/]+)/?")


@dataclass(frozen=True, slots=True)
class Named:
    """A trained model: `record` is the champion's, None for a trial that is named itself."""

    model: str
    trial: str
    record: dict[str, Any] | None
    export: Export


def named(store: Store, text: str, code: str | None = None) -> Named:
    """The model of NAME[@WHICH]; WrongUsage where there is none of that name. `code` is the text of models/NAME.py, where there is one:
    what was not exported when it was judged is exported with it, if it made the model."""
    model, _, which = text.partition("@")
    if MODEL_NAME.fullmatch(model) is None:
        raise WrongUsage(f"{text!r} is no model; give NAME, NAME@champion, NAME@3 (the third champion) or NAME@TRIAL")
    if which and TRIAL.fullmatch(which):
        return _trial(store, model, which, code)
    pointer = champions.current(store, model)
    if which in ("", CHAMPION):
        if pointer.record is None:
            raise WrongUsage(f"{model} has no champion yet; `retrain runs {model}` shows what came of its runs")
        return _of_record(store, model, pointer.record, code)
    if not which.isdecimal():
        raise WrongUsage(f"{text}: {which!r} is neither champion, nor the number of one, nor a trial (16 of 0-9 and a-f)")
    record = champions.entry(store, model, int(which))
    if record is None:
        raise WrongUsage(f"{text}: there is no such champion; {model} has had {pointer.number}")
    return _of_record(store, model, record, code)


def at(address: str, code: str | None = None) -> Named:
    """The model of s3://BUCKET/models/NAME (its champion) or s3://BUCKET/trials/MODEL/TRIAL/exports/DIGEST."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    store = S3Store(bucket)
    if found := POINTER.fullmatch(key):
        return named(store, found["model"], code)
    found = FOLDER.fullmatch(key)
    if not bucket or found is None:
        raise WrongUsage(f"{address}: accepted are s3://BUCKET/models/NAME and s3://BUCKET/trials/MODEL/TRIAL/exports/DIGEST")
    export = exports.in_bucket(store, found["model"], found["trial"], found["name"])
    if export is None:
        raise WrongUsage(f"{address}: there is no exported model ({exports.MARKER} is missing)")
    return Named(found["model"], found["trial"], None, export)


def of(text: str, code: str | None = None) -> Named:
    """The model of an address, or of a name in the bucket that RETRAIN_BUCKET names."""
    return at(text, code) if text.startswith("s3://") else named(open_store(), text, code)


def _of_record(store: Store, model: str, record: dict[str, Any], code: str | None) -> Named:
    trial = str(record["trial"])
    # champions of earlier releases were not exported
    known = exports.in_bucket(store, model, trial, record["export"]) if record.get("export") else None
    return Named(model, trial, record, known or exports.made(store, model, trial, code))


def _trial(store: Store, model: str, trial: str, code: str | None) -> Named:
    if trials.result(store, model, trial) is None:
        raise WrongUsage(f"{model}@{trial}: there is no such trained trial; `retrain trials RUN` shows those of a run")
    return Named(model, trial, None, exports.made(store, model, trial, code))
