"""Predictions of a trained model for files, or from Python for rows in memory; the bucket is all that is needed.

`python -m handlers.predict NAME[@champion|@N|@TRIAL] FILE... [--out FILE] [--proba] [-o text|wide|json]` reads CSV, Parquet and JSON Lines.
NAME may also be s3://BUCKET/models/NAME, or a folder that `retrain model get` has written. From Python:

    from handlers import predict
    predict.load("s3://bucket/models/flight-delay").predict(rows)

Nothing of what a folder holds is run: its code is for those who do not have this product.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from handlers.contracts import BadData, WrongUsage, counted, log, logged_by, main
from handlers.runs import exports, named
from handlers.runs.exports import Export
from handlers.scoring import files
from handlers.scoring.scorer import Scorer

TOLD_SECONDS = 5.0


def load(which: str | Path, code: str | None = None) -> Scorer:
    """A model that predicts: of NAME[@champion|@N|@TRIAL] in the bucket that RETRAIN_BUCKET names, of an s3:// address, or of a folder.

    `code` is the text of models/NAME.py where a file of your own made the model: code that a bucket or a folder holds is not run.
    `predict(rows)` takes an Arrow table, a pandas DataFrame, a list of dicts or a dict of columns and gives an Arrow table. Raises BadData
    for a folder that is damaged or no exported model, WrongUsage where there is no such model.
    """
    folder = Path(which)
    if not str(which).startswith("s3://") and (folder.is_dir() or isinstance(which, Path)):
        return _checked(folder, code)
    return exports.scorer(named.of(str(which), code).export, code)


def _checked(folder: Path, code: str | None) -> Scorer:
    """The model of a folder on this machine."""
    try:
        listed = json.loads((folder / exports.MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadData(f"{folder}: no exported model: {error}") from error

    def read(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise BadData(f"{folder / path}: cannot be read ({error.strerror})") from error

    return exports.scorer(Export(listed, read), code)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.predict", description="Predictions of a trained model for files of rows.")
    parser.add_argument("model", metavar="NAME[@champion|@N|@TRIAL]")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--proba", action="store_true")
    parser.add_argument("--code", type=Path, metavar="FILE", help="the file of your own that made the model")
    parser.add_argument("--progress", action="store_true", help="sentences on standard error, not facts in JSON")
    parser.add_argument("-o", "--output", choices=("text", "wide", "json"), default="text")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    missing = next((path for path in given.files if not path.is_file()), None)
    if missing is not None:
        raise WrongUsage(f"{missing}: this file does not exist")
    how = {"proba": given.proba, "wide": given.output == "wide", "lines": given.output == "json"}
    try:
        code = given.code.read_text(encoding="utf-8") if given.code else None
        rows = files.predict(load(given.model, code), given.files, given.out, **how, done=Told())
    except BrokenPipeError:
        # who reads the predictions has seen enough; what is left in Python's buffer has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    log("predicted", rows=rows, out=str(given.out or "standard output"))


class Told:
    """Says now and then how far it is."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, name: str, rows: int) -> None:
        if time.monotonic() - self._last >= TOLD_SECONDS:
            self._last = time.monotonic()
            log("predicting", file=name, rows=rows)


def progress(event: str, facts: Mapping[str, Any]) -> None:
    """Facts as lines for a person."""
    if event == "predicting":
        print(f"{facts['file']}: {counted(facts['rows'], 'row')} so far", file=sys.stderr, flush=True)
    elif event == "failed":
        print(f"error: {facts['message']}", file=sys.stderr, flush=True)
    elif event == "predicted":
        print(f"{counted(facts['rows'], 'prediction')} written to {facts['out']}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with logged_by(progress) if "--progress" in sys.argv else nullcontext():
        main(run)
