"""A dataset is a manifest: which parts are train, valid and test, their schema, and the merged statistics of train."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.contracts import BadData, BadSpec, counted
from handlers.data import cut, groups, roles, statistics
from handlers.data import split as splits
from handlers.data.classes import Classes
from handlers.data.stored import one_schema
from handlers.modelspec.digests import dataset_digest
from handlers.modelspec.model import Feature, HashSplit, ModelSpec, RandomSplit, TimeSplit
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


DESCRIBED = ("key", "rows", "bytes", "units", "first")


@dataclass(frozen=True, slots=True)
class PartRef:
    """Rows of one part that have one role: `rows` of them from row `first` on in the Parquet object `key`, which has `bytes`.

    `units` are the units of these rows, the lowest first; of steps only the first and the last. `source` is the source object's key, of
    a part that objects share the key of the first.
    """

    key: str
    source: str
    role: str
    rows: int
    bytes: int
    units: list[int]
    first: int = 0


@dataclass(frozen=True, slots=True)
class Dataset:
    """`schema` gives the type of each column, `statistics` those of train, `features` every feature with its defaults written out.

    `unit` is what rows are told apart by, `split` holds the first and last of each role. `left_out` counts the rows by time that a role
    has lost because an earlier one has their group. `shared` has the keys of the objects of a share, by the first. `made_by` names what
    makes the rows of an object but its content: statement, types, reference tables, code.
    """

    digest: str
    parts: list[PartRef]
    schema: dict[str, str]
    statistics: dict[str, statistics.Statistics]
    features: dict[str, Feature]
    split: dict[str, list[Any]]
    unit: str = "day"
    left_out: dict[str, int] = field(default_factory=dict)
    shared: dict[str, list[str]] = field(default_factory=dict)
    made_by: str = ""

    def objects_of(self, part: PartRef) -> list[str]:
        """The keys of the source objects that a part is made of."""
        return self.shared.get(part.source, [part.source])

    def objects(self) -> list[str]:
        """The keys of all source objects, in order."""
        return sorted({key for part in self.parts for key in self.objects_of(part)})

    def of_role(self, role: str) -> list[PartRef]:
        """The parts of a role, in the order of their rows."""
        return sorted((p for p in self.parts if p.role == role), key=_place)

    def units(self, *roles: str) -> list[int]:
        """The units of the roles' rows, the lowest first; of steps those that parts begin or end with."""
        return sorted({unit for part in self.parts if part.role in roles for unit in part.units})

    def words(self, role: str) -> str:
        """ "16 days, 2013-01-01 to 2013-01-16" or "10 % of the rows": what the role's rows are."""
        if self.unit == "place":
            return splits.words(self.unit, self.split[role])
        return span(self.unit, self.units(role))


def _place(part: PartRef) -> tuple[int, str, int]:
    """By unit and source; not by key, a digest of the code too, which must not change the order of the rows."""
    return part.units[0], part.source, part.first


def span(unit: str, units: list[int]) -> str:
    """ "14 days, 2013-01-01 to 2013-01-14" of some units; of steps, and of the places of a hash, not how many."""
    if not units:
        return f"no {unit}s"
    ends = f"{splits.label(unit, units[0])} to {splits.label(unit, units[-1])}"
    return f"{unit}s {ends}" if unit in ("step", "place") else f"{counted(len(units), unit)}, {ends}"


def dataset_key(model: str, digest: str) -> str:
    return f"datasets/{model}/{digest}.json"


