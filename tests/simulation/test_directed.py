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
    world = Directed(0, asked(playing, "plain"), [FIRST], {entry: lambda world: world.end("terminate")})
    quiet = playing.champion(world)
    world.play()
    assert world.wrong(quiet) == []
    assert champion.current(world.bucket, MODEL).number == 1
    assert requests.result(world.bucket, MODEL, champion.history(world.bucket, MODEL)[0]["run"]) is None


def test_what_a_process_leaves_that_stood_still_is_for_the_next_tick(playing: Explorer) -> None:
    def stands_still(world: Directed) -> None:
        assert world.scheduler.current is not None
        world.scheduler.current.left = True  # its step is done by another process
        world.scheduler.freeze(4000.0, whole=True)
        world.at["outbox/"] = lambda world: world.scheduler.die("after it has put an event")

    world = Directed(0, asked(playing, "told"), [FIRST], {f"models/{MODEL}/champion.json": stands_still})
    world.play()
    assert world.at == {}
    assert world.wrong(playing.champion(world)) == []


@pytest.mark.parametrize("how", ["stop", "terminate"])
@pytest.mark.parametrize(("kind", "met"), [("skip", "skipped"), ("cooldown", "busy"), ("budget", "busy")])
def test_who_submitted_with_now_is_followed_though_the_follower_is_ended_before_it_begins(
    playing: Explorer, kind: str, met: str, how: str
) -> None:
    def meanwhile(world: Directed) -> None:
        world.later(LAST, 20.0)
        world.scheduler.freeze(300.0, whole=False)

    world = Directed(0, asked(playing, kind), [FIRST], {f"trials/{MODEL}/": meanwhile}, {f"retrain-{MODEL}-after-": how})
    world.play()
    there = documents(world.bucket, "request.json")
    assert {"train", "busy", met} <= {each["decision"] for each in there}
    assert world.wrong(world.watch.champion()) == []
    follows = next(each for each in there if "now-0" in each["took_up"])
    assert requests.asked(follows).source == "heal" and requests.asked(follows).now and follows["decision"] == "train"
    assert requests.result(world.bucket, MODEL, follows["run"]) is not None
