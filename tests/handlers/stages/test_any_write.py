"""Training, evaluation, and the look of a run that waits, killed at any write and started again: as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers import evaluate, fetch, train
from handlers.storage import read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_look import look
from tests.handlers.stages.world import World, changed, month


class DyingBelow(Dying):
    """Dies at writes below one prefix: a heartbeat is another thread's."""

    prefix = ""

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if key.startswith(self.prefix):
            return super().put(key, data, if_none_match=if_none_match, if_match=if_match)
        return super(Dying, self).put(key, data, if_none_match=if_none_match, if_match=if_match)


def killed_at_each_write(
    world: World, module: object, prefix: str, after: bool, step: Callable[[], object], clean: Callable[[], None]
) -> int:
    """Kill the step at its first write below the prefix, then at its second, and so on, and start it again; how many writes it has."""
    for write in range(1, 50):
        clean()
        dying = DyingBelow(world.folder)
        dying.left, dying.after, dying.prefix = write, after, prefix
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "open_store", lambda dying=dying: dying)
            try:
                step()
            except Killed:
                step_again = True
            else:
                step_again = False
        if not step_again:
            return write - 1
        step()
    raise AssertionError("the step writes for ever")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_training_and_evaluation(world: World, after: bool) -> None:
    world.spec = changed(world.spec, training__epochs=1, search__grid={"alpha": [0.01]})
    world.put("1.csv", month("2013-01-01", 30))
    _, snapshot = world.snapshot("a")
    dataset, (trial,) = world.dataset(snapshot, "a"), world.trials()
    name = world.train(dataset, trial, "a")["trial"]
    folder = f"trials/late/{name}/"
    state = read_json(world.store, f"{folder}result.json")["state"]
    states, scores = set(), {world.evaluate(dataset, {"trial": name})}

    def forget(below: str) -> None:
        for key in world.keys(below):
            world.store.delete(key)

    def trained() -> None:
        assert world.train(dataset, trial, "a") == {"trial": name}
        states.add(read_json(world.store, f"{folder}result.json")["state"])

    writes = killed_at_each_write(world, train, folder, after, trained, lambda: forget(folder))
    assert writes >= 4, "request, curve, model, result"
    assert states == {state}
    assert not [key for key in world.keys(folder) if "checkpoint" in key]

    evaluations = f"{folder}evaluations/"
    writes = killed_at_each_write(
        world, evaluate, evaluations, after, lambda: scores.add(world.evaluate(dataset, {"trial": name})), lambda: forget(evaluations)
    )
    assert writes >= 1
    assert len(scores) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_look_of_a_run_that_waits(world: World, after: bool) -> None:
    world.put("1.csv", b"x")
    told: list[str] = []
    writes = killed_at_each_write(
        world, fetch, "runs/late/", after, lambda: told.append(look(world)[0]), lambda: world.store.delete("runs/late/waiting.json")
    )
    assert writes >= 1
    assert set(told) == {"no"}
    assert read_json(world.store, "runs/late/waiting.json")["run"] == "r1"
