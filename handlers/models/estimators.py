"""The estimators that a spec may name, what each can do, and how one is made, fed and asked.

Streaming estimators learn batch by batch (`partial_fit`); the others need every row at once and the spec must say so
(`model.memory: whole`). Parameters that training decides (epochs, early stopping, the seed) belong elsewhere in the spec and are
refused here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from handlers.contracts import BadData, BadSpec
from handlers.metrics.metrics import metric, metrics_of
from handlers.models import scikit_learn
from handlers.models.kinds import CLASSES, Kind
from handlers.models.scores import scores
from handlers.modelspec.model import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

# the distribution that an estimator comes from, whose version is part of a trial's name: the kinds that its module lists
BY_LIBRARY: dict[str, tuple[Kind, ...]] = {
    "scikit-learn": scikit_learn.KINDS,
}
KINDS = {kind.path: kind for kinds in BY_LIBRARY.values() for kind in kinds}

ELSEWHERE = {
    "random_state": "model.seed",
    "verbose": "trials/<model>/<trial>/curve.jsonl",
    "warm_start": "the trial's checkpoint",
    "n_jobs": "resources.train.cpu",
}
WHEN_STREAMED = {
    "max_iter": "training.epochs",
    "tol": "training.early_stopping.min_delta",
    "early_stopping": "training.early_stopping",
    "validation_fraction": "data.split.valid",
    "n_iter_no_change": "training.early_stopping.patience",
}


def kind(estimator: str, task: str, memory: str = "stream") -> Kind:
    """The entry of the list; BadSpec with the nearest name for an unknown one, one of another task, or one that cannot stream."""
    found = KINDS.get(estimator)
    if found is None:
        raise BadSpec(f"model.estimator: {estimator!r} is not one of the estimators allowed here; {_nearest(estimator)}")
    if task not in found.tasks:
        fit = ", ".join(k.path for k in KINDS.values() if task in k.tasks)
        raise BadSpec(f"model.estimator: {estimator} does not support task {task!r}; accepted: {fit}")
    if memory == "stream" and not found.streams:
        raise BadSpec(
            f"model.memory: {estimator} needs every row at once; set `memory: whole`, "
            f"or use one that learns from batches: {_streaming(task)}"
        )
    return found


def libraries(estimator: str) -> tuple[str, ...]:
    """The distribution that the estimator comes from; nothing for one that is not allowed, which is refused elsewhere."""
    return tuple(name for name, kinds in BY_LIBRARY.items() if any(kind.path == estimator for kind in kinds))


def module(estimator: str) -> str:
    """The module of `handlers.models` that has the estimator's kind."""
    return scikit_learn.__name__.rpartition(".")[2]


def requirements(estimator: str) -> tuple[str, ...]:
    """The distributions that read the estimator's files."""
    return ("scikit-learn", "skops")


def _streaming(task: str) -> str:
    return ", ".join(k.path for k in KINDS.values() if k.streams and task in k.tasks)


def _nearest(estimator: str) -> str:
    name = estimator.rpartition(".")[2]
    if name in scikit_learn.INSTEAD:
        return scikit_learn.INSTEAD[name]
    names = {k.name: k.path for k in KINDS.values()}
    near = get_close_matches(estimator, KINDS, n=1, cutoff=0.85) or [names[n] for n in get_close_matches(name, names, n=1)]
    return f"did you mean {near[0]!r}?" if near else f"accepted: {', '.join(KINDS)}"


def make(estimator: str, task: str, params: Mapping[str, Any], *, seed: int, memory: str = "stream") -> Any:
    """A new estimator; BadSpec names the parameter that is unknown, out of range, or decided elsewhere in the spec."""
    found = kind(estimator, task, memory)
    made = found.type()
    known = list(made().get_params())
    for name, value in params.items():
        _check_parameter(estimator, name, value, known, streamed=memory == "stream")
    given = dict(params)
    if "random_state" in known:
        given["random_state"] = seed
    if "n_jobs" in known and not found.streams and found.name != "LogisticRegression":
        given["n_jobs"] = int(os.environ.get("OMP_NUM_THREADS", "1") or 1)
    built = made(**given)
    try:
        built._validate_params()
    except ValueError as error:
        raise BadSpec(f"model.params: {error}") from error
    if memory == "stream" and not hasattr(built, "partial_fit"):
        raise BadSpec(f"model.params: with these parameters {estimator} cannot learn from batches (solver: adam or sgd can)")
    return built


