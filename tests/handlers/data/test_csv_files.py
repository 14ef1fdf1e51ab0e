"""CSV as people write it: dialects, encodings, compression, long fields, quotes; each is read right or refused in one sentence."""

from __future__ import annotations

import codecs
import gzip
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from handlers.contracts import BadData
from handlers.data import csv_files, sources
from tests.docs.pages import ROOT
from tests.handlers.data.files import KEY, declared, put, read, refused

NS = {"n": "int", "s": "string"}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32-be", "utf-7", "gb18030", "utf-8-sig"])
def test_a_declared_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = "n,s\r\n" + "".join(f'{i},"café\r\n£{i}"\r\n' for i in range(3000))
    if encoding not in ("latin-1", "cp1252"):
        text = text.replace("£", "漢😀")
    sign = "£" if encoding in ("latin-1", "cp1252") else "漢😀"
    table = read(put(tmp_path, text.encode(encoding)), declared("csv", NS, encoding=encoding))
    assert table.column("s").to_pylist() == [f"café\r\n{sign}{i}" for i in range(3000)]


def test_a_state_of_the_encoding_lives_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 64)
    text = "n,s\n" + "".join(f"{i},日本語abc日本{i}\n" for i in range(500))
    table = read(put(tmp_path, text.encode("iso2022_jp")), declared("csv", NS, encoding="iso2022_jp"))
    assert table.column("s").to_pylist() == [f"日本語abc日本{i}" for i in range(500)]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, mark: bytes, encoding: str, kind: str) -> None:
    text = 'n,s\n1,"é漢"\n' if kind == "csv" else '{"n": 1, "s": "é漢"}\n'
    source = declared(kind, NS, **({"encoding": "latin-1"} if kind == "csv" else {}))
    assert read(put(tmp_path, mark + text.encode(encoding)), source).to_pylist() == [{"n": 1, "s": "é漢"}]
    packed = put(tmp_path, gzip.compress(mark + text.encode(encoding)))
    assert read(packed, source).to_pylist() == [{"n": 1, "s": "é漢"}]


def test_text_that_is_not_in_its_encoding_is_named(tmp_path: Path) -> None:
    bad = put(tmp_path, b"n,s\n" + b"1,a\n" * 30_000 + b"1,\x81\n")
    message = "line 30002: 0x81 is not text in cp1252; write csv.encoding as the file has it, or save the file as UTF-8"
    assert refused(bad, declared("csv", NS, encoding="cp1252")) == message
    odd = put(tmp_path, "\ufeffn,s\n1,2\n".encode("utf-16-le")[:-1])
    assert refused(odd, declared("csv", NS)) == "line 2: the file ends within a character of utf-16-le; put it there again"
    unmarked = put(tmp_path, "n,s\n1,2\n".encode("utf-16-le"))
    assert refused(unmarked, declared("csv", NS)).startswith("the file looks like UTF-16 without a byte order mark; write csv.encoding")


def compressed(data: bytes, kind: str) -> bytes:
    return gzip.compress(data) if kind == "gzip" else bytes(pa.compress(data, codec="zstd", asbytes=True))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_compressed_files_are_known_by_their_first_bytes(tmp_path: Path, compression: str, kind: str) -> None:
    rows = [{"n": i, "s": f"text {i}"} for i in range(5000)]
    text = (
        "n,s\n" + "".join(f"{r['n']},{r['s']}\n" for r in rows)
        if kind == "csv"
        else "".join(f'{{"n":{r["n"]},"s":"{r["s"]}"}}\n' for r in rows)
    )
    whole = compressed(text.encode(), compression)
    source = declared(kind, NS)
    assert read(put(tmp_path, whole), source).to_pylist() == rows
    half = text.index("\n", len(text) // 2) + 1
    members = compressed(text[:half].encode(), compression) + compressed(text[half:].encode(), compression)
    assert read(put(tmp_path, members), source).to_pylist() == rows
    for end in (5, 40, len(whole) // 2, len(whole) - 1):
        assert (
            refused(put(tmp_path, whole[:end]), source)
            == f"the file is compressed with {compression} and ends too early; put it there again"
        )
    assert refused(put(tmp_path, compressed(whole, compression)), source) == "the file is compressed twice; compress it once"
    inside = put(tmp_path, compressed(b"PAR1" + bytes(100), compression))
    assert refused(inside, source) == "the file is Parquet; write `format: parquet` in its source"


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"n,s\n" + b"1,text\n" * 1000))
    whole[-6] ^= 1  # its checksum
    assert (
        refused(put(tmp_path, bytes(whole)), declared("csv", NS)) == "the file is compressed with gzip and is damaged; put it there again"
    )


