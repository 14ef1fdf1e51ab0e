"""Run a spec on local files in one process, in seconds, before anything is put in a bucket.

`python -m handlers.try_ SPEC [SOURCE=]FILE... [--rows N] [--keep DIR] [-o json|yaml|text]` calls the steps that a workflow would, over a
folder in place of the bucket, and prints the rows of each role, every trial's score on valid, and the verdict. SOURCE names a source of the
spec; without it a file is of the one that starts runs. `--rows` takes about so many rows of that one, evenly spread over its files, so that
every day stays present.
"""

from __future__ import annotations

import argparse
import codecs
import io
import itertools
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handlers import check, evaluate, fetch, grid, promote, train, transform
from handlers.contracts import BadData, BadSpec, HandlerError, WrongUsage, counted, log, logged_by, main
from handlers.data import csv_files, json_lines, parquet_files, streams
from handlers.data.split import ROLES, lost, words
from handlers.data.streams import damage_named
from handlers.explore import names
from handlers.explore.proposal import split_for
from handlers.modelspec import grid_values, yaml12
from handlers.modelspec.model import ModelSpec, Source
from handlers.modelspec.own_file import beside
from handlers.report.explain import valued
from handlers.runs import rounds
from handlers.storage import FolderStore, read_json

RUN = "try"


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.try_", description="Run a spec on local files in one process.")
    parser.add_argument("spec", type=Path, metavar="SPEC")
    parser.add_argument("files", nargs="+", metavar="[SOURCE=]FILE")
    parser.add_argument("--rows", type=int, metavar="N", help="use about N rows, evenly spread")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything a bucket would hold in this folder")
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="json")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    if given.output != "text":
        print(written(_result(given), given.output))
        return
    with logged_by(progress):
        try:
            print(text(_result(given)))
        except HandlerError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)


def _result(given: argparse.Namespace) -> dict[str, Any]:
    if given.rows is not None and given.rows < 1:
        raise WrongUsage(f"--rows {given.rows}: at least 1 is needed")
    spec = read_spec(given.spec, [Path(word) for word in given.files])
    files = by_source(spec, given.files)
    check.columns(spec, given.spec, files[spec.data.trigger])
    if given.keep is not None:
        return try_out(spec, files, given.keep.absolute(), given.rows)
    with tempfile.TemporaryDirectory(prefix="retrain-try-") as folder:
        return try_out(spec, files, Path(folder), given.rows)


def by_source(spec: ModelSpec, words: Sequence[str]) -> dict[str, list[Path]]:
    """The files of each source, given as FILE or SOURCE=FILE; WrongUsage where a source is unknown or has no file."""
    found: dict[str, list[Path]] = {name: [] for name in spec.data.sources}
    for word in words:
        name, path = _of_source(spec, word)
        if not path.is_file():
            raise WrongUsage(f"{path}: this file does not exist")
        if any(path.name == other.name for other in found[name]):
            raise WrongUsage(f"two files of {name!r} are called {path.name}: objects of a bucket need different names")
        found[name].append(path)
    empty = next((name for name, files in found.items() if not files), None)
    if empty is not None:
        raise WrongUsage(f"no file is given for {empty!r}, one of data.sources of the spec; add {empty}=FILE")
    return found


def _of_source(spec: ModelSpec, word: str) -> tuple[str, Path]:
    name, named, rest = word.partition("=")
    if named and name in spec.data.sources:
        return name, Path(rest)
    if not named or Path(word).is_file():
        return spec.data.trigger, Path(word)
    meant = names.nearest(name, list(spec.data.sources))
    more = f"did you mean {meant!r}?" if meant else f"the sources are {', '.join(spec.data.sources)}"
    raise WrongUsage(f"{word}: there is no such file, and the spec has no source {name!r}; {more}")


def written(found: Mapping[str, Any], output: str) -> str:
    """The result as JSON or YAML."""
    if output == "json":
        return json.dumps(found, indent=1)
    import yaml

    return str(yaml.safe_dump(dict(found), sort_keys=False, allow_unicode=True)).rstrip()


def progress(event: str, facts: Mapping[str, Any]) -> None:
    """Show progress: a line on standard error for each step that takes time."""
    nouns = {"rows": "row", "trials": "trial", "epochs": "epoch"}
    shown = {name: counted(value, nouns[name]) if name in nouns and isinstance(value, int) else value for name, value in facts.items()}
    lines = {
        "parts made": "read {source}: {rows}, {unlabelled} without a target",
        "dataset": "dataset {dataset}",
        "grid": "{trials}",
        "model.image is not used here": "model.image {image} is for a cluster: here the packages of this environment are used",
        "trial is trained": "trained {trial}: {epochs}",
    }
    if event in lines:
        print(lines[event].format_map(shown), file=sys.stderr, flush=True)


