"""How the handlers are told of a real S3 server: of the fixture `server`, for one."""

from __future__ import annotations

import boto3
import pytest

from localargo.bucket.seaweedfs import SeaweedFS

NAMES = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "RETRAIN_BUCKET")


def told_of(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> None:
    """`open_store` opens the server's bucket."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in NAMES:
        monkeypatch.setenv(name, server.environment[name])