def build(store: Store, documents: Iterable[dict[str, Any]], spec: ModelSpec, as_of: float, code: str, made_by: str = "") -> Dataset:
    """The dataset of all source objects' part documents; raises BadData for an empty role or a schema that differs between objects."""
    documents = sorted(documents, key=lambda d: d["source"][0])
    schema = _schema(documents, spec)
    _columns(spec, schema)
    used = features(spec, schema)
    shared = {str(d["source"][0]): [str(key) for key, *_ in d["members"]] for d in documents if "members" in d}
    bounds = _bounds(store, documents, spec, as_of, shared)
    names, ranges = zip(*bounds.spans(), strict=True)
    found = [
        groups.Piece(document["source"][0], role, piece)
        for document in documents
        for part in document["parts"]
        for role, piece in zip(names, cut.pieces(store, part, ranges, spec), strict=True)
        if piece is not None
    ]
    pieces, left_out = groups.apart(store, spec, found, code)
    known: dict[str, list[dict[str, statistics.Statistics]]] = {role: [] for role in splits.ROLES}
    for piece in pieces:
        _vectors(store, spec, piece, shared)
        known[piece.role].append(piece.rows["statistics"])
    parts = [PartRef(source=p.source, role=p.role, **{name: p.rows[name] for name in DESCRIBED}) for p in pieces]
    merged = statistics.merge(known["train"])
    digest = dataset_digest([named(p) for p in sorted(parts, key=_place)], spec, code)
    dataset = Dataset(digest, parts, schema, merged, used, bounds.tree(), bounds.unit, left_out, shared, made_by)
    _enough_rows(store, dataset, spec)
    roles.both_classes(dataset, spec, known)
    roles.every_stratum(store, dataset, spec, known)
    return dataset


def named(part: PartRef) -> list[Any]:
    """What says which rows a part of a role holds."""
    return [part.key, part.role, part.first, part.rows]


def _bounds(store: Store, documents: list[dict[str, Any]], spec: ModelSpec, as_of: float, shared: Mapping[str, list[str]]) -> splits.Bounds:
    """The split's bounds. Where they fail, one wrong date is the likely reason: the error names the newest and who holds it."""
    found = [(part, document["source"][0]) for document in documents for part in document["parts"]]
    units: dict[int, bool] = {}
    for part, _ in found:
        newest = part["units"][-1]
        units |= dict.fromkeys(part["units"][:-1], True) | {newest: units.get(newest, False) or part["whole"]}
    split = spec.data.split
    try:
        return splits.bounds(units, split, as_of)
    except BadData as error:
        if not isinstance(split, TimeSplit):
            raise
        part, source = max(found, key=lambda f: (f[0]["units"][-1], f[1]))
        newest = splits.label(splits.unit_of(split), part["units"][-1])
        key = cut.object_of(store, part["key"], part["rows"] - 1, shared.get(source, [source]))
        raise BadData(f"{error}; the newest value of {split.column!r}, {newest}, is in {key}") from error


def _enough_rows(store: Store, dataset: Dataset, spec: ModelSpec) -> None:
    for role in splits.ROLES:
        parts = dataset.of_role(role)
        rows = sum(part.rows for part in parts)
        if rows >= LEAST_ROWS:
            continue
        what = f"data.split: {counted(rows, 'row')} for {role} ({splits.words(dataset.unit, dataset.split[role])}"
        if not isinstance(spec.data.split, TimeSplit):
            raise BadData(f"{what}), but at least {LEAST_ROWS} are needed; {_small(dataset, spec, spec.data.split, role)}")
        if role in dataset.left_out:
            why = f"{splits.lost(dataset.left_out[role], spec.data.group)} (data.group)"
            raise BadData(f"{what} of {spec.data.split.column!r}), but at least {LEAST_ROWS} are needed; {why}")
        why = f"{what} of {spec.data.split.column!r}), but at least {LEAST_ROWS} are needed"
        if not parts:
            raise BadData(why)
        last = parts[-1]
        key = cut.object_of(store, last.key, last.first + last.rows - 1, dataset.objects_of(last))
        raise BadData(f"{why}; the newest, of {splits.label(dataset.unit, last.units[-1])}, are in {key}")


def _small(dataset: Dataset, spec: ModelSpec, split: HashSplit | RandomSplit, role: str) -> str:
    """Why a role has few rows: there are few, or few that differ in what they are split by, so that all of them have one role."""
    count, rows = (sum(part.rows for part in parts) for parts in (dataset.parts, dataset.of_role(role)))
    share = {"valid": split.valid, "test": split.test}.get(role, 1 - split.valid - split.test)
    if rows or count * share < LEAST_ROWS:
        return f"there {'is' if count == 1 else 'are'} {counted(count, 'row')} in all: give {role} a larger share"
    by = spec.data.group or ", ".join(split.key if isinstance(split, HashSplit) else spec.data.key) or "values"
    return (
        f"rows with the same {by} stay together, and too few of the {counted(count, 'row')} differ in that: split by what has more values"
    )


