"""How long a run waits before its snapshot, and which run waits for the others."""

from __future__ import annotations

import base64
import json

import pytest

from handlers import fetch, heal, promote
from handlers.contracts import WrongUsage
from handlers.modelspec.parse import load
from handlers.runs import waiting
from handlers.storage import read_json
from tests.handlers.stages.world import World, month


def reason(world: World, run: str, *more: str) -> tuple[str, str]:
    to = [word for name in ("decision", "snapshot", "reason") for word in (f"--{name}-out", str(world.out / name))]
    fetch.run(["snapshot", "--model", world.model, "--spec", world.read_spec(), "--run", run, *more, *to])
    return world.output("decision"), world.output("reason")


def look(world: World, **given: str) -> tuple[str, str]:
    values = {"run": "r1", "quiet": "30s", "at-most": "10m", "since": str(world.store.server_time()), **given}
    words = [word for name, value in values.items() for word in (f"--{name}", value)]
    to = ["--quiet-out", str(world.out / "quiet"), "--wait-out", str(world.out / "wait")]
    fetch.run(["look", "--model", world.model, "--spec", world.read_spec(), *words, *to])
    return world.output("quiet"), world.output("wait")


def test_a_fresh_object_is_waited_for(world: World) -> None:
    world.put("1.csv", b"x")
    quiet, wait = look(world)
    assert (quiet, 25 <= int(wait.removesuffix("s")) <= 32) == ("no", True)


def test_waiting_has_an_end(world: World) -> None:
    world.put("1.csv", b"x")
    assert look(world, since=str(world.store.server_time() - 601)) == ("yes", "0s")
    assert look(world, quiet="0s", since=str(world.store.server_time() - 700))[0] == "yes"


def test_a_window_is_waited_out(world: World) -> None:
    window = int(world.store.server_time() // 10)
    assert look(world, window=str(window - 10))[0] == "yes"
    assert look(world, window=str(window))[0] == "no"


def test_who_submits_with_now_neither_waits_nor_joins_who_does(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    assert look(world)[0] == "no"
    event = base64.b64encode(json.dumps({"model": "late", "now": "yes", "reason": "the fair"}).encode()).decode()
    assert look(world, run="r2", event=event) == ("yes", "0s")
    assert waiting.read(world.store, "late")[0].run == "r1"
    assert reason(world, "r2", "--event", event)[0] == "train"


def test_who_comes_while_another_waits_joins_it_and_is_in_its_snapshot(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    assert look(world)[0] == "no"
    event = base64.b64encode(json.dumps({"model": "late", "key": "incoming/late/1.csv"}).encode()).decode()
    assert look(world, run="r2", event=event) == ("yes", "0s")
    told = "joined run r1, which waits until the sources are quiet"
    assert reason(world, "r2", "--event", event) == ("joined", told)
    assert read_json(world.store, "runs/late/r2/request.json")["event"]["key"] == "incoming/late/1.csv"
    promote.run(world.promote_arguments("", [], "r2", "joined"))
    assert (world.result("r2")["outcome"], world.result("r2")["reason"]) == ("joined", told)
    assert heal.left_undone(world.store, load(world.read_spec()), world.store.server_time() + 800) is None
    assert look(world, quiet="0s", since="0")[0] == "yes"
    assert reason(world, "r1")[0] == "train"
    assert waiting.read(world.store, "late")[0].run == ""
    assert look(world, run="r3")[0] == "no", "who comes later waits for itself"


def test_a_waiter_that_is_stopped_is_followed_when_others_had_joined(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 30))
    look(world)
    look(world, run="r2")
    for _ in range(2):
        promote.run(["report", "--model", "late", "--run", "r1", "--again-out", str(world.out / "again")])
        assert world.output("again") == "yes"
    promote.run(["report", "--model", "late", "--run", "r2", "--again-out", str(world.out / "again")])
    assert world.output("again") == "no"


def test_the_waiter_waits_out_the_window_of_who_joined(world: World) -> None:
    world.put("1.csv", b"x")
    window = int(world.store.server_time() // 10)
    look(world)
    assert look(world, run="r2", window=str(window)) == ("yes", "0s")
    assert look(world, quiet="0s")[0] == "no"


def test_a_window_beyond_the_waiter_s_end_is_waited_out_alone(world: World) -> None:
    window = int(world.store.server_time() // 10)
    look(world, **{"at-most": "1s", "quiet": "30s"})
    world.put("1.csv", b"x")
    assert look(world, run="r2", window=str(window))[0] == "no"
    assert waiting.read(world.store, "late")[0].joined == 0


@pytest.mark.parametrize("given", [{"since": "yesterday"}, {"quiet": "soon"}, {"window": "x"}])
def test_a_wrong_option_is_wrong_usage(world: World, given: dict[str, str]) -> None:
    with pytest.raises(WrongUsage, match="look"):
        look(world, **given)
