"""A dataset is a manifest: which parts are train, valid and test, their schema, and the merged statistics of train."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from handlers.contracts import BadData, BadSpec, counted
from handlers.data import split as splits
from handlers.data import statistics
from handlers.data.classes import Classes
from handlers.data.listed import text
from handlers.modelspec.digests import dataset_digest
from handlers.modelspec.model import Feature, ModelSpec
from handlers.storage import Missing, Store, read_json, write_once

LEAST_ROWS = 10  # of a role; below that a metric says nothing
COLUMNS_OF = {
    "number": ("int", "float", "boolean"),
    "category": ("string", "int", "boolean"),
    "boolean": ("boolean",),
    "timestamp": ("timestamp", "date"),
    "vector": ("vector",),
    "text": ("string",),
}
FEATURE_TYPE = {"int": "number", "float": "number", "string": "category", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class PartRef:
    """One part: `key` of its Parquet object, `day`, `source` object's key, rows and bytes, `role` train, valid or test."""

    key: str
    day: str
    source: str
    rows: int
    bytes: int
    role: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """`schema` gives the type of each column, `statistics` those of train, `features` every feature with its defaults written out.

    `split` holds the first and last day of each role.
    """

    digest: str
    parts: list[PartRef]
    schema: dict[str, str]
    statistics: dict[str, statistics.Statistics]
    features: dict[str, Feature]
    split: dict[str, list[str]]

    def of_role(self, role: str) -> list[PartRef]:
        """The parts of a role, by day and source: a key is a digest of the code too, and the code must not change the order of the rows."""
        return sorted((p for p in self.parts if p.role == role), key=lambda p: (p.day, p.source))

    def days(self, *roles: str) -> list[str]:
        """The days of the roles' parts, oldest first."""
        return sorted({str(part.day) for part in self.parts if part.role in roles})


def span(days: Sequence[str]) -> str:
    return f"{days[0]} to {days[-1]}" if days else "no days"


def dataset_key(model: str, digest: str) -> str:
    return f"datasets/{model}/{digest}.json"


def build(documents: Iterable[dict[str, Any]], spec: ModelSpec, now: float, code: str) -> Dataset:
    """The dataset of all source objects' part documents; raises BadData for an empty role or a schema that differs between objects."""
    documents = sorted(documents, key=lambda d: d["source"][0])
    schema = _schema(documents)
    _columns(spec, schema)
    found = [(part, document["source"][0]) for document in documents for part in document["parts"]]
    days: dict[date, bool] = {}
    for part, _ in found:
        day = date.fromisoformat(part["day"])
        days[day] = days.get(day, False) or part["whole"]
    bounds = _bounds(days, found, spec, now)
    parts, learned = [], []
    for part, source in found:
        role = bounds.role(date.fromisoformat(part["day"]))
        if role is None:
            continue
        parts.append(PartRef(part["key"], part["day"], source, part["rows"], part["bytes"], role))
        if role == "train":
            learned.append(part)
    merged = statistics.merge(part["statistics"] for part in learned)
    digest = dataset_digest([(p.key, p.role) for p in sorted(parts, key=lambda p: p.key)], spec, code)
    dataset = Dataset(digest, parts, schema, merged, features(spec, schema), bounds.tree())
    _enough_rows(dataset, spec)
    _vectors(dataset, found)
    _both_classes(dataset, spec, found)
    return dataset


def _bounds(days: dict[date, bool], found: list[tuple[dict[str, Any], str]], spec: ModelSpec, now: float) -> splits.Bounds:
    """The split's bounds. Where they fail, one wrong date is the likely reason: the error names the newest and who holds it."""
    try:
        return splits.bounds(days, spec.data.time_split, now)
    except BadData as error:
        part, source = max(found, key=lambda f: (str(f[0]["day"]), f[1]))
        newest = f"the newest value of {spec.data.time_split.column!r}, {part['day']}, is in {counted(part['rows'], 'row')} of {source}"
        raise BadData(f"{error}; {newest}") from error


def _enough_rows(dataset: Dataset, spec: ModelSpec) -> None:
    for role in ("train", "valid", "test"):
        parts = dataset.of_role(role)
        rows = sum(part.rows for part in parts)
        if rows < LEAST_ROWS:
            first, last = dataset.split[role]
            last_part = parts[-1]
            raise BadData(
                f"data.split: {counted(rows, 'row')} for {role} ({first} to {last} of {spec.data.time_split.column!r}), but at least "
                f"{LEAST_ROWS} are needed; the newest, of {last_part.day}, are in {last_part.source}"
            )


def _schema(documents: list[dict[str, Any]]) -> dict[str, str]:
    schema: dict[str, str] = {}
    for document in documents:
        if not document["parts"]:
            continue
        if schema and document["schema"] != schema:
            name = next(n for n in [*schema, *document["schema"]] if schema.get(n) != document["schema"].get(n))
            raise BadData(
                f"{document['source'][0]}: column {name!r} is {document['schema'].get(name, 'missing')}, "
                f"in the objects before it {schema.get(name, 'missing')}; declare its type under data.sources"
            )
        schema = document["schema"]
    if not schema:
        raise BadData("no rows in any object of the sources")
    return schema