@pytest.mark.parametrize("line", [b"1,text\n", b""])
def test_what_decompresses_to_very_much_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 1 << 20)
    monkeypatch.setattr(csv_files, "LONGEST_RECORD", 4 << 20)
    held = io.BytesIO()
    with gzip.GzipFile(fileobj=held, mode="wb") as file:
        file.write(b"n,s\n1," + (b"\n" if line else b""))
        for _ in range(100):
            file.write(line * (1_000_000 // len(line)) if line else bytes(1_000_000))
    path = put(tmp_path, held.getvalue())
    del held
    tracemalloc.start()
    before, most = pa.total_allocated_bytes(), 0
    try:
        for _ in sources.tables(path, KEY, declared("csv", {"s": "string"})):
            most = max(most, pa.total_allocated_bytes() - before)
    except BadData as error:
        assert not line
        assert "row 2 is longer than 4 MiB" in str(error)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 << 20
    assert python < 32 << 20


@pytest.mark.parametrize("shape", range(24))
def test_quoted_line_ends_at_any_edge_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: int) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 256)
    end = ("\n", "\r\n", "\r")[shape % 3]
    inside = ("\n", "\r\n", "\r", ",", '""', '"",""' + end)[shape % 6]
    value = f"a{inside}{'b' * (shape % 5)}{inside}"
    path = put(tmp_path, f"n,s{end}" + "".join(f'{i},"{"x" * (i % 41)}{value}"{end}' for i in range(400)))
    expected = [{"n": i, "s": "x" * (i % 41) + value.replace('""', '"')} for i in range(400)]
    assert read(path, declared("csv", NS)).to_pylist() == expected


def test_a_field_longer_than_a_block_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 256)
    monkeypatch.setattr(csv_files, "LONGEST_RECORD", 1 << 16)
    rows = [{"n": i, "s": "x" * (20_000 if i == 300 else 5)} for i in range(600)]
    text = "n,s\n" + "".join(f"{r['n']},{r['s']}\n" for r in rows)
    assert read(put(tmp_path, text), declared("csv", NS)).to_pylist() == rows
    message = refused(put(tmp_path, text.replace("x" * 20_000, "x" * 200_000)), declared("csv", NS))
    assert message == "row 302 is longer than 0 MiB; is there a quote without an end, or is the file of another format?"


@pytest.mark.parametrize("columns", [NS, {"s": "string"}])
@pytest.mark.parametrize("last", ['"open', '"open\n3,x\n', '"open\n', '"'])
def test_a_quote_without_an_end_loses_no_rows_in_silence(tmp_path: Path, columns: dict[str, str], last: str) -> None:
    path = put(tmp_path, f"n,s\n1,a\n2,{last}" if "n" in columns else f"s\na\n{last}")
    assert refused(path, declared("csv", columns)) == "a quote in row 3 has no end; write a quote within a text as two of them"


def test_a_quote_without_an_end_in_a_number(tmp_path: Path) -> None:
    assert "a quote in row 3 has no end" in refused(put(tmp_path, 's,n\na,1\nb,"2\nc,3\n'), declared("csv", NS))
    assert "a quote in row 3 has no end" in refused(put(tmp_path, 's,n\na,1\n"b,2\nc,3\n'), declared("csv", NS))


def test_a_last_line_needs_no_end(tmp_path: Path) -> None:
    for end in ("", "\n", "\r\n", "\n\n\n", "\r"):
        assert read(put(tmp_path, f"n,s\n1,a\n2,b{end}"), declared("csv", NS)).column("s").to_pylist() == ["a", "b"]


