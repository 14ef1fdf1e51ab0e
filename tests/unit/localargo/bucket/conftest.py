"""A SeaweedFS of the tests' own, on free loopback ports."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from localargo.bucket.s3 import S3Bucket
from localargo.bucket.seaweedfs import SeaweedFS


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """One for all tests that do not end it."""
    made = SeaweedFS(tmp_path_factory.mktemp("server"), "own", "TEST_BUCKET")
    asyncio.run(made.start())
    yield made
    asyncio.run(made.abandon())


@pytest.fixture
def bucket(server: SeaweedFS) -> Iterator[S3Bucket]:
    """Its bucket."""
    made = S3Bucket(server.bucket, server.environment)
    yield made
    made.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SeaweedFS]:
    """One that the test starts and ends as it likes; what is left of it is killed by the id that it wrote."""
    made = SeaweedFS(tmp_path / "state", "own", "TEST_BUCKET")
    yield made
    for recorded in (made._server, made._tails):
        for pid in recorded.alive():
            os.kill(pid, signal.SIGKILL)
