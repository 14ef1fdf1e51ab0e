"""How a spec may say that CSV files are written; what cannot be read that way is an error of the spec, not of the data."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from handlers.modelspec.model import Csv, Source


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "cp1252", "utf-16", "utf-32-be", "shift_jis", "gb18030", "utf-8-sig"])
def test_encodings_that_python_knows(encoding: str) -> None:
    assert Csv(encoding=encoding).encoding == encoding


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"encoding": "utf-9"}, "'utf-9' is not a text encoding"),
        ({"encoding": "hex"}, "'hex' is not a text encoding"),
        ({"encoding": "undefined"}, "'undefined' is not a text encoding"),
        ({"encoding": ""}, "'' is not a text encoding"),
        ({"encoding": "a\0b"}, "is not a text encoding"),
        ({"delimiter": '"'}, "delimiter: '\"' is not accepted"),
        ({"delimiter": "\n"}, "delimiter: '\\n' is not accepted"),
        ({"delimiter": "§"}, "delimiter: '§' is not accepted"),
        ({"thousands": "."}, "thousands: '.' is also csv.decimal, which is . unless it is given"),
        ({"thousands": ",", "decimal": ","}, "thousands: ',' is also csv.decimal"),
        ({"dates": "%d/%m"}, "'%d/%m' gives no year, month and day; accepted: such as %d/%m/%Y"),
        ({"dates": "%d/%Y"}, "'%d/%Y' gives no year, month and day"),
        ({"dates": "%Y"}, "'%Y' gives no year, month and day"),
        ({"dates": "%d/%m/%Y %z"}, "'%z' is not accepted; accepted: %d %m %Y"),
        ({"dates": "%d/%m/%Y%"}, "'%' is not accepted"),
        ({"dates": ["%d/%m/%Y", "%m/%d/%Y"]}, "both take '03/02/2001', as different times; give the one that the files have"),
        ({"dates": ["%Y%m%d", "%Y%d%m"]}, "both take '20010203', as different times"),
    ],
)
def test_what_cannot_be_read_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        Csv.model_validate(keys)
    assert message in str(error.value)


def test_formats_are_one_or_a_list() -> None:
    assert Csv.model_validate({"dates": "%d/%m/%Y"}).dates == ["%d/%m/%Y"]
    assert Csv.model_validate({"dates": ["%d/%m/%Y", "%d/%m/%Y %H:%M"]}).dates == ["%d/%m/%Y", "%d/%m/%Y %H:%M"]


def test_csv_keys_belong_to_csv_alone() -> None:
    given = {"prefix": "incoming/m/", "format": "jsonl", "columns": {"n": "int"}}
    assert Source.model_validate({**given, "csv": {}}).csv == Csv()
    with pytest.raises(ValidationError, match="csv: accepted with format: csv, not with jsonl"):
        Source.model_validate({**given, "csv": {"encoding": "latin-1"}})
