"""Files are recognised by what is in them; of large ones pieces from all over are read."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from handlers.contracts import BadData
from handlers.explore.files import Dialect, found
from handlers.explore.table import read

ROWS = [["1", "one, two", "x\ny"], ["2", 'a "b"', ""], ["3", "é", "z"]]


def csv_text(delimiter: str, header: bool = True) -> str:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if not value.isalnum() and value else value

    lines = ([["n", "some text", "other"]] if header else []) + ROWS
    return "".join(delimiter.join(map(quoted, line)) + "\r\n" for line in lines)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_csv_of_any_dialect(tmp_path: Path, delimiter: str, encoding: str, compressed: bool) -> None:
    data = csv_text(delimiter).encode(encoding)
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(data) if compressed else data)
    file = found(path)
    assert file.dialect == Dialect("csv", encoding.removesuffix("-sig"), delimiter)
    assert file.names == ["n", "some text", "other"]
    assert [list(row) for chunk in file.chunks() for row in chunk] == ROWS
    assert (file.rows, file.exact) == (3, True)


def test_a_csv_without_names(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(csv_text(",", header=False), encoding="utf-8")
    file = found(path)
    assert (file.dialect.header, file.names) == (False, ["column_1", "column_2", "column_3"])
    assert [list(row) for chunk in file.chunks() for row in chunk] == ROWS


def test_json_lines_and_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"n": 1, "s": "2"}, {"n": None, "more": [1]}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    parquet.write_table(pa.table({"n": [1, None], "s": ["2", None], "more": [[1], [2]]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        table = read([tmp_path / name])
        assert {column.name: column.type for column in table.columns if column.type} == {"n": "int", "s": "string"}
        assert table.column("n").missing == 1
        assert (table.rows, table.exact) == (2, True)


def test_of_a_large_file_whole_records_from_all_over_it(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("n,s\n" + "".join(f'{i},"line\nof, {i}"\n' for i in range(40_000)), encoding="utf-8")
    file = found(path)
    rows = [row for chunk in file.chunks(budget=64_000) for row in chunk]
    assert 1000 < len(rows) < 4000
    assert all(row[1] == f"line\nof, {row[0]}" for row in rows)
    numbers = [int(row[0]) for row in rows]
    assert numbers[0] == 0
    assert max(numbers) > 38_000
    assert not file.exact
    assert abs(file.rows - 40_000) < 2000


def test_the_sample_is_evenly_spread(tmp_path: Path) -> None:
    for number in range(3):
        lines = "".join(f"{i}\n" for i in range(number * 20_000, (number + 1) * 20_000))
        (tmp_path / f"{number}.csv").write_text("n\n" + lines, encoding="utf-8")
    table = read(sorted(tmp_path.iterdir()))
    values = [int(value) for value in table.values("n")]
    assert len({b - a for a, b in pairwise(values)}) == 1
    assert 5000 < len(values) <= 10_000
    assert (table.rows, table.column("n").unique) == (60_000, True)


def test_files_that_are_not_of_one_kind_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(BadData, match=r"b\.csv is csv with a header, delimiter ';' and encoding utf-8, .*a\.csv is csv .*; a source has"):
        read(sorted(tmp_path.iterdir()))


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"PK\x03\x04rest", "is a ZIP archive or a spreadsheet"), (b"", "is empty"), (b'{"a": 1}\nno\n', "line 2 is not JSON")],
)
def test_what_is_no_data(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(BadData, match=told):
        read([tmp_path / "a"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"Report of 2025\n\na,b\n1,2\n3,4\n",
            "the first line 'Report of 2025' has 1 value and most lines have 2; take out what stands before the names",
        ),
        (b'[{"a": 1}]', "the file is a list; write its objects one a line, without brackets and commas around them"),
        ("a,b\n1,2\n".encode("utf-16-le"), "the file looks like UTF-16 without a byte order mark"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], "the file is compressed with gzip and ends too early; put it there again"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "the file is compressed twice; compress it once"),
    ],
)
def test_what_cannot_be_read_as_a_table_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    with pytest.raises(BadData) as refused:
        read([path])
    assert str(refused.value).startswith(f"{path}: {message}")


def test_blank_lines_and_the_line_that_says_the_delimiter_are_no_names(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("\n  \nsep=;\na;b\n1;2,5\n3;4\n", encoding="utf-8")
    file = found(path)
    assert (file.dialect.delimiter, file.names) == (";", ["a", "b"])
    assert [list(row) for chunk in file.chunks() for row in chunk] == [["1", "2,5"], ["3", "4"]]
