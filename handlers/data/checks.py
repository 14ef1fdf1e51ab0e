"""The checks that a spec declares on its rows, and the uniqueness of row keys. A failed check is bad data; the message says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec, counted
from handlers.data.column_types import type_name
from handlers.data.listed import Listed, text
from handlers.data.statistics import is_list, missing
from handlers.modelspec.mapping import Scalar
from handlers.modelspec.model import ColumnCheck, ModelSpec, RowsCheck

if TYPE_CHECKING:
    import pyarrow as pa


class RowChecks:
    """Applies the spec's `checks` to the blocks of one source object."""

    def __init__(self, spec: ModelSpec, key: str) -> None:
        self.key = key
        self.checks = {name: check for name, check in spec.checks.items() if isinstance(check, ColumnCheck)}
        rows = spec.checks.get("rows")
        self.least = rows.min if isinstance(rows, RowsCheck) else 0
        self.rows = 0
        self.missing = dict.fromkeys(self.checks, 0)
        self.seen: dict[str, set[Any]] = {name: set() for name, check in self.checks.items() if check.unique}

    def block(self, table: pa.Table) -> None:
        """Check a block; raises BadData naming column, value, object and count."""
        self.rows += len(table)
        for name, check in self.checks.items():
            if name not in table.column_names:
                raise BadSpec(f"checks.{name}: there is no such column; the columns are {', '.join(table.column_names)}")
            column = table.column(name)
            self.missing[name] += missing(column)
            self._range(name, _present(column), check)
            if name in self.seen:
                self._unique(name, column)

    def end(self) -> None:
        """Check what needs the whole object."""
        if self.rows < self.least:
            raise BadData(f"{self.key}: {counted(self.rows, 'row')}, fewer than checks.rows.min, which is {self.least}")
        for name, check in self.checks.items():
            if check.max_missing is not None and self.rows and self.missing[name] / self.rows > check.max_missing:
                share = self.missing[name] / self.rows
                what = f"column {name!r} is missing in {share:.1%} of {counted(self.rows, 'row')}"
                raise BadData(f"{self.key}: {what}; checks.{name}.max_missing is {check.max_missing}")

    def _range(self, name: str, column: pa.ChunkedArray, check: ColumnCheck) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if check.type is not None and type_name(column.type) != check.type:
            raise BadData(f"{self.key}: column {name!r} is of type {type_name(column.type)}; checks.{name}.type is {check.type}")
        limits = ("min", check.min), ("max", check.max), ("allowed", check.allowed), ("unique", check.unique or None)
        if type_name(column.type) == "vector" and (given := [option for option, value in limits if value is not None]):
            raise BadSpec(f"checks.{name}.{given[0]}: {name!r} is a vector; accepted: type, max_missing")
        for key, limit, compare in (("min", check.min, pc.less), ("max", check.max, pc.greater)):
            if limit is None:
                continue
            try:
                outside = column.filter(pc.fill_null(compare(column, pa.scalar(limit).cast(column.type)), False))
            except pa.ArrowInvalid as error:
                raise BadSpec(f"checks.{name}.{key}: {limit!r} is not comparable with a column of type {type_name(column.type)}") from error
            if len(outside):
                found = f"column {name!r} has the value {outside[0].as_py()} in {counted(len(outside), 'row')}"
                raise BadData(f"{self.key}: {found}; checks.{name}.{key} is {limit}")
        if check.allowed is not None:
            self._allowed(name, column, check.allowed)

    def _allowed(self, name: str, column: pa.ChunkedArray, allowed: list[Scalar]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = type_name(column.type)
        if kind in ("timestamp", "date"):
            column, kind = column.cast(pa.string()), "string"
        listed = Listed(allowed, kind)
        foreign = listed.foreign(pc.unique(column).to_pylist())
        if foreign is not None:
            shown = repr(foreign) if isinstance(foreign, str) else text(foreign)
            raise BadData(f"{self.key}: column {name!r} has the value {shown}; checks.{name}.allowed has {listed}")

    def _unique(self, name: str, column: pa.ChunkedArray) -> None:
        for value in column.drop_null().to_pylist():
            if value in self.seen[name]:
                raise BadData(
                    f"{self.key}: column {name!r} has the value {value!r} more than once; checks.{name}.unique does not accept that"
                )
            self.seen[name].add(value)


def _present(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values that do not count as missing."""
    import pyarrow.compute as pc
    import pyarrow.types as t

    return column.filter(pc.is_finite(column)) if t.is_floating(column.type) else column.drop_null()


def unique(table: pa.Table, spec: ModelSpec, key: str) -> pa.Table:
    """The rows with every row key once: a duplicate is an error that names one, or, with `on_duplicate: last`, the later row wins."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = spec.data.key
    if not names:
        return table
    for name in names:
        if name not in table.column_names:
            raise BadSpec(f"data.key: {name!r} is not a column of the rows; the columns are {', '.join(table.column_names)}")
        if is_list(table.schema.field(name).type):
            raise BadSpec(f"data.key: {name!r} is a vector; a key is made of numbers, texts, booleans and times")
    numbered = table.select(names).append_column(" row", pa.arange(0, len(table)))
    groups = numbered.group_by(names).aggregate([(" row", "count"), (" row", "max")])
    if len(groups) == len(table):
        return table
    if spec.data.on_duplicate == "last":
        return table.take(groups.column(" row_max").combine_chunks().sort())
    first = groups.filter(pc.greater(groups.column(" row_count"), 1)).select([*names, " row_count"]).slice(0, 1).to_pylist()[0]
    count = first.pop(" row_count")
    shown = ", ".join(f"{name}={value}" for name, value in first.items())
    raise BadData(f"{key}: {count} rows have the key {shown}; data.key must identify one row (on_duplicate: last keeps the last)")
