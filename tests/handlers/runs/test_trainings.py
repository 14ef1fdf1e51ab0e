"""Runs are counted once each, never more than a day allows, whoever dies or races."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from handlers.modelspec.trigger import Trigger
from handlers.runs import trainings
from handlers.runs.admission import Answer, Asked, History, admitted
from handlers.runs.trainings import Training, Trainings
from handlers.storage import FolderStore
from tests.handlers.stages.dying import Dying, Killed

NOW = 1_700_000_000.0


def count(store: FolderStore, run: str, runs: int, now: float = NOW) -> str:
    rules = Trigger.model_validate({"daily_budget": {"runs": runs}})

    def ask(known: Trainings, at: float) -> Answer:
        return admitted(rules, known.history, Asked(run), "", at)

    return trainings.count(store, "m", run, lambda: now, ask).kind


def training(run: str, at: float = NOW, as_of: float = 0.0) -> Training:
    return Training(run, at, "snapshot", 10, "spec", as_of)


def test_a_run_is_counted_once_and_a_day_begins_anew(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert [count(store, run, 2) for run in ("a", "a", "b", "a", "c")] == ["start", "start", "start", "start", "refuse"]
    assert trainings.read(store, "m").counted == ("a", "b")
    assert count(store, "c", 2, NOW + 86400) == "start"
    assert trainings.read(store, "m").counted == ("c",)


def test_many_at_once_never_take_more_places_than_there_are(tmp_path: Path) -> None:
    answers: list[str] = []
    start = threading.Barrier(8)

    def race(name: str) -> None:
        start.wait()
        answers.append(count(FolderStore(tmp_path), name, 3))

    threads = [threading.Thread(target=race, args=(f"r{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["refuse"] * 5 + ["start"] * 3
    assert len(trainings.read(FolderStore(tmp_path), "m").counted) == 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_the_write_and_repeated_it_is_counted_once(tmp_path: Path, after: bool) -> None:
    dying = Dying(tmp_path)
    dying.left, dying.after = 1, after
    with pytest.raises(Killed):
        count(dying, "a", 1)
    assert count(FolderStore(tmp_path), "a", 1) == "start"
    assert trainings.read(FolderStore(tmp_path), "m").counted == ("a",)
    assert count(FolderStore(tmp_path), "b", 1) == "refuse"


def test_the_end_of_a_training_is_its_first(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    count(store, "a", 1)
    trainings.finished(store, "m", training("a"))
    trainings.finished(store, "m", training("a", NOW + 60))
    found = trainings.read(store, "m")
    assert (found.last, found.counted) == (training("a"), ("a",))
    assert found.history == History("a", NOW, "2023-11-14", ("a",))


def test_a_process_that_comes_late_does_not_take_the_place_of_newer_data(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for each in (newer := training("b", NOW + 60, as_of=20.0), training("a", NOW + 90, as_of=10.0)):
        trainings.finished(store, "m", each)
    assert trainings.read(store, "m").last == newer


def test_the_time_is_asked_for_after_what_was_trained(tmp_path: Path) -> None:
    """Else a process that stands still in between sees a training that ended in its future, and waits for a cooldown of nothing."""
    store, clock = FolderStore(tmp_path), iter([NOW + 100])
    trainings.finished(store, "m", training("a", NOW + 99))

    def ask(known: Trainings, at: float) -> Answer:
        return admitted(Trigger(), known.history, Asked("b"), "", at)

    assert trainings.count(store, "m", "b", lambda: next(clock), ask).kind == "start"


def test_what_was_answered_is_asked_anew_when_another_training_ended_meanwhile(tmp_path: Path) -> None:
    store, asked = FolderStore(tmp_path), []

    def ask(known: Trainings, at: float) -> Answer:
        asked.append(known.last and known.last.run)
        if len(asked) == 1:
            trainings.finished(store, "m", training("a"))
        return admitted(Trigger(), known.history, Asked("b"), "", at)

    assert trainings.count(store, "m", "b", lambda: NOW + 1, ask).kind == "start"
    assert asked == [None, "a"]
