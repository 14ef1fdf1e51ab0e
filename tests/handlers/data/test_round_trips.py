"""Random tables through every format and dialect give the same rows; damaged files end with BadData and nothing else."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from handlers.contracts import BadData
from handlers.data import csv_files, json_lines, query, sources, statement
from handlers.data.column_types import arrow_type
from handlers.modelspec.model import Source
from tests.handlers.data.files import KEY, declared

KINDS = {"n": "int", "x": "float", "s": "string", "b": "boolean", "t": "timestamp", "d": "date"}
SCHEMA = pa.schema([(name, arrow_type(kind)) for name, kind in KINDS.items()])
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

ODD = ["", "NA", '"', '""', ",", ";", "\n", "\r\n", "\r", " a ", "\ufeff", "é漢😀", "1.234,5", 'a,\n"b"', "\t|", "'", "\x1f\x8b"]
texts = st.one_of(st.sampled_from(ODD), st.text(st.characters(codec="utf-8"), max_size=12))
rows = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "x": st.none() | st.floats(allow_nan=False),
        "s": st.none() | texts,
        "b": st.none() | st.booleans(),
        "t": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
        "d": st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
    }
)
tables = st.lists(rows, min_size=1, max_size=12).map(lambda found: pa.Table.from_pylist(found, schema=SCHEMA))


def read(path: Path, source: Source) -> pa.Table:
    return pa.concat_tables([SCHEMA.empty_table(), *sources.tables(path, KEY, source)])


def same(found: pa.Table, expected: pa.Table) -> None:
    assert found.schema == expected.schema
    assert found.to_pylist() == expected.to_pylist()


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|", ":", "~"])),
        "end": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "all": draw(st.booleans()),
        "last": draw(st.booleans()),
        "encoding": draw(st.sampled_from(["utf-8", "utf-16-le", "utf-32-be", "utf-7", "gb18030"])),
        "mark": draw(st.booleans()),
        "compression": draw(st.sampled_from([None, "gzip", "zstd"])),
        "header": draw(st.booleans()),
        "numbers": draw(st.sampled_from([(None, "."), (",", "."), (".", ","), (" ", ","), ("'", ".")])),
        "dates": draw(st.sampled_from([[], ["%d/%m/%Y", "%d/%m/%Y %H:%M:%S.%f"], ["%Y%m%d", "%Y%m%dT%H%M%S.%f"]])),
    }


def cell(value: Any, dialect: dict[str, Any]) -> tuple[str, bool]:
    """A value as the dialect writes it, and whether it must stand in quotes."""
    thousands, decimal = dialect["numbers"]
    if value is None:
        return "", False
    if isinstance(value, str):
        return value, value in ("", "NA")
    if isinstance(value, bool):
        return str(value).lower(), False
    if isinstance(value, int):
        return f"{value:,}".replace(",", thousands or ""), False
    if isinstance(value, float):
        return repr(value).replace(".", decimal), False
    form = dialect["dates"][isinstance(value, datetime)] if dialect["dates"] else None
    return (value.strftime(form) if form else value.isoformat()), False


def as_csv(table: pa.Table, dialect: dict[str, Any]) -> bytes:
    lines = [[(name, False) for name in table.column_names]] if dialect["header"] else []
    lines += [[cell(value, dialect) for value in row.values()] for row in table.to_pylist()]
    special = (dialect["delimiter"], '"', "\n", "\r")

    def field(text: str, must: bool, missing: bool) -> str:
        if must or (dialect["all"] and not missing) or any(sign in text for sign in special):
            return '"' + text.replace('"', '""') + '"'
        return text

    text = dialect["end"].join(
        dialect["delimiter"].join(field(word, must, word == "" and not must) for word, must in line) for line in lines
    )
    text += dialect["end"] if dialect["last"] else ""
    data = text.encode(dialect["encoding"])
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-32-be": codecs.BOM_UTF32_BE}
    # text that begins with the character of the mark loses it without one of its own
    data = marks.get(dialect["encoding"], b"") + data if dialect["mark"] or text.startswith("\ufeff") else data
    return packed(data, dialect["compression"])


def packed(data: bytes, compression: str | None) -> bytes:
    if compression == "gzip":
        return gzip.compress(data)
    return bytes(pa.compress(data, codec=compression, asbytes=True)) if compression else data


def csv_source(dialect: dict[str, Any]) -> Source:
    thousands, decimal = dialect["numbers"]
    keys = {key: dialect[key] for key in ("delimiter", "encoding", "header", "dates")}
    return declared("csv", KINDS, thousands=thousands, decimal=decimal, **keys)


@QUICK
@given(table=tables, dialect=dialects(), block=st.integers(1, 200))
def test_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: pa.Table, dialect: dict[str, Any], block: int) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", block)
    path = tmp_path / "object"
    path.write_bytes(as_csv(table, dialect))
    same(read(path, csv_source(dialect)), table)


@QUICK
@given(table=tables, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
def test_csv_as_python_writes_it(tmp_path: Path, table: pa.Table, quoting: Any) -> None:
    held = io.StringIO(newline="")
    writer = csv.writer(held, quoting=quoting)
    writer.writerow(table.column_names)
    writer.writerows(row.values() for row in table.to_pylist())
    path = tmp_path / "object"
    path.write_text(held.getvalue(), encoding="utf-8", newline="")
    # without quotes an empty text is a missing one, and in quotes the other way round
    found = read(path, declared("csv", KINDS, nulls=[""]))
    same(found.drop(["s"]), table.drop(["s"]))
    assert [text or "" for text in found.column("s").to_pylist()] == [text or "" for text in table.column("s").to_pylist()]


@QUICK
@given(table=tables, block=st.integers(1, 200), ascii_only=st.booleans(), compression=st.sampled_from([None, "gzip", "zstd"]))
def test_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: pa.Table, block: int, ascii_only: bool, compression: str | None
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", block)
    finite = [
        {**row, "x": max(-1e308, min(1e308, row["x"])) if row["x"] is not None and abs(row["x"]) == float("inf") else row["x"]}
        for row in table.to_pylist()
    ]
    lines = "".join(json.dumps(row, default=lambda value: value.isoformat(), ensure_ascii=ascii_only) + "\n" for row in finite)
    path = tmp_path / "object"
    path.write_bytes(packed(lines.encode(), compression))
    same(read(path, declared("jsonl", KINDS)), pa.Table.from_pylist(finite, schema=SCHEMA))


@QUICK
@given(table=tables, group=st.integers(1, 5), dictionaries=st.booleans(), version=st.sampled_from(["1.0", "2.4", "2.6"]))
def test_parquet(tmp_path: Path, table: pa.Table, group: int, dictionaries: bool, version: str) -> None:
    path = tmp_path / "object"
    parquet.write_table(table, path, row_group_size=group, use_dictionary=dictionaries, version=version)
    for columns in (KINDS, {}):
        same(read(path, declared("parquet", columns)), table)


@QUICK
@given(table=tables)
def test_a_query_that_selects_all(tmp_path: Path, table: pa.Table) -> None:
    path = tmp_path / "object"
    parquet.write_table(table, path)
    sql = "SELECT * FROM incoming"
    same(
        pa.concat_tables(query.rows(sources.tables(path, KEY, declared("parquet", {}), statement.names(sql)), sql, "incoming", KEY)), table
    )


def sample(kind: str, compression: str | None) -> bytes:
    found = [
        {"n": i, "x": i / 4, "s": f'text "{i}",\né', "b": bool(i % 2), "t": datetime(2025, 1, 1, i % 24, tzinfo=UTC), "d": date(2025, 1, 1)}
        for i in range(60)
    ]
    if kind == "parquet":
        held = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(found, schema=SCHEMA), held, row_group_size=20, compression=compression or "none")
        return held.getvalue()
    if kind == "jsonl":
        return packed("".join(json.dumps(row, default=str) + "\n" for row in found).encode(), compression)
    encoding = "utf-16-le" if kind == "utf-16" else "utf-8"
    dialect = {"delimiter": ",", "end": "\r\n", "all": False, "last": True, "encoding": encoding, "mark": kind == "utf-16", "header": True}
    return as_csv(pa.Table.from_pylist(found, schema=SCHEMA), {**dialect, "compression": compression, "numbers": (None, "."), "dates": []})


SAMPLES = {
    (kind, compression): sample(kind, compression)
    for kind in ("csv", "utf-16", "jsonl", "parquet")
    for compression in (None, "gzip", "zstd")
}


@settings(QUICK, max_examples=150)
@given(data=st.data(), which=st.sampled_from(sorted(SAMPLES, key=str)))
def test_damaged_files_end_with_bad_data_and_nothing_else(tmp_path: Path, data: st.DataObject, which: tuple[str, str | None]) -> None:
    whole = bytearray(SAMPLES[which])
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    for place in data.draw(st.lists(st.integers(0, max(0, len(whole) - 1)), max_size=6)) if whole else ():
        whole[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "object"
    path.write_bytes(whole)
    source = declared("csv" if which[0] == "utf-16" else which[0], KINDS)
    for sql in (None, "SELECT * FROM incoming"):
        try:
            for table in query.rows(sources.tables(path, KEY, source, statement.names(sql) if sql else None), sql, "incoming", KEY):
                table.validate(full=True)
                table.to_pylist()
        except BadData as error:
            assert str(error).startswith(f"{KEY}: ")
            assert str(error).isprintable()
