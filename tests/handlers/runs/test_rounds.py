"""How rounds follow each other: rungs, narrower ranges, Optuna's proposals. Pure, from results to trials."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from handlers.modelspec import yaml12
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.modelspec.search_keys import Range
from handlers.runs import tpe
from handlers.runs.narrowing import narrowed
from handlers.runs.rungs import rungs

ROOT = Path(__file__).parents[3]


def halving(epochs: int, **more: int) -> ModelSpec:
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"]["search"] = {"grid": {"alpha": [1, 2]}, "halving": more}
    tree["spec"]["training"] = {"epochs": epochs}
    return parse(json.dumps(tree))


@pytest.mark.parametrize(
    ("trials", "epochs", "eta", "least", "expected"),
    [
        (27, 20, 3, 1, [(27, 1), (9, 3), (3, 9), (1, 20)]),
        (6, 8, 3, 1, [(6, 1), (2, 3), (1, 8)]),
        (16, 8, 2, 1, [(16, 1), (8, 2), (4, 4), (2, 8)]),
        (2, 100, 3, 5, [(2, 5), (1, 100)]),
        (1, 3, 3, 1, [(1, 1), (1, 3)]),
        (100, 2, 10, 1, [(100, 1), (10, 2)]),
    ],
)
def test_rungs(trials: int, epochs: int, eta: int, least: int, expected: list[tuple[int, int]]) -> None:
    assert [(r.trials, r.epochs) for r in rungs(halving(epochs, eta=eta, min_epochs=least), trials)] == expected


RANGES = {
    "alpha": Range(log_uniform=(1e-6, 1e-2)),
    "rate": Range(uniform=(0, 1)),
    "depth": Range.model_validate({"int": [1, 9]}),
    "kind": Range(choice=["a", "b", "c", ["d"]]),
}


def test_ranges_get_half_as_wide_around_the_best() -> None:
    best = [{"alpha": 1e-4, "rate": 0.9, "depth": 5, "kind": ["d"]}, {"alpha": 1e-6, "rate": 0.1, "depth": 1, "kind": "b"}]
    found = narrowed(RANGES, best, 1)
    assert found["alpha"].log_uniform == pytest.approx((1e-5, 1e-3))
    assert found["rate"].uniform == pytest.approx((0.65, 1.0)), "not beyond the end"
    assert found["depth"].int_ == (3, 7)
    assert found["kind"].choice == [["d"], "b"]
    later = narrowed(RANGES, best, 30)
    assert later["depth"].int_ == (4, 6) and later["kind"].choice == [["d"]]
    assert narrowed(RANGES, [], 3) == RANGES


def test_proposals_are_the_same_for_the_same_results_and_lie_in_the_ranges() -> None:
    known = [({"alpha": 10.0**-power, "rate": 0.5, "depth": power, "kind": ["d"]}, 0.5 + power / 10) for power in range(2, 7)]

    def proposed(seed: int = 1, turn: int = 1, results: tpe.Known = known) -> list[dict[str, Any]]:
        return list(itertools.islice(tpe.proposed(RANGES, results, higher=True, seed=seed, turn=turn), 6))

    assert proposed() == proposed()
    assert proposed(seed=2) != proposed() != proposed(turn=2)
    assert proposed(results=[*known, (known[0][0], None)]) == proposed(), "a trial without the metric tells nothing"
    for params in proposed():
        assert 1e-6 <= params["alpha"] <= 1e-2 and 0 <= params["rate"] <= 1
        assert params["depth"] in range(1, 10) and params["kind"] in ["a", "b", "c", ["d"]]


@pytest.mark.parametrize("higher", [True, False])
def test_proposals_come_near_the_best(higher: bool) -> None:
    sign = 1.0 if higher else -1.0
    ranges = {"rate": RANGES["rate"]}
    known = [({"rate": place / 20}, -sign * abs(place / 20 - 0.3)) for place in range(21)]
    found = [params["rate"] for params in itertools.islice(tpe.proposed(ranges, known, higher=higher, seed=0, turn=1), 20)]
    assert sum(abs(value - 0.3) < 0.2 for value in found) > 12
