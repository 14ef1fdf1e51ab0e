"""Columns of vectors: lists of numbers of any kind from Parquet and JSON Lines, and what is not one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.handlers.data.files import declared, put, read, refused

VECTOR = pa.list_(pa.float64())
COLUMNS = {"n": "int", "v": "vector"}


def written(tmp_path: Path, values: pa.Array) -> Path:
    path = tmp_path / "object"
    parquet.write_table(pa.table({"n": range(len(values)), "v": values}), path)
    return path


@pytest.mark.parametrize(
    "kind", [VECTOR, pa.list_(pa.float32()), pa.list_(pa.int8()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2)], ids=str
)
def test_lists_of_numbers_are_vectors(tmp_path: Path, kind: pa.DataType) -> None:
    path = written(tmp_path, pa.array([[1, 2], None, [3, 4]], kind))
    for columns in (COLUMNS, {}):
        found = read(path, declared("parquet", columns)).column("v")
        assert (found.type, found.to_pylist()) == (VECTOR, [[1, 2], None, [3, 4]])


def test_a_query_gets_lists_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, pa.array([[2**60 + 1]]))
    assert read(path, declared("parquet", {}), ("v",)).column("v").to_pylist() == [[2**60 + 1]]


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (pa.array(["[1]"]), "vector", "column 'v' is declared vector and is a string in the file"),
        (pa.array([1.5]), "vector", "column 'v' is declared vector and is a float in the file"),
        (pa.array([[1.5]]), "float", "column 'v' is declared float and is a vector in the file"),
        (pa.array([[1.5]]), "string", "column 'v' is declared string and is a vector in the file"),
        (pa.array([["a"]]), "vector", "column 'v' is declared vector and has type list<element: string>, which no feature can use"),
    ],
    ids=str,
)
def test_what_is_none_is_named(tmp_path: Path, values: pa.Array, kind: str, words: str) -> None:
    assert refused(written(tmp_path, values), declared("parquet", {"n": "int", "v": kind})) == words


def test_json_lines_have_vectors(tmp_path: Path) -> None:
    path = put(tmp_path, '{"n": 1, "v": [1, 2.5]}\n{"n": 2, "v": null}\n{"n": 3, "v": []}\n{"n": 4, "v": [null, 3]}\n')
    found = read(path, declared("jsonl", COLUMNS)).column("v")
    assert (found.type, found.to_pylist()) == (VECTOR, [[1, 2.5], None, [], [None, 3]])


@pytest.mark.parametrize("value", ["5", '"1,2"', '[1, "2"]', "[[1], [2]]", '{"a": 1}', "[true]"])
def test_what_is_none_in_json_lines_is_named(tmp_path: Path, value: str) -> None:
    path = put(tmp_path, f'{{"n": 1, "v": [1]}}\n{{"n": 2, "v": {value}}}\n')
    words = f"column 'v' in row 2: {value!r} is not a vector; write it as a list of numbers"
    assert refused(path, declared("jsonl", COLUMNS)) == words
