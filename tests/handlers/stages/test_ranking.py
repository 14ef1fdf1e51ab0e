"""A ranking from files to a champion: lists are whole, intervals resample them, and what is no relevance is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from handlers.contracts import BadData, BadSpec
from handlers.runs import trials
from handlers.storage import read_json
from tests.handlers.stages.datasets import made
from tests.handlers.stages.world import World, changed

COLUMNS = {"n": "int", "day": "date", "session": "string", "price": "float", "ordered": "float"}


def sessions(count: int = 240, days: int = 30, wrong: str = "") -> bytes:
    """Sessions of 3 to 12 rows, of which the cheapest is ordered more often than not; rows are mixed. `wrong` is one more relevance."""
    random = np.random.default_rng(0)
    rows = []
    for session in range(count):
        price = random.random(int(random.integers(3, 13)))
        best = int(np.argmin(price + 0.2 * random.normal(size=len(price))))
        day = 1 + session * days // count
        rows += [f"2013-01-{day:02},s{session},{each:.4f},{int(n == best)}" for n, each in enumerate(price)]
    mixed = [rows[n] for n in random.permutation(len(rows))]
    numbered = [f"{n},{row}" for n, row in enumerate(mixed)]
    return "\n".join([",".join(COLUMNS), *numbered, *([f"99999,2013-01-10,s80,0.5,{wrong}"] if wrong else []), ""]).encode()


def ranking_of(spec: dict[str, Any]) -> dict[str, Any]:
    """The small world's spec for sessions."""
    found = changed(
        spec,
        task="ranking",
        data__group="session",
        data__key=["n", "day"],
        data__target={"column": "ordered"},
        data__split={"by": "time", "column": "day", "valid": "6d", "test": "6d"},
        features={"price": {"type": "number", "scale": "standard"}},
        model={"estimator": "sklearn.linear_model.SGDRegressor", "seed": 1},
        evaluate={"select_by": "ndcg@3", "report": ["mean_rank", "mrr"]},
        promote={"gate": {"metric": "mean_rank", "at_most": 4, "improve_by": 0.1}},
    )
    found["data"]["sources"]["incoming"]["columns"] = COLUMNS
    return found


@pytest.fixture
def world(world: World) -> World:
    world.spec = ranking_of(world.spec)
    return world


def test_a_ranking_is_trained_judged_and_promoted(world: World) -> None:
    world.put("1.csv", sessions())
    assert world.run("a")["outcome"] == "promoted"
    verdict = world.verdict("a")
    found = verdict["metrics"]["mean_rank"]["challenger"]
    assert found["value"] < verdict["baseline"]["values"]["mean_rank"] - 1
    assert verdict["baseline"]["name"] == "any order"
    assert found["clusters"] == 48 and verdict["resampled"] == "session group", "whole lists are resampled: six days of eight"
    assert found["low"] < found["value"] < found["high"]
    line = trials.curve(world.store, "late", world.result("a")["winner"])[-1]
    assert line["valid"]["mean_rank"] > 1 and set(line["train"].values()) == {None}


def test_lists_are_gathered_whatever_the_size_of_a_batch(world: World) -> None:
    world.put("1.csv", sessions())
    whole = world.run("a")["winner"]
    dataset = world.result("a")["dataset"]
    for rows, place in ((7, 10), (4096, 20)):  # of each evaluation another metric, so that it is another one
        world.spec["evaluate"]["report"] = ["mean_rank", f"ndcg@{place}"]
        world.spec["training"]["batch_rows"] = rows
        world.evaluate(dataset, {"trial": whole})
    found = [read_json(world.store, key) for key in world.keys(f"trials/late/{whole}/evaluations/")]
    ranks = [each["metrics"]["mean_rank"]["value"] for each in found if each["role"] == "valid"]
    assert len(ranks) == 3 and len(set(ranks)) == 1


@pytest.mark.parametrize("wrong", ["-1", "-0.5"])
def test_what_is_no_relevance_is_bad_data(world: World, wrong: str) -> None:
    world.put("1.csv", sessions(wrong=wrong))
    dataset = made(world)[0].digest
    with pytest.raises(BadData, match=r"data\.target\.column: a relevance is"):
        world.train(dataset, world.trials()[0], "r")


def test_text_is_no_relevance(world: World) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"] = {**COLUMNS, "ordered": "string"}
    world.put("1.csv", sessions())
    with pytest.raises(BadSpec, match="the relevance of a row is int, float or boolean"):
        made(world)


def test_a_classifier_does_not_rank(world: World) -> None:
    world.spec["model"] = {"estimator": "sklearn.linear_model.SGDClassifier"}
    with pytest.raises(BadSpec, match=r"does not support task 'ranking'; accepted: .*SGDRegressor"):
        world.put("1.csv", sessions())
        world.train(made(world)[0].digest, {"id": "x", "params": {}}, "r")


def test_a_relevance_may_be_true_or_false(world: World) -> None:
    world.put("1.csv", sessions())
    first: dict[str, Any] = world.run("a")
    text = sessions().decode().replace(",1\n", ",true\n").replace(",0\n", ",false\n")
    world.spec["data"]["sources"]["incoming"]["columns"] = {**COLUMNS, "ordered": "boolean"}
    world.put("1.csv", text.encode())
    world.run("b")
    one, other = (world.verdict(run)["metrics"]["mrr"]["challenger"]["value"] for run in ("a", "b"))
    assert first["outcome"] == "promoted" and one == other
