"""Going back to an earlier champion by hand: another entry of the history, under whatever else happens at the same time."""

from __future__ import annotations

import pytest

from handlers.contracts import WrongUsage
from handlers.report import explain
from handlers.runs import champion as champions
from handlers.runs import rollback
from handlers.storage import Store, read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.world import World, month


@pytest.fixture
def two(world: World) -> World:
    """A model whose first champion was replaced."""
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"]["grid"]["alpha"] = [0.0001]
    world.spec["promote"]["gate"].update({"at_least": 0.0, "improve_by": 0, "confidence": 0.0001})  # whatever is new is promoted
    assert world.run("a")["outcome"] == "promoted"
    world.put("2.csv", month("2013-02-10", 10))
    assert world.run("b")["outcome"] == "promoted"
    return world


def test_the_earlier_champion_is_the_champion_again_under_a_new_number(two: World) -> None:
    first = champions.entry(two.store, "late", 1)
    record = rollback.back(two.store, "late", 1, "the new one misses storms")
    assert first is not None
    assert (record["number"], record["predecessor"], record["kind"], record["of"]) == (3, 2, "rollback", 1)
    assert {name: record[name] for name in ("trial", "export", "test", "dataset")} == {
        name: first[name] for name in ("trial", "export", "test", "dataset")
    }
    assert champions.current(two.store, "late").record == record
    told = " ".join(explain.champion(record))
    assert "A person went back to champion 1: the new one misses storms." in told
    assert "promoted because" not in told


def test_the_same_data_does_not_bring_the_newer_one_back_and_new_data_is_compared_with_the_earlier_one(two: World) -> None:
    record = rollback.back(two.store, "late", 1, "storms")
    assert two.run("c")["outcome"] == "already-trained"
    two.put("3.csv", month("2013-02-20", 10))
    assert two.run("d")["outcome"] == "promoted"
    verdict = read_json(two.store, "runs/late/d/verdict.json")
    assert (verdict["champion"]["number"], verdict["champion"]["trial"]) == (3, record["trial"])


def test_what_is_the_champion_already_what_never_was_and_no_reason_are_refused(two: World) -> None:
    with pytest.raises(WrongUsage, match="late@2 is the champion now"):
        rollback.back(two.store, "late", 2, "why")
    with pytest.raises(WrongUsage, match="late has had champions 1 to 2, not 7"):
        rollback.back(two.store, "late", 7, "why")
    with pytest.raises(WrongUsage, match="--reason is empty"):
        rollback.back(two.store, "late", 1, "  ")
    with pytest.raises(WrongUsage, match="early has no champion yet"):
        rollback.back(two.store, "early", 1, "why")


def test_killed_before_the_entry_nothing_is_done_and_after_it_the_next_reader_ends_it(two: World) -> None:
    for write, number in ((1, 2), (2, 3)):
        dying = Dying(two.folder)
        dying.left = write
        with pytest.raises(Killed):
            rollback.back(dying, "late", 1, "storms")
        assert champions.current(two.store, "late").number == number
    with pytest.raises(WrongUsage, match="late@1 is the champion now"):
        rollback.back(two.store, "late", 1, "storms")


def test_of_two_at_once_one_is_told_that_the_other_was_first(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    current = champions.current

    def late(store: Store, model: str) -> champions.Pointer:
        pointer = current(store, model)
        monkeypatch.setattr(champions, "current", current)
        champions.change(two.store, "late", pointer, {**(pointer.record or {}), "run": "other", "trial": "another"})
        return pointer

    monkeypatch.setattr(champions, "current", late)
    with pytest.raises(WrongUsage, match="another run has made champion 3 of late meanwhile"):
        rollback.back(two.store, "late", 1, "storms")
