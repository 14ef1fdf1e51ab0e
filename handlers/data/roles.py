"""What every role of a dataset must have: two classes, and with `stratify` every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from handlers.contracts import BadData, BadSpec
from handlers.data import split as splits
from handlers.data import statistics
from handlers.data.classes import Classes
from handlers.data.listed import text
from handlers.modelspec.model import ModelSpec, TimeSplit

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


def every_stratum(spec: ModelSpec, known: Known) -> None:
    """With `stratify`, a value that is not rare must be in every role. Raises BadData naming the value and the role."""
    split = spec.data.split
    if isinstance(split, TimeSplit) or split.stratify is None:
        return
    of_role = {role: _counts(known, role, split.stratify) for role in splits.ROLES}
    if any(counts is None for counts in of_role.values()):
        accepted = f"a string, int or boolean column with at most {statistics.LIMIT:,} values"
        raise BadSpec(f"data.split.stratify: {split.stratify!r} must be {accepted}")
    values = sorted({value for counts in of_role.values() for value in counts or {}})
    for value in values:
        rows = sum((counts or {}).get(value, 0) for counts in of_role.values())
        missing = next((role for role, counts in of_role.items() if value not in (counts or {})), None)
        if missing and rows >= ENOUGH:
            what = f"no row of {missing} has {split.stratify!r} {value}, which {rows} rows have"
            raise BadData(f"data.split.stratify: {what}; give {missing} a larger share")


def _counts(known: Known, role: str, column: str) -> dict[str, int] | None:
    merged = statistics.merge({column: found[column]} for found in known[role])
    counts: dict[str, int] | None = merged[column].get("counts") if column in merged else {}
    return counts
