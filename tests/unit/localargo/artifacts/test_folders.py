"""Folders as artifacts without an archive."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from localargo.artifacts.stage import collect
from localargo.ports import Artifact
from tests.unit.localargo.artifacts.test_stage import FolderBucket, PodPaths, s3, spec, written


@contextlib.contextmanager
def as_a_plain_user() -> Iterator[None]:
    """Root may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_with_links_and_unreadable_files_is_stored_without_an_archive() -> None:
    with tempfile.TemporaryDirectory() as folder:
        places, bucket = PodPaths(Path(folder) / "pod"), FolderBucket(Path(folder))
        for path in ("/o/d/a", "/o/d/secret", "/o/d/deep/b"):
            written(places, path)
        for name, target in (("file", "a"), ("folder", "deep"), ("nowhere", "absent"), ("loop", "loop")):
            places.locate(f"/o/d/{name}").symlink_to(target)
        places.locate("/o/d/secret").chmod(0)
        Path(folder).chmod(0o777)
        made = spec(output_artifacts=[Artifact("folder", "/o/d", s3("k/folder"), archive="none")])
        with as_a_plain_user():
            left = collect(made, places, bucket, None, None)
        assert left.error == ""
        found = {file.relative_to(Path(folder) / "retrain/k/folder").as_posix() for file in Path(folder).rglob("k/**/*") if file.is_file()}
        assert found == {"a", "deep/b", "file"}
