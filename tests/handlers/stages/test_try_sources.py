"""A spec with several sources is tried on a file of each, named SOURCE=FILE."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handlers import try_
from handlers.contracts import WrongUsage
from tests.handlers.stages.world import SPEC, changed, month


@pytest.fixture
def files(tmp_path: Path) -> Path:
    spec = changed(
        SPEC,
        data__sources__carriers={
            "prefix": "reference/carriers/",
            "format": "csv",
            "columns": {"carrier": "string", "size": "float"},
            "join": "broadcast",
        },
        data__query={"sql": "SELECT i.day, i.carrier, i.late, c.size AS distance FROM incoming i LEFT JOIN carriers c USING (carrier)"},
        search=None,
        training__epochs=1,
    )
    tree = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": spec}
    (tmp_path / "late.yaml").write_text(json.dumps(tree))
    (tmp_path / "1.csv").write_bytes(month("2013-01-01", 20))
    (tmp_path / "2.csv").write_bytes(month("2013-01-21", 10, seed=1))
    (tmp_path / "table=1.csv").write_text("carrier,size\nAA,1.5\n")
    (tmp_path / "rest.csv").write_text("carrier,size\nBB,2.5\nCC,3.5\n")
    return tmp_path


def test_each_source_has_its_files(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(files)
    words = ["1.csv", "carriers=table=1.csv", "incoming=2.csv", "carriers=rest.csv"]
    try_.run(["late.yaml", *words, "--rows", "600", "--keep", "kept"])
    assert json.loads(capsys.readouterr().out)["rows"] == {"train": 320, "valid": 121, "test": 121}
    there = sorted(str(path.relative_to("kept/bucket")) for path in Path("kept/bucket").glob("[ir][ne]*/*/*.csv"))
    assert there == ["incoming/late/1.csv", "incoming/late/2.csv", "reference/carriers/rest.csv", "reference/carriers/table=1.csv"]
    (dataset,) = Path("kept/bucket/datasets/late").glob("*.json")
    sizes = json.loads(dataset.read_text())["statistics"]["distance"]
    assert (sizes["missing"], sizes["min"], sizes["max"]) == (0, 1.5, 3.5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["1.csv"], "no file is given for 'carriers', one of data.sources of the spec; add carriers=FILE"),
        (["carriers=rest.csv"], "no file is given for 'incoming'"),
        (
            ["1.csv", "carrier=rest.csv"],
            "carrier=rest.csv: there is no such file, and the spec has no source 'carrier'; did you mean 'carriers'?",
        ),
        (["1.csv", "x=rest.csv"], "has no source 'x'; the sources are incoming, carriers"),
        (["1.csv", "carriers=gone.csv"], "gone.csv: this file does not exist"),
        (["1.csv", "carriers=rest.csv", "carriers=./rest.csv"], "two files of 'carriers' are called rest.csv"),
    ],
)
def test_a_wrong_source_is_told(files: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str) -> None:
    monkeypatch.chdir(files)
    with pytest.raises(WrongUsage) as refused:
        try_.run(["late.yaml", *words])
    assert told in str(refused.value)


def test_a_file_with_an_equals_sign_is_a_file(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    assert try_.by_source(try_.read_spec(Path("late.yaml")), ["table=1.csv", "carriers=rest.csv"]) == {
        "incoming": [Path("table=1.csv")],
        "carriers": [Path("rest.csv")],
    }
