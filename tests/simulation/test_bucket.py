"""The bucket of the simulation answers as the folder and a real S3 server do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from handlers.storage import Changed, Conflict, FolderStore, Missing, ObjectInfo, Store, open_store
from localargo.bucket.seaweedfs import SeaweedFS
from tests.real_bucket import told_of
from tests.simulation.bucket import Bucket

KEYS = ("p/a", "p/b", "p/c", "q/a")  # neither a folder nor SeaweedFS keeps a key below a key


def answer(ask: Callable[[], Any]) -> Any:
    """What a request gives, or the name of what it raises; an object without its time."""
    try:
        found = ask()
    except (Missing, Conflict, Changed) as error:
        return type(error).__name__
    if isinstance(found, ObjectInfo):
        return found.key, found.size, found.etag
    return found


def requests(store: Store, key: str, etag: str, data: bytes, conditions: dict[str, Any]) -> list[Callable[[], Any]]:
    return [
        lambda: store.put(key, data, **conditions),
        lambda: store.put(key, data, **conditions),
        lambda: store.get_with_etag(key),
        lambda: store.get_range(key, 0, 9),
        lambda: b"".join(store.chunks(key, etag)),
        lambda: store.head(key),
        lambda: [(info.key, info.size, info.etag) for info in store.list(key[:2])],
        lambda: store.delete(key),
    ]


def answers(store: Store, seed: int, count: int) -> list[Any]:
    """What a store answers to requests that a seed chooses."""
    chance, etags, found = Random(seed), ["0" * 32], []
    for number in range(count):
        key, etag = chance.choice(KEYS), chance.choice(etags[-4:])
        conditions: dict[str, Any] = chance.choice(({}, {"if_none_match": True}, {"if_match": etag}))
        which = chance.randrange(8)
        got = answer(requests(store, key, etag, b"%d" % chance.randrange(3), conditions)[which])
        if which < 2 and got != "Conflict":
            etags.append(got)
        found.append((number, which, key, conditions, got))
    return found


def in_memory(seed: int, count: int) -> list[Any]:
    return answers(Bucket(lambda: 0.0, page=2), seed, count)


@pytest.mark.parametrize("seed", range(5))
def test_as_a_folder(tmp_path: Path, seed: int) -> None:
    assert answers(FolderStore(tmp_path), seed, 200) == in_memory(seed, 200)


@pytest.mark.slow
def test_as_a_real_server(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> None:
    told_of(server, monkeypatch)
    assert answers(open_store(), 7, 300) == in_memory(7, 300)
