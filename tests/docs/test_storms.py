"""What the page about storms shows is accepted, and the webhook cannot set a rule aside."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from handlers import cost
from handlers.modelspec import yaml12
from handlers.modelspec.parse import read
from tests.docs.pages import DOCS, ROOT, blocks
from tests.manifests.installs import render_with

BLOCKS = [block.text for block in blocks(DOCS / "howto" / "storms-and-cost.md") if block.language == "yaml"]
SHOWN = [text for text in BLOCKS if text.startswith("trigger:")]


@pytest.mark.parametrize("shown", SHOWN)
def test_a_trigger_that_is_shown_is_accepted(shown: str) -> None:
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= yaml12.load(shown)
    assert [str(found) for found in read(json.dumps(tree), "spec")[1]] == []


def test_an_overlay_s_patch_sets_the_limit() -> None:
    (patches,) = [yaml.safe_load(text) for text in BLOCKS if text not in SHOWN]
    limits = [d for d in render_with([], **patches) if d.kind == "ConfigMap" and d.doc["metadata"]["name"] == "limits"]
    assert [d.doc["data"] for d in limits] == [{"trainings": "8"}]


def test_no_sensor_passes_now_on() -> None:
    for path in (ROOT / "sensors").glob("*.yaml"):
        for sensor in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            for dependency in sensor["spec"]["dependencies"] if sensor["kind"] == "Sensor" else ():
                assert not re.search(r"\bnow\b", json.dumps(dependency.get("transform") or {})), path


def test_the_columns_of_the_costs_are_those_of_the_command_and_the_price_is_taken() -> None:
    page = (DOCS / "howto" / "storms-and-cost.md").read_text(encoding="utf-8")
    (price,) = re.findall(r"`(price: \{[^`]+\})`", page)
    kept = {"model": "m", "month": "2026-06", "processor_seconds": 3600.0, "price": yaml12.load(price)["price"]}
    head, row = (re.split("  +", line) for line in cost.text(cost.added(iter([kept]), ("model",)), ("model",)).splitlines())
    assert re.findall(r"^\| `([A-Z ]+)` \|", page, re.MULTILINE) == head[1:]
    assert row == ["m", "1", "1.00", "0.00", "0.05 EUR", "0.01 EUR"]
