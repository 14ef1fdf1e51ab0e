"""The bucket's conditions, over a folder; the S3 client's answers in the words of the store."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.storage import (
    BucketRefused,
    Changed,
    Conflict,
    FolderStore,
    Missing,
    canonical_json,
    digest,
    open_store,
    read_json,
    write_json,
    write_once,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


def test_an_object_that_is_there_is_not_created_again(store: FolderStore) -> None:
    store.put("a/b", b"1", if_none_match=True)
    with pytest.raises(Conflict):
        store.put("a/b", b"2", if_none_match=True)
    assert store.get("a/b") == b"1"


def test_a_write_over_another_version_is_refused(store: FolderStore) -> None:
    first = store.put("pointer", b"1")
    second = store.put("pointer", b"2", if_match=first)
    with pytest.raises(Conflict):
        store.put("pointer", b"3", if_match=first)
    assert store.get_with_etag("pointer") == (b"2", second)


def test_a_write_over_what_is_gone_is_refused(store: FolderStore) -> None:
    etag = store.put("pointer", b"1")
    store.delete("pointer")
    with pytest.raises(Conflict):
        store.put("pointer", b"2", if_match=etag)
    assert store.head("pointer") is None


def test_of_many_creators_one_wins(store: FolderStore) -> None:
    won: list[int] = []

    def create(n: int) -> None:
        if write_once(store, "claim", n):
            won.append(n)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [read_json(store, "claim")] == won


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd"])
def test_no_key_leaves_the_folder(store: FolderStore, key: str) -> None:
    with pytest.raises(Missing):
        store.put(key, b"x")
    assert not (store.folder.parent / "outside").exists()


@pytest.mark.parametrize("key", ["nothing", "a", "a/b/c"])
def test_what_is_not_an_object_is_missing(store: FolderStore, key: str) -> None:
    store.put("a/b", b"1")
    with pytest.raises(Missing):
        store.get(key)


def test_a_listing_is_sorted_and_has_only_its_prefix(store: FolderStore) -> None:
    for key in ("p/b", "p/a/z", "p2/c", "p/a-b"):
        store.put(key, b"x")
    assert [info.key for info in store.list("p/")] == ["p/a-b", "p/a/z", "p/b"]


def test_a_range_ends_with_the_object(store: FolderStore) -> None:
    store.put("k", b"0123456789")
    assert (store.get_range("k", 2, 3), store.get_range("k", 8, 100)) == (b"234", b"89")


def test_the_same_bytes_have_the_same_etag(store: FolderStore) -> None:
    assert store.put("a", b"same") == store.put("b", b"same") != store.put("c", b"other")


def test_a_file_that_did_not_change_is_read_once(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("k", b"some")
    monkeypatch.setattr("handlers.storage.SETTLED_SECONDS", -1.0)
    first = store.head("k")
    assert first is not None
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
        assert store.head("k") == first
        assert b"".join(store.chunks("k", first.etag)) == b"some"
    store.put("k", b"else")
    again = store.head("k")
    assert again is not None
    assert again.etag != first.etag


def test_a_file_that_was_changed_in_its_place_has_another_etag(store: FolderStore) -> None:
    """Also within one tick of the clock: what was changed just now is read each time."""
    store.put("k", b"some")
    first = store.head("k")
    (store.folder / "k").write_bytes(b"else")
    again = store.head("k")
    assert first is not None
    assert again is not None
    assert again.etag != first.etag
    with pytest.raises(Changed):
        list(store.chunks("k", first.etag))


@given(json_values)
def test_a_value_survives_its_canonical_text(value: object) -> None:
    import json

    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_change_a_digest(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_not_a_number_has_no_canonical_text() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(float("nan"))


def test_a_written_value_is_read_back(store: FolderStore) -> None:
    write_json(store, "v", {"b": 1, "a": ["é", None]})
    assert store.get("v") == '{"a":["é",null],"b":1}'.encode()
    assert read_json(store, "v") == {"a": ["é", None], "b": 1}


def test_a_bucket_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRAIN_BUCKET", raising=False)
    with pytest.raises(BucketRefused, match="RETRAIN_BUCKET is not set"):
        open_store()


def test_a_folder_is_named_as_file_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/b")
    open_store().put("k", b"v")
    assert (tmp_path / "b" / "k").read_bytes() == b"v"
