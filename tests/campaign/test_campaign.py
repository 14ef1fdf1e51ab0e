"""A short campaign, and that what it looks for is seen when it is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import clocks
from tests.campaign.invariants import Objects, wrong
from tests.campaign.play import killed
from tests.campaign.scenario import MODELS, last, script
from tests.campaign.victims import STAGES


def test_a_seed_is_one_script_that_ends_in_the_last_state() -> None:
    first, again, other = script(3, 20), script(3, 20), script(4, 20)
    assert first == again != other
    for actions in (first, other):
        there: dict[str, str] = {}
        for action in actions:
            if action.kind == "put":
                there[action.name] = action.body
            elif action.kind == "delete":
                del there[action.name]
        assert there == dict(last(model) for model in MODELS)


def test_scripts_have_everything_that_somebody_does() -> None:
    assert {"put", "delete", "post", "tick"} == {action.kind for seed in range(5) for action in script(seed, 20)}


@pytest.mark.slow
def test_four_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    played = killed(tmp_path / "site", 5, kills=4, length=2)
    assert played.wrong == []
    assert 1 <= sum(played.trouble.values()) <= 4
    assert {name.partition(" during ")[2] for name in played.trouble} <= set(STAGES)
    assert played.promotions >= len(MODELS)


def judged(run: str, lost: int) -> dict[str, Any]:
    """What a run leaves that has trained the state `s` and lost so many trials."""
    where = f"runs/one/{run}"
    return {
        f"{where}/request.json": {"decision": "train", "digest": "s"},
        f"{where}/verdict.json": {"lost": lost},
        f"{where}/result.json": {"run": run, "outcome": "refused"},
    }


@pytest.mark.parametrize(("lost", "twice"), [((0,), False), ((0, 0), True), ((1, 0), False), ((1, 1), False), ((1, 0, 0), True)])
def test_a_state_is_trained_twice_when_two_runs_have_judged_all_its_trials(lost: tuple[int, ...], twice: bool) -> None:
    objects = object.__new__(Objects)
    objects.found = {key: value for number, each in enumerate(lost) for key, value in judged(f"r{number}", each).items()}
    said = [sentence for sentence in wrong(objects, None) if "was trained and judged" in sentence]
    assert said == (["one: state s was trained and judged 2 times"] if twice else [])


LOOKS = "import time; began = time.monotonic(); time.sleep(0.2); print(time.time(), began, time.monotonic() - began)"


@pytest.mark.skipif(clocks.library() is None, reason="libfaketime is not installed")
def test_a_clock_is_ahead_and_runs_as_fast_as_the_others(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), **clocks.ahead(30, tmp_path)}
    before, monotonic = time.time(), time.monotonic()
    told = subprocess.run([sys.executable, "-c", LOOKS], env=environment, capture_output=True, text=True, check=True).stdout
    now, began, slept = map(float, told.split())
    assert before + 30 < now < time.time() + 30
    assert monotonic < began < time.monotonic()
    assert 0.2 <= slept < 10


def test_without_the_library_a_clock_cannot_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "LIBRARY", "faketime/none.so")
    with pytest.raises(FileNotFoundError, match="apt-get install faketime"):
        clocks.ahead(30, tmp_path)
