"""What is packed is what is unpacked; what would leave its folder is refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.artifacts import archive
from localargo.errors import InvalidInput

Tree = bytes | dict[str, "Tree"]
NAMES = st.text("abc é-_", min_size=1, max_size=6).map(lambda s: f"n{s}")
TREES = st.recursive(st.binary(max_size=50), lambda below: st.dictionaries(NAMES, below, max_size=3), max_leaves=6)


def write(tree: Tree, path: Path) -> None:
    if isinstance(tree, bytes):
        path.write_bytes(tree)
        return
    path.mkdir()
    for name, below in tree.items():
        write(below, path / name)


def read(path: Path) -> Tree:
    return path.read_bytes() if path.is_file() else {p.name: read(p) for p in path.iterdir()}


@given(TREES)
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, kind: str, tree: Tree) -> None:
    folder = tmp_path_factory.mktemp("archive")
    write(tree, folder / "source")
    if kind == "tar":
        archive.pack_tar(folder / "source", folder / "packed", "name in it")
        assert archive.is_tarball(folder / "packed")
        archive.unpack_tar(folder / "packed", folder / "deep" / "target")
    else:
        archive.pack_zip(folder / "source", folder / "packed", "name in it")
        archive.unpack_zip(folder / "packed", folder / "deep" / "target")
    assert read(folder / "deep" / "target") == tree
    assert [p.name for p in (folder / "deep").iterdir()] == ["target"]


def test_a_tar_holds_one_entry_of_the_given_name_and_keeps_modes(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("x")
    (tmp_path / "run.sh").chmod(0o755)
    archive.pack_tar(tmp_path / "run.sh", tmp_path / "t", "run.sh", level=0)
    with tarfile.open(tmp_path / "t") as tar:
        assert tar.getnames() == ["run.sh"]
    archive.unpack_tar(tmp_path / "t", tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    archive.pack_zip(tmp_path / "run.sh", tmp_path / "z", "run.sh")
    archive.unpack_zip(tmp_path / "z", tmp_path / "out2")
    assert (tmp_path / "out2").stat().st_mode & 0o777 == 0o755


def test_levels_differ(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 10_000)
    sizes = []
    for level in (0, 9):
        archive.pack_tar(tmp_path / "f", tmp_path / "t", "f", level)
        sizes.append((tmp_path / "t").stat().st_size)
    assert sizes[0] > 30_000 > sizes[1]


NO_TARBALLS = {
    "empty": b"",
    "text": b"plain text",
    "text in gzip": gzip.compress(b"not a tar" * 100),
    "broken": b"\x1f\x8b broken",
    "empty gzip": gzip.compress(b""),
}


@pytest.mark.parametrize("content", NO_TARBALLS.values(), ids=NO_TARBALLS)
def test_what_is_no_tarball(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert not archive.is_tarball(tmp_path / "f")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_a_tar_that_would_write_elsewhere_is_refused_or_kept_inside(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "t", "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    target = tmp_path / "in" / "deep" / "target"
    try:
        archive.unpack_tar(tmp_path / "t", target)
    except InvalidInput as e:
        assert str(e) == f"illegal file path: {name}"
    assert not any(p.name == "evil" for p in tmp_path.rglob("*") if target not in (p, *p.parents))


def test_a_tar_whose_link_leads_out_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t", "w:gz") as tar:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(InvalidInput, match="illegal symlink target: link -> /etc/passwd"):
        archive.unpack_tar(tmp_path / "t", tmp_path / "target")


def test_pipes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("x")
    os.mkfifo(tmp_path / "d/pipe")
    archive.pack_tar(tmp_path / "d", tmp_path / "t", "d")
    archive.unpack_tar(tmp_path / "t", tmp_path / "target")
    assert [p.name for p in (tmp_path / "target").iterdir()] == ["file"]


def test_a_zip_stays_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as z:
        z.writestr("../../evil", "x")
    archive.unpack_zip(tmp_path / "z", tmp_path / "in" / "target")
    assert not (tmp_path / "evil").exists()
    (tmp_path / "bad").write_text("no zip")
    with pytest.raises(InvalidInput, match="zip: not a valid zip file"):
        archive.unpack_zip(tmp_path / "bad", tmp_path / "x")


def test_several_entries_become_a_folder_and_replace_what_is_there(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t", "w:gz") as tar:
        for name in ("a", "b"):
            tar.addfile(tarfile.TarInfo(name))
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("x")
    archive.unpack_tar(tmp_path / "t", target)
    assert sorted(p.name for p in target.iterdir()) == ["a", "b", "kept"]
    (tmp_path / "single").write_text("now a file")
    archive.replace(tmp_path / "single", target)
    assert target.read_text() == "now a file"
