"""Packing and unpacking as Argo's executor does it: a tarball has one top-level entry, named after the file or folder packed."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from localargo.errors import InvalidInput

DEFAULT_LEVEL = 6


def pack_tar(source: Path, target: Path, name: str, level: int | None = None) -> None:
    """Write `source` (file or folder) as a gzipped tar whose one entry is `name`; level 0 to 9, None is gzip's own default."""
    with tarfile.open(target, "w:gz", compresslevel=DEFAULT_LEVEL if level is None else min(max(level, 0), 9)) as tar:
        tar.add(source, arcname=name)


def pack_zip(source: Path, target: Path, name: str) -> None:
    """Write `source` (file or folder) as a zip file, all below one entry `name`."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        archive.write(source, name)
        for path in sorted(source.rglob("*")) if source.is_dir() else ():
            if path.is_dir() or path.is_file():
                archive.write(path, f"{name}/{path.relative_to(source).as_posix()}")


def is_tarball(path: Path) -> bool:
    """Whether the content is a gzipped tar; the file name does not matter."""
    try:
        with gzip.open(path) as stream:
            return tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), tarfile.ENCODING, "surrogateescape").name != ""
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return False


def _is_gzip(path: Path) -> None:
    """Raises InvalidInput with Go's message for other content."""
    with path.open("rb") as file:
        start = file.read(2)
    if start != b"\x1f\x8b":
        raise InvalidInput("gzip: invalid header" if start else "EOF")


def unpack_tar(source: Path, target: Path) -> None:
    """Unpack to `target`: the single entry itself, or a folder of all entries; pipes and devices are skipped. Raises
    InvalidInput for an archive that would write or link outside of it."""

    _is_gzip(source)

    def extract(into: Path) -> None:
        with tarfile.open(source, "r:*") as tar:
            tar.extractall(into, members=[m for m in tar if m.isreg() or m.isdir() or m.issym() or m.islnk()], filter="data")

    try:
        _lay_out(extract, target)
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError) as e:
        raise InvalidInput(f"illegal symlink target: {e.tarinfo.name} -> {e.tarinfo.linkname}") from None
    except tarfile.OutsideDestinationError as e:
        raise InvalidInput(f"illegal file path: {e.tarinfo.name}") from None
    except tarfile.TarError as e:
        raise InvalidInput(f"archive cannot be unpacked: {e}") from None


def unpack_zip(source: Path, target: Path) -> None:
    """As `unpack_tar`."""

    def extract(into: Path) -> None:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                made = Path(archive.extract(entry, into))  # drops a leading slash and every `..`
                mode = entry.external_attr >> 16 & 0o777
                if mode and not entry.is_dir():
                    made.chmod(mode | 0o600)

    try:
        _lay_out(extract, target)
    except zipfile.BadZipFile:
        raise InvalidInput("zip: not a valid zip file") from None
    except (OSError, zlib.error) as e:
        raise InvalidInput(f"archive cannot be unpacked: {e}") from None


def _lay_out(extract: Callable[[Path], None], target: Path) -> None:
    partial = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        extract(partial)
        entries = list(partial.iterdir())
        replace(entries[0] if len(entries) == 1 else partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def replace(source: Path, target: Path) -> None:
    """Move a file or folder to its destination and replace what is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        if source.is_dir() and not any(target.iterdir()):
            target.rmdir()
        elif source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(source)
            return
        else:
            shutil.rmtree(target)
    shutil.move(source, target)
