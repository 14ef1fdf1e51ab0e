"""A short campaign, and that what it looks for is seen when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign.play import killed
from tests.campaign.scenario import MODELS, last, script


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
    assert sum(played.trouble.values()) == 4
    assert played.promotions >= len(MODELS)