def text(found: Mapping[str, Any]) -> str:
    """Rows per role, trials with their value on valid (* the winner), the winner on test with its interval, and what the gate says."""
    verdict = found["verdict"]
    lines = [f"{role:<6} {found['rows'][role]:>10,} rows  {_words(found, role)}" for role in ROLES]
    winner = (verdict.get("winner") or {}).get("trial")
    lines += ["", f"{'':2}{'trial':<18}{found['trials'][0]['select_by'] + ' on valid':<24}parameters"]
    for trial in found["trials"]:
        value = "-" if trial["value"] is None else f"{trial['value']:.4f}"
        params = ", ".join(f"{name}={value}" for name, value in trial["params"].items()) or "-"
        lines.append(f"{'* ' if trial['trial'] == winner else '  '}{trial['trial']:<18}{value:<24}{params}")
    lines += ["", *searched(verdict.get("search"))]
    for name, metric in verdict["metrics"].items():
        lines.append(f"{name} on test: {valued(metric['challenger'])}")
    return "\n".join([*lines, f"{verdict['decision']}: {verdict['reason']}"])


def searched(search: Mapping[str, Any] | None) -> list[str]:
    """A line for each round of the search, and why no more followed."""
    lines = []
    for found in search["rounds"] if search else []:
        best = "-" if found["best"] is None else f"{found['best']:.4f}"
        lines.append(f"round {found['round'] + 1}: {counted(found['trials'], 'trial')} of {counted(found['epochs'], 'epoch')}, best {best}")
    return [*lines, f"the search ended: {search['end']}", ""] if search and lines else []


def _words(found: Mapping[str, Any], role: str) -> str:
    """Which rows a role has, and how many it has lost."""
    said = words(found["unit"], found["split"][role])
    return f"{said}; {lost(found['left_out'][role], found['group'])}" if role in found["left_out"] else said


def read_spec(path: Path, files: Sequence[Path] = ()) -> ModelSpec:
    """The spec of a file, with the statement that stands beside it; raises WrongUsage when there is no such file.

    `files` are looked at where the spec has no split, to propose one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{path}: cannot be read: {error}") from error
    try:
        return grid_values.replaced(fetch.checked(text, str(path), *beside(path)), "", os.environ)
    except BadSpec as error:
        line = (
            split_for(yaml12.load(text), files, datetime.now(UTC).date()) if "spec.data.split: this key is required" in str(error) else None
        )
        raise BadSpec(f"{error}\nwhat these files suggest:\n    {line}" if line else str(error)) from error


def try_out(spec: ModelSpec, files: Mapping[str, Sequence[Path]], folder: Path, rows: int | None = None) -> dict[str, Any]:
    """What a run over these files of each source gives: its rows, split, trials and verdict. `folder` becomes the bucket."""
    store = FolderStore(folder / "bucket")
    if spec.model.image is not None:
        log("model.image is not used here", image=spec.model.image)
    for name, source in spec.data.sources.items():
        # of a table that rows are joined to a part would lose most of them
        for path, data in taken(files[name], source, rows if name == spec.data.trigger else None):
            store.put(f"{source.prefix}{path.name}", data)
    with _bucket(f"file://{folder}/bucket"):
        return _steps(spec, store, folder / "out")


@contextmanager
def _bucket(name: str) -> Iterator[None]:
    before = os.environ.get("RETRAIN_BUCKET")
    os.environ["RETRAIN_BUCKET"] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ["RETRAIN_BUCKET"]
        else:
            os.environ["RETRAIN_BUCKET"] = before


def _steps(spec: ModelSpec, store: FolderStore, out: Path) -> dict[str, Any]:
    """The steps in the order of the workflow, each by its own command line."""
    common = ["--model", spec.name, "--spec", spec.text()]

    def output(name: str) -> str:
        return (out / name).read_text(encoding="utf-8")

    def to(*names: str) -> list[str]:
        return [word for name in names for word in (f"--{name}-out", str(out / name))]

    fetch.run(["snapshot", *common, "--run", RUN, *to("decision", "snapshot", "reason")])
    decision = output("decision")
    if decision != "train":
        raise WrongUsage(f"nothing to try: {output('reason')}; give --keep a new folder")
    transform.run([*common, "--snapshot", output("snapshot"), "--run", RUN, *to("dataset", "summary")])
    grid.run([*common, "--run", RUN, *to("trials", "more")])
    at = ["--dataset", output("dataset")]
    scores: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    for number in itertools.count(1):
        results = []
        for trial in json.loads(output("trials")):
            train.run([*common, *at, "--trial", json.dumps(trial), "--run", RUN, *to("result")])
            results.append(json.loads(output("result")))
            params[results[-1]["trial"]] = rounds.asked(store, spec.name, RUN, trial)["params"]
        judged = results
        if spec.search.has_rounds:
            asked = ["next", *common, "--run", RUN, "--round", str(number), "--results", json.dumps(results)]
            grid.run([*asked, *to("trials", "more", "judged")])
            judged = json.loads(output("judged"))
        for result in judged:
            evaluate.run([*common, *at, "--result", json.dumps(result), "--run", RUN, *to("scores")])
            scores.append({"params": params[result["trial"]], **json.loads(output("scores"))})
        if output("more") == "no":
            break
    judging = ["--run", RUN, "--results", json.dumps(scores), "--decision", decision]
    promote.run(["judge", *common, *at, *judging, *to("verdict", "again")])
    summary = json.loads(output("summary"))
    verdict = read_json(store, f"runs/{spec.name}/{RUN}/verdict.json")
    shown = {name: summary[name] for name in ("rows", "split", "unit", "left_out")}
    return {**shown, "group": spec.data.group, "trials": scores, "verdict": verdict}


def taken(files: Sequence[Path], source: Source, rows: int | None) -> Iterator[tuple[Path, bytes]]:
    """Each file's bytes; with `rows` every n-th row of it, and its last, so that about that many are left of all files together."""
    try:
        step = 1 if rows is None else max(1, math.ceil(sum(_count(path, source) for path in files) / rows))
        for path in files:
            yield path, path.read_bytes() if step == 1 else _every(path, source, step)
    except OSError as error:
        raise WrongUsage(f"{error.filename}: cannot be read: {error.strerror}") from error