def _columns(spec: ModelSpec, schema: dict[str, str]) -> None:
    """Check that target and weight are columns of a type that can be used. Raises BadSpec."""
    target, weight = spec.data.target, spec.data.weight
    kind = schema[target.column]
    if spec.task == "regression" and kind not in ("int", "float"):
        raise BadSpec(f"data.target.column: {target.column!r} is {kind}; a regression target is int or float")
    if spec.task in ("binary", "multiclass"):
        Classes(spec, kind)
    for where, name in (("data.weight", weight), *((f"evaluate.slices.{name}", name) for name in spec.evaluate.slices)):
        if name is not None and name not in schema:
            raise BadSpec(f"{where}: {name!r} is not a column of the rows; the columns are {', '.join(schema)}")
    vector = next((name for name in spec.evaluate.slices if schema[name] == "vector"), None)
    if vector is not None:
        raise BadSpec(f"evaluate.slices.{vector}: {vector!r} is a vector; a slice is of the rows with one value")
    if weight is not None and schema[weight] not in ("int", "float"):
        raise BadSpec(f"data.weight: {weight!r} is {schema[weight]}; a weight is int or float")


def features(spec: ModelSpec, schema: dict[str, str]) -> dict[str, Feature]:
    """The declared features, or every column that is not key, target, weight or the split's, by its type. Raises BadSpec for a column
    that is not there or of which no feature can be made."""
    for name, feature in spec.features.items():
        if name not in schema:
            raise BadSpec(f"features.{name}: there is no such column; the columns are {', '.join(schema)}")
        _fits(name, feature, schema[name])
    if spec.features:
        return {name: _written_out(feature, spec) for name, feature in spec.features.items()}
    other = {*spec.data.key, spec.data.target.column, spec.data.weight, spec.data.time_split.column}
    taken = {}
    for name, kind in schema.items():
        if name in other:
            continue
        if kind not in FEATURE_TYPE:
            raise BadSpec(f"features: column {name!r} is a {kind}, which does not become a feature by default; list the features to use")
        taken[name] = Feature.model_validate({"type": FEATURE_TYPE[kind]})
    if not taken:
        raise BadSpec("features: there is no column left to learn from; the others are key, target, weight or split")
    return taken


def _fits(name: str, feature: Feature, kind: str) -> None:
    """Raise BadSpec where no such feature can be made of a column of this type."""
    if kind not in COLUMNS_OF[feature.type]:
        other = [of for of, kinds in COLUMNS_OF.items() if kind in kinds]
        raise BadSpec(
            f"features.{name}: type {feature.type}, but the column is {kind}; accepted: {', '.join(other)}, or another column type"
        )
    clock = [unit for unit in feature.units or () if unit in ("hour", "minute")]
    if kind == "date" and clock:
        raise BadSpec(f"features.{name}.units: {name!r} is a date, which has no {clock[0]}")


def _written_out(feature: Feature, spec: ModelSpec) -> Feature:
    """A timestamp is read on the clock of its own zone, else of the split's, else of UTC."""
    if feature.type != "timestamp" or feature.timezone is not None:
        return feature
    return feature.model_copy(update={"timezone": getattr(spec.data.split, "timezone", "UTC")})


def _vectors(dataset: Dataset, found: list[tuple[dict[str, Any], str]]) -> None:
    """Raise BadData for a vector of another length than its feature's."""
    sizes = {name: str(feature.size) for name, feature in dataset.features.items() if feature.type == "vector"}
    used = {part.key for part in dataset.parts}
    for part, source in found:
        for name, size in sizes.items() if part["key"] in used else ():
            wrong = {other: of for other, of in part["statistics"][name].get("sizes", {}).items() if other != size}
            if wrong:
                other, of = min(wrong.items(), key=lambda item: item[1]["first"])
                rows = counted(sum(each["rows"] for each in wrong.values()), "vector")
                raise BadData(
                    f"{source}: column {name!r} has {other} numbers in row {of['first']} of {part['day']}, features.{name}.size is {size}; "
                    f"{rows} of that day {'has' if rows.startswith('1 ') else 'have'} another length"
                )


def _both_classes(dataset: Dataset, spec: ModelSpec, found: list[tuple[dict[str, Any], str]]) -> None:
    """A classifier needs at least two classes in each role."""
    if spec.task not in ("binary", "multiclass"):
        return
    column = spec.data.target.column
    known = Classes(spec, dataset.schema[column])
    roles = {part.key: part.role for part in dataset.parts}
    for role in ("train", "valid", "test"):
        merged = statistics.merge({column: p["statistics"][column]} for p, _ in found if roles.get(p["key"]) == role)
        there = known.counted(merged[column])
        if len(there) < 2:
            only = text(known.names[there.pop()]) if there else "nothing"
            first, last = dataset.split[role]
            raise BadData(f"data.target.column: {column!r} is {only} in every row of {role} ({first} to {last}); two classes are needed")


def save(store: Store, model: str, dataset: Dataset) -> bool:
    """Write the manifest unless it is there; True when it is new."""
    tree = {
        "digest": dataset.digest,
        "parts": [{name: getattr(p, name) for name in PartRef.__slots__} for p in dataset.parts],
        "schema": dataset.schema,
        "statistics": dataset.statistics,
        "features": {name: feature.model_dump(mode="json") for name, feature in dataset.features.items()},
        "split": dataset.split,
    }
    return write_once(store, dataset_key(model, dataset.digest), tree)


def load_dataset(store: Store, model: str, digest: str) -> Dataset:
    """The dataset of a digest; raises BadData when there is none."""
    try:
        tree = read_json(store, dataset_key(model, digest))
    except Missing:
        raise BadData(f"{dataset_key(model, digest)}: no such dataset in the bucket") from None
    return Dataset(
        tree["digest"],
        [PartRef(**part) for part in tree["parts"]],
        tree["schema"],
        tree["statistics"],
        {name: Feature.model_validate(feature) for name, feature in tree["features"].items()},
        tree["split"],
    )
