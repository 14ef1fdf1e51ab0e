"""`retrain profile`: files by their paths, models by their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.retrain.cli.driver import call

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("n,k\n" + "".join(f"{i},{name}\n" for i in range(10)), encoding="utf-8")
    return tmp_path


def test_files_are_one_table(here: Path) -> None:
    told = call("profile", "a.csv", "b.csv")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.splitlines()[0] == "a.csv, b.csv: 20 rows, 2 columns"
    found = json.loads(call("profile", "a.csv", "b.csv", "-o", "json").stdout)
    assert found == yaml.safe_load(call("profile", "a.csv", "b.csv", "-o", "yaml").stdout)
    assert [(column["name"], column["type"], column["distinct"]) for column in found["columns"]] == [("n", "int", 10), ("k", "string", 2)]


def test_what_is_neither_is_named(here: Path) -> None:
    (here / "bad.csv").write_bytes(b"PK\x03\x04")
    for arguments, code, told in (
        (["a.csv", "model"], 2, "'model' is no file; name files, or one model"),
        (["one", "two"], 2, "name one model, or files that exist"),
        (["bad.csv"], 2, "is a ZIP archive or a spreadsheet"),
        (["model", "--state", str(here / "s")], 1, "no bucket in"),
    ):
        refused = call("profile", *arguments)
        assert (refused.exit_code, refused.stdout) == (code, "")
        assert told in refused.stderr
