"""Encoded rows on disk: they come back as they were, or not at all."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from handlers.contracts import logged_by
from handlers.data.manifest import PartRef
from handlers.data.rows import Layout, Rows
from handlers.models import scratch
from handlers.models.scratch import PAGE_BYTES, Scratch


def part(name: str = "a", role: str = "train") -> PartRef:
    return PartRef(name, "incoming/m/a.csv", role, 3, 10, [1])


LAYOUT = Layout({"numbers": ("f8", (2,)), "places": ("i4", (1,)), "wide": ("f8", (300,)), "y": ("f8", ())})


def rows(size: int = 3) -> Rows:
    found = LAYOUT.empty(size)
    chance = np.random.default_rng(1)
    for block in found.blocks.values():
        block.view(np.uint8)[:] = chance.integers(0, 256, block.view(np.uint8).shape)
    found.texts = [sparse.csr_matrix(np.eye(size, 7))]
    return found


def get(kept: Scratch, of: PartRef, size: int = 3) -> Rows | None:
    found = LAYOUT.empty(size)
    return found if kept.get(of, found) else None


@pytest.fixture
def said() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    with logged_by(lambda event, facts: found.append((event, dict(facts)))):
        yield found


def same(first: Rows | None, second: Rows) -> bool:
    assert first is not None
    blocks = all(first.blocks[name].tobytes() == block.tobytes() for name, block in second.blocks.items())
    return blocks and [text.toarray().tolist() for text in first.texts] == [text.toarray().tolist() for text in second.texts]


def test_rows_come_back_bit_by_bit() -> None:
    with Scratch() as kept:
        assert get(kept, part()) is None
        kept.put(part(), rows())
        kept.put(part("b"), rows(0))
        kept.put(part("a", "valid"), rows(5))
        assert same(get(kept, part()), rows())
        assert same(get(kept, part("b"), 0), rows(0))
        assert same(get(kept, part("a", "valid"), 5), rows(5))


def test_nobody_finds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Scratch() as kept:
        kept.put(part(), rows())
        assert get(kept, part()) is not None
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["shorter", "other bytes"])
def test_what_is_damaged_is_not_given_back(damage: str, said: list[tuple[str, dict[str, Any]]]) -> None:
    with Scratch() as kept:
        kept.put(part(), rows())
        kept.put(part("b"), rows())
        assert kept._file is not None
        if damage == "shorter":
            os.ftruncate(kept._file, kept._end - 1)
        else:
            os.pwrite(kept._file, b"?", kept._end - 1)
        assert same(get(kept, part()), rows())
        assert get(kept, part("b")) is None
        assert [facts["part"] for _, facts in said] == ["b"]
        kept.put(part("b"), rows())
        assert same(get(kept, part("b")), rows())


@given(st.data())
def test_no_byte_and_no_page_is_another_unnoticed(data: st.DataObject) -> None:
    """The file has three pages and some bytes of them."""
    with Scratch() as kept:
        kept.put(part(), rows(7))
        file, end = kept._file, kept._end
        assert file is not None
        assert end > 3 * PAGE_BYTES
        if data.draw(st.booleans()):
            at, bit = data.draw(st.integers(0, end - 1)), data.draw(st.integers(0, 7))
            os.pwrite(file, bytes([os.pread(file, 1, at)[0] ^ 1 << bit]), at)
        else:
            first, second = data.draw(st.sampled_from([(0, 1), (0, 2), (1, 2)]))
            one, other = (os.pread(file, PAGE_BYTES, page * PAGE_BYTES) for page in (first, second))
            os.pwrite(file, other, first * PAGE_BYTES)
            os.pwrite(file, one, second * PAGE_BYTES)
        assert get(kept, part(), 7) is None


def test_no_more_is_kept_than_there_is_room_for() -> None:
    size = rows().nbytes
    with Scratch(most=2 * size) as kept:
        for name in "abc":
            kept.put(part(name), rows())
        assert [get(kept, part(name)) is not None for name in "abc"] == [True, True, False]


def test_a_disk_that_gets_full_keeps_what_it_has(said: list[tuple[str, dict[str, Any]]]) -> None:
    """A file may have as many bytes as the first part has: the next write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Scratch() as kept:
        kept.put(part(), rows())
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (kept._end + 5, before[1]))
            for name in "bcd":
                kept.put(part(name), rows())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert same(get(kept, part()), rows())
        assert get(kept, part("b")) is None
    assert [event for event, _ in said] == ["no more encoded rows are kept between epochs"]


def test_without_a_folder_for_temporary_files_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[tuple[str, dict[str, Any]]]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with Scratch() as kept:
        kept.put(part(), rows())
        kept.put(part("b"), rows())
        assert get(kept, part()) is None
    assert [event for event, _ in said] == ["encoded rows are not kept between epochs"]


@pytest.mark.parametrize(
    ("mounts", "bounded"), [("none {0} tmpfs rw 0 0\n", True), ("/dev/vda {0} ext4 rw 0 0\nnone /other tmpfs rw\n", False)]
)
def test_little_is_kept_where_the_disk_is_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, bounded: bool) -> None:
    (tmp_path / "mounts").write_text(mounts.format(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.setattr(scratch, "MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(scratch, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    assert (scratch._free() == 1000) is bounded
