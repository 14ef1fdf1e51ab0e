"""The store over a real S3 server: the same conditions as the folder's, and errors that say whether to try again."""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from handlers import storage
from handlers.data.contents import identities
from handlers.storage import (
    CHUNK_BYTES,
    BucketRefused,
    Changed,
    Conflict,
    Missing,
    S3Store,
    Temporary,
    content_digest,
    open_store,
    read_json,
    write_once,
)
from localargo.bucket.seaweedfs import SeaweedFS
from tests.campaign.proxy import Faults, Proxy
from tests.real_bucket import told_of

pytestmark = pytest.mark.slow


@pytest.fixture
def store(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    told_of(server, monkeypatch)
    found = open_store()
    assert isinstance(found, S3Store)
    return found


def test_another_process_has_a_client_of_its_own(store: S3Store) -> None:
    store.put("pickled/a", b"0")
    again = pickle.loads(pickle.dumps(store))
    assert (again.bucket, again.get("pickled/a")) == (store.bucket, b"0")


def test_what_is_written_is_read_whole_and_in_ranges(store: S3Store) -> None:
    etag = store.put("read/a", b"0123456789")
    assert store.get("read/a") == b"0123456789"
    assert store.get_with_etag("read/a") == (b"0123456789", etag)
    assert store.get_range("read/a", 3, 4) == b"3456"
    assert store.get_range("read/a", 8, 10) == b"89"
    info = store.head("read/a")
    assert info is not None
    assert (info.key, info.size, info.etag) == ("read/a", 10, etag)
    assert abs(info.modified - time.time()) < 60


def test_what_is_not_there_is_missing(store: S3Store) -> None:
    assert store.head("none") is None
    for ask in (store.get, store.get_with_etag, lambda key: store.get_range(key, 0, 1)):
        with pytest.raises(Missing):
            ask("none")
    store.delete("none")


def test_conditions_are_those_of_the_folder(store: S3Store) -> None:
    first = store.put("if/a", b"1", if_none_match=True)
    with pytest.raises(Conflict):
        store.put("if/a", b"2", if_none_match=True)
    second = store.put("if/a", b"2", if_match=first)
    with pytest.raises(Conflict):
        store.put("if/a", b"3", if_match=first)
    assert store.get("if/a") == b"2"
    store.put("if/a", b"3", if_match=second)
    assert write_once(store, "if/once", {"a": 1})
    assert not write_once(store, "if/once", {"a": 2})
    assert read_json(store, "if/once") == {"a": 1}


def test_a_write_over_what_is_gone_is_refused(store: S3Store) -> None:
    etag = store.put("if/gone", b"1")
    store.delete("if/gone")
    with pytest.raises((Conflict, Missing)):
        store.put("if/gone", b"2", if_match=etag)
    assert store.head("if/gone") is None


def test_of_many_creators_one_wins(store: S3Store) -> None:
    won: list[int] = []

    def create(n: int) -> None:
        if write_once(store, "race/a", {"n": n}):
            won.append(n)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert read_json(store, "race/a") == {"n": won[0]}


def test_a_listing_goes_over_pages_in_order(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [f"list/{n:02}" for n in range(7)]
    for key in reversed(keys):
        store.put(key, b"x")
    store.put("listing", b"not below the prefix")
    asked = store._client.list_objects_v2
    monkeypatch.setattr(store._client, "list_objects_v2", lambda **given: asked(MaxKeys=3, **given))
    assert [info.key for info in store.list("list/")] == keys


def etag(store: S3Store, key: str) -> str:
    info = store.head(key)
    assert info is not None
    return info.etag


def test_files_go_up_and_down(store: S3Store, tmp_path: Path) -> None:
    data = b"x" * 3_000_000
    (tmp_path / "a").write_bytes(data)
    store.upload(tmp_path / "a", "files/a")
    assert content_digest(store, "files/a", etag(store, "files/a"), tmp_path / "b") == hashlib.md5(data).hexdigest()
    assert (tmp_path / "b").read_bytes() == data


def test_only_the_object_that_was_asked_for_is_read(store: S3Store) -> None:
    first = store.put("only/a", b"1")
    store.put("only/a", b"2")
    with pytest.raises(Changed, match="only/a"):
        content_digest(store, "only/a", first)
    store.delete("only/a")
    with pytest.raises(Changed, match="only/a"):
        content_digest(store, "only/a", first)


@pytest.mark.parametrize("meanwhile", [False, True], ids=["interrupted", "changed"])
def test_an_interrupted_reading_goes_on_with_the_same_object(store: S3Store, monkeypatch: pytest.MonkeyPatch, meanwhile: bool) -> None:
    """The connection breaks after a megabyte, once."""
    data = bytes(range(256)) * 10_000
    seen = store.put("broken/a", data)
    asked, ranges = store._client.get_object, []

    def get_object(**given: Any) -> Any:
        answer = asked(**given)
        ranges.append(given.get("Range"))
        if len(ranges) == 1:
            whole = answer["Body"]

            def broken(size: int) -> Iterator[bytes]:
                yield whole.read(size)
                if meanwhile:
                    store.put("broken/a", data[::-1])
                raise ConnectionResetError

            answer["Body"] = SimpleNamespace(iter_chunks=broken)
        return answer

    monkeypatch.setattr(store._client, "get_object", get_object)
    if meanwhile:
        with pytest.raises(Changed):
            content_digest(store, "broken/a", seen)
    else:
        assert content_digest(store, "broken/a", seen) == hashlib.md5(data).hexdigest()
        assert ranges == [None, f"bytes={CHUNK_BYTES}-"]


def test_bytes_are_the_same_whether_put_whole_or_in_parts(store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 4_000_000)
    found = []
    for size in (5 << 20, 6 << 20, 100 << 20):
        config = TransferConfig(multipart_threshold=size, multipart_chunksize=size)
        store._client.upload_file(str(tmp_path / "a"), store.bucket, "incoming/m/a.csv", Config=config)
        found.append((etag(store, "incoming/m/a.csv"), identities(store, "m", store.list("incoming/m/"))))
    assert [tag[32:] for tag, _ in found] == ["-3", "-2", ""]
    assert len({tag for tag, _ in found}) == 3
    assert found[0][1] == found[1][1] == found[2][1] == [["incoming/m/a.csv", 12_000_000, found[2][0]]]
    assert len(list(store.list("contents/m/"))) == 2


def test_the_bucket_has_a_clock(store: S3Store) -> None:
    assert abs(store.server_time() - time.time()) < 60


def test_the_bucket_is_not_asked_for_its_time_again_and_again(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store.server_time()
    monkeypatch.setattr(store, "_told_time", lambda: 5.0)
    assert first <= store.server_time() < first + storage.CLOCK_SECONDS
    monkeypatch.setattr(storage, "CLOCK_SECONDS", 0.0)
    assert store.server_time() == 5.0


def test_a_bucket_that_is_not_there_is_refused(store: S3Store) -> None:
    other = S3Store("no-such-bucket")
    for ask in (lambda: other.get("a"), lambda: list(other.list("a")), other.server_time):
        with pytest.raises(BucketRefused, match="no-such-bucket"):
            ask()


def test_wrong_keys_are_refused_and_named(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys it found first
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(BucketRefused, match="put_object a"):
        S3Store(store.bucket).put("a", b"x")


def test_a_server_that_is_away_may_come_back(monkeypatch: pytest.MonkeyPatch, store: S3Store) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Temporary, match="get_object a"):
        S3Store(store.bucket).get("a")


def test_an_answer_that_is_cut_is_asked_for_again(store: S3Store, server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 100
    etag = store.put("cut/a", data)
    proxy = Proxy(server.environment["AWS_ENDPOINT_URL_S3"], seed=1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    cut = open_store()
    with proxy.failing(Faults(cut=0.3)):
        for _ in range(20):
            assert cut.get_with_etag("cut/a") == (data, etag)
            assert cut.get_range("cut/a", 100, 1000) == data[100:1100]
    assert proxy.met["cut"] > 5
    with proxy.failing(Faults(cut=1.0)), pytest.raises(Temporary, match="reading cut/a: "):
        cut.get("cut/a")
    proxy.close()
