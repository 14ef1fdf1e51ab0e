"""Parquet with the types that other writers use; what no feature can use is refused by name, and memory stays bounded."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from handlers.contracts import BadData
from handlers.data import parquet_files, query, sources, statement
from tests.handlers.data.files import KEY, declared, read, refused

NOON = datetime(2025, 3, 4, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


def written(tmp_path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = tmp_path / "object"
    parquet.write_table(pa.table(columns), path, **options)
    return path


def column(tmp_path: Path, values: Any, kind: str | None = None, **options: Any) -> list[Any]:
    table = read(written(tmp_path, {"c": values}, **options), declared("parquet", {"c": kind} if kind else {}))
    return list(table.column("c").to_pylist())


@pytest.mark.parametrize("width", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_of_any_width(tmp_path: Path, width: str) -> None:
    for kind, expected in (("int", 5), (None, 5), ("float", 5.0), ("string", "5")):
        assert column(tmp_path, pa.array([5, None], width), kind) == [expected, None]


def test_integers_beyond_64_bits_with_a_sign(tmp_path: Path) -> None:
    path = written(tmp_path, {"c": pa.array([1, 2**63], pa.uint64())})
    message = "column 'c' in row 2: '9223372036854775808' is not an int, which has 64 bits; declare the column float or string"
    assert refused(path, declared("parquet", {})) == message
    assert refused(path, declared("parquet", {"c": "int"})) == message
    assert read(path, declared("parquet", {"c": "float"})).column("c").to_pylist() == [1.0, 2.0**63]
    assert column(tmp_path, pa.array([2**53 + 1]), "float") == [2.0**53]


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_text_of_any_kind(tmp_path: Path, kind: str) -> None:
    assert column(tmp_path, pa.array(["a", None], kind)) == ["a", None]
    assert column(tmp_path, pa.array(["5", None], kind), "int") == [5, None]


def test_bytes_that_are_text(tmp_path: Path) -> None:
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        assert column(tmp_path, pa.array(["é".encode(), None], kind), "string") == ["é", None]


def test_dictionaries_are_their_values(tmp_path: Path) -> None:
    assert column(tmp_path, pa.array(["a", None, "a"]).dictionary_encode()) == ["a", None, "a"]
    assert column(tmp_path, pa.array([7, None, 7]).dictionary_encode()) == [7, None, 7]


def test_decimals_and_small_floats(tmp_path: Path) -> None:
    assert column(tmp_path, pa.array([Decimal("1.25"), None])) == [1.25, None]
    assert column(tmp_path, pa.array([Decimal("2.00")]), "int") == [2]
    path = written(tmp_path, {"c": pa.array([Decimal("2.50")])})
    assert refused(path, declared("parquet", {"c": "int"})) == "column 'c' in row 1: '2.50' is not an int; declare the column float"
    assert column(tmp_path, pa.array([1.5, None], pa.float16())) == [1.5, None]
    assert column(tmp_path, pa.array([1.5, None], pa.float32())) == [1.5, None]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("ns", "Europe/Berlin")]
)
@pytest.mark.parametrize("int96", [False, True])
def test_timestamps_of_any_unit_and_zone(tmp_path: Path, kind: Any, int96: bool) -> None:
    given = pa.array([NOON if kind.tz else NAIVE, None], kind)
    assert column(tmp_path, given, "timestamp", use_deprecated_int96_timestamps=int96) == [NOON, None]


def test_int96_reaches_the_years_that_stand_for_never(tmp_path: Path) -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    given = pa.array([far.replace(tzinfo=None)], pa.timestamp("us"))
    assert column(tmp_path, given, use_deprecated_int96_timestamps=True) == [far]


def test_dates(tmp_path: Path) -> None:
    for kind in (pa.date32(), pa.date64()):
        assert column(tmp_path, pa.array([date(2025, 3, 4), None], kind)) == [date(2025, 3, 4), None]
    assert column(tmp_path, pa.array([date(2025, 3, 4)]), "timestamp") == [datetime(2025, 3, 4, tzinfo=UTC)]
    path = written(tmp_path, {"c": pa.array([datetime(2025, 3, 4), NAIVE], pa.timestamp("us"))})
    assert refused(path, declared("parquet", {"c": "date"})) == "column 'c' in row 2: '2025-03-04 12:00:00' is not a date"
    midnight = pa.array([datetime(2025, 3, 4, 23, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))
    assert column(tmp_path, midnight, "date") == [date(2025, 3, 5)]


def test_times_beyond_the_calendar_are_refused(tmp_path: Path) -> None:
    for kind, arrow in (("date", pa.date32()), ("timestamp", pa.timestamp("us"))):
        path = written(tmp_path, {"c": pa.array([0, 2**31 - 1 if kind == "date" else 2**62], arrow)})
        assert refused(path, declared("parquet", {})).endswith(
            f"is a {kind} beyond the years 1 to 9999; write null if it stands for a missing value"
        )
        query_rows = query.rows(iter([parquet.read_table(path)]), "SELECT c FROM incoming", "incoming", KEY)
        with pytest.raises(BadData, match="beyond the years 1 to 9999"):
            list(query_rows)


def test_numbers_are_no_times(tmp_path: Path) -> None:
    for kind in ("timestamp", "date"):
        assert refused(written(tmp_path, {"c": [1_700_000_000]}), declared("parquet", {"c": kind})).startswith(
            f"column 'c' is declared {kind} and is an int in the file"
        )


def test_nan_stands_for_missing_where_a_number_is_whole(tmp_path: Path) -> None:
    assert column(tmp_path, pa.array([1.0, math.nan, None]), "int") == [1, None, None]
    assert column(tmp_path, pa.array([1.0, 0.0, math.nan]), "boolean") == [True, False, None]
    assert "'2' is not a boolean" in refused(written(tmp_path, {"c": [1, 2]}), declared("parquet", {"c": "boolean"}))


def test_a_float_that_is_missing_is_a_missing_text(tmp_path: Path) -> None:
    assert column(tmp_path, pa.array([1.0, 1.5, float("nan"), float("inf"), None]), "string") == ["1", "1.5", None, None, None]


def test_a_name_with_blanks_is_told_with_them(tmp_path: Path) -> None:
    path = written(tmp_path, {" n ": pa.array([1])})
    assert refused(path, declared("parquet", {"n": "int"})) == "column 'n' is missing; the file has ' n '; did you mean ' n '?"


def test_a_column_of_nothing_is_what_it_is_declared(tmp_path: Path) -> None:
    assert column(tmp_path, pa.nulls(2), "int") == [None, None]


USELESS = {
    "time32[ms]": pa.array([1], pa.time32("ms")),
    "duration[s]": pa.array([1], pa.duration("s")),
    "binary": pa.array([b"\xff"]),
    "list<element: string>": pa.array([["a"]]),
    "struct<a: int64>": pa.array([{"a": 1}]),
}


@pytest.mark.parametrize("kind", USELESS)
def test_what_no_feature_can_use_is_refused_unless_a_query_makes_something_of_it(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, {"n": [1], "c": USELESS[kind]})
    what = f"has type {kind}, which no feature can use"
    refusal = f"column 'c' {what}; declare the columns to read, or make something of it in data.query"
    assert refused(path, declared("parquet", {})) == refusal
    as_text = f"column 'c' is declared string and {what}"
    if kind == "binary":
        as_text = "column 'c' in row 1: it is declared string and has bytes that are not UTF-8"
    assert refused(path, declared("parquet", {"n": "int", "c": "string"})) == as_text
    assert read(path, declared("parquet", {"n": "int"})).column_names == ["n"]
    assert read(path, declared("parquet", {}), ()).column_names == ["n", "c"]
    assert read(path, declared("parquet", {"n": "int"}), ("c", "n")).column_names == ["n", "c"]


def test_lists_of_numbers_are_vectors(tmp_path: Path) -> None:
    for kind in (pa.list_(pa.int16()), pa.large_list(pa.float32()), pa.list_(pa.decimal128(5, 2)), pa.list_(pa.int64(), 2)):
        assert column(tmp_path, pa.array([[1, 2], None], kind)) == [[1.0, 2.0], None]
    assert column(tmp_path, pa.array([[2**53 + 1]]), "vector") == [[2.0**53]]


def test_a_query_flattens_what_is_nested(tmp_path: Path) -> None:
    path = written(tmp_path, {"n": [1, 2], "c": [{"a": 1.5, "l": ["x", "y"]}, None]})
    sql = "SELECT n, c.a AS a, c.l[2] AS last FROM incoming"
    tables = sources.tables(path, KEY, declared("parquet", {}), statement.names(sql))
    found = pa.concat_tables(query.rows(tables, sql, "incoming", KEY))
    assert found.to_pylist() == [{"n": 1, "a": 1.5, "last": "y"}, {"n": 2, "a": None, "last": None}]


def test_a_file_without_rows(tmp_path: Path) -> None:
    path = written(tmp_path, {"c": pa.array([], pa.int16())})
    assert list(sources.tables(path, KEY, declared("parquet", {"c": "int"}))) == []
    assert parquet_files.batch_rows(parquet.ParquetFile(path).metadata) == parquet_files.BATCH_ROWS


def test_a_giant_row_group_is_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "BATCH_BYTES", 1 << 20)
    rows = 400_000
    text = pc.binary_repeat(pc.utf8_lpad(pa.array(range(rows)).cast(pa.string()), 8, "0"), 20)
    path = written(tmp_path, {"n": range(rows), "s": text}, row_group_size=rows, compression="zstd", use_dictionary=False)
    del text
    assert parquet.ParquetFile(path).metadata.num_row_groups == 1
    before, most, seen = pa.total_allocated_bytes(), 0, 0
    for table in sources.tables(path, KEY, declared("parquet", {})):
        most = max(most, pa.total_allocated_bytes() - before)
        seen += len(table)
    assert seen == rows
    assert most < 16 << 20  # of 67 MB


@pytest.mark.parametrize("part", ["footer", "page", "end", "begin"])
def test_a_damaged_file_is_named(tmp_path: Path, part: str) -> None:
    path = written(tmp_path, {"n": range(10_000), "s": [f"text {i}" for i in range(10_000)]})
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    middle = {"footer": len(data) - footer, "page": 2000, "end": len(data) - 4, "begin": 1}[part]
    data[middle : middle + (30 if part == "footer" else 3)] = b"\xff" * (30 if part == "footer" else 3)
    path.write_bytes(data)
    with pytest.raises(BadData, match=f"^{KEY}: "):
        read(path, declared("parquet", {}))


def test_parquet_under_gzip_is_named(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "object"
    path.write_bytes(gzip.compress(b"PAR1"))
    message = "the file is compressed with gzip; Parquet is compressed inside: decompress it"
    assert refused(path, declared("parquet", {})) == message
