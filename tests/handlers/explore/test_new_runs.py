"""The spec that is proposed for a table runs untouched, also where its columns need a closer look."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from handlers import try_
from handlers.explore import written
from handlers.explore.roles import roles
from handlers.explore.table import read
from handlers.modelspec.model import ModelSpec

CHANCE = random.Random(11)
X = [CHANCE.gauss(0, 1) for _ in range(1200)]
GOOD, BAD = ("fine", "great", "quick", "again"), ("slow", "broken", "never", "refund")


def review(x: float) -> str:
    return " ".join(CHANCE.choice(GOOD if (x > 0) == (CHANCE.random() < 0.9) else BAD) for _ in range(8))


def proposed(
    folder: Path, header: list[str], rows: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ModelSpec, dict[str, Any]]:
    """The text of the spec, the spec, and what came of a run of it."""
    monkeypatch.chdir(folder)
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    Path("a.csv").write_text(text.getvalue(), encoding="utf-8")
    return of_file(Path("a.csv"), folder)


def of_file(path: Path, folder: Path) -> tuple[str, ModelSpec, dict[str, Any]]:
    table = read([path])
    told = written.spec("m", table, roles(table, date(2026, 1, 1)))
    Path("m.yaml").write_text(told, encoding="utf-8")
    spec = try_.read_spec(Path("m.yaml"))
    return told, spec, try_.try_out(spec, {"incoming": [path]}, folder / "bucket")


@pytest.mark.parametrize(
    ("one", "other"),
    [(("1", "1.0", " 1"), ("0", "0.0")), (("true", "True", "TRUE"), ("false",)), (("1", "1e0"), ("0.00", "-0"))],
)
def test_ways_to_write_a_class_are_one_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    rows = [[x, CHANCE.choice(one if x > 0 else other)] for x in X]
    _, spec, ended = proposed(tmp_path, ["x", "label"], rows, monkeypatch)
    assert (spec.task, len(spec.data.target.classes or [])) == ("binary", 2)
    assert spec.data.target.positive in (1, True)
    assert ended["verdict"]["decision"] == "promoted"


def test_a_rare_class_is_in_every_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[n, x, "bad" if x > 1.5 else "good"] for n, x in enumerate(X)]
    told, spec, ended = proposed(tmp_path, ["id", "x", "label"], rows, monkeypatch)
    assert getattr(spec.data.split, "stratify", None) == "label"
    assert "% of the rows: it must be in every role" in told
    assert ended["verdict"]["decision"] == "promoted"


def test_sentences_are_learned_by_their_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[f"{CHANCE.getrandbits(40):x}", review(x), int(x > 0)] for x in X]
    told, spec, ended = proposed(tmp_path, ["ticket", "review", "label"], rows, monkeypatch)
    assert {name: feature.type for name, feature in spec.features.items()} == {"review": "text"}
    assert "8 words on average" in told
    assert "# ticket is left out: a text of its own in every row, or nearly" in told
    assert ended["verdict"]["metrics"]["roc_auc"]["challenger"]["value"] > 0.9


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_lists_of_numbers_are_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"v": [x, 1.5, -x] if n % 50 else None, "odd": [1.0] * (2 + n % 2), "words": ["a", "b"], "label": x > 0} for n, x in enumerate(X)
    ]
    path = Path(f"a.{kind}")
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        parquet.write_table(pa.Table.from_pylist(rows), path)
    told, spec, ended = of_file(path, tmp_path)
    assert {name: (feature.type, feature.size) for name, feature in spec.features.items()} == {"v": ("vector", 3)}
    assert "{type: vector, size: 3} # each list has 3 numbers" in told
    assert "# odd is left out: " in told
    assert "# words is left out: " in told
    assert ended["verdict"]["metrics"]["roc_auc"]["challenger"]["value"] > 0.9
