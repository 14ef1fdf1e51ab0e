"""What the columns of files hold, and of the data that a model has learned from; and what changed between two states of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, counted
from handlers.data import manifest, sketch, sources, statistics, times
from handlers.explore import table as tables
from handlers.explore.distinct import Distinct
from handlers.explore.written import csv_options
from handlers.modelspec.model import Source
from handlers.runs.records import runs
from handlers.storage import Missing, Store, read_json

if TYPE_CHECKING:
    import pyarrow as pa

Doc = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP = 10
LOOKED_AT = 8 << 20  # bytes that types are guessed from; then every row is read
BINS = 24
MISSING_SHIFT = 0.01  # of the rows
MEAN_SHIFT = 0.1  # of a standard deviation
NAMED = 8  # categories that a change names


def of_files(paths: Sequence[Path]) -> Doc:
    """The columns of all rows of files, read block by block. Raises BadData for what cannot be read."""
    looked = tables.read(paths, LOOKED_AT)
    kinds = {column.name: column.type for column in looked.columns if column.type is not None}
    left_out = looked.left_out | {c.name: "its values are of different types, or lists" for c in looked.columns if c.type is None}
    if not kinds:
        raise BadData(f"{paths[0]}: no column that can be profiled: {next(iter(left_out))!r} is left out: {next(iter(left_out.values()))}")
    for _ in range(len(kinds) + 1):
        try:
            return {"files": [path.name for path in paths], **_read(paths, looked, kinds), "left_out": left_out}
        except BadData as error:
            # a value beyond those that were looked at: the column is text
            wrong = next((name for name in kinds if f"column {name!r}" in str(error) and kinds[name] != "string"), None)
            if wrong is None:
                raise
            kinds[wrong] = "string"
    raise AssertionError("every column is text by now")


def _read(paths: Sequence[Path], looked: tables.Table, kinds: Mapping[str, str]) -> Doc:
    tree = {"prefix": "incoming/profile/", "format": looked.dialect.format, "columns": dict(kinds)}
    if looked.dialect.format == "csv":
        tree["csv"] = csv_options(looked)
    source = Source.model_validate(tree)
    found: dict[str, statistics.Statistics] = {}
    distinct = {name: Distinct() for name in kinds}
    for block in _blocks(paths, source):
        found = statistics.merge([found, statistics.of_table(block, kinds)]) if found else statistics.of_table(block, kinds)
        for name, counting in distinct.items():
            counting.add(block.column(name))
    rows = next(iter(found.values()))["count"] if found else 0
    return {"rows": rows, "columns": [column(name, kinds[name], found[name], distinct[name]) for name in found]}


def _blocks(paths: Sequence[Path], source: Source) -> Iterator[pa.Table]:
    for path in paths:
        yield from sources.tables(path, path.name, source)


def column(name: str, kind: str, found: statistics.Statistics, counting: Distinct | None = None) -> Doc:
    """What the statistics of one column say. `distinct` is null where nobody counted it; `distinct_exact` is false of an estimate."""
    counts = found.get("counts")
    number, exact = (len(counts), True) if counts is not None else counting.number() if counting is not None else (None, False)
    described: Doc = {
        "name": name,
        "type": kind,
        "rows": found["count"],
        "missing": found["missing"],
        "distinct": number,
        "distinct_exact": exact,
        "min": found.get("min"),
        "max": found.get("max"),
    }
    if found.get("n") and kind in ("int", "float"):
        described |= {"mean": found["mean"], "deviation": (found["m2"] / found["n"]) ** 0.5}
        if sketch.pairs(found):
            described["quantiles"] = {f"{share:g}": sketch.quantile(found, share) for share in QUANTILES}
            described["histogram"] = histogram(sketch.pairs(found), found["min"], found["max"])
    moments = found.get("epoch", {})
    if known := times.pairs(moments):
        described["quantiles"] = {f"{share:g}": _time(times.quantile(moments, share), found) for share in QUANTILES}
        described["histogram"] = histogram(known, moments["min"], moments["max"])
    if counts is not None:
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
        described["top"] = [[value, rows] for value, rows in top]
    return described


def _time(seconds: float, found: statistics.Statistics) -> str:
    """A date or a time, written as the first and the last of the column are."""
    moment = EPOCH + timedelta(seconds=math.floor(seconds))
    if len(found["min"]) == len("2025-12-31"):
        return str(moment.date())
    return str(moment if found["min"].endswith("+00:00") else moment.replace(tzinfo=None))


def histogram(known: Sequence[tuple[float, int]], low: float, high: float) -> list[int]:
    """Rows in BINS equal steps from the least to the greatest number or time."""
    bins = [0] * BINS
    width = (high - low) / BINS
    for value, rows in known:
        bins[min(BINS - 1, max(0, int((value - low) / width))) if width > 0 else 0] += rows
    return bins


# ------------------------------------------------------------------------------------------ a model's snapshots


def of_model(store: Store, model: str) -> Doc:
    """The columns of every snapshot that the model has learned from, the newest first, and what changed between the last two."""
    taken: dict[str, Doc] = {}
    learned: list[dict[str, statistics.Statistics]] = []
    gone: BadData | None = None
    for record in runs(store, model):
        snapshot, name = (record.request or {}).get("snapshot"), (record.result or {}).get("dataset")
        if not snapshot or not name or snapshot in taken:
            continue
        try:
            dataset = manifest.load_dataset(store, model, name)
            merged = statistics.merge(_of_parts(store, dataset))
        except BadData as error:
            gone = gone or error  # `retrain gc` removes what only old runs have learned
            continue
        learned.append(merged)
        taken[snapshot] = {
            "snapshot": snapshot,
            "run": record.run,
            "at": record.at,
            "rows": sum(part.rows for part in dataset.parts),
            "columns": [column(name, dataset.schema[name], found) for name, found in merged.items()],
        }
    if not taken and gone:
        raise gone
    if not taken:
        raise BadData(f"model {model!r} has learned from no snapshot yet; `retrain profile FILE` profiles a file")
    changes = changed(learned[1], learned[0]) if len(learned) > 1 else []
    return {"model": model, "snapshots": list(taken.values()), "changes": changes}


def _of_parts(store: Store, dataset: manifest.Dataset) -> Iterator[dict[str, statistics.Statistics]]:
    """The statistics of the dataset's parts, of every role."""
    wanted = {part.key for part in dataset.parts}
    for folder in sorted({key.rpartition("/")[0] for key in wanted}):
        try:
            document = read_json(store, f"{folder}/parts.json")
        except Missing:
            raise BadData(f"{folder}/parts.json is not in the bucket any more; the next run makes it again") from None
        yield from (part["statistics"] for part in document["parts"] if part["key"] in wanted)


