"""Every search that the page shows is accepted, trains what the page says, and its values from outside are read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.modelspec import yaml12
from handlers.modelspec.grid import expand
from handlers.modelspec.grid_values import replaced
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.runs.rungs import rungs
from tests.docs.pages import DOCS, ROOT, blocks

SHOWN = [yaml12.load(block.text) for block in blocks(DOCS / "howto" / "search.md") if block.language == "yaml"]
SEARCHES = [shown for shown in SHOWN if "search" in shown]
TRIALS = (6, 20, 6, 8, 8)


def spec(shown: dict[str, Any]) -> ModelSpec:
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= shown
    return parse(json.dumps(tree))


@pytest.mark.parametrize(("shown", "trials"), list(zip(SEARCHES, TRIALS, strict=True)))
def test_a_search_that_is_shown_is_accepted(shown: dict[str, Any], trials: int) -> None:
    assert len(expand(spec(shown))) == trials


def test_halving_costs_the_epochs_that_the_page_says() -> None:
    (shown,) = [shown for shown in SEARCHES if "halving" in shown["search"]]
    found, before, epochs = rungs(spec(shown), 6), 0, 0
    for rung in found:
        epochs += rung.trials * (rung.epochs - before)
        before = rung.epochs
    assert [(rung.trials, rung.epochs) for rung in found] == [(6, 1), (2, 3), (1, 8)]
    page = (DOCS / "howto" / "search.md").read_text(encoding="utf-8")
    assert f"{epochs} epochs in place of {6 * 8}" in page


def test_the_values_that_are_shown_are_those_of_the_grid() -> None:
    (config,) = [shown["data"] for shown in SHOWN if shown.get("kind") == "ConfigMap"]
    found = replaced(spec({}), config["flight-delay"], {})
    assert found.search.grid == {"alpha": [1e-5, 1e-4], "penalty": ["l1", "l2"]}


def test_the_figures_of_the_page_are_those_that_were_measured() -> None:
    page = (DOCS / "howto" / "search.md").read_text(encoding="utf-8").replace("\n", " ")
    halving, tpe = (json.loads((ROOT / f"benchmarks/results/{name}.json").read_text(encoding="utf-8")) for name in ("halving", "tpe"))
    demo, wide = halving["demo"], halving["wide"]
    assert demo["same_winner"] and demo["share"] <= 0.4
    assert f"{demo['halving']['epochs']} of {demo['grid']['epochs']} epochs" in page
    assert f"{wide['halving']['epochs']} of {wide['grid']['epochs']} epochs" in page
    assert f"{wide['grid']['valid'] - wide['halving']['valid']:.6f} less" in page
    for name, digits in (("flights", 4), ("digits", 3)):
        assert tpe[name]["tpe_is_better"]
        assert f"{tpe[name]['median']['tpe']:.{digits}f}" in page and f"{tpe[name]['median']['random']:.{digits}f}" in page
    assert f"{tpe['flights']['seeds_won']} and for {tpe['digits']['seeds_won']} of the ten seeds" in page