def _check_parameter(estimator: str, name: str, value: Any, known: list[str], *, streamed: bool) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        accepted = [k for k in known if k not in ELSEWHERE]
        hint = f"did you mean {near[0]!r}?" if near else f"accepted: {', '.join(accepted)}"
        raise BadSpec(f"model.params.{name}: {estimator} has no such parameter; {hint}")
    place = ELSEWHERE.get(name) or (WHEN_STREAMED.get(name) if streamed else None)
    if place:
        raise BadSpec(f"model.params.{name}: not accepted here; use {place} instead")
    if name == "class_weight" and (isinstance(value, Mapping) or (streamed and value is not None)):
        raise BadSpec("model.params.class_weight: only `balanced` with memory: whole is accepted; set the weights of rows with data.weight")


def needs_probability(estimator: Any, metric: str) -> None:
    """BadSpec when a metric needs probabilities and the estimator has none (a hinge loss, a perceptron)."""
    if not hasattr(estimator, "predict_proba"):
        name = type(estimator).__name__
        hint = "loss: log_loss gives them" if name == "SGDClassifier" else "SGDClassifier with loss: log_loss does"
        raise BadSpec(f"evaluate: metric {metric!r} needs probabilities, which {name} with these parameters does not give ({hint})")


def check_metrics(spec: ModelSpec, estimator: Any) -> None:
    """BadSpec before anything is trained: an unknown metric, or one that needs probabilities of an estimator that has none."""
    gate = spec.promote.gate
    for name in metrics_of(spec, *([gate.metric] if gate is not None and gate.metric else [])):
        if metric(spec.task, name).needs_probability:
            needs_probability(estimator, name)


def accepts_weight(estimator: Any) -> bool:
    """Whether its rows can have weights."""
    from inspect import signature

    method = estimator.partial_fit if hasattr(estimator, "partial_fit") else estimator.fit
    return "sample_weight" in signature(method).parameters


class Learner:
    """An estimator with what the task needs to feed and to ask it.

    `classes` is the number of classes (0 for regression); y holds class indices or numbers.
    """

    def __init__(self, kind: Kind, estimator: Any, classes: int) -> None:
        self.kind = kind
        self.estimator = estimator
        self.classes = classes

    def _rows(self, X: Any) -> Any:
        return X.toarray() if self.kind.dense and hasattr(X, "toarray") else X

    def learn(self, X: Any, y: NDArray[Any], weight: NDArray[Any] | None) -> None:
        """One batch."""
        self._feed(self.estimator.partial_fit, X, y, weight, known_classes=self.classes > 0)

    def fit(self, X: Any, y: NDArray[Any], weight: NDArray[Any] | None) -> None:
        """All rows at once."""
        self._feed(self.estimator.fit, X, y, weight, known_classes=False)

    def _feed(self, method: Any, X: Any, y: NDArray[Any], weight: NDArray[Any] | None, *, known_classes: bool) -> None:
        import warnings

        import numpy as np

        more: dict[str, Any] = {"classes": np.arange(self.classes)} if known_classes else {}
        if weight is not None:
            more["sample_weight"] = weight
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                method(self._rows(X), y.astype(np.int64) if self.classes else y, **more)
        except ValueError as error:
            raise self._explain(error) from error

    def _explain(self, error: ValueError) -> Exception:
        text = str(error).splitlines()[0]
        if "NaN" in text and not self.kind.missing:
            takes = ", ".join(k.name for k in KINDS.values() if k.missing)
            why = f"a value is missing, which {self.kind.name} does not accept"
            return BadSpec(f"features: {why}; set `missing: mean` or a number ({takes} accept `keep`)")
        if any(word in text for word in ("infinity", "too large", "Floating-point", "overflow", "non-finite")):
            return BadData(
                f"{self.kind.name}: {text}; set `scale: standard` on number features, or a smaller learning rate (model.params.eta0, alpha)"
            )
        return BadData(f"{self.kind.name}: {text}")

    def predict(self, X: Any) -> tuple[NDArray[Any], str]:
        """(score, kind): see `handlers.metrics.predictions.Predictions`; kind is probability, decision or value."""
        return scores(self.estimator, self._rows(X), self.classes)


def learner(estimator: str, task: str, params: Mapping[str, Any], *, seed: int, classes: int, memory: str = "stream") -> Learner:
    """A fresh learner for the spec's model."""
    return Learner(
        kind(estimator, task, memory), make(estimator, task, params, seed=seed, memory=memory), classes if task in CLASSES else 0
    )


def classes(spec: ModelSpec) -> int:
    """How many classes the target has; 0 for a number."""
    if spec.task not in CLASSES:
        return 0
    return 2 if spec.task == "binary" else len(spec.data.target.classes or [])
