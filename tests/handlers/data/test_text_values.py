"""Numbers and dates as files write them, by declared formats; and what to write for those that are declared otherwise."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from handlers.data import duck, text_values
from handlers.modelspec.model import Csv
from tests.handlers.data.files import declared, put, read, refused

ROOT = Path(__file__).parents[3]


def values(tmp_path: Path, kind: str, texts: list[str], **csv: Any) -> list[Any]:
    path = put(tmp_path, "v\n" + "".join(f'"{text}"\n' for text in texts))
    return list(read(path, declared("csv", {"v": kind}, **csv)).column("v").to_pylist())


def refusal(tmp_path: Path, kind: str, text: str, **csv: Any) -> str:
    message = refused(put(tmp_path, f'v\n"{text}"\n'), declared("csv", {"v": kind}, **csv))
    assert message.startswith("column 'v' in row 2: ")
    return message.removeprefix("column 'v' in row 2: ")


def test_thousands_and_decimals_as_declared(tmp_path: Path) -> None:
    german = {"thousands": ".", "decimal": ","}
    assert values(tmp_path, "float", ["1.234,5", "-12,25", "1.000.000", "7", ",5", "1e3", "+2,5", ""], **german) == [
        1234.5, -12.25, 1e6, 7.0, 0.5, 1000.0, 2.5, None,
    ]  # fmt: skip
    assert values(tmp_path, "int", ["1.234", "12", "1.000,00"], **german) == [1234, 12, 1000]
    assert values(tmp_path, "int", ["1,234", "12,34,567"], thousands=",") == [1234, 1234567]
    assert values(tmp_path, "float", ["1 234.5", "1\u00a0234.5", "1\u202f234"], thousands=" ") == [1234.5, 1234.5, 1234.0]
    assert values(tmp_path, "float", ["12'345.5"], thousands="'") == [12345.5]
    assert values(tmp_path, "float", ["1,5", "2"], decimal=",") == [1.5, 2.0]


@pytest.mark.parametrize("text", ["1.5", "1.23", "1.2345", "12.34.567,1,1", "1234.567", ".123"])
def test_a_number_whose_groups_are_not_whole_is_none(tmp_path: Path, text: str) -> None:
    assert "is not a float" in refusal(tmp_path, "float", text, thousands=".", decimal=",")


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("float", "1.234,5", "'1.234,5' is not a float; if it is a number, write csv.thousands: \".\" and csv.decimal: \",\""),
        ("float", "12,5", "'12,5' is not a float; if it is a number, write csv.decimal: \",\""),
        ("int", "1,234", "'1,234' is not an int; if it is a number, "
            "write csv.thousands: \",\", or csv.decimal: \",\" if decimals follow the comma"),
        ("int", "1,234,567", "'1,234,567' is not an int; if it is a number, write csv.thousands: \",\""),
        ("float", "1 234", "'1 234' is not a float; if it is a number, write csv.thousands: \" \""),
        ("int", "1.5", "'1.5' is not an int; declare the column float"),
        ("int", "9223372036854775808", "'9223372036854775808' is not an int, which has 64 bits; declare the column float or string"),
        ("int", "n/a", "'n/a' is not an int; declare the column string or list it under csv.nulls"),
        ("boolean", "perhaps", "'perhaps' is not a boolean; accepted: true, false, 1, 0; "
            "declare the column string or list it under csv.nulls"),
        ("int", "0x1f", "'0x1f' is not an int; declare the column string or list it under csv.nulls"),
        ("int", "+-5", "'+-5' is not an int; declare the column string or list it under csv.nulls"),
        ("float", "0X1F", "'0X1F' is not a float; declare the column string or list it under csv.nulls"),
        ("float", "1e400", "'1e400' is not a float, which ends at 1.8e308; declare the column string or list it under csv.nulls"),
        ("date", "2025-01-01T10:00", "'2025-01-01T10:00' is not a date, but has a time of day; declare the column timestamp"),
        ("date", "2025-1-1", "'2025-1-1' is not a date; write csv.dates: \"%Y-%m-%d\""),
        ("date", "31-DEC-2024", "'31-DEC-2024' is not a date; write csv.dates: \"%d-%b-%Y\""),
        ("date", "0000-01-01", "'0000-01-01' is a date beyond the years 1 to 9999; "
            "list it under csv.nulls if it stands for a missing value"),
        ("timestamp", "1735689600", "'1735689600' is not a timestamp; if it counts seconds declare the column int, "
            "and make a timestamp of it in data.query, such as to_timestamp(seconds)"),
        ("date", "44197", "'44197' is not a date; if it counts days as a spreadsheet does, declare the column int, "
            "and write DATE '1899-12-30' + column in data.query"),
        ("date", "31/12/2025", "'31/12/2025' is not a date; write csv.dates: \"%d/%m/%Y\""),
        ("date", "01/02/2025", "'01/02/2025' is not a date; write csv.dates: \"%d/%m/%Y\" or \"%m/%d/%Y\""),
        ("timestamp", "31.12.2025 10:11", "'31.12.2025 10:11' is not a timestamp; write csv.dates: \"%d.%m.%Y %H:%M\""),
        ("date", "2025-13-01", "'2025-13-01' is not a date; accepted: ISO 8601, such as 2025-12-31; "
            "else write csv.dates, declare the column string or list it under csv.nulls"),
        ("timestamp", "soon", "'soon' is not a timestamp; accepted: ISO 8601, such as 2025-12-31T23:59:59Z, in UTC unless it gives a zone; "
            "else write csv.dates, declare the column string or list it under csv.nulls"),
    ],
)  # fmt: skip
def test_a_value_says_what_to_write_for_it(tmp_path: Path, kind: str, text: str, message: str) -> None:
    assert refusal(tmp_path, kind, text) == message


def test_dates_by_declared_formats(tmp_path: Path) -> None:
    assert values(tmp_path, "date", ["31/12/2025", "1/2/2025", "", "NA"], dates="%d/%m/%Y") == [
        date(2025, 12, 31), date(2025, 2, 1), None, None,
    ]  # fmt: skip
    found = values(
        tmp_path, "timestamp", ["03.02.2025 10:11", "03.02.2025", "2025-02-03T10:00:00+02:00"], dates=["%d.%m.%Y %H:%M", "%d.%m.%Y"]
    )
    assert found == [datetime(2025, 2, 3, 10, 11, tzinfo=UTC), datetime(2025, 2, 3, tzinfo=UTC), datetime(2025, 2, 3, 8, tzinfo=UTC)]
    assert values(tmp_path, "date", ["3 Feb 2025"], dates="%d %b %Y") == [date(2025, 2, 3)]
    assert values(tmp_path, "date", ["3/2/68", "3/2/70"], dates="%d/%m/%y") == [date(2068, 2, 3), date(1970, 2, 3)]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("31/02/2025", "%d/%m/%Y"),
        ("31/12/25", "%d/%m/%Y"),
        ("31/12/2025 10:00", "%d/%m/%Y"),
        ("2025-01-13", "%Y-%d-%m"),
        ("31/12/2025 10:00", "%d/%m/%Y %H:%M"),
    ],
)
def test_a_date_that_the_format_does_not_take_is_none(tmp_path: Path, text: str, form: str) -> None:
    assert f"'{text}' is not a date" in refusal(tmp_path, "date", text, dates=form)


def test_numbers_at_the_edge(tmp_path: Path) -> None:
    assert values(tmp_path, "int", ["9007199254740993", "-9223372036854775808", "7.0", " 5 "]) == [9007199254740993, -(2**63), 7, 5]
    found = values(tmp_path, "float", ["1e308", "Infinity", "-inf", "nan", "9007199254740993"])
    assert found[:3] == [1e308, math.inf, -math.inf]
    assert math.isnan(found[3])
    assert found[4] == 9007199254740992.0


def test_a_number_too_large_for_a_float_is_not_infinite(tmp_path: Path) -> None:
    german = {"thousands": ".", "decimal": ","}
    assert "'-1,5e999' is not a float, which ends at 1.8e308" in refusal(tmp_path, "float", "-1,5e999", **german)
    assert values(tmp_path, "float", ["1e308", "inf"]) == [1e308, math.inf]


def test_hexadecimal_is_text_wherever_it_stands(tmp_path: Path) -> None:
    columns = {"n": "int", "x": "float", "s": "string"}
    found = read(put(tmp_path, "n,x,s\n+7,1.5,0xff\n-8.0,+2,0XFF\n"), declared("csv", columns))
    assert found.to_pylist() == [{"n": 7, "x": 1.5, "s": "0xff"}, {"n": -8, "x": 2.0, "s": "0XFF"}]
    assert "column 'n' in row 3: '0xff'" in refused(put(tmp_path, "n,x,s\n1,1,a\n0xff,1,a\n"), declared("csv", columns))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-01T24:00:00", datetime(2025, 1, 2)),
        ("2024-12-31 24:00", datetime(2025, 1, 1)),
        ("2025-01-01T24:00:00.000+02:00", datetime(2025, 1, 1, 22)),
        ("2025-01-01 10:00:00 UTC", datetime(2025, 1, 1, 10)),
        ("2025-01-01 10:00:00.25 UTC", datetime(2025, 1, 1, 10, 0, 0, 250_000)),
        ("2025-01-01 10:00:00 +01:00", datetime(2025, 1, 1, 9)),
        ("2025-01-01T10:00:00z", datetime(2025, 1, 1, 10)),
        ("2025-01-01T10:00:00,5Z", datetime(2025, 1, 1, 10, 0, 0, 500_000)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_other_spellings_of_iso_8601(tmp_path: Path, text: str, moment: datetime) -> None:
    assert values(tmp_path, "timestamp", [text]) == [moment.replace(tzinfo=UTC)]
    mixed = ["2025-06-01", text, "2025-06-01T00:00:00.123456789+02:00", ""]
    assert values(tmp_path, "timestamp", mixed)[1] == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2025-01-01T24:00:01", "2025-01-01T24:30", "2025-01-01T25:00", "2025-01-01 10:00:00 CET", "2025-01-01 UTC"]
)
def test_what_is_no_time_stays_none(tmp_path: Path, text: str) -> None:
    assert f"'{text}' is not a timestamp; accepted: ISO 8601" in refusal(tmp_path, "timestamp", text)


def test_a_midnight_is_a_date(tmp_path: Path) -> None:
    texts = ["2025-01-01", "2025-01-02 00:00:00", "2025-01-03T00:00:00Z", "2025-01-03T24:00", ""]
    assert values(tmp_path, "date", texts) == [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 4), None]
    assert "is not a date" in refusal(tmp_path, "date", "2025-01-01T00:00:00+01:00")


@pytest.mark.parametrize(
    ("text", "day"), [("2025-1-2", date(2025, 1, 2)), ("2-JAN-2025", date(2025, 1, 2)), ("2-Jan-25", date(2025, 1, 2))]
)
def test_the_format_that_a_message_proposes_reads_the_value(tmp_path: Path, text: str, day: date) -> None:
    proposed = refusal(tmp_path, "date", text).partition('write csv.dates: "')[2].rstrip('"')
    assert values(tmp_path, "date", [text], dates=proposed) == [day]


def test_booleans_as_they_are_written(tmp_path: Path) -> None:
    assert values(tmp_path, "boolean", ["true", "FALSE", "1", "0", "1.0", " false ", ""]) == [True, False, True, False, True, False, None]


def test_the_row_is_named_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from handlers.data import csv_files

    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 100)
    lines = [f"{i},2025-01-01" for i in range(1000)]
    for bad, message in (("x,2025-01-01", "column 'n' in row 802: 'x'"), ("5,x", "column 't' in row 802: 'x'")):
        lines[800] = bad
        assert message in refused(put(tmp_path, "n,t\n" + "\n".join(lines)), declared("csv", {"n": "int", "t": "timestamp"}))


def test_blocks_of_a_thread_share_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening one takes longer than a block. A thread has its own."""
    opened: list[int] = []
    connect = duck.connect

    def counted() -> Any:
        opened.append(threading.get_ident())
        return connect()

    monkeypatch.setattr(duck, "connect", counted)
    column = pa.chunked_array([["31/12/2013", "01/02/2014"]])
    csv = Csv(dates=["%d/%m/%Y"])

    def days() -> list[date]:
        found: list[date] = [day for _ in range(3) for day in text_values.parsed(column, pa.date32(), "date", csv).to_pylist()]
        return found

    with ThreadPoolExecutor(2) as pool:
        barrier = threading.Barrier(2)
        found = list(pool.map(lambda _: (barrier.wait(10), days())[1], range(2)))
    assert found == [[date(2013, 12, 31), date(2014, 2, 1)] * 3] * 2
    assert len(opened) == len(set(opened)) == 2


def test_a_forked_process_has_a_connection_of_its_own() -> None:
    """A pod's process is forked from one that has the libraries imported; DuckDB ends one that uses or closes its parent's connection."""
    told = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (told.returncode, told.stdout) == (0, "2013-12-31 0"), told.stderr


FORKED = """
import os
import pyarrow as pa
from handlers.data import text_values
from handlers.modelspec.model import Csv

def day():
    return text_values.parsed(pa.chunked_array([["31/12/2013"]]), pa.date32(), "date", Csv(dates=["%d/%m/%Y"]))[0]

day()
child = os.fork()
if not child:
    print(day(), end=" ", flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], end="")
"""
