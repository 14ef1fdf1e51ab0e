"""JSON Lines: types, fields that are nowhere, and lines that are wrong, each by its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.data import json_lines, sources
from tests.handlers.data.files import KEY, declared, put, read, refused

KINDS = {"n": "int", "x": "float", "s": "string", "b": "boolean", "t": "timestamp", "d": "date"}
GOOD = '{"n": 1, "x": 2.5, "s": "a", "b": true, "t": "2013-01-01T10:00:00Z", "d": "2013-01-01"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"n": "one"}', "column 'n' in row 3: '\"one\"' is not an int; write it without quotes, or declare the column string"),
        ('{"n": 1.5}', "column 'n' in row 3: '1.5' is not an int; declare the column float"),
        ('{"n": 9223372036854775808}', "column 'n' in row 3: '9223372036854775808' is not an int; declare the column float"),
        ('{"n": true}', "column 'n' in row 3: 'true' is not an int; declare another type"),
        ('{"s": 5}', "column 's' in row 3: '5' is not a string; write it in quotes, or declare another type"),
        ('{"x": [1]}', "column 'x' in row 3: '[1]' is not a float; a column has one value in each row"),
        ('{"b": "yes"}', "column 'b' in row 3: '\"yes\"' is not a boolean; write it without quotes, or declare the column string"),
        (
            '{"t": 1356998400}',
            "column 't' in row 3: '1356998400' is not a timestamp; declare the column int, and make a timestamp of it "
            "in data.query, such as to_timestamp(seconds)",
        ),
        (
            '{"t": "soon"}',
            "column 't' in row 3: 'soon' is not a timestamp; accepted: ISO 8601, such as 2025-12-31T23:59:59Z, "
            "in UTC unless it gives a zone; else declare the column string",
        ),
        (
            '{"d": "31/12/2025"}',
            "column 'd' in row 3: '31/12/2025' is not a date; accepted: ISO 8601, such as 2025-12-31; else declare the column string",
        ),
        ('{"n": 1, "n": 2}', "line 4 is not JSON: 'n' stands twice in one object: '{\"n\": 1, \"n\": 2}'"),
        ('{"n": 1', "line 4 is not JSON: Expecting ',' delimiter: line 2 column 1 (char 8): '{\"n\": 1'"),
        ('{"n": 1},', "line 4 is not JSON: Extra data: line 1 column 9 (char 8): '{\"n\": 1},'; take out the comma after each object"),
        (
            "n,x",
            "line 4 is not JSON: Expecting value: line 1 column 1 (char 0): 'n,x'; if the file is CSV, write `format: csv` in its source",
        ),
        ("5", "line 4: an object is needed, not '5'"),
        ('{"x": 1e400}', "line 4 is not JSON: 1e400 is too large for a float, which ends at 1.8e308: '{\"x\": 1e400}'"),
        ('{"s": "\\ud800"}', 'line 4 is not JSON: half of a surrogate pair stands in a text: \'{"s": "\\\\ud800"}\''),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    assert refused(put(tmp_path, f"{GOOD}\n{GOOD}{line}\n{GOOD}"), declared("jsonl", KINDS)) == message


def test_the_line_is_named_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    path = put(tmp_path, GOOD * 500 + '{"n": }\n' + GOOD)
    assert refused(path, declared("jsonl", KINDS)).startswith("line 501 is not JSON: ")
    path = put(tmp_path, GOOD * 500 + '{"n": 1.5}\n' + GOOD)
    assert refused(path, declared("jsonl", KINDS)).startswith("column 'n' in row 501: '1.5' is not an int")


def test_a_list_of_objects_is_named(tmp_path: Path) -> None:
    message = "the file is a list; write its objects one a line, without brackets and commas around them"
    for text in ('[{"n": 1}, {"n": 2}]', '[\n  {"n": 1},\n  {"n": 2}\n]\n'):
        assert refused(put(tmp_path, text), declared("jsonl", {"n": "int"})) == message


def test_a_field_that_is_in_no_line_is_missing(tmp_path: Path) -> None:
    path = put(tmp_path, '{"n": 1, "s": "nn"}\n' * 3)
    assert refused(path, declared("jsonl", {"n": "int", "nn": "int"})) == "column 'nn' is missing; the file has n, s"
    path = put(tmp_path, '{"n": 1}\n' * 3 + '{"nn": null}\n')
    assert read(path, declared("jsonl", {"n": "int", "nn": "int"})).column("nn").null_count == 4
    path = put(tmp_path, '{"n": {"nn": 1}, "s": "a"}\n')
    assert refused(path, declared("jsonl", {"s": "string", "nn": "int"})) == "column 'nn' is missing; the file has n, s"


def test_objects_over_several_lines_or_several_on_one(tmp_path: Path) -> None:
    path = put(tmp_path, '{"n": 1,\n"l": [\n1\n], "s": null}{"n": 2}\n')
    assert read(path, declared("jsonl", {"n": "int", "s": "string"})).column("n").to_pylist() == [1, 2]
    assert refused(path, declared("jsonl", {"n": "int", "zz": "string"})).startswith("column 'zz' is missing")


def test_what_is_nested_very_deep(tmp_path: Path) -> None:
    path = put(tmp_path, '{"z": ' * 100_000 + "1" + "}" * 100_000)
    assert refused(path, declared("jsonl", {"n": "int"})).startswith("column 'n' is missing")
    path = put(tmp_path, '{"n": ' + "[" * 100_000)
    assert refused(path, declared("jsonl", {"n": "int"})).startswith("line 1 is not JSON: maximum recursion depth")


def test_a_file_without_lines_has_no_rows(tmp_path: Path) -> None:
    for text in ("", "\n\n", "  \n"):
        assert list(sources.tables(put(tmp_path, text), KEY, declared("jsonl", KINDS))) == []


def test_lines_longer_than_a_block_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 100)
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 10_000)
    long = '{"s": "' + "x" * 5000 + '"}\n'
    assert read(put(tmp_path, '{"s": "a"}\n' * 20 + long), declared("jsonl", {"s": "string"})).num_rows == 21
    path = put(tmp_path, '{"s": "a"}\n' * 20 + long.replace("x", "xxx"))
    assert refused(path, declared("jsonl", {"s": "string"})) == "line 21 is longer than 0 MiB; write an object a line"


def test_text_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, '{"s": "caf\xe9"}\n'.encode("latin-1"))
    assert refused(path, declared("jsonl", {"s": "string"})) == "column 's': the text is not UTF-8; save the file as UTF-8"


def test_nan_and_numbers_that_are_whole_floats(tmp_path: Path) -> None:
    table = read(put(tmp_path, '{"x": NaN, "n": 9007199254740993}\n{"x": 2, "n": null}\n'), declared("jsonl", {"x": "float", "n": "int"}))
    assert str(table.column("x").to_pylist()) == "[nan, 2.0]"
    assert table.column("n").to_pylist() == [9007199254740993, None]


@pytest.mark.parametrize("text", ["null\n", GOOD + "null\n" + GOOD, GOOD.strip() + " null\n", "\n null"])
def test_null_in_place_of_an_object_is_named(tmp_path: Path, text: str) -> None:
    """Arrow's reader ends the whole process there."""
    number = text[: text.rindex("null")].count("\n") + 1
    assert refused(put(tmp_path, text), declared("jsonl", KINDS)) == f"line {number}: an object is needed, not 'null'"


def test_null_within_a_text_or_an_object_is_none_of_them(tmp_path: Path) -> None:
    found = read(put(tmp_path, '{"s": "} null"}\n{"s":\nnull}\n{"o": {"p": [null, {}]}, "s": "a"}\n'), declared("jsonl", {"s": "string"}))
    assert found.column("s").to_pylist() == ["} null", None, "a"]


def test_whole_numbers_as_a_table_of_floats_writes_them(tmp_path: Path) -> None:
    found = read(put(tmp_path, '{"n": 1.0}\n{"n": null}\n{"n": 2}\n{"n": 1e3}\n'), declared("jsonl", {"n": "int"}))
    assert found.column("n").to_pylist() == [1, None, 2, 1000]
    path = put(tmp_path, '{"n": 1.0}\n{"n": 9007199254740993}\n')
    message = (
        "column 'n' in row 2: 9007199254740993 is too large beside whole numbers with a point, as other rows have: write those without one"
    )
    assert refused(path, declared("jsonl", {"n": "int"})) == message
