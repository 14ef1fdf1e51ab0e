"""What the tests of files share: a source's declaration, and a file read through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from handlers.contracts import BadData
from handlers.data import sources
from handlers.modelspec.model import Source

KEY = "incoming/m/a"


def declared(kind: str, columns: dict[str, str], **csv: Any) -> Source:
    return Source.model_validate({"prefix": "incoming/m/", "format": kind, "columns": columns, "csv": csv})


def read(path: Path, source: Source, asked: tuple[str, ...] | None = None) -> pa.Table:
    return pa.concat_tables(list(sources.tables(path, KEY, source, asked)))


def refused(path: Path, source: Source, asked: tuple[str, ...] | None = None) -> str:
    """The message, without the object's name."""
    with pytest.raises(BadData) as error:
        read(path, source, asked)
    assert str(error.value).startswith(f"{KEY}: ")
    return str(error.value).removeprefix(f"{KEY}: ")


def put(tmp_path: Path, data: bytes | str) -> Path:
    path = tmp_path / "object"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
