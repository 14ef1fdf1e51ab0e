"""One table, whatever its file is, gives the same parts; and numbers at the edge of what a computer holds go all the way."""

from __future__ import annotations

import codecs
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from handlers.contracts import BadData
from handlers.data import parts
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.storage import FolderStore
from tests.handlers.stages.world import SPEC, changed

KINDS = {"day": "timestamp", "n": "int", "x": "float", "s": "string", "late": "boolean"}
ROWS = [
    {
        "day": datetime(2013, 1, 1 + i % 3, i % 24, tzinfo=UTC) + timedelta(microseconds=i),
        "n": None if i % 7 == 0 else 2**53 + i,
        "x": None if i % 5 == 0 else i / 8,
        "s": ["plain", 'with "quotes", and\r\nlines', "é漢😀", "", None][i % 5],
        "late": i % 2 == 0,
    }
    for i in range(200)
]


def spec(kind: str, query: str | None = None, **csv: Any) -> ModelSpec:
    source = {"prefix": "incoming/late/", "format": kind, "columns": KINDS, "csv": csv}
    tree = changed(SPEC, data__sources={"incoming": source}, features=None, data__query={"sql": query} if query else None)
    return load(json.dumps({**tree, "name": "late", "sql": query}))


def csv_text(**dialect: str) -> str:
    def word(value: Any) -> str:
        if isinstance(value, str):
            return '"' + value.replace('"', '""') + '"'
        if isinstance(value, float):
            return str(value).replace(".", dialect.get("decimal", "."))
        return "" if value is None else str(value)

    return "day;n;x;s;late\r\n" + "".join(";".join(map(word, row.values())) + "\r\n" for row in ROWS)


def made(tmp_path: Path, data: bytes, declared: ModelSpec) -> list[tuple[list[int], list[dict[str, Any]], Any]]:
    store = FolderStore(tmp_path / "bucket")
    etag = store.put("incoming/late/1", data)
    document = parts.ensure(store, "late", declared, ["incoming/late/1", len(data), etag], "code").document
    return [
        (part["units"], parquet.read_table(pa.BufferReader(store.get(part["key"]))).to_pylist(), part["statistics"])
        for part in document["parts"]
    ]


def test_the_parts_are_the_same_whatever_the_file(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row, default=str) + "\n" for row in ROWS).encode()
    held = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(ROWS), held, row_group_size=37)
    utf16 = codecs.BOM_UTF16_LE + csv_text().encode("utf-16-le")
    files = {
        "csv": (csv_text().encode(), spec("csv", delimiter=";")),
        "encoded": (csv_text(decimal=",").encode("gb18030"), spec("csv", delimiter=";", encoding="gb18030", decimal=",")),
        "compressed": (gzip.compress(utf16), spec("csv", delimiter=";")),
        "jsonl": (pa.compress(lines, codec="zstd", asbytes=True), spec("jsonl")),
        "parquet": (held.getvalue().to_pybytes(), spec("parquet")),
        "query": (held.getvalue().to_pybytes(), spec("parquet", "SELECT * FROM incoming")),
    }
    found = {name: made(tmp_path / name, data, declared) for name, (data, declared) in files.items()}
    expected = found.pop("parquet")
    assert [days for days, _, _ in expected] == [[15706], [15707], [15708]], "the first three days of 2013"
    assert sum(len(rows) for _, rows, _ in expected) == len(ROWS)
    assert [name for name, parts in found.items() if parts != expected] == []


def test_a_file_without_rows_has_no_parts(tmp_path: Path) -> None:
    held = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), held)
    assert made(tmp_path, held.getvalue().to_pybytes(), spec("parquet")) == []
    assert made(tmp_path, b"day,n,x,s,late\n", spec("csv")) == []
    assert made(tmp_path, b"", spec("jsonl")) == []


@pytest.mark.parametrize("value", ["1e308", "-1.7e308"])
def test_a_number_that_is_too_large_to_compute_with_is_named(tmp_path: Path, value: str) -> None:
    text = f"day,n,x,s,late\n2013-01-01,1,{value},a,true\n2013-01-01,1,1,a,false\n".encode()
    with pytest.raises(BadData, match="column 'x' has the value"):
        made(tmp_path, text, spec("csv"))


def test_infinities_and_nan_are_missing(tmp_path: Path) -> None:
    text = b"day,n,x,s,late\n" + b"".join(b"2013-01-01,1,%s,a,true\n" % word for word in (b"Infinity", b"-inf", b"nan", b"", b"2"))
    ((_, rows, found),) = made(tmp_path, text, spec("csv"))
    assert len(rows) == 5
    assert (found["x"]["missing"], found["x"]["n"], found["x"]["mean"]) == (4, 1, 2.0)


def test_checks_pass_by_what_is_missing(tmp_path: Path) -> None:
    declared = spec("csv")
    checked = load(json.dumps({**declared.tree(), "checks": {"x": {"min": 0, "max": 5, "max_missing": 0.9}}}))
    text = b"day,n,x,s,late\n" + b"".join(b"2013-01-01,1,%s,a,true\n" % word for word in (b"inf", b"-inf", b"nan", b"", b"2"))
    assert len(made(tmp_path, text, checked)) == 1
