"""The page about lists: its spec ranks the sessions that its script makes, and its figures are those of the table."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from handlers import try_
from handlers.metrics.metrics import METRICS
from handlers.metrics.ranking import PLACES
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "howto" / "rank-lists.md"


def test_the_example_is_better_than_lists_in_no_order(tmp_path: Path) -> None:
    made: Any = importlib.util.spec_from_file_location("sessions", DOCS / "howto" / "sessions.py")
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    files = module.main(12_000, str(tmp_path))
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    spec = tmp_path / "sessions.yaml"
    spec.write_text(shown, encoding="utf-8")
    found = try_.try_out(try_.read_spec(spec), {"incoming": files}, tmp_path)["verdict"]
    assert found["decision"] == "promoted"
    assert found["metrics"]["mean_rank"]["challenger"]["high"] < found["baseline"]["values"]["mean_rank"]
    assert {row["value"] for row in found["slices"]} == {"app", "web"} or found["slices"] == []


def test_every_metric_of_lists_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name.partition('@')[0]}" in text for name in METRICS["ranking"])
    assert ", ".join(map(str, PLACES[:-1])) + f" or {PLACES[-1]}" in text


def test_the_figures_of_the_page_are_those_that_were_measured() -> None:
    found = json.loads((ROOT / "benchmarks/results/ranking.json").read_text(encoding="utf-8"))
    page, rank = PAGE.read_text(encoding="utf-8"), found["metrics"]["mean_rank"]
    assert f"{sum(found['rows'].values()):,} made rows" in page
    assert (
        f"{rank['value']:.2f} ({rank['low']:.2f} to {rank['high']:.2f}) on test, lists in no order {found['baseline']['mean_rank']:.2f}"
        in page
    )
    assert found["stopped_and_resumed"] and found["same_state"]
