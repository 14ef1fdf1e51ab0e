"""What a spec's resources mean for pods."""

from __future__ import annotations

import pytest

from handlers.modelspec.quantities import amount
from handlers.modelspec.resources import Memory, Resources, grows, pods
from tests.handlers.modelspec.test_parse import changed, finding


@pytest.mark.parametrize(
    ("text", "size"), [("512Mi", 512 * 2**20), ("2G", 2e9), ("1.5Gi", 1.5 * 2**30), ("100k", 1e5), ("7", 7), ("500m", 0.5)]
)
def test_quantities(text: str, size: float) -> None:
    assert amount(text) == size


def test_what_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="'much' is not a quantity; accepted: 2, 500m"):
        amount("much")


def test_the_settings_of_pods_are_texts_with_every_default() -> None:
    usual = {"gpu": "0", "first": "on-demand", "later": "on-demand", "spot_attempts": "3", "max_runtime": "604800"}
    assert pods("train", None) == {"cpu": "1", "memory": "2Gi", "limit": "2Gi", "more": "2Gi", **usual}
    assert pods("evaluate", None) == {"cpu": "500m", "memory": "512Mi", "limit": "2Gi", "more": "2Gi", **usual}


def test_what_a_spec_asks_for() -> None:
    asked = Resources(cpu=4, memory=Memory(request="2Gi", limit="8Gi"), gpu=1, pool="big", spot=True, spot_attempts=5, max_runtime="5d")
    found = pods("train", asked)
    assert found == {
        "cpu": "4",
        "memory": "2Gi",
        "limit": "2Gi",
        "more": "8Gi",
        "gpu": "1",
        "first": "spot",
        "later": "big",
        "spot_attempts": "5",
        "max_runtime": "432000",
    }
    assert grows(found)
    assert not grows(pods("train", Resources(memory="8Gi")))


@pytest.mark.parametrize(
    ("stage", "value", "words"),
    [
        ("train", {"memory": {"request": "4Gi", "limit": "2Gi"}}, ["resources.train.memory", "limit: 2Gi is less than the request of 4Gi"]),
        ("train", {"spot_attempts": 2}, ["resources.train.spot_attempts", "accepted with `spot: true`"]),
        ("train", {"spot": True, "pool": "spot"}, ["resources.train.pool", "after spot_attempts"]),
        ("train", {"pool": "No Pool"}, ["resources.train.pool", "No Pool"]),
        ("evaluate", {"retries": 1}, ["resources.evaluate.retries", "for train alone"]),
    ],
)
def test_what_is_refused(stage: str, value: object, words: list[str]) -> None:
    found = finding(changed(f"spec.resources.{stage}", value))
    assert [word for word in words if word not in found] == [], found
