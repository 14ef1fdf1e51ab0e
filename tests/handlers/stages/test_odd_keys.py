"""Objects with odd keys, on a real S3 server: each is read, under its own name and no other."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from handlers import fetch, transform
from handlers.storage import BucketRefused, open_store
from localargo.bucket.seaweedfs import SeaweedFS
from tests.handlers.stages.world import SPEC, changed, month
from tests.real_bucket import told_of

pytestmark = pytest.mark.slow
PREFIX = "incoming/odd-keys/"
ODD = [
    "a%2Fb.csv",
    "%2e%2e/a.csv",
    " a b .csv",
    "a+b.csv",
    "a#b?c=d&e.csv",
    "a'b\"c.csv",
    "{{workflow.name}}.csv",
    "a.csv ",
    "a\nb\tc\x01.csv",
    "~a*.csv",
    unicodedata.normalize("NFC", "\u00e9.csv"),
    unicodedata.normalize("NFD", "\u00e9.csv"),
    "\u65e5\u672c \U0001f600.csv",
    "/".join(["d" * 200] * 4) + "/" + "k" * (1024 - len(PREFIX) - 4 * 201),
]


@pytest.fixture
def spec(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    told_of(server, monkeypatch)
    monkeypatch.setenv("RETRAIN_CODE_DIGEST", "c0de")
    tree = changed(SPEC, data__sources__incoming__prefix=PREFIX)
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "odd-keys"}, "spec": tree})
    fetch.run(["spec", "--model", "odd-keys", "--spec", text, "--spec-out", str(tmp_path / "spec")])
    return (tmp_path / "spec").read_text()


def test_every_object_is_read_under_its_own_key(spec: str, tmp_path: Path) -> None:
    store = open_store()
    for number, name in enumerate(ODD):
        store.put(PREFIX + name, month("2013-01-01", 30, rows=20, seed=number))
    assert sorted(info.key for info in store.list(PREFIX)) == sorted(PREFIX + name for name in ODD)
    given = ["--model", "odd-keys", "--spec", spec, "--run", "r"]
    fetch.run(["snapshot", *given, "--snapshot-out", str(tmp_path / "snapshot")])
    where = [word for name in ("dataset", "summary") for word in (f"--{name}-out", str(tmp_path / name))]
    transform.run([*given, "--snapshot", (tmp_path / "snapshot").read_text(), *where])
    summary = json.loads((tmp_path / "summary").read_text())
    assert (summary["objects"], summary["rows_made"]) == (len(ODD), len(ODD) * 600)


@pytest.mark.parametrize("name", ["../a.csv", "x/../a.csv", "./a.csv", "k" * 256])
def test_what_the_server_has_no_name_for_it_refuses(spec: str, name: str) -> None:
    with pytest.raises(BucketRefused, match=r"^put_object incoming/odd-keys/"):
        open_store().put(PREFIX + name, b"")


@pytest.mark.parametrize("key", ["/incoming/odd-slashes/a.csv", "incoming/odd-slashes//a.csv", "incoming/odd-slashes\\a.csv"])
def test_what_the_server_takes_for_one_slash_is_one(spec: str, key: str) -> None:
    store = open_store()
    store.put(key, b"a")
    (found,) = store.list("incoming/odd-slashes/")
    assert (found.key, store.get(found.key)) == ("incoming/odd-slashes/a.csv", b"a")
    store.delete(found.key)
