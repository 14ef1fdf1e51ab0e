"""The page about features: each example makes the columns that stand below it, and each row of the target's table is true."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from handlers.data import classes, manifest, statistics
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.modelspec import yaml12
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from tests.docs.pages import DOCS, Block, blocks
from tests.handlers.modelspec.test_parse import changed

PAGE = DOCS / "howto" / "features.md"
BLOCKS = list(blocks(PAGE))
EXAMPLES = [(block, after) for block, after in zip(BLOCKS, [*BLOCKS[1:], None], strict=True) if "features:" in block.text]
ROWS = pa.table(
    {
        "amount": [1.0, 2.0, None],
        "channel": ["web", "web", "phone"],
        "city": ["a", "b", None],
        "member": [True, None, False],
        "ordered_at": pa.array([datetime(2026, 1, n, tzinfo=UTC) for n in (1, 2, 3)], pa.timestamp("us", tz="UTC")),
        "picture": pa.array([[1, 2, 3], None, [4, 5, 6]], pa.list_(pa.float64())),
        "comment": ["a comment", "", None],
        "position": [1, 2, 3],
    }
)
SCHEMA = {
    "amount": "float",
    "channel": "string",
    "city": "string",
    "member": "boolean",
    "ordered_at": "timestamp",
    "picture": "vector",
    "comment": "string",
    "position": "int",
}


def spec(path: str, value: Any) -> ModelSpec:
    return parse(changed(path, value))


@pytest.mark.parametrize(("block", "names"), EXAMPLES, ids=str)
def test_an_example_makes_the_columns_below_it(block: Block, names: Block) -> None:
    of = spec("spec.features", yaml12.load(block.text)["features"])
    twice = pa.concat_tables([ROWS, ROWS])
    dataset = Dataset("d", [], SCHEMA, statistics.of_table(twice, SCHEMA), manifest.features(of, SCHEMA), {})
    encoder = Encoder(dataset, of)
    assert encoder.names == names.text.split()
    assert encoder.encode(twice).shape == (6, encoder.width)


def test_every_type_has_an_example() -> None:
    shown = {feature["type"] for block, _ in EXAMPLES for feature in yaml12.load(block.text)["features"].values()}
    assert shown == set(manifest.COLUMNS_OF)


COLUMN = {"int": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
TABLE = re.findall(r"^\| (`(?:int|boolean|string).*?) \| (.*?) \| (.*?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("kinds", "targets", "values"), TABLE)
def test_a_row_of_the_target_s_table_is_true(kinds: str, targets: str, values: str) -> None:
    for kind in re.findall(r"`(\w+)`", kinds):
        for target in re.findall(r"`(\[.*?\])`", targets):
            of = spec("spec.data.target", {"column": "late", "classes": yaml12.load(target)})
            texts = pa.array(values.split(", "))
            column = (texts.cast(pa.float64()) if kind == "int" else texts).cast(COLUMN[kind])
            assert classes.of_column(of, pa.chunked_array([column])).codes(pa.chunked_array([column])).to_pylist() == [1] * len(texts)


def test_the_target_s_example_is_accepted() -> None:
    (block,) = [block for block in BLOCKS if block.text.startswith("target:")]
    assert spec("spec.data.target", yaml12.load(block.text)["target"]).data.target.positive == 1
    assert len(TABLE) == 5
