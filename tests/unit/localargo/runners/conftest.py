"""ProcessPods on a state folder of the test's own."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localargo.artifacts.stage import BucketArtifacts
from localargo.ports import Bucket
from localargo.runners import processes
from localargo.runners.client import ProcessPods
from tests.unit.localargo.runners.podtools import WARM, FolderBucket, Kept, Make, hosts_of


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "bucket")


@pytest.fixture
def make(tmp_path: Path, bucket: FolderBucket) -> Iterator[Make]:
    """Makes ProcessPods on one state folder; whatever is left at the end, hosts and pods, is killed by its process id."""

    async def own() -> Bucket:
        return bucket

    def build(**options: Any) -> Kept:
        kept = Kept.__new__(Kept)
        kept.exits, kept.running = {}, {}
        kept.pods = ProcessPods(
            tmp_path / "state",
            BucketArtifacts(own),
            lambda ended: kept.exits.__setitem__(ended.pod, ended),
            kept.running.__setitem__,
            **{"cwd": tmp_path, "warm": WARM, **options},
        )
        return kept

    yield build
    for pid in hosts_of(tmp_path / "state"):
        os.kill(pid, 9)
    for folder in (tmp_path / "state/pods").glob("*"):
        processes.kill(processes.left_by(folder))
