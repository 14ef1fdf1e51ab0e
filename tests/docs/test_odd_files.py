"""The page about odd files: each file is refused with the sentence that is shown, and read with the keys that are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.contracts import BadData
from handlers.data import sources
from handlers.modelspec import yaml12
from handlers.modelspec.model import Source
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "howto" / "odd-files.md"
FIRST, *BLOCKS = blocks(PAGE)
SOURCE = yaml12.load(FIRST.text)
ENCODED = "day,amount,note\n2025-12-31,3,caf\xe9\n".encode("cp1252")


def read(path: Path, csv: Any) -> int:
    source = Source.model_validate({**SOURCE, "csv": csv or {}})
    return sum(len(table) for table in sources.tables(path, "incoming/orders/a.csv", source))


def examples() -> list[tuple[str, bytes, str, Any]]:
    """Name, file, message and keys: a file is text with lines of values, and what follows it is a message and, where it helps, keys."""
    found: list[tuple[str, bytes, str, Any]] = []
    for i, block in enumerate(BLOCKS):
        if block.language != "text":
            continue
        if "csv.encoding" in block.text:
            found.append((str(block), ENCODED, block.text, yaml12.load(BLOCKS[i + 1].text)))
        elif block.text.count("\n") > 1:
            keys = yaml12.load(BLOCKS[i + 2].text) if i + 2 < len(BLOCKS) and BLOCKS[i + 2].language == "yaml" else None
            found.append((str(block), block.text.encode(), BLOCKS[i + 1].text, keys))
    return found


@pytest.mark.parametrize(("file", "message", "keys"), [pytest.param(*example[1:], id=example[0]) for example in examples()])
def test_a_file_is_refused_as_shown_and_then_read(tmp_path: Path, file: bytes, message: str, keys: Any) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(file)
    with pytest.raises(BadData) as error:
        read(path, None)
    assert str(error.value) == f"incoming/orders/a.csv: {message.strip()}"
    if keys is not None:
        assert read(path, keys) == file.count(b"\n") - (keys.get("header", True) is True)


def test_every_block_is_tried() -> None:
    used = sum(1 + (keys is not None) + ("encoding" not in message) for _, _, message, keys in examples())
    assert used == len(BLOCKS)
    assert len(examples()) > 7
