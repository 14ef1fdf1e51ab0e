"""Groups in a split by time: a group has the role in which its first row falls, and its rows of later roles are left out.

So nothing is judged by rows of a group that was learned, and nothing is learned from rows that are later than its role. A part is never
rewritten: one that loses rows stands beside a copy without them, named by both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handlers.data import cut, places, stored
from handlers.data.split import ROLES
from handlers.modelspec.model import ModelSpec, TimeSplit
from handlers.storage import Store, digest, optional_json, write_json

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Mapping[str, Any]  # some rows of a part: `key`, `first`, `rows`, and what else describes them


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one part that have one role; `source` is the source object's key."""

    source: str
    role: str
    rows: Rows


def by_time(spec: ModelSpec) -> bool:
    """Whether groups are kept together by leaving rows out. A hash of the group keeps them together by itself."""
    return spec.data.group is not None and isinstance(spec.data.split, TimeSplit)


def apart(store: Store, spec: ModelSpec, found: Sequence[Piece], code: str) -> tuple[list[Piece], dict[str, int]]:
    """The pieces without the rows of groups that an earlier role has, and how many rows each role has lost by it."""
    if not by_time(spec):
        return list(found), {}
    seen, kept, left_out = Seen(store, spec), [], {}
    for role in ROLES:
        mine = [piece for piece in found if piece.role == role]
        stay = [(piece, without(store, spec, piece.rows, piece.source, seen, code)) for piece in mine]
        kept += [Piece(piece.source, role, rows) for piece, rows in stay if rows is not None]
        left_out[role] = sum(piece.rows["rows"] - (rows["rows"] if rows else 0) for piece, rows in stay)
        seen.add(piece.rows for piece in mine)
    return kept, {role: rows for role, rows in left_out.items() if rows}


class Seen:
    """The groups of some rows. They are read when they are first asked for, one column of each part."""

    def __init__(self, store: Store, spec: ModelSpec) -> None:
        import pyarrow as pa

        self._store, self._column = store, str(spec.data.group)
        self._waiting: list[Rows] = []
        self._hashes = pa.array([], pa.uint64())
        self.named: list[list[Any]] = []

    def add(self, rows: Iterable[Rows]) -> None:
        """Rows whose groups count as seen from now on."""
        added = list(rows)
        self._waiting += added
        self.named = sorted([*self.named, *([one["key"], one["first"], one["rows"]] for one in added)])

    def rows_of(self, table: pa.Table) -> pa.Array:
        """(rows,) boolean: whether the group of a row was seen."""
        import pyarrow.compute as pc

        return pc.is_in(places.hashes(table, [self._column]), value_set=self.read())

    def read(self) -> pa.Array:
        """The hashes of all groups that were seen. Raises BadData when a part is gone."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for one in self._waiting:
            column = cut.table_of(self._store, one["key"], [self._column]).slice(one["first"], one["rows"])
            self._hashes = pc.unique(pa.concat_arrays([self._hashes, pc.unique(places.hashes(column, [self._column]))]))
        self._waiting = []
        return self._hashes


def without(store: Store, spec: ModelSpec, rows: Rows, source: str, seen: Seen, code: str) -> Rows | None:
    """The rows whose group was not seen, as they are or as a copy; None where there are none."""
    import pyarrow.compute as pc

    if not seen.named:
        return rows
    named = [rows["key"], rows["first"], rows["rows"]]
    name = digest({"rows": named, "group": spec.data.group, "without": seen.named, "code": code})
    folder = f"parts/{spec.name}/{name}"
    found = optional_json(store, f"{folder}/parts.json")
    if found is None:
        table = cut.table_of(store, rows["key"]).slice(rows["first"], rows["rows"])
        new = pc.invert(seen.rows_of(table))
        count = pc.sum(new).as_py() or 0
        found = {"source": [source], "rows": count, "parts": []}
        if 0 < count < rows["rows"]:
            made = stored.write(store, folder, table.filter(new), spec, source)
            made.pop("schema")
            found["parts"] = [{**made, "first": 0}]
        write_json(store, f"{folder}/parts.json", found)
    if found["rows"] == rows["rows"]:
        return rows
    return {**rows, **found["parts"][0]} if found["parts"] else None
