"""Histories of a few hundred seeds: none has anything wrong, and each bug that is planted is found.

`benchmarks/interleavings.py` plays more of them.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.explore import Explorer
from tests.simulation.planted import PLANTED, planted

SEEDS = 250
WITHIN = 1000  # seeds in which a planted bug is found
# where the search begins: a few seeds before the one that shows it today
FROM = {
    "a claim never ends": 68,
    "a result is written without a condition": 1548,
    "a trial's marker is written without a condition": 222,
    "the bucket is not looked at again with the claim": 534,
    "the claim is not looked at before a promotion": 1218,
    "the claim is released without a condition": 274,
    "the claim is written without a condition": 10,
    "the history and the pointer are written without conditions": 878,
}


def test_whatever_happens_each_state_is_trained_and_promoted_once(playing: Explorer) -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        world, wrong = playing.play(seed)
        assert wrong == [], f"seed {seed}: {world.changes}, {world.faults.happened}"
        faults.update(happened.split()[0] for happened in world.faults.happened)
    assert faults.keys() == {"killed", "lost", "away", "stalled", "stop", "terminate"}


def test_a_seed_is_a_history(playing: Explorer) -> None:
    first, again = (playing.play(11)[0] for _ in range(2))
    assert (first.scheduler.turns, first.scheduler.now, first.engine.names) == (
        again.scheduler.turns,
        again.scheduler.now,
        again.engine.names,
    )
    assert {key: kept.etag for key, kept in first.bucket.objects.items()} == {key: kept.etag for key, kept in again.bucket.objects.items()}


@pytest.mark.parametrize("bug", sorted(PLANTED))
def test_a_planted_bug_is_found(playing: Explorer, bug: str) -> None:
    with planted(bug):
        first = FROM.get(bug, 0)
        assert any(playing.play(seed)[1] for seed in range(first, first + WITHIN))
