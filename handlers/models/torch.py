"""A network of torch's: each column of the encoded rows has a vector, and dense layers read the sum of a row's vectors.

A category has one column for each of its values, so that what stands for a value is its embedding; a number's vector is multiplied by the
number. A batch is learned in steps of `batch_size` rows, by one thread on the processor: the same rows give the same bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handlers.errors import BadData, BadSpec
from handlers.models import parameters
from handlers.models.kinds import CLASSES, NUMBERS, Estimator, Kind, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from handlers.data.read import Batch

FILE = "model.safetensors"
PREDICTED = 512  # rows at a time: always so many, since a product's last bits hang on the number of its rows
ELSEWHERE = {"random_state": "model.seed", "epochs": "training.epochs", "n_jobs": "resources.train.cpu"}
LOSSES = {
    "binary": ("log_loss",),
    "multiclass": ("log_loss",),
    "regression": ("squared_error", "absolute_error", "huber"),
    "ranking": ("squared_error", "log_loss"),
}
Check = Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


# of each parameter: what it is unless given, and which values it may have
PARAMETERS: dict[str, tuple[Any, Check, str]] = {
    "embedding_size": (16, _whole, "a whole number above 0"),
    "hidden_layer_sizes": (
        (64, 32),
        lambda value: isinstance(value, list | tuple) and all(map(_whole, value)),
        "a list of whole numbers above 0",
    ),
    "dropout": (0.0, lambda value: _number(value) and 0 <= value < 1, "a number from 0 to below 1"),
    "optimizer": ("adam", lambda value: value in ("adam", "sgd"), "adam or sgd"),
    "learning_rate": (0.001, lambda value: _number(value) and value > 0, "a number above 0"),
    "momentum": (0.0, lambda value: _number(value) and 0 <= value < 1, "a number from 0 to below 1"),
    "weight_decay": (0.0, lambda value: _number(value) and value >= 0, "a number from 0"),
    "batch_size": (256, _whole, "a whole number above 0"),
    "max_iter": (20, _whole, "a whole number above 0"),
    "loss": (None, lambda value: isinstance(value, str), "the name of a loss"),
}


class Torch:
    """`weights` are the network's numbers by name, none before the first batch; `steps` how often they were changed."""

    probable: bool
    weighs = True

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.probable = bool(recipe.classes)
        self.params = _params(recipe)
        self.steps = 0
        self.weights: dict[str, Any] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self._optimizer: Any = None

    def begin(self, width: int) -> None:
        """Draw the weights of a network for rows of so many columns, by the seed."""
        torch = _library()
        drawn = torch.Generator().manual_seed(self.recipe.seed)
        for name, shape in _shapes(self.recipe, self.params, width).items():
            bound = 0.1 if name == "embedding" else shape[0] ** -0.5
            drawing = torch.rand(shape, generator=drawn).mul_(2 * bound).sub_(bound) if len(shape) > 1 else torch.zeros(shape)
            self.weights[name] = drawing.requires_grad_()

    def learn(self, batch: Batch) -> None:
        import numpy as np

        torch = _library()
        if not self.weights:
            self.begin(batch.X.shape[1])
        if self.params["loss"] == "log_loss" and not self.recipe.classes and not ((batch.y >= 0) & (batch.y <= 1)).all():
            raise BadData("torch: with `loss: log_loss` a relevance is from 0 to 1, and the target has others; set `loss: squared_error`")
        weight = np.ones(len(batch.y)) if batch.weight is None else batch.weight
        whole = self.recipe.memory == "whole"
        for number in range(self.params["max_iter"] if whole else 1):
            order = np.random.default_rng([self.recipe.seed, number]).permutation(len(batch.y)) if whole else slice(None)
            y = torch.from_numpy(np.array(batch.y[order], np.int64 if self.recipe.classes > 2 else np.float32))
            weights = torch.from_numpy(np.array(weight[order], np.float32))
            rows = _Rows(batch.X[order])
            for first in range(0, len(batch.y), self.params["batch_size"]):
                block = slice(first, first + self.params["batch_size"])
                self._step(rows.sums(self.weights["embedding"], block), y[block], weights[block])
        kept = {name: self._optimize().state[each].items() for name, each in self.weights.items()}
        self._kept = {name: {key: values for key, values in each if values is not None} for name, each in kept.items()}

    def _optimize(self) -> Any:
        """The optimizer, which only learning needs: to load it takes seconds."""
        if self._optimizer is None:
            made, params = _library().optim, self.params
            rates = {"lr": params["learning_rate"], "weight_decay": params["weight_decay"], "foreach": False}
            if params["optimizer"] == "adam":
                self._optimizer = made.Adam(self.weights.values(), **rates)
            else:
                self._optimizer = made.SGD(self.weights.values(), **rates, momentum=params["momentum"])
            for name, kept in self._kept.items():
                self._optimizer.state[self.weights[name]].update(kept)
        return self._optimizer

    def _step(self, sums: Any, y: Any, weight: Any) -> None:
        drawn = _library().Generator().manual_seed((self.recipe.seed * 1_000_003 + self.steps) % (1 << 63))
        optimizer = self._optimize()
        optimizer.zero_grad()
        score = self._scores(sums, drawn)
        (_losses(self.params["loss"], self.recipe.classes, score, y) * weight).mean().backward()
        optimizer.step()
        self.steps += 1

    def _scores(self, sums: Any, drawn: Any = None) -> Any:
        """(rows, outputs) from the sums of the rows' vectors. `drawn`: the generator that says which numbers are dropped."""
        torch, weights, dropout = _library(), self.weights, self.params["dropout"] if drawn is not None else 0.0
        found = sums + weights["embedding bias"]
        for layer in range(len(self.params["hidden_layer_sizes"])):
            found = torch.relu(found @ weights[f"hidden {layer}"] + weights[f"hidden {layer} bias"])
            if dropout:
                kept = torch.rand(found.shape, generator=drawn) >= dropout
                found = found * kept / (1 - dropout)
        return found @ weights["output"] + weights["output bias"]

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        import numpy as np

        torch = _library()
        rows, found = _Rows(X), []
        with torch.no_grad():
            for first in range(0, X.shape[0], PREDICTED):
                sums = rows.sums(self.weights["embedding"], slice(first, first + PREDICTED))
                filled = torch.nn.functional.pad(sums, (0, 0, 0, PREDICTED - len(sums)))
                found.append(self._scores(filled)[: len(sums)].double())
            score = torch.cat(found) if found else torch.zeros((0, max(1, self.recipe.classes)), dtype=torch.float64)
            if self.recipe.classes:
                score = torch.sigmoid(score) if self.recipe.classes == 2 else torch.softmax(score, 1)
        result = np.asarray(score.numpy(), dtype=np.float64)
        return (result if self.recipe.classes > 2 else result[:, 0]), "probability" if self.recipe.classes else "value"

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        save_file(self._state(), folder / FILE)

    def digest(self) -> str:
        found = hashlib.sha256()
        for name, values in sorted(self._state().items()):
            found.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
            found.update(values.numpy().tobytes())
        return found.hexdigest()[:16]

    def finite(self) -> bool:
        return all(bool(_library().isfinite(values).all()) for values in self.weights.values())

    def _state(self) -> dict[str, Any]:
        """All that it goes on from."""
        kept = {f"{name}/{key}": values for name, each in self._kept.items() for key, values in each.items()}
        learned = {name: values.detach() for name, values in self.weights.items()}
        return {**learned, **kept, "steps": _library().tensor(self.steps)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that has the names, shapes and types of this network's."""
        with _library().no_grad():
            for name, weights in self.weights.items():
                weights.copy_(state[name])
                self._kept[name] = {key: state[f"{name}/{key}"] for key in _kept(self.params)}
        self.steps = int(state["steps"])


class _Rows:
    """Encoded rows, sparse or dense, of which some at a time are summed up by their columns' vectors."""

    def __init__(self, X: Any) -> None:
        import numpy as np
        from scipy import sparse

        torch = _library()
        self._dense = None
        if sparse.issparse(X):
            self._ends = X.indptr.astype(np.int64)
            self._columns = torch.from_numpy(X.indices.astype(np.int64))
            self._values = torch.from_numpy(X.data.astype(np.float32))
        else:
            self._dense = torch.from_numpy(np.array(X, np.float32))

    def sums(self, vectors: Any, rows: slice) -> Any:
        torch = _library()
        if self._dense is not None:
            return self._dense[rows] @ vectors
        ends = self._ends[rows.start : rows.stop + 1]
        inner = slice(ends[0], ends[-1])
        begins = torch.from_numpy(ends[:-1] - ends[0])
        return torch.nn.functional.embedding_bag(self._columns[inner], vectors, begins, mode="sum", per_sample_weights=self._values[inner])


@cache
def _library() -> Any:
    """torch, by one thread, with none of what would not be the same twice."""
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    return torch


def _losses(loss: str, classes: int, score: Any, y: Any) -> Any:
    """Of each row, before its weight."""
    of = _library().nn.functional
    if classes > 2:
        return of.cross_entropy(score, y, reduction="none")
    by = {
        "log_loss": of.binary_cross_entropy_with_logits,
        "squared_error": of.mse_loss,
        "absolute_error": of.l1_loss,
        "huber": of.huber_loss,
    }
    return by[loss](score[:, 0], y, reduction="none")


def _shapes(recipe: Recipe, params: Mapping[str, Any], width: int) -> dict[str, tuple[int, ...]]:
    """The network's weights, from the first layer to the last."""
    sizes = [params["embedding_size"], *params["hidden_layer_sizes"]]
    found: dict[str, tuple[int, ...]] = {"embedding": (width, sizes[0]), "embedding bias": (sizes[0],)}
    for layer, (before, size) in enumerate(pairwise(sizes)):
        found |= {f"hidden {layer}": (before, size), f"hidden {layer} bias": (size,)}
    outputs = recipe.classes if recipe.classes > 2 else 1
    return {**found, "output": (sizes[-1], outputs), "output bias": (outputs,)}


def _kept(params: Mapping[str, Any]) -> dict[str, bool]:
    """What the optimizer keeps for each of the weights, by torch's names, and whether it has the weights' shape."""
    if params["optimizer"] == "adam":
        return {"step": False, "exp_avg": True, "exp_avg_sq": True}
    return {"momentum_buffer": True} if params["momentum"] else {}


def _params(recipe: Recipe) -> dict[str, Any]:
    """All parameters; BadSpec names one that is unknown, or has a value that it cannot have."""
    elsewhere = ELSEWHERE if recipe.memory == "whole" else {**ELSEWHERE, "max_iter": "training.epochs"}
    parameters.check(recipe.kind.path, recipe.params, list(PARAMETERS), elsewhere)
    for name, value in recipe.params.items():
        _, check, what = PARAMETERS[name]
        if not check(value):
            raise BadSpec(f"model.params.{name}: {value!r} is not {what}")
    found = {**{name: usual for name, (usual, _, _) in PARAMETERS.items()}, "loss": LOSSES[recipe.task][0], **recipe.params}
    if found["loss"] not in LOSSES[recipe.task]:
        raise BadSpec(f"model.params.loss: {found['loss']!r} is not accepted; accepted: {', '.join(LOSSES[recipe.task])}")
    if found["momentum"] and found["optimizer"] != "sgd":
        raise BadSpec("model.params.momentum: adam has none; remove it, or set `optimizer: sgd`")
    return found


def load(recipe: Recipe, folder: Path, where: str) -> Estimator:
    from safetensors import SafetensorError
    from safetensors.torch import load as read

    made = Torch(recipe)
    data = (folder / FILE).read_bytes()
    try:
        state = read(data)
        made.begin(len(state["embedding"]))
        wrong = next(_differences(made, state), None)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        text = f"{where}/{FILE}: not a readable model file ({error}); delete the trial's folder to train it again"
        raise BadData(text) from error
    if wrong:
        raise BadData(f"{where}/{FILE}: it is not of the trial's network: {wrong}; delete the trial's folder to train it again")
    made.restore(state)
    return made


def _differences(made: Torch, state: Mapping[str, Any]) -> Iterator[str]:
    """What a state has otherwise than the network that is to go on from it."""
    wanted: dict[str, tuple[int, ...]] = {"steps": ()}
    for name, weights in made.weights.items():
        wanted |= {
            name: tuple(weights.shape),
            **{f"{name}/{key}": tuple(weights.shape) if same else () for key, same in _kept(made.params).items()},
        }
    for name in sorted(wanted.keys() | state.keys()):
        found = tuple(state[name].shape) if name in state else None
        if found != wanted.get(name):
            yield f"{name} has the shape {found}, and {wanted.get(name)} is wanted"
        elif str(state[name].dtype) != ("torch.int64" if name == "steps" else "torch.float32"):
            yield f"{name} has the type {state[name].dtype}"


KINDS = (Kind("torch", (*CLASSES, *NUMBERS), True, Torch, load, ("torch", "safetensors", "numpy", "scipy")),)
