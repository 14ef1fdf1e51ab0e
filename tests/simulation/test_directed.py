"""Histories that were judged wrong once, written down."""

from __future__ import annotations

import pytest

from handlers.runs import champion, requests
from tests.simulation.asked import MODEL, Asked, Change
from tests.simulation.directed import Directed
from tests.simulation.explore import Explorer
from tests.simulation.rules import documents

FIRST, LAST = Change(0.0, "a", b"the first"), Change(1.0, "b", b"the last")


def asked(playing: Explorer, name: str) -> Asked:
    return next(each for each in playing.asked if each.name == name)


def test_a_tick_finishes_the_change_of_a_champion_that_was_cut_off(playing: Explorer) -> None:
    entry = f"models/{MODEL}/history/1.json"
    world = Directed(asked(playing, "plain"), [FIRST], {entry: lambda world: world.end("terminate")})
    quiet = playing.champion(world)
    world.play()
    assert world.wrong(quiet) == []
    assert champion.current(world.bucket, MODEL).number == 1
    assert requests.result(world.bucket, MODEL, champion.history(world.bucket, MODEL)[0]["run"]) is None


def test_what_a_process_leaves_that_stood_still_is_for_the_next_tick(playing: Explorer) -> None:
    def stands_still(world: Directed) -> None:
        world.stand(4000.0, left=True)
        world.at["outbox/"] = lambda world: world.scheduler.die("after it has put an event")

    world = Directed(asked(playing, "told"), [FIRST], {f"models/{MODEL}/champion.json": stands_still})
    world.play()
    assert world.is_over()
    assert world.wrong(playing.champion(world)) == []


@pytest.mark.parametrize("dies", [False, True])
def test_a_process_goes_on_with_what_another_of_its_run_has_seen_and_written(playing: Explorer, dies: bool) -> None:
    def second(world: Directed) -> None:
        world.later(LAST)
        world.stand(4000.0, left=False)

    # both have looked at the bucket when they stand still, and another run trains what comes then
    look, kept = f"GET runs/{MODEL}/trainings.json", f"PUT runs/{MODEL}/retrain-{MODEL}-170000000/request.json"
    script = [(look, lambda world: world.stand(1500.0, left=True)), (look, second)]
    script += [(kept, lambda world: world.scheduler.die("with the claim, before its request"))] if dies else []
    world = Directed(asked(playing, "plain"), [FIRST], {}, script=script)
    world.play()
    assert world.is_over()
    assert world.wrong(Directed(asked(playing, "plain"), [FIRST, LAST], {}).play().champion()) == []


def meanwhile(world: Directed) -> None:
    """While a run trains the data changes, and somebody submits with --now."""
    world.later(LAST, 20.0)
    world.stand(300.0, left=False)


def is_followed_by_heal(world: Directed) -> bool:
    """Whether heal has started a run with --now that took it up and trained."""
    follows = next(each for each in documents(world.bucket, "request.json") if "now-0" in each["took_up"])
    asks, result = requests.asked(follows), requests.result(world.bucket, MODEL, follows["run"])
    return asks.source == "heal" and asks.now == "yes" and follows["decision"] == "train" and result is not None


@pytest.mark.parametrize("how", ["stop", "terminate"])
@pytest.mark.parametrize(("kind", "met"), [("skip", "skipped"), ("cooldown", "busy"), ("budget", "busy")])
def test_who_submitted_with_now_is_followed_though_the_follower_is_ended_before_it_begins(
    playing: Explorer, kind: str, met: str, how: str
) -> None:
    world = Directed(asked(playing, kind), [FIRST], {f"trials/{MODEL}/": meanwhile}, {f"retrain-{MODEL}-after-": how})
    world.play()
    assert world.is_over()
    assert {"train", "busy", met} <= {each["decision"] for each in documents(world.bucket, "request.json")}
    assert world.wrong(world.watch.champion()) == []
    assert is_followed_by_heal(world)


@pytest.mark.parametrize("how", ["stop", "terminate"])
def test_and_though_the_follower_has_had_the_claim(playing: Explorer, how: str) -> None:
    def claimed(world: Directed) -> None:
        world.end(how)
        world.scheduler.die("before its request")

    script = [(f"PUT runs/{MODEL}/retrain-{MODEL}-after-", claimed)]
    world = Directed(asked(playing, "cooldown"), [FIRST], {f"trials/{MODEL}/": meanwhile}, script=script)
    world.play()
    assert world.is_over()
    assert world.wrong(world.watch.champion()) == []
    assert is_followed_by_heal(world)
