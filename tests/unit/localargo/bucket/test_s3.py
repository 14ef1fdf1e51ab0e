"""The bucket by boto3, on a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localargo.bucket.s3 import ConditionFailed, S3Bucket
from localargo.bucket.seaweedfs import SeaweedFS
from localargo.errors import InvalidInput, NotFound, Unavailable


def test_objects_there_and_back(bucket: S3Bucket, tmp_path: Path) -> None:
    etag = bucket.put("t1/a b+ü%.csv", b"hello")
    assert etag == "5d41402abc4b2a76b9719d911017c592"
    assert bucket.get("t1/a b+ü%.csv") == b"hello"
    assert bucket.get_with_etag("t1/a b+ü%.csv") == (b"hello", etag)
    info = bucket.head("t1/a b+ü%.csv")
    assert info is not None
    assert (info.size, info.etag) == (5, etag)
    assert bucket.list("t1/") == ["t1/a b+ü%.csv"]
    bucket.download("t1/a b+ü%.csv", tmp_path / "deep" / "f")
    assert (tmp_path / "deep" / "f").read_bytes() == b"hello"
    bucket.upload(tmp_path / "deep" / "f", "t1/copy")
    assert bucket.exists("t1/copy")
    bucket.delete("t1/copy")
    bucket.delete("t1/copy")
    assert not bucket.exists("t1/copy")


def test_what_is_not_there(bucket: S3Bucket, tmp_path: Path) -> None:
    asks: list[Callable[[], object]] = [
        lambda: bucket.get("none"),
        lambda: bucket.get_with_etag("none"),
        lambda: bucket.download("none", tmp_path / "x"),
    ]
    for ask in asks:
        with pytest.raises(NotFound, match="The specified key does not exist"):
            ask()
    assert bucket.head("none") is None
    assert not (tmp_path / "x").exists()
    assert bucket.list("none/") == []
    with pytest.raises(NotFound, match="bucket does not exist"):
        bucket.other("no-such-bucket").get("x")


def test_conditional_puts(bucket: S3Bucket) -> None:
    first = bucket.put_new("t2/claim", b"1")
    with pytest.raises(ConditionFailed, match="t2/claim"):
        bucket.put_new("t2/claim", b"2")
    second = bucket.put_if("t2/claim", b"3", first)
    with pytest.raises(ConditionFailed):
        bucket.put_if("t2/claim", b"4", first)
    with pytest.raises(ConditionFailed):
        bucket.put_if("t2/never", b"4", first)
    assert bucket.get_with_etag("t2/claim") == (b"3", second)


def test_of_many_writers_one_wins(bucket: S3Bucket) -> None:
    won = []

    def write(number: int) -> None:
        try:
            bucket.put_new("t3/race", str(number).encode())
            won.append(number)
        except ConditionFailed:
            return

    threads = [threading.Thread(target=write, args=[n]) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert bucket.get("t3/race") == str(won[0]).encode()


def test_listing_goes_over_pages(bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bucket.client
    asked = client.list_objects_v2
    monkeypatch.setattr(client, "list_objects_v2", lambda **options: asked(MaxKeys=7, **options))
    keys = sorted(f"t4/{i:03}" for i in range(20))
    for key in keys:
        bucket.put(key, b"x")
    assert bucket.list("t4/") == keys
    assert [(o.key, o.size) for o in bucket.objects("t4/01")] == [(k, 1) for k in keys[10:20]]


def test_a_large_file_goes_in_parts(bucket: S3Bucket, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * (20 << 12))
    bucket.upload(tmp_path / "large", "t5/large")
    info = bucket.head("t5/large")
    assert info is not None
    assert info.size == 20 << 20
    assert info.etag.endswith("-3")
    bucket.download("t5/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()


def test_making_a_bucket_twice(bucket: S3Bucket) -> None:
    second = bucket.other("second")
    second.create()
    second.create()
    second.put("x", b"1")
    assert second.list("") == ["x"]


def test_wrong_keys_are_said(server: SeaweedFS) -> None:
    wrong = S3Bucket("own", {**server.environment, "AWS_SECRET_ACCESS_KEY": "wrong"})
    with pytest.raises(InvalidInput, match="Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        wrong.get("x")
    wrong.close()


def test_nobody_there(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("localargo.bucket.s3.ATTEMPTS", 1)
    away = S3Bucket("own", {**server.environment, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"})
    (tmp_path / "f").touch()
    for ask in (lambda: away.get("x"), lambda: away.upload(tmp_path / "f", "x"), lambda: away.list("")):
        with pytest.raises(Unavailable):
            ask()
    away.close()
