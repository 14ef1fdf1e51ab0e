"""Rows gathered by day come out as they went in, wherever they waited."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from handlers.data.days import Days


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 100)), max_size=30), st.sampled_from([0, 64, 1 << 20]))
def test_every_row_comes_out_once_in_order(rows: list[tuple[int, int]], held: int) -> None:
    with TemporaryDirectory() as folder:
        days = Days(Path(folder), held)
        for day, value in rows:
            days.add(date(2013, 1, day), pa.table({"v": [value]}))
        found = {day.day: pa.concat_tables(tables).column("v").to_pylist() for day, tables in days.take()}
    expected: dict[int, list[int]] = {}
    for day, value in sorted(rows, key=lambda r: r[0]):
        expected.setdefault(day, []).append(value)
    assert list(found.items()) == list(expected.items())


def test_what_is_too_much_lies_in_files(tmp_path: Path) -> None:
    days = Days(tmp_path, 0)
    days.add(date(2013, 1, 1), pa.table({"v": [1]}))
    days.add(date(2013, 1, 1), pa.table({"v": [2]}))
    assert len(list(tmp_path.iterdir())) == 2
