"""What boosted trees of every library share: learning in rounds, and going on exactly from a model that was saved after any of them.

A library keeps its generator's state in no file. So where rows or columns are drawn, the rounds are cut into blocks: a block begins with a
new booster, seeded by the block's number, and a model that was saved within a block learns that block's rounds again. To begin a booster
costs a prediction of all rows, so that a block of each round would cost more than the learning.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from handlers.errors import BadSpec
from handlers.models.kinds import Recipe

if TYPE_CHECKING:
    from handlers.data.read import Batch

BLOCK = 20  # rounds


def threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1") or 1)


def objective(recipe: Recipe, accepted: Mapping[str, Sequence[str]]) -> str:
    """What is minimised: the spec's `objective`, or the first that the task accepts; BadSpec for another one."""
    usual, *_ = of_task = accepted[recipe.task]
    asked = recipe.params.get("objective", usual)
    if asked not in of_task:
        raise BadSpec(f"model.params.objective: {asked!r} is not accepted; accepted: {', '.join(of_task)}")
    return str(asked)


def native(recipe: Recipe, objective: str, **fixed: Any) -> dict[str, Any]:
    """The parameters of a library's own `train`, with those that are not chosen by the spec."""
    classes = {"num_class": recipe.classes} if recipe.task == "multiclass" else {}
    return {**recipe.params, "objective": objective, **classes, **fixed}


class Boosted(ABC):
    """`booster` is the library's, None before the first round. `SAMPLING` names the parameters that draw, with the value that does not."""

    SAMPLING: ClassVar[Mapping[str, Any]]
    probable = weighs = True

    def __init__(self, recipe: Recipe, booster: Any = None) -> None:
        self.recipe = recipe
        self.booster = booster
        self._drawn = any(recipe.params.get(name, usual) != usual for name, usual in self.SAMPLING.items())
        self._going = False

    def learn(self, batch: Batch) -> None:
        raise TypeError("boosted trees learn in rounds")

    def begin(self, rows: Callable[[], Iterator[Batch]]) -> None:
        self._take(rows)
        self._going = False
        done = self._rounds() if self.booster is not None else 0
        if self._drawn and done % BLOCK:
            first = done - done % BLOCK
            self.keep(first)
            for number in range(first, done):
                self.learn_round(number)

    def learn_round(self, number: int) -> None:
        if self._going and not (self._drawn and number % BLOCK == 0):
            self._go_on(number)
        else:
            self._start((self.recipe.seed * 1_000_003 + number // BLOCK) % (1 << 31))
            self._going = True

    def keep(self, rounds: int) -> None:
        self.booster = self._first(rounds) if rounds else None

    @abstractmethod
    def _take(self, rows: Callable[[], Iterator[Batch]]) -> None:
        """Take the rows that are to be learned from."""

    @abstractmethod
    def _start(self, seed: int) -> None:
        """A round by a new booster, on top of those that are there."""

    @abstractmethod
    def _go_on(self, number: int) -> None:
        """A further round of the booster."""

    @abstractmethod
    def _rounds(self) -> int: ...

    @abstractmethod
    def _first(self, rounds: int) -> Any:
        """A booster of the first so many rounds."""
