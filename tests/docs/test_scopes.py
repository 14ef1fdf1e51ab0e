"""The page about reference tables: its spec, over files as it describes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers import fetch, transform
from handlers.storage import FolderStore, read_json
from tests.docs.pages import DOCS, blocks


def test_the_spec_of_the_page_joins_its_reference_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    store = FolderStore(tmp_path / "bucket")
    (block,) = [block for block in blocks(DOCS / "howto/join-a-reference-table.md") if block.language == "yaml"]
    days = "".join(f"2013-01-{day:02},{shop},{day}\n" for day in range(1, 29) for shop in ("a", "b"))
    store.put("incoming/store-sales/1.csv", f"day,store,sold\n{days}".encode())

    def step(name: str, *words: str) -> str:
        (fetch if name != "dataset" else transform).run([*words, f"--{name}-out", str(tmp_path / name)])
        return (tmp_path / name).read_text(encoding="utf-8")

    spec = step("spec", "spec", "--model", "store-sales", "--spec", block.text)
    given = ["--model", "store-sales", "--spec", spec, "--run"]
    assert step("decision", "snapshot", *given, "r0") == "no-data"
    store.put("reference/stores/1.csv", b"store,size\na,1\nb,2\n")
    snapshot = step("snapshot", "snapshot", *given, "r1")
    dataset = step("dataset", *given, "r1", "--snapshot", snapshot)
    document = read_json(store, f"datasets/store-sales/{dataset}.json")
    assert document["schema"] == {"day": "date", "store": "string", "sold": "float", "size": "float"}
    assert (document["statistics"]["size"]["mean"], document["statistics"]["size"]["missing"]) == (1.5, 0)
