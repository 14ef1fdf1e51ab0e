"""Predictions of the champion for files under score/<model>/: `python -m handlers.score --model M [--event BASE64]`.

With an event the file that it names, without one every file that has no predictions of this champion yet. They are
`predictions/<model>/<file>/<digest>.csv` (`.parquet` for a Parquet file) and, last of all, `<digest>.json`, which says by which model and
from which content. The digest is of content and model: the same file again makes nothing, whoever announces it how often.

A model that a file of one's own made predicts with `--code`, the text of models/<model>.py as the ConfigMap has it, if that is the file
that made it. No event and no object of the bucket names code that is run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from handlers.contracts import BadData, RetrainRequest, TryAgain, WrongUsage, decoded, log, long_argument, main
from handlers.runs import exports
from handlers.runs.named import Named, named
from handlers.scoring import files, tables
from handlers.scoring.scorer import Scorer
from handlers.storage import Changed, Store, content_digest, digest, open_store, optional_json, write_once

FORMAT = 1


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.score", description="Predictions of the champion for files of the bucket.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--event", default="", metavar="BASE64")
    parser.add_argument("--code", default="", metavar="TEXT", help="models/MODEL.py, where there is one")
    return parser.parse_args(argv)


def run(argv: list[str] | None = None) -> None:
    given = arguments(argv)
    store = open_store()
    code = long_argument(given.code, "--code") or None
    found = named(store, given.model, code)
    scorer = exports.scorer(found.export, code)
    for key in _keys(store, given.model, given.event):
        score(store, found, scorer, key)


def _keys(store: Store, model: str, event: str) -> Iterator[str]:
    """The file that the event names, or else all of them; BadData for one that is elsewhere."""
    prefix = f"score/{model}/"
    if not event:
        yield from [info.key for info in store.list(prefix)]
        return
    key = RetrainRequest.of(decoded(event, "the event")).key
    if not key.startswith(prefix) or key == prefix:
        raise BadData(f"the event's key is {key[:200]!r}; a file to predict for lies under {prefix}")
    yield key


def score(store: Store, found: Named, scorer: Scorer, key: str) -> None:
    """The predictions for one file, unless they are there."""
    with tempfile.TemporaryDirectory(prefix="retrain-score-") as place:
        path = Path(place, PurePosixPath(key).name)
        info = store.head(key)
        if info is None:
            log("file is gone, nothing is predicted", key=key)
            return
        try:
            content = content_digest(store, key, info.etag, path)
        except Changed:
            raise TryAgain(f"{key} was put again while it was read") from None
        export = found.export.listed["digest"]
        where = f"predictions/{found.model}/{key.removeprefix(f'score/{found.model}/')}/{digest({'content': content, 'export': export})}"
        if optional_json(store, f"{where}.json") is not None:
            log("predictions are there already", key=key, predictions=where)
            return
        out, rows = _predicted(scorer, path, key)
        store.upload(out, f"{where}{out.suffix}")
        number = (found.record or {}).get("number")
        made: dict[str, Any] = {"format": FORMAT, "model": found.model, "champion": number, "trial": found.trial, "export": export}
        write_once(store, f"{where}.json", {**made, "key": key, "content": content, "rows": rows, "predictions": f"{where}{out.suffix}"})
        log("predicted", key=key, rows=rows, predictions=f"{where}{out.suffix}")


def _predicted(scorer: Scorer, path: Path, key: str) -> tuple[Path, int]:
    form = tables.format_of(path)
    if form == "csv" and scorer.documents.schema["csv"]["dates"] and find_spec("duckdb") is None:
        raise BadData(f"{key}: csv.dates needs DuckDB, which this image does not have; give the rows as Parquet")
    out = path.with_name(f"{path.name}.predictions.{'parquet' if form == 'parquet' else 'csv'}")
    try:
        return out, files.predict(scorer, [path], out, proba=scorer.probable)
    except WrongUsage as error:
        raise BadData(f"{key}: {error}") from error


if __name__ == "__main__":
    main(run)
