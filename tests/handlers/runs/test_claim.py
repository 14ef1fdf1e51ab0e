"""One run trains a model at a time, and nothing that is wanted meanwhile is forgotten."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from handlers.contracts import Stopped
from handlers.runs import claim as claims
from handlers.runs.claim import DEAD_AFTER_SECONDS, Claim, Heartbeat, Released, beat, claim_key, follower, read, release, take
from handlers.storage import FolderStore, Temporary, write_json


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bucket")


def want(run: str) -> dict[str, Any]:
    return {"run": run, "snapshot": "s"}


def test_the_first_takes_it_and_the_second_says_what_it_wants(store: FolderStore) -> None:
    assert take(store, "m", "a", want("a")) == ""
    assert take(store, "m", "a", want("a")) == ""
    assert take(store, "m", "b", want("b")) == "a"
    assert take(store, "m", "b", want("b")) == "a"
    assert read(store, "m")[0].wanted == (want("b"),)
    assert release(store, "m", "a").wanted is True
    assert release(store, "m", "a").wanted is True
    assert take(store, "m", "c", want("c")) == ""
    assert release(store, "m", "c").wanted is False
    assert release(store, "m", "c").wanted is False


def test_another_s_claim_is_not_let_go_of(store: FolderStore) -> None:
    assert release(store, "m", "a").wanted is False
    take(store, "m", "a", want("a"))
    assert release(store, "m", "b").wanted is False
    assert read(store, "m")[0].run == "a"


def test_a_dead_run_s_claim_is_taken_over(store: FolderStore) -> None:
    old = Claim("dead", store.server_time() - DEAD_AFTER_SECONDS - 1, (want("x"),))
    write_json(store, claim_key("m"), old.to_json())
    assert take(store, "m", "b", want("b")) == ""
    assert beat(store, "m", "dead") is False
    assert release(store, "m", "dead").wanted is False
    assert release(store, "m", "b").wanted is True


def test_a_beat_keeps_what_is_wanted(store: FolderStore) -> None:
    take(store, "m", "a", want("a"))
    take(store, "m", "b", want("b"))
    before = read(store, "m")[0]
    assert beat(store, "m", "a")
    after = read(store, "m")[0]
    assert after.wanted == before.wanted
    assert after.heartbeat >= before.heartbeat


def test_many_at_once_are_one_that_trains_and_the_rest_that_are_heard(store: FolderStore) -> None:
    answers: dict[str, str] = {}
    names = [f"r{n}" for n in range(8)]
    start = threading.Barrier(8)

    def race(name: str) -> None:
        start.wait()
        answers[name] = take(store, "m", name, want(name))

    threads = [threading.Thread(target=race, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holders = [name for name in names if answers[name] == ""]
    assert len(holders) == 1
    found = read(store, "m")[0]
    assert found.run == holders[0]
    assert {w["run"] for w in found.wanted} == set(names) - {holders[0]}


class Failing(FolderStore):
    """A bucket that does not answer the first time."""

    asked = 0

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        self.asked += 1
        if self.asked == 1:
            raise Temporary("not now")
        return super().get_with_etag(key)


def test_the_heartbeat_lasts_as_long_as_the_work_and_outlives_a_missed_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Failing(tmp_path / "bucket")
    write_json(store, claim_key("m"), Claim("a", 1.0).to_json())
    beaten = threading.Event()
    real = claims.beat

    def beats(*given: Any, **more: Any) -> bool:
        answer = real(*given, **more)
        beaten.set()
        return answer

    monkeypatch.setattr(claims, "beat", beats)
    with Heartbeat(store, "m", "a", seconds=0.01):
        assert beaten.wait(30)
    assert read(store, "m")[0].heartbeat > 1.0
    assert not [t for t in threading.enumerate() if t.name == "heartbeat"]


def test_without_a_claim_there_is_nothing_to_beat_for(store: FolderStore) -> None:
    with Heartbeat(store, "m", "a"):
        pass
    assert store.head(claim_key("m")) is None


def test_between_two_steps_the_claim_outlasts_a_long_wait_for_a_place(store: FolderStore) -> None:
    """No pod of the run is there to beat; one that died in a step is taken over as soon as ever."""
    take(store, "m", "a", want("a"))
    with Heartbeat(store, "m", "a"):
        assert not read(store, "m")[0].waits
    claim = read(store, "m")[0]
    assert (claim.waits, claim.held(claim.heartbeat + 5 * 3600), claim.held(claim.heartbeat + 7 * 3600)) == (True, True, False)
    assert take(store, "m", "b", want("b")) == "a"
    assert read(store, "m")[0].waits
    with pytest.raises(RuntimeError), Heartbeat(store, "m", "a"):
        raise RuntimeError
    claim = read(store, "m")[0]
    assert (claim.waits, claim.held(claim.heartbeat + DEAD_AFTER_SECONDS)) == (False, False)
    with pytest.raises(Stopped), Heartbeat(store, "m", "a"):
        raise Stopped("taken away, and it goes on elsewhere")
    assert read(store, "m")[0].waits


def test_a_run_that_follows_has_a_name_for_what_was_wanted_of_any_model(store: FolderStore) -> None:
    model = "m" * 40
    names = [follower(model, run, Released(True, runs))[0] for run, runs in (("a", ("b",)), ("a", ("c",)), ("x", ("b",)), ("a", ("b",)))]
    assert len(set(names)) == 3
    assert names[0] == names[3]
    assert max(map(len, names)) <= 63


def test_what_was_submitted_with_now_is_known_to_who_releases_whatever_happens_then(store: FolderStore) -> None:
    take(store, "m", "a", want("a"))
    take(store, "m", "b", {**want("b"), "now": "why"})
    released = release(store, "m", "a")
    take(store, "m", "c", want("c"))
    release(store, "m", "c")
    assert (released.now, released.runs) == ("why", ("b",))
    assert follower("m", "a", released)[1] != ""