def test_blanks_around_names_are_no_part_of_them(tmp_path: Path) -> None:
    path = put(tmp_path, "n , s,\tx\n1,a,2\n")
    assert read(path, declared("csv", NS)).to_pylist() == [{"n": 1, "s": "a"}]
    assert read(path, declared("csv", {"n ": "int", " s": "string"})).column_names == ["n ", " s"]
    assert "column 'n' stands twice" in refused(put(tmp_path, "n, n\n1,2\n"), declared("csv", {"n": "int"}))


def test_blank_lines_before_the_header(tmp_path: Path) -> None:
    assert read(put(tmp_path, "\n\r\n\nn,s\n\n1,a\n"), declared("csv", NS)).to_pylist() == [{"n": 1, "s": "a"}]
    assert "column 'n' in row 2: 'x'" in refused(put(tmp_path, "\n\nn,s\nx,a\n"), declared("csv", NS))


def test_the_line_of_a_spreadsheet_that_says_the_delimiter(tmp_path: Path) -> None:
    path = put(tmp_path, "sep=;\r\nn;s\r\n1;a\r\n")
    assert read(path, declared("csv", NS, delimiter=";")).to_pylist() == [{"n": 1, "s": "a"}]
    path = put(tmp_path, "sep=;\r\n1;a\r\n")
    assert read(path, declared("csv", NS, delimiter=";", header=False)).to_pylist() == [{"n": 1, "s": "a"}]


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert list(sources.tables(put(tmp_path, "n,s\n"), KEY, declared("csv", NS))) == []
    for text in ("", "\n\n", "\ufeff"):
        assert refused(put(tmp_path, text), declared("csv", NS)) == "the file is empty; a CSV begins with a line of column names"


@pytest.mark.parametrize(
    ("text", "csv", "message"),
    [
        ("n;s\n1;a\n", {}, "column 'n' is missing; the file has n;s; the header has `;`: write csv.delimiter: \";\""),
        ("n\ts\n1\ta\n", {}, "column 'n' is missing; the file has n s; the header has `\\t`: write csv.delimiter: \"\\t\""),
        ("n,s\n1,a\n", {"delimiter": "|"}, "column 'n' is missing; the file has n,s; the header has `,`: write csv.delimiter: \",\""),
        (
            "1;a\n2;b\n",
            {"header": False},
            "row 1 has 1 value and the spec declares 2: '1;a'; the first line has `;`: write csv.delimiter: \";\"",
        ),
        ("1,a\n2,b\n", {}, "column 'n' is missing; the file has 1, a; if its first line has values and no names, write csv.header: false"),
        ("n,s\n1,a\n", {"header": False}, "the first line has the names of the columns; leave out csv.header: false"),
        ("sep=;\nn;s\n1;a\n", {}, "column 'n' is missing; the file has sep=;; the first line says `sep=;`: write csv.delimiter: \";\""),
        ("N,s\n1,a\n", {}, "column 'n' is missing; the file has N, s; did you mean 'N'?"),
        ("n,s\n1,a,b\n", {}, "row 2 has 3 values and the header has 2: '1,a,b'"),
        ("n s\n1 a\n", {}, "column 'n' is missing; the file has n s; the header has ` `: write csv.delimiter: \" \""),
        ('{"n":1,"s":"a"}\n', {}, "the file looks like JSON; if it is JSON Lines, write `format: jsonl` in its source"),
        ('{"n":1}\n', {}, "column 'n' is missing; the file has {\"n\":1}; if the file is JSON Lines, write `format: jsonl` in its source"),
        ("n,s\n1,a\nn,s\n2,b\n", {}, "column 'n' in row 3: 'n' is its name; the row has the names of the columns again: take it out"),
    ],
)  # fmt: skip
def test_another_layout_is_named(tmp_path: Path, text: str, csv: dict[str, Any], message: str) -> None:
    assert refused(put(tmp_path, text), declared("csv", NS, **csv)) == message


