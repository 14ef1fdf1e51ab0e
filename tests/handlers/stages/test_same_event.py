"""An event that its sender sends again."""

from __future__ import annotations

import base64
import json

import pytest

from handlers import fetch, promote
from handlers.runs import claim
from handlers.storage import write_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_fetch import reason
from tests.handlers.stages.world import World, month


def asked_by(event: str, sender: str = "/shop") -> list[str]:
    """The option of a CloudEvent, as a Sensor passes it on."""
    ce = {"specversion": "1.0", "id": event, "source": sender, "type": "com.example.closed"}
    return ["--event", base64.b64encode(json.dumps({"model": "late", "source": "webhook", "cloudevent": ce}).encode()).decode()]


def test_an_event_that_comes_again_starts_nothing_though_data_has_come(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    assert reason(world, "r1", *asked_by("1"))[0] == "train"
    assert {k: v for k, v in world.request("r1")["event"].items() if v} == {
        "model": "late",
        "source": "webhook",
        "id": "1",
        "sender": "/shop",
        "type": "com.example.closed",
    }
    claim.release(world.store, "late", "r1")
    world.put("2.csv", month("2013-02-01", 5))
    assert reason(world, "r2", *asked_by("1")) == ("duplicate", "run r1 has taken this event: id '1' of '/shop'")
    assert claim.read(world.store, "late")[0].wanted == ()
    assert reason(world, "r1", *asked_by("1"))[0] == "train", "the step is started again"
    claim.release(world.store, "late", "r1")
    assert reason(world, "r3", *asked_by("1", "/other"))[0] == "train", "an id is its sender's"


def test_an_event_that_came_to_nothing_counts_again(world: World) -> None:
    assert reason(world, "r1", *asked_by("1"))[0] == "no-data"
    promote.run(world.promote_arguments("", [], "r1", "no-data"))
    world.put("1.csv", month("2013-01-01", 30))
    assert reason(world, "r2", *asked_by("1"))[0] == "train"
    assert reason(world, "r3", *asked_by("1"))[0] == "duplicate"
    promote.run(world.promote_arguments("", [], "r3", "duplicate"))
    assert world.result("r3")["outcome"] == "duplicate"


def test_an_event_whose_run_has_gone_without_a_result_counts_again(world: World) -> None:
    """It was terminated, which runs no exit handler; of a past state no tick would find that it is missing."""
    world.put("1.csv", month("2013-01-01", 30))
    reason(world, "r1", *asked_by("1"))
    assert reason(world, "r2", *asked_by("1"))[0] == "duplicate"
    write_json(world.store, "runs/late/r1/request.json", {**world.request("r1"), "at": world.store.server_time() - 1000})
    assert reason(world, "r3", *asked_by("1"))[0] == "duplicate", "it has the claim"
    held, _ = claim.read(world.store, "late")
    write_json(world.store, claim.claim_key("late"), {**held.to_json(), "heartbeat": 0.0})
    assert reason(world, "r4", *asked_by("1"))[0] == "train"


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [("failed", "train"), ("deferred", "train"), ("skipped", "train"), ("refused", "duplicate"), ("busy", "duplicate")],
)
def test_what_its_run_came_to_decides_whether_an_event_counts_again(world: World, outcome: str, decision: str) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    reason(world, "r1", *asked_by("1"))
    claim.release(world.store, "late", "r1")
    write_json(world.store, "runs/late/r1/result.json", {"outcome": outcome, "at": 1.0})
    assert reason(world, "r2", *asked_by("1"))[0] == decision


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 4, 5])  # the third finds the snapshot there
def test_an_event_whose_run_is_killed_at_any_write_is_taken_by_it(
    world: World, write: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    dying = Dying(world.folder)
    dying.left, dying.after = write, after
    with monkeypatch.context() as patched:
        patched.setattr(fetch, "open_store", lambda: dying)
        with pytest.raises(Killed):
            reason(world, "r1", *asked_by("1"))
    assert reason(world, "r1", *asked_by("1")) == ("train", "new data, spec or code")
    assert len(world.keys("events/late/")) == 1
    assert reason(world, "r2", *asked_by("1"))[0] == "duplicate"
