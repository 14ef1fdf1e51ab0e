"""A training of thousands of epochs is watched and stopped by hand: its run is judged by what was learned."""

from __future__ import annotations

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until


def test_a_trial_is_watched_and_stopped_by_hand(repository: Repository) -> None:
    repository.model(epochs=100_000, grid="[1e-4]")
    repository.up()
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=4))
    told = ""

    def under_way() -> bool:
        nonlocal told
        told = repository.retrain("trials", "@latest", ok=False)
        return "of 100000" in told and " 0 of" not in told

    wait_until(under_way, lambda: told + repository.retrain("get", ok=False))
    trial = told.splitlines()[1].split()[0]
    assert f"Trial {trial} is asked to stop: enough" in repository.retrain("stop-trial", "@latest", trial[:6], "--reason", "enough")
    watched = repository.retrain("watch", "@latest")
    assert "promoted: " in watched
    ended = repository.retrain("trials", "@latest")
    assert "winner" in ended
    assert "stopped by hand: enough" in ended
    results = {key: found for key, found in repository.objects("trials/tiny/").items() if key.endswith("/result.json")}
    (result,) = results.values()
    assert 0 < result["epochs"] < 100_000
    assert result["trial"] != trial