def changed(before: Mapping[str, statistics.Statistics], after: Mapping[str, statistics.Statistics]) -> list[Doc]:
    """What differs between two states: {"column", "what", "told"}; columns, categories, shares of missing values, means, medians."""
    found = [{"column": name, "what": "new column", "told": f"{name} is new"} for name in after if name not in before]
    found += [{"column": name, "what": "vanished column", "told": f"{name} is gone"} for name in before if name not in after]
    for name in after:
        if name in before:
            found += [{"column": name, "what": what, "told": told} for what, told in _of_column(name, before[name], after[name])]
    return found


def _of_column(name: str, a: statistics.Statistics, b: statistics.Statistics) -> Iterator[tuple[str, str]]:
    if "counts" in a and "counts" in b and "n" not in b:
        for what, values in (("new values", b["counts"].keys() - a["counts"]), ("vanished values", a["counts"].keys() - b["counts"])):
            if values:
                yield what, f"{name}: {what}: {_listed(sorted(values))}"
    shares = [found["missing"] / found["count"] if found["count"] else 0.0 for found in (a, b)]
    if abs(shares[1] - shares[0]) >= MISSING_SHIFT:
        yield "missing", f"{name}: missing in {shares[1]:.1%} of the rows, before in {shares[0]:.1%}"
    if a.get("n") and b.get("n"):
        spread = statistics.deviation(a)
        moved = (b["mean"] - a["mean"]) / spread
        if abs(moved) >= MEAN_SHIFT:
            yield "mean", f"{name}: the mean is {b['mean']:.4g}, before {a['mean']:.4g} ({moved:+.2f} standard deviations)"
        if sketch.pairs(a) and sketch.pairs(b):
            shifts = [(share, sketch.quantile(a, share), sketch.quantile(b, share)) for share in QUANTILES]
            far = [(s, old, new) for s, old, new in shifts if old is not None and new is not None and abs(new - old) >= MEAN_SHIFT * spread]
            if far:
                yield "quantiles", f"{name}: " + ", ".join(f"the {s:.0%} quantile is {new:.4g}, before {old:.4g}" for s, old, new in far)


def _listed(values: Sequence[str]) -> str:
    more = f" and {counted(len(values) - NAMED, 'other')}" if len(values) > NAMED else ""
    return ", ".join(repr(value) for value in values[:NAMED]) + more
