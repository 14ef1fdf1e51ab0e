"""The page about watching a training: its columns are those of the table, its spec is taken, its keys are those that are written."""

from __future__ import annotations

import json
import re
from typing import Any

from handlers.models.checkpoint import Progress
from handlers.models.training import plan
from handlers.models.within import Often
from handlers.modelspec import yaml12
from handlers.modelspec.parse import parse, read
from handlers.report.answers import shown
from handlers.runs import live
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "howto" / "watch-a-long-training.md"
TEXT = PAGE.read_text(encoding="utf-8")
ASKED = live.Asked("a", "t", {"alpha": 1}, 5, 100, "roc_auc")


def test_the_columns_of_the_page_are_those_of_the_table() -> None:
    told = {**live.document(ASKED, Progress(), 0, 0.0), "at": 0.0}
    found = shown("trials", {"run": "r", "outcome": "running", "trials": [], "training": [told], "now": 1.0})
    named = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
    assert ["TRIAL", "PARAMS", *(name.replace("...", "roc_auc") for name in named)] == found["header"]
    for field in ("epoch", "values", "within", "rows_per_second", "seconds_left"):
        assert f"`{field}`" in TEXT
        assert field in told


def test_the_spec_of_the_page_is_taken() -> None:
    (block,) = [each.text for each in blocks(PAGE) if each.language == "yaml"]
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= yaml12.load(block)
    assert read(json.dumps(tree), "spec")[1] == []
    assert plan(parse(json.dumps(tree))).within == Often(batches=200, rows=20_000)
    tree["spec"]["training"]["validate"] = {"every": "10m"}
    assert plan(parse(json.dumps(tree))).within == Often(seconds=600.0)


def test_the_keys_of_the_page_are_those_of_the_reference() -> None:
    reference = (DOCS / "reference" / "bucket.md").read_text(encoding="utf-8")
    for key in re.findall(r"^\* `([^`]+)`", TEXT, re.MULTILINE):
        assert f"| `{key}` |" in reference
