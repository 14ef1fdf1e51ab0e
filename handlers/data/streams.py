"""Files of text as streams of UTF-8, whatever their compression and encoding; what is no text is named before it gets into a message."""

from __future__ import annotations

import codecs
import io
import itertools
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

    from handlers.modelspec.model import Source

BEGIN = 16  # bytes that tell what a file is
PARQUET = b"PAR1"
COMPRESSED = ((b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
FOREIGN = (
    (PARQUET, "is Parquet; write `format: parquet` in its source"),
    (b"PK\x03\x04", "is a ZIP archive or a spreadsheet; save it as CSV"),
    (b"PK\x05\x06", "is an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet; save it as CSV"),
    (b"BZh", "is compressed with bzip2; compress it with gzip or zstd"),
    (b"\xfd7zXZ\x00", "is compressed with xz; compress it with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4; compress it with gzip or zstd"),
    (b"ARROW1", "is Arrow IPC; save it as Parquet"),
    (b"ORC", "is ORC; save it as Parquet"),
    (b"Obj\x01", "is Avro; save it as Parquet"),
    (b"\xff\x06\x00\x00sNaPpY", "is compressed with snappy; compress it with gzip or zstd"),
    (b"SQLite format 3\x00", "is a database of SQLite; save its table as Parquet or CSV"),
    (b"%PDF-", "is a PDF; save its table as CSV"),
    *(
        (begin, "is HTML, perhaps a page that tells of an error; put the data there")
        for begin in (b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML")
    ),
    (b"<?xml", "is XML, perhaps an answer that tells of an error; put the data there as CSV, JSON Lines or Parquet"),
)
MARKS = (  # the longer one first: that of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@contextmanager
def damage_named(path: Path, key: str, source: Source) -> Iterator[None]:
    """What a damaged file makes a library raise, as BadData that names the object; what the machine raises stays as it is."""
    import pyarrow as pa

    try:
        yield
    except UnicodeDecodeError as error:
        raise BadData(f"{key}: {_undecoded(path, source, error)}") from error
    except OSError as error:
        # an error of the machine has a number
        if error.errno is not None:
            raise
        raise BadData(f"{key}: {_damaged(path, str(error))}") from error
    except (pa.ArrowException, MemoryError, OverflowError) as error:
        raise BadData(f"{key}: the file is damaged: {printable(str(error))}; put it there again") from error


def _encode(kind: str) -> str:
    return "write csv.encoding as the file has it, or save the file as UTF-8" if kind == "csv" else "save the file as UTF-8"


def _undecoded(path: Path, source: Source, error: UnicodeDecodeError) -> str:
    """Where the text is not in its encoding: the file is read again up to there."""
    if source.format == "parquet":
        return f"the file is damaged: {printable(str(error))}; put it there again"
    mark, encoding = _encoding(_begin(path), source)
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with decompressed(path) as stream:
        stream.read(len(mark))
        try:
            while part := stream.read(1 << 16):
                line += decoder.decode(part).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as again:
            line += again.object[: again.start].decode(encoding, "replace").count("\n")
            if part:
                bad = " ".join(f"0x{byte:02x}" for byte in again.object[again.start : again.end][:4])
                return f"line {line}: {bad} is not text in {encoding}; {_encode(source.format)}"
    return f"line {line}: the file ends within a character of {encoding}; put it there again"


def _damaged(path: Path, message: str) -> str:
    compression = compression_of(path)
    if not compression:
        return f"the file is damaged: {printable(message)}; put it there again"
    what = "ends too early" if "runcated" in message else "is damaged"
    return f"the file is compressed with {compression} and {what}; put it there again"


def printable(text: str, longest: int = 500) -> str:
    """Text for a message in one line: cut, and without what no terminal can print."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text[:longest].split()))


def listed(names: Iterable[str], most: int = 30) -> str:
    """The first names for a message, those with blanks around them in quotes."""
    return printable(", ".join(name if name and name == name.strip() else repr(name) for name in itertools.islice(names, most)))


def meant(missing: str, there: Iterable[str]) -> str:
    """For a column that is missing: which name of the file is the same but for case, blanks and characters that look alike or hide."""
    found = next((name for name in there if _plain(name) == _plain(missing)), None)
    if found is None:
        return ""
    if found.strip().casefold() == missing.strip().casefold():
        return f"; did you mean {found!r}?"
    return f"; the file writes it {json.dumps(found)}, with characters that look alike or are not seen: write it so in the spec, too"


def _plain(name: str) -> str:
    seen = "".join(character for character in unicodedata.normalize("NFKC", name) if unicodedata.category(character) != "Cf")
    return seen.strip().casefold()


def compression_of(path: Path) -> str | None:
    """The compression that a file's first bytes tell."""
    with path.open("rb") as file:
        begin = file.read(BEGIN)
    return next((name for magic, name in COMPRESSED if begin.startswith(magic)), None)


def refuse_foreign(begin: bytes, key: str, also: tuple[tuple[bytes, str], ...] = ()) -> None:
    """Raise BadData for the first bytes of a file that is no text."""
    for magic, what in (*also, *FOREIGN):
        if begin.startswith(magic):
            raise BadData(f"{key}: the file {what}")


def text(path: Path, key: str, source: Source) -> pa.NativeFile:
    """The file as a stream of UTF-8 without a byte order mark. Raises BadData for what is no text."""
    import pyarrow as pa

    with damage_named(path, key, source):
        begin = _begin(path)
    twice = tuple((magic, "is compressed twice; compress it once") for magic, _ in COMPRESSED)
    refuse_foreign(begin, key, twice if compression_of(path) else ())
    mark, encoding = _encoding(begin, source)
    if not mark and begin[:4].count(0) > 1 and is_utf8(encoding):
        raise BadData(f"{key}: the file looks like UTF-16 without a byte order mark; {_encode(source.format)}")
    stream = decompressed(path)
    stream.read(len(mark))
    return stream if is_utf8(encoding) else pa.transcoding_input_stream(stream, encoding, "utf-8")


def _begin(path: Path) -> bytes:
    """The first bytes, decompressed."""
    with decompressed(path) as stream:
        return bytes(stream.read(BEGIN))


def _encoding(begin: bytes, source: Source) -> tuple[bytes, str]:
    """The byte order mark and the encoding, which the mark says before the spec."""
    return marked(begin) or (b"", source.csv.encoding)


def marked(begin: bytes) -> tuple[bytes, str] | None:
    """The byte order mark that a file's first bytes are, and the encoding that it says."""
    return next(((mark, name) for mark, name in MARKS if begin.startswith(mark)), None)


def is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def decompressed(path: Path) -> pa.NativeFile:
    """The file's bytes, decompressed as they are read."""
    import pyarrow as pa

    compression = compression_of(path)
    return pa.CompressedInputStream(pa.OSFile(str(path)), compression) if compression else pa.OSFile(str(path))


class NoEnd(Exception):
    """A record that has no end within the file, or within the longest one that is read (`too_long`); `held` begins with it."""

    def __init__(self, held: bytes, *, too_long: bool) -> None:
        super().__init__()
        self.held, self.too_long = held, too_long


def blocks(stream: pa.NativeFile, size: int, longest: int, whole: Callable[[bytes], int]) -> Iterator[bytes]:
    """The stream in pieces of about `size` bytes, each of whole records; `whole` says how many bytes of a piece are. Raises NoEnd.

    They are cut here and not by Arrow, whose readers of streams drop a line feed in quotes where a block begins with it, and read ahead
    in a thread that outlives an error.
    """
    held = b""
    while more := stream.read(max(size, len(held))):
        held += more
        if end := whole(held):
            yield held[:end]
            held = held[end:]
        elif len(held) > longest:
            raise NoEnd(held, too_long=True)
    if held:
        if whole(held + b"\n") <= len(held):
            raise NoEnd(held, too_long=False)
        yield held


def lines(stream: Any) -> io.TextIOWrapper:
    """A stream of UTF-8 as lines with their ends; bytes that are not UTF-8 come back as they were with `surrogateescape`."""
    return io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", errors="surrogateescape", newline="")
