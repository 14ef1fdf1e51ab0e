"""What every role of a dataset must have: two classes, and with `stratify` every value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from handlers.contracts import BadData, BadSpec, counted
from handlers.data import cut, statistics
from handlers.data import split as splits
from handlers.data.classes import Classes
from handlers.data.listed import text
from handlers.modelspec.model import ModelSpec, TimeSplit
from handlers.storage import Store

if TYPE_CHECKING:
    from handlers.data.manifest import Dataset

Known = Mapping[str, Sequence[Mapping[str, statistics.Statistics]]]  # role to the statistics of its parts
ENOUGH = 20  # rows of a value from which on it is missed in a role


def both_classes(dataset: Dataset, spec: ModelSpec, known: Known) -> None:
    """A classifier needs at least two classes in each role."""
    if spec.task not in ("binary", "multiclass"):
        return
    column = spec.data.target.column
    classes = Classes(spec, dataset.schema[column])
    for role in splits.ROLES:
        merged = statistics.merge({column: found[column]} for found in known[role])
        there = classes.counted(merged[column]) if merged else set()
        if len(there) < 2:
            only = text(classes.names[there.pop()]) if there else "nothing"
            where = splits.words(dataset.unit, dataset.split[role])
            raise BadData(f"data.target.column: {column!r} is {only} in every row of {role} ({where}); two classes are needed")


def every_stratum(store: Store, dataset: Dataset, spec: ModelSpec, known: Known) -> None:
    """With `stratify`, a value that is not rare must be in every role. Raises BadData naming the value and the role.

    Where groups have roles, it is groups of which there must be enough: any number of rows of one group have one role.
    """
    split = spec.data.split
    if isinstance(split, TimeSplit) or split.stratify is None:
        return
    of_role = {role: _counts(known, role, split.stratify) for role in splits.ROLES}
    if any(counts is None for counts in of_role.values()):
        accepted = f"a string, int or boolean column with at most {statistics.LIMIT:,} values"
        raise BadSpec(f"data.split.stratify: {split.stratify!r} must be {accepted}")
    rows = Counter[str]()
    for counts in of_role.values():
        rows.update(counts)
    absent = [(value, role) for value in sorted(rows) for role in splits.ROLES if value not in (of_role[role] or {})]
    if spec.data.group and any(rows[value] >= ENOUGH for value, _ in absent):
        rows, noun = _groups(store, dataset, spec.data.group, split.stratify), f"{spec.data.group} group"
    else:
        noun = "row"
    for value, role in absent:
        if rows[value] >= ENOUGH:
            what = f"no row of {role} has {split.stratify!r} {value}, which {counted(rows[value], noun)} have"
            raise BadData(f"data.split.stratify: {what}; give {role} a larger share")


def _groups(store: Store, dataset: Dataset, group: str, column: str) -> Counter[str]:
    """How many groups have rows with each value of a column; a group counts for every value that it has."""
    import pyarrow as pa

    both = [column, group]
    each = [cut.table_of(store, part.key, both).slice(part.first, part.rows).group_by(both).aggregate([]) for part in dataset.parts]
    found = pa.concat_tables(each).group_by(both).aggregate([]).column(column).cast(pa.string())
    return Counter({pair["values"].as_py(): pair["counts"].as_py() for pair in found.value_counts()})


def _counts(known: Known, role: str, column: str) -> dict[str, int] | None:
    merged = statistics.merge({column: found[column]} for found in known[role])
    counts: dict[str, int] | None = merged[column].get("counts") if column in merged else {}
    return counts
