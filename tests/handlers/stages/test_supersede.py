"""A run that is superseded saves what it has, lets go of the model, and nothing that it finished is trained again."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from handlers import contracts, fetch, heal, promote, train
from handlers.contracts import Superseded
from handlers.modelspec.parse import parse
from handlers.runs import claim as claims
from handlers.runs.claim import Heartbeat
from handlers.storage import FolderStore
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month
from tests.waiting import wait_until


@pytest.fixture
def late(world: World) -> Iterator[World]:
    """Run a is about to train two trials, and stops where it is asked to as a pod does."""
    world.spec["trigger"] = {"in_flight": "supersede"}
    world.put("1.csv", month("2013-01-01", 40))
    before = signal.signal(signal.SIGTERM, contracts._terminated)
    yield world
    signal.signal(signal.SIGTERM, before)


def more(world: World) -> None:
    world.put("2.csv", month("2013-02-10", 1, seed=2))


def judged(world: World, run: str, dataset: str, scores: list[str], status: str) -> dict[str, Any]:
    promote.run(world.promote_arguments(dataset, scores, run, "train", status))
    return world.result(run)


def test_newer_data_stops_the_run_that_trains_and_a_run_follows_it(late: World, monkeypatch: pytest.MonkeyPatch) -> None:
    late.spec["training"]["epochs"] = 2000
    _, snapshot = late.snapshot("a")
    dataset, (trial, other) = late.dataset(snapshot, "a"), late.trials()
    monkeypatch.setattr(train, "Heartbeat", partial(Heartbeat, seconds=0.01))

    def asks() -> None:
        wait_until(lambda: bool([key for key in late.keys("trials/") if key.endswith("checkpoint/state.zip")]))
        claims.take(late.store, "late", "b", {"run": "b", "stop": True})

    thread = threading.Thread(target=asks)
    thread.start()
    with pytest.raises(Superseded, match=r"superseded by run b, .*; asked to stop .* the state is saved") as stopped:
        late.train(dataset, trial, "a")
    thread.join()
    assert stopped.value.exit_code == 70
    assert len([key for key in late.keys("trials/") if key.endswith("checkpoint/state.zip")]) == 1
    with pytest.raises(Superseded, match="superseded by run b"):
        late.train(dataset, other, "a")
    result = judged(late, "a", dataset, [], "transform=Succeeded train=Failed evaluate=Omitted")
    assert (result["outcome"], result["by"]) == ("superseded", "b")
    assert result["reason"].startswith("superseded by run b, ")
    assert late.output("again") == "yes"
    assert claims.read(late.store, "late")[0].run == ""
    assert late.keys("models/") == []


def test_an_event_asks_the_holder_to_stop_and_more_of_them_ask_no_more(late: World) -> None:
    _, snapshot = late.snapshot("a")
    more(late)
    assert late.snapshot("b")[0] == "busy"
    assert late.request("b")["reason"] == "run a is asked to stop (trigger.in_flight is supersede); another run follows it"
    late.put("3.csv", month("2013-02-11", 1, seed=3))
    assert late.snapshot("c")[0] == "busy"
    claim = claims.read(late.store, "late")[0]
    assert (claim.run, claim.stopped_by, [each["run"] for each in claim.wanted]) == ("a", "b", ["b", "c"])
    with pytest.raises(Superseded):
        late.dataset(snapshot, "a")
    assert late.keys("datasets/") != [], "what was made is kept"
    result = judged(late, "a", "", [], "transform=Failed train=Omitted")
    assert (result["outcome"], late.output("again")) == ("superseded", "yes")
    assert late.run("d")["outcome"] == "promoted"


def test_the_same_event_again_stops_nothing(late: World) -> None:
    late.snapshot("a")
    assert late.snapshot("b")[0] == "busy"
    assert claims.read(late.store, "late")[0].stopped_by == ""


def test_what_was_finished_is_not_trained_again(late: World) -> None:
    """One more value in the grid supersedes the run; its trial that was trained is one of the next run's."""
    _, snapshot = late.snapshot("a")
    dataset, (trial, _) = late.dataset(snapshot, "a"), late.trials()
    done = late.train(dataset, trial, "a")["trial"]
    marker = f"trials/late/{done}/result.json"
    before = late.store.get_with_etag(marker)
    late.spec["search"]["grid"]["alpha"].append(0.1)
    late.snapshot("b")
    scores = [late.evaluate(dataset, {"trial": done})]
    late.spec["search"]["grid"]["alpha"].pop()
    assert judged(late, "a", dataset, scores, "train=Failed evaluate=Succeeded")["outcome"] == "superseded"
    late.spec["search"]["grid"]["alpha"].append(0.1)
    result = late.run("c")
    assert (result["outcome"], len(result["trials"]), done in result["trials"]) == ("promoted", 3, True)
    assert late.store.get_with_etag(marker) == before


def test_a_run_whose_trials_are_all_trained_is_judged_and_followed(late: World) -> None:
    _, dataset, scores = late.prepare("a")
    more(late)
    late.snapshot("b")
    assert judged(late, "a", dataset, scores, "train=Succeeded evaluate=Succeeded")["outcome"] == "promoted"
    assert late.output("again") == "yes"


def test_a_wish_that_a_dead_run_should_stop_stops_nobody_else(late: World) -> None:
    late.snapshot("a")
    more(late)
    late.snapshot("b")
    claim, etag = claims.read(late.store, "late")
    dead = {**claim.to_json(), "heartbeat": 1.0}
    late.store.put("runs/late/claim.json", json.dumps(dead).encode(), if_match=etag)
    assert late.run("c")["outcome"] == "promoted"


def test_a_lost_follow_up_is_started_by_heal(late: World) -> None:
    _, snapshot = late.snapshot("a")
    more(late)
    late.snapshot("b")
    with pytest.raises(Superseded):
        late.dataset(snapshot, "a")
    judged(late, "a", "", [], "transform=Failed train=Omitted")
    spec = {"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": late.spec}
    now = late.store.server_time() + 3600
    undone = heal.startable(late.store, parse(json.dumps(spec)), now)
    assert undone and undone.reason == "no run has taken the data, spec and code that are there now"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_who_asks_may_die_at_any_write(late: World, write: int, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot, the claim that asks, the request: started again, it has asked once."""
    late.snapshot("a")
    more(late)
    dying = Dying(late.folder)
    dying.left, dying.after = write, after
    with monkeypatch.context() as patched:
        patched.setattr(fetch, "open_store", lambda: dying)
        with pytest.raises(Killed):
            late.snapshot("b")
    assert late.snapshot("b")[0] == "busy"
    claim = claims.read(late.store, "late")[0]
    assert (claim.run, claim.stopped_by, [each["run"] for each in claim.wanted]) == ("a", "b", ["b"])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_who_ends_superseded_may_die_at_any_write(late: World, write: int, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result and the claim: repeated, it ends the same and is followed."""
    late.snapshot("a")
    more(late)
    late.snapshot("b")
    dying = Dying(late.folder)
    dying.left, dying.after = write, after
    with monkeypatch.context() as patched:
        patched.setattr(promote, "open_store", lambda: dying)
        with pytest.raises(Killed):
            judged(late, "a", "", [], "transform=Failed train=Omitted")
    assert judged(late, "a", "", [], "transform=Failed train=Omitted")["outcome"] == "superseded"
    assert late.output("again") == "yes"
    assert claims.read(FolderStore(late.folder), "late")[0].run == ""