def _schema(documents: list[dict[str, Any]], spec: ModelSpec) -> dict[str, str]:
    schema = one_schema(documents, "data.sources")
    unlabelled = sum(document["unlabelled"] for document in documents)
    if not schema and unlabelled:
        raise BadData(f"column {spec.data.target.column!r} is missing in all of {counted(unlabelled, 'row')} (data.target.column)")
    if not schema:
        raise BadData("no rows in any object of the sources")
    return schema


def _columns(spec: ModelSpec, schema: dict[str, str]) -> None:
    """Check that target and weight are columns of a type that can be used. Raises BadSpec."""
    target, weight = spec.data.target, spec.data.weight
    kind = schema[target.column]
    if spec.task == "regression" and kind not in ("int", "float"):
        raise BadSpec(f"data.target.column: {target.column!r} is {kind}; a regression target is int or float")
    if spec.task == "ranking" and kind not in ("int", "float", "boolean"):
        raise BadSpec(f"data.target.column: {target.column!r} is {kind}; the relevance of a row is int, float or boolean")
    if spec.task in ("binary", "multiclass"):
        Classes(spec, kind)
    for where, name in (
        ("data.weight", weight),
        *((f"evaluate.slices.{name}", name) for name in spec.evaluate.slices),
        *(("evaluate.interval.cluster", name) for name in splits.clusters(spec).columns),
    ):
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
    other = {*spec.data.key, *splits.only_for_splitting(spec), spec.data.target.column, spec.data.weight}
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


def _vectors(store: Store, spec: ModelSpec, piece: groups.Piece, shared: Mapping[str, list[str]]) -> None:
    """Raise BadData for a vector of another length than its feature's."""
    part = piece.rows
    for name, feature in spec.features.items():
        sizes = part["statistics"][name].get("sizes", {}) if feature.type == "vector" else {}
        wrong = {size: of for size, of in sizes.items() if size != str(feature.size)}
        if wrong:
            size, of = min(wrong.items(), key=lambda item: item[1]["first"])
            rows = counted(sum(each["rows"] for each in wrong.values()), "vector")
            row = part["first"] + of["first"]
            source = cut.object_of(store, part["key"], row - 1, shared.get(piece.source, [piece.source]))
            raise BadData(
                f"{source}: column {name!r} has {rows} of another length than features.{name}.size, which is {feature.size}; "
                f"the first has {size} numbers and is in row {row} of {part['key']}"
            )


def save(store: Store, model: str, dataset: Dataset) -> bool:
    """Write the manifest unless it is there; True when it is new."""
    tree = {
        "digest": dataset.digest,
        "parts": [{name: getattr(p, name) for name in PartRef.__slots__} for p in dataset.parts],
        "schema": dataset.schema,
        "statistics": dataset.statistics,
        "features": {name: feature.model_dump(mode="json") for name, feature in dataset.features.items()},
        "split": dataset.split,
        "unit": dataset.unit,
        "left_out": dataset.left_out,
        **({"shared": dataset.shared} if dataset.shared else {}),
        "made_by": dataset.made_by,
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
        [_part(part) for part in tree["parts"]],
        tree["schema"],
        tree["statistics"],
        {name: Feature.model_validate(feature) for name, feature in tree["features"].items()},
        tree["split"],
        tree.get("unit", "day"),
        tree.get("left_out", {}),
        tree.get("shared", {}),
        tree.get("made_by", ""),
    )


def _part(tree: dict[str, Any]) -> PartRef:
    """A part as the manifest has it; manifests of earlier releases have parts of one `day`."""
    tree = dict(tree)
    if "day" in tree:
        tree["units"] = [splits.number(tree.pop("day"))]
    return PartRef(**tree)
