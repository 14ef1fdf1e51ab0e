"""Every split that the pages show is one that the handlers accept, in a spec that has what it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.modelspec import yaml12
from handlers.modelspec.parse import read
from tests.docs.pages import DOCS, blocks

SHOWN = [block.text for block in blocks(DOCS / "howto" / "choose-a-split.md") if block.language == "yaml"]


@pytest.mark.parametrize("shown", SHOWN)
def test_a_split_that_is_shown_is_accepted(shown: str) -> None:
    data: Any = yaml12.load(shown)
    split = data["split"]
    columns = {"y": "float", split.get("column", "id"): "timestamp"}
    data |= {"sources": {"incoming": {"prefix": "incoming/m/", "format": "csv", "columns": columns}}, "target": {"column": "y"}}
    model = {"estimator": "sklearn.linear_model.SGDRegressor"}
    spec = {"task": "regression", "data": data, "model": model, "evaluate": {"select_by": "mae"}}
    tree = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "m"}, "spec": spec}
    assert [str(found) for found in read(json.dumps(tree), "spec")[1]] == []


def test_every_kind_and_unit_is_shown() -> None:
    text = "\n".join(SHOWN)
    for word in (
        "by: time",
        "by: hash",
        "by: random",
        "unit: year",
        "unit: step",
        "unit: epoch_ms",
        "stratify:",
        "group:",
        "seed:",
        "gap:",
    ):
        assert word in text