def test_what_means_missing_may_stand_in_quotes_but_for_text(tmp_path: Path) -> None:
    path = put(tmp_path, 'n,x,b,t,d,s\n"1","2.5","true","2013-01-01","2013-01-01","a"\n"","NA","","NA","","NA"\n')
    kinds = {"n": "int", "x": "float", "b": "boolean", "t": "timestamp", "d": "date", "s": "string"}
    assert list(read(path, declared("csv", kinds)).to_pylist()[1].values()) == [None, None, None, None, None, "NA"]


def test_a_message_has_only_what_a_terminal_can_print(tmp_path: Path) -> None:
    for data in (b"\x1b[31mred\x07,s\n1,2\n", b"a\xff\x00b,s\n1,2\n"):
        message = refused(put(tmp_path, data), declared("csv", NS))
        assert message.isprintable()
    assert refused(put(tmp_path, "n,s\n\x1b[31m,a\n"), declared("csv", NS)).isprintable()
    assert len(refused(put(tmp_path, f"n,s\n{'y' * 100_000},a\n"), declared("csv", NS))) < 300


def test_a_process_that_reads_a_damaged_file_ends_with_65(tmp_path: Path) -> None:
    lines = "".join(f"{i},text {i}\n" for i in range(100_000))
    (tmp_path / "value").write_text(f"n,s\n{lines}x,1\n{lines}")
    (tmp_path / "width").write_text(f"n,s\n{lines}1,2,3\n{lines}")
    (tmp_path / "gzip").write_bytes(gzip.compress(f"n,s\n{lines}".encode())[:-20])
    (tmp_path / "utf16").write_bytes(f"\ufeffn,s\n{lines}".encode("utf-16-le")[:-1])
    program = """
import sys
from pathlib import Path
from handlers.contracts import main
from handlers.data import sources
from tests.docs.pages import ROOT
from tests.handlers.data.files import KEY, declared
main(lambda argv: print(sum(map(len, sources.tables(Path(argv[0]), KEY, declared("csv", {"n": "int", "s": "string"}))))))
"""
    for path in tmp_path.iterdir():
        ended = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (path.name, ended.returncode) == (path.name, 65), ended.stderr


@pytest.mark.parametrize("text", ['n,s\n1,"a\\"b"\n', 'n,s\n1,"a"b\n2,c\n', 'n,s\n1,"a"b', 'n,s\n2,"a\nb"c\n3,"d"\n'])
def test_text_after_a_quote_that_ends_is_no_part_of_it(tmp_path: Path, text: str) -> None:
    """As where a backslash stands before the quotes of a text: its value would be another one."""
    message = refused(put(tmp_path, text), declared("csv", NS))
    assert message.startswith("row 2: text follows the quote that ends a value: ")
    assert message.endswith("; write a quote within a text as two of them")


def test_blanks_after_a_quote_that_ends_are_read(tmp_path: Path) -> None:
    assert read(put(tmp_path, 'n,s\n"1" ,a\n"2"\t,b\n'), declared("csv", NS)).column("n").to_pylist() == [1, 2]


def test_what_stands_before_the_names_is_told(tmp_path: Path) -> None:
    message = refused(put(tmp_path, "# made by x\n\nReport of 2025\nn,s\n1,a\n"), declared("csv", NS))
    assert message == "column 'n' is missing; the file has # made by x; the line 'n,s' has the names: take out the lines before it"


def test_lines_of_blanks_before_the_names_are_none(tmp_path: Path) -> None:
    assert read(put(tmp_path, "  \n,\nn,s\n1,a\n"), declared("csv", NS)).num_rows == 1
    assert refused(put(tmp_path, " \n\n \n"), declared("csv", NS)).startswith("the file is empty")
    assert read(put(tmp_path, ",\n1,a\n"), declared("csv", NS, header=False)).to_pylist()[0] == {"n": None, "s": None}


def test_three_thousand_columns(tmp_path: Path) -> None:
    kinds = {f"c{n}": "float" for n in range(3000)}
    found = read(put(tmp_path, ",".join(kinds) + "\n" + ",".join(map(str, range(3000))) + "\n"), declared("csv", kinds))
    assert [column[0].as_py() for column in found.columns] == list(range(3000))
