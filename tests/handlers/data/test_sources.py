"""Declared types, nulls and formats; what cannot be read is said with object, column and value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from handlers.contracts import BadData
from handlers.data import csv_files, sources
from handlers.modelspec.model import Source
from tests.handlers.data.files import declared, refused

COLUMNS = {"n": "int", "x": "float", "s": "string", "b": "boolean", "t": "timestamp", "d": "date"}


def source(kind: str = "csv", **more: Any) -> Source:
    return Source.model_validate({"prefix": "incoming/m/", "format": kind, "columns": COLUMNS, **more})


def read(path: Path, declared: Source, asked: tuple[str, ...] | None = None) -> pa.Table:
    return pa.concat_tables(list(sources.tables(path, "incoming/m/a", declared, asked)))


def csv(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


HEADER = "n,x,s,b,t,d"


def test_types_are_those_declared(tmp_path: Path) -> None:
    table = read(csv(tmp_path, HEADER, "1,2,007,true,2013-01-01T10:00:00Z,2013-01-01"), source())
    assert [str(f.type) for f in table.schema] == ["int64", "double", "string", "bool", "timestamp[us, tz=UTC]", "date32[day]"]
    assert table.column("s")[0].as_py() == "007"


def test_nulls_are_those_declared(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER, "NA,NA,NA,NA,NA,NA", "-,-,-,-,-,-")
    assert [c.null_count for c in read(path, source(csv={"nulls": ["NA", "-"]})).columns] == [2] * 6


def test_a_type_holds_beyond_the_first_block(tmp_path: Path) -> None:
    lines = [f"{i},1,{'s' * 60},true,2013-01-01T00:00:00Z,2013-01-01" for i in range(60_000)]
    path = csv(tmp_path, HEADER, *lines, "1.5,1,s,true,2013-01-01T00:00:00Z,2013-01-01")
    assert path.stat().st_size > csv_files.BLOCK_BYTES
    with pytest.raises(BadData, match=r"incoming/m/a: column 'n'.*'1\.5'"):
        read(path, source())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("one,1,s,true,2013-01-01T00:00:00Z,2013-01-01", ["'n'", "'one'"]),
        ("1,1,s,maybe,2013-01-01T00:00:00Z,2013-01-01", ["'b'", "'maybe'"]),
        ("1,1,s,true,yesterday,2013-01-01", ["'t'", "'yesterday'"]),
        ("1,1,s,true,2013-01-01T00:00:00Z,2013-13-01", ["'d'", "'2013-13-01'"]),
        ("1,2", ["row 2 has 2 values and the header has 6: '1,2'"]),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, line: str, words: list[str]) -> None:
    with pytest.raises(BadData, match="incoming/m/a") as bad:
        read(csv(tmp_path, HEADER, line), source())
    assert [word for word in words if word not in str(bad.value)] == []


def test_a_missing_column_is_named_with_those_there(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="'d' is missing; the file has n, x, s, b, t"):
        read(csv(tmp_path, "n,x,s,b,t", "1,1,s,true,2013-01-01T00:00:00Z"), source())


def test_an_empty_file_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    with pytest.raises(BadData, match="the file is empty"):
        read(path, source())


def test_a_column_that_only_the_query_names_is_text(tmp_path: Path) -> None:
    path = csv(tmp_path, f"{HEADER},extra,other", "1,1,s,true,2013-01-01T00:00:00Z,2013-01-01,12,3")
    table = read(path, source(), ("extra", "n"))
    assert table.column("extra").to_pylist() == ["12"]
    assert "other" not in table.column_names


def test_a_file_without_a_header_has_the_declared_order(tmp_path: Path) -> None:
    table = read(csv(tmp_path, "1;2;s;true;2013-01-01T00:00:00Z;2013-01-01"), source(csv={"header": False, "delimiter": ";"}))
    assert table.column("x").to_pylist() == [2.0]


def test_parquet_needs_no_declaration_and_keeps_one(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"n": pa.array([1, 2], pa.int16()), "s": ["a", "b"]}), path)
    assert read(path, source("parquet", columns={})).schema.field("n").type == pa.int64()
    assert read(path, source("parquet", columns={"n": "float"})).schema.names == ["n"]
    with pytest.raises(BadData, match="'zz' is missing"):
        read(path, source("parquet", columns={"zz": "int"}))
    with pytest.raises(BadData, match="column 's' in row 1: 'a' is not an int"):
        read(path, source("parquet", columns={"s": "int"}))


def test_what_is_no_parquet_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="incoming/m/a"):
        read(csv(tmp_path, "n", "1"), source("parquet", columns={}))


def test_a_column_of_lists_has_to_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"n": [1], "l": [["a"]]}), path)
    with pytest.raises(BadData, match="column 'l' has type list"):
        read(path, source("parquet", columns={}))
    assert read(path, source("parquet", columns={"n": "int"})).num_rows == 1


def test_json_lines_have_the_declared_types(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"n": 1, "x": 2, "s": "a", "extra": 1}\n{"n": null, "s": "b", "b": true, "t": null, "d": null}\n')
    table = read(path, source("jsonl"))
    assert table.to_pylist()[1] == {"n": None, "x": None, "s": "b", "b": True, "t": None, "d": None}
    path.write_text('{"n": "one"}\n')
    with pytest.raises(BadData, match="incoming/m/a"):
        read(path, source("jsonl"))


def test_the_column_is_named_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    declared = source(columns={"n": "int", "x": "float"})
    with pytest.raises(BadData, match=r"column 'n' in row 2: 'oops' is not an int; declare the column string or list it under csv.nulls"):
        read(csv(tmp_path, "other,x,n", "a,1,oops"), declared)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2013-01-01T10:00:00Z", 10),
        ("2013-01-01 10:00:00", 10),
        ("2013-01-01T10:00:00.25", 10),
        ("2013-01-01T10:00:00+02:00", 8),
        ("2013-01-01T10:00:00-0500", 15),
        ("2013-01-01", 0),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_timestamp_without_a_zone_is_utc(tmp_path: Path, text: str, hour: int, kind: str) -> None:
    path = csv(tmp_path, "t", text, "NA") if kind == "csv" else csv(tmp_path, f'{{"t": "{text}"}}', '{"t": null}')
    column = read(path, source(kind, columns={"t": "timestamp"})).column("t")
    assert (column[0].as_py().hour, column[1].as_py(), str(column.type)) == (hour, None, "timestamp[us, tz=UTC]")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    line = "1,2,x,true,2013-01-01T10:00:00Z,2013-01-01\n"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\n{line}".encode())
    assert read(path, source()).column("n").to_pylist() == [1]
    path.write_bytes(b"\xef\xbb\xbf" + f'"n",x,s,b,t,d\n{line}'.encode())
    assert read(path, source()).column("n").to_pylist() == [1]


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (b"\x1f\x8b\x08\x00", "the file is compressed with gzip and is damaged; put it there again"),
        (b"\x28\xb5\x2f\xfd", "the file is compressed with zstd and is damaged; put it there again"),
        (b"\x1f\x8b\x08\x00" + bytes(6), "the file is compressed with gzip and is damaged; put it there again"),
        (b"PK\x03\x04", "the file is a ZIP archive or a spreadsheet; save it as CSV"),
        (b"PAR1", "the file is Parquet; write `format: parquet` in its source"),
        (b"BZh91AY&SY", "the file is compressed with bzip2; compress it with gzip or zstd"),
        (b"\xfd7zXZ\x00", "the file is compressed with xz; compress it with gzip or zstd"),
        (b"\xd0\xcf\x11\xe0", "the file is a spreadsheet; save it as CSV"),
        (b"\xff\x06\x00\x00sNaPpY", "the file is compressed with snappy; compress it with gzip or zstd"),
        (b"SQLite format 3\x00", "the file is a database of SQLite; save its table as Parquet or CSV"),
        (b"%PDF-1.7", "the file is a PDF; save its table as CSV"),
        (b"<!DOCTYPE html>", "the file is HTML, perhaps a page that tells of an error; put the data there"),
        (b"<?xml version", "the file is XML, perhaps an answer that tells of an error; put the data there as CSV, JSON Lines or Parquet"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_of_another_kind_is_named_and_not_printed(tmp_path: Path, begin: bytes, message: str, kind: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(begin + bytes(range(256)))
    with pytest.raises(BadData) as error:
        read(path, source(kind))
    assert str(error.value) == f"incoming/m/a: {message}"


def test_text_under_a_parquet_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="incoming/m/a: the file is not Parquet"):
        read(csv(tmp_path, HEADER), source("parquet"))


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + ",x", "1,2,x,true,2013-01-01T10:00:00Z,2013-01-01,9")
    with pytest.raises(BadData, match=r"incoming/m/a: column 'x' stands twice in the file; give each column a name of its own"):
        read(path, source())
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table([[1], [2]], names=["x", "x"]), file)
    for columns in ({"x": "int"}, {}):
        with pytest.raises(BadData, match=r"incoming/m/a: column 'x' stands twice in the file"):
            read(file, Source.model_validate({"prefix": "incoming/m/", "format": "parquet", "columns": columns}))


def test_columns_that_nothing_asks_for_may_share_a_name(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + ",,", "1,2,x,true,2013-01-01T10:00:00Z,2013-01-01,8,9")
    assert read(path, source()).num_rows == 1


@pytest.mark.parametrize("shift", [0, 1, 2, 37, 38, 39])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quoted_line_ends_are_kept_wherever_a_block_ends(tmp_path: Path, shift: int, end: str) -> None:
    value = f"first{end}second, {{}}"
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(f"n,s{end}{'0' * shift}1,a{end}")
        rows = 2 * csv_files.BLOCK_BYTES // 40
        file.writelines(f'{i},"{value.format(i % 10)}"{end}' for i in range(rows))
    table = read(path, Source.model_validate({"prefix": "incoming/m/", "format": "csv", "columns": {"n": "int", "s": "string"}}))
    assert table.num_rows == rows + 1
    assert set(table.column("s").to_pylist()) == {"a", *(value.format(i) for i in range(10))}


def test_what_is_finer_than_a_microsecond_is_cut(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER, "1,2,x,true,2013-01-01T10:00:00.123456789Z,2013-01-01", "1,2,x,true,2013-01-01 10:00:00.5,2013-01-01")
    assert [str(found.as_py().time()) for found in read(path, source()).column("t")] == ["10:00:00.123456", "10:00:00.500000"]
    file = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"t": pa.array([1_357_034_400_123_456_789], pa.timestamp("ns", tz="UTC"))}), file)
    declared = Source.model_validate({"prefix": "incoming/m/", "format": "parquet", "columns": {"t": "timestamp"}})
    assert str(read(file, declared).column("t")[0].as_py().time()) == "10:00:00.123456"


def test_one_very_long_line_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("{" + "x" * 300_000, encoding="utf-8")
    with pytest.raises(BadData, match=r"incoming/m/a: column 'n' is missing; the file has \{x+"):
        read(path, source())


def test_text_in_another_encoding_names_column_and_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n1,2,caf\xe9,true,2013-01-01T10:00:00Z,2013-01-01\n".encode("latin-1"))
    with pytest.raises(
        BadData, match=r"incoming/m/a: column 's' in row 2: the text is not UTF-8; write csv.encoding, such as cp1252 or latin-1"
    ):
        read(path, source())


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("e\u0301", 'the file writes it "e\\u0301", with characters that look alike or are not seen: write it so in the spec, too'),
        (
            "\u200b\u00e9",
            'the file writes it "\\u200b\\u00e9", with characters that look alike or are not seen: write it so in the spec, too',
        ),
        ("\u00c9", "did you mean '\u00c9'?"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_name_that_looks_the_same_is_told(tmp_path: Path, there: str, message: str, kind: str) -> None:
    path = tmp_path / "object"
    if kind == "parquet":
        parquet.write_table(pa.table({there: [1], "s": ["a"]}), path)
    else:
        path.write_text(f"{there},s\n1,a\n" if kind == "csv" else json.dumps({there: 1, "s": "a"}), encoding="utf-8")
    assert refused(path, declared(kind, {"\u00e9": "int", "s": "string"})).endswith(f"; {message}")