def _count(path: Path, source: Source) -> int:
    if source.format == "parquet":
        with damage_named(path, path.name, source):
            return int(parquet_files.opened(path, path.name).metadata.num_rows)
    return sum(1 for _ in _records(path, source)) - (source.format == "csv" and source.csv.header)


def _records(path: Path, source: Source) -> Iterator[bytes]:
    """The records of a text file in UTF-8, each with its line end: of a CSV those lines that stand together in quotes as one."""
    is_csv = source.format == "csv"
    whole = csv_files.whole_records(source.csv.delimiter) if is_csv else json_lines.whole_lines
    with damage_named(path, path.name, source), streams.text(path, path.name, source) as stream:
        try:
            for block in streams.blocks(stream, csv_files.BLOCK_BYTES, csv_files.LONGEST_RECORD, whole):
                lines = streams.lines(io.BytesIO(block))
                found = csv_files.records(lines, source.csv.delimiter) if is_csv else ((line.strip(), line) for line in lines)
                yield from (text.encode("utf-8", "surrogateescape") for values, text in found if values)
        except streams.NoEnd:
            raise BadData(f"{path.name}: a record has no end; without --rows the message says which") from None


def _every(path: Path, source: Source, step: int) -> bytes:
    """Every n-th record and the last, in UTF-8 and not compressed; a byte order mark says so where the spec says otherwise."""
    if source.format == "parquet":
        return _every_of_parquet(path, source, step)
    records = _records(path, source)
    kept = [] if streams.is_utf8(source.csv.encoding) else [codecs.BOM_UTF8]
    if source.format == "csv" and source.csv.header:
        kept.append(next(records, b""))
    last = b""
    for number, last in enumerate(records):
        if number % step == 0:
            kept.append(last)
    if last and kept[-1] is not last:
        kept.append(last)
    return b"".join(kept)


def _every_of_parquet(path: Path, source: Source, step: int) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    sink = io.BytesIO()
    with damage_named(path, path.name, source):
        file = parquet_files.opened(path, path.name)
        done, last = 0, file.metadata.num_rows - 1
        with parquet.ParquetWriter(sink, file.schema_arrow) as writer:
            for batch in file.iter_batches(parquet_files.batch_rows(file.metadata)):
                wanted = [row for row in range(len(batch)) if (done + row) % step == 0 or done + row == last]
                writer.write_batch(batch.take(pa.array(wanted, pa.int64())))
                done += len(batch)
    return sink.getvalue()


if __name__ == "__main__":
    main(run)
