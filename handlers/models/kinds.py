"""What a kind of estimator is, and what its models can do: the loop, the checkpoints and the steps know estimators by this alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

CLASSES, NUMBERS = ("binary", "multiclass"), ("regression", "ranking")


class Estimator(Protocol):
    """The model of one trial. `recipe` says how it was made; `probable` and `weighs` whether it gives probabilities and takes weights.

    What it has learned follows from its recipe and the rows alone. `save` writes files into an empty folder, none of them a pickle.
    """

    recipe: Recipe

    @property
    def probable(self) -> bool: ...

    @property
    def weighs(self) -> bool: ...

    def learn(self, batch: Batch) -> None:
        """Learn from a batch; from all rows, in one batch, where the model needs them at once."""

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        """(score, kind): see `handlers.metrics.predictions.Predictions`; kind is probability, decision or value."""

    def save(self, folder: Path) -> None: ...

    def digest(self) -> str:
        """16 hex digits over everything it has learned: equal digests mean equal numbers, bit for bit."""

    def finite(self) -> bool:
        """Whether all that it has learned are numbers (a training that diverged leaves NaN or infinity)."""


@runtime_checkable
class Epochs(Protocol):
    """What is told of the end of each epoch."""

    def epoch_end(self, metrics: dict[str, Any]) -> None:
        """`metrics`: {"epoch", "rows", "valid", "train"}, as in a line of the curve. Comes once after each epoch that counts: a training
        that was interrupted goes on from what was saved before or after it."""


class Rounds(Estimator, Protocol):
    """An estimator that learns in rounds, each from all rows: an epoch is a round, and `learn` is not called."""

    def begin(self, rows: Callable[[], Iterator[Batch]]) -> None:
        """Take the rows, which `rows` gives as often as it is called. Comes before the first round, and again once it is loaded."""

    def learn_round(self, number: int) -> None:
        """One round, counted from 0."""

    def keep(self, rounds: int) -> None:
        """Forget every round after the first so many."""


@dataclass(frozen=True, slots=True)
class Kind:
    """An estimator that a spec may name.

    `make` gives one that has learned nothing, BadSpec for parameters that it does not take. `load` gives the one that `save` left in a
    folder, which learns on as if nothing had happened; BadData names the place that it is told for files that are damaged, or hold what
    they need not.
    `requirements` are the distributions that learn and that read the files.
    `streams`: needs not all rows at once. `rounds`: its models are `Rounds`. `dense`: cannot read sparse rows. `missing`: accepts NaN.
    `table`: reads an Arrow table of the columns, not encoded rows. `lists`: of a ranking, learns from batches of whole lists.
    `trusted`: the types in its model file that skops does not trust by itself.
    """

    path: str
    tasks: tuple[str, ...]
    streams: bool
    make: Callable[[Recipe], Estimator]
    load: Callable[[Recipe, Path, str], Estimator]
    requirements: tuple[str, ...]
    rounds: bool = False
    dense: bool = False
    missing: bool = False
    trusted: tuple[str, ...] = ()
    table: bool = False
    lists: bool = False

    @property
    def name(self) -> str:
        return self.path if ":" in self.path else self.path.rpartition(".")[2]

    def type(self) -> Any:
        module, _, name = self.path.rpartition(".")
        return getattr(import_module(module), name)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a model is made by. `classes` is the number of classes, 0 where the target is a number; y then holds class indices or numbers.

    `memory` is the spec's: `stream` or `whole`.
    """

    kind: Kind
    task: str
    params: Mapping[str, Any]
    seed: int
    classes: int
    memory: str
