"""The estimators that a spec may name, and what can be said of a spec's model before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from handlers.contracts import BadSpec
from handlers.metrics.metrics import metric, metrics_of
from handlers.models import lightgbm, own, scikit_learn, torch, unused_keys, xgboost
from handlers.models.kinds import CLASSES, Estimator, Kind, Recipe
from handlers.modelspec import own_file
from handlers.modelspec.model import ModelSpec

# the distribution that an estimator comes from, whose version is part of a trial's name: the kinds that its module lists
BY_LIBRARY: dict[str, tuple[Kind, ...]] = {
    "scikit-learn": scikit_learn.KINDS,
    "xgboost-cpu": xgboost.KINDS,
    "lightgbm": lightgbm.KINDS,
    "torch": torch.KINDS,
}
KINDS = {kind.path: kind for kinds in BY_LIBRARY.values() for kind in kinds}


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


def module(found: Kind) -> str:
    """The module of this room that lists the kind, or makes it of a file."""
    if found not in KINDS.values():
        return own.__name__.rpartition(".")[2]
    here = f"{__name__.rpartition('.')[0]}."
    listing = [name for name, each in sorted(sys.modules.items()) if name.startswith(here) and found in _listed(each)]
    return listing[0].removeprefix(here)


def _listed(module: Any) -> tuple[Kind, ...]:
    kinds = getattr(module, "KINDS", ())
    return kinds if isinstance(kinds, tuple) else ()


def _streaming(task: str) -> str:
    return ", ".join(k.path for k in KINDS.values() if k.streams and task in k.tasks)


def _nearest(estimator: str) -> str:
    name = estimator.rpartition(".")[2]
    if name in scikit_learn.INSTEAD:
        return scikit_learn.INSTEAD[name]
    names = {k.name: k.path for k in KINDS.values()}
    near = get_close_matches(estimator, KINDS, n=1, cutoff=0.85) or [names[n] for n in get_close_matches(name, names, n=1)]
    return f"did you mean {near[0]!r}?" if near else f"accepted: {', '.join(KINDS)}"


def recipe(spec: ModelSpec, params: Mapping[str, Any]) -> Recipe:
    """What a trial's model is made by; BadSpec for an estimator that is not allowed, or does not do what the spec asks of it."""
    model = spec.model
    own_one = own_file.named(model.estimator)
    found = kind(model.estimator, spec.task, model.memory) if own_one is None else _own(spec, *own_one)
    installed(found.path, found.requirements)
    return Recipe(found, spec.task, params, model.seed, classes(spec), model.memory)


def _own(spec: ModelSpec, path: str, name: str) -> Kind:
    found = own.kind(own.File(path, name, spec.code or ""))
    if found.streams != (spec.model.memory == "stream"):
        what = f"the class {name} learns by batches: remove" if found.streams else f"a model that {name}() makes needs all rows: set"
        raise BadSpec(f"model.memory: {what} `memory: whole`")
    return found


def installed(estimator: str, distributions: Sequence[str]) -> None:
    """Raise BadSpec where the estimator needs a package that is not installed."""
    from importlib import metadata

    for name in distributions:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            raise BadSpec(f"model.estimator: {estimator} needs the package {name}, which is not installed here; {how_to(name)}") from None


def how_to(distribution: str) -> str:
    return f"run `python -m pip install {distribution}`, or name an image that has it as model.image"


def make(spec: ModelSpec, params: Mapping[str, Any]) -> Estimator:
    """The spec's estimator with these parameters, before it has learned anything; raises BadSpec for what it cannot do."""
    found = recipe(spec, params)
    made = found.kind.make(found)
    check_metrics(spec, made)
    _check_search(spec, found.kind)
    unused_keys.check(spec, found.kind)
    if spec.data.weight and not made.weighs:
        raise BadSpec(
            f"data.weight: {found.kind.name} does not accept weights of rows; choose another model.estimator, or remove data.weight"
        )
    return made


def check_metrics(spec: ModelSpec, made: Estimator) -> None:
    """BadSpec before anything is trained: an unknown metric, or one that needs probabilities of an estimator that has none."""
    gate = spec.promote.gate
    more = [gate.metric if gate is not None else None, spec.search.until.metric if spec.search.until is not None else None]
    for name in metrics_of(spec, *(name for name in more if name)):
        if metric(spec.task, name).needs_probability and not made.probable:
            known = made.recipe.kind.name
            hint = "loss: log_loss gives them" if known == "SGDClassifier" else "SGDClassifier with loss: log_loss does"
            raise BadSpec(f"evaluate: metric {name!r} needs probabilities, which {known} with these parameters does not give ({hint})")


def _check_search(spec: ModelSpec, kind: Kind) -> None:
    """BadSpec for rungs and stops of what has no epochs, and for what says the wrong way in which a metric is better."""
    _check_stop(spec, kind)
    if spec.search.halving is not None and spec.model.memory == "whole" and not kind.rounds:
        raise BadSpec("search.halving: halves by epochs, and `memory: whole` has one; use an estimator that learns from batches")
    until = spec.search.until
    if until is None:
        return
    higher = metric(spec.task, until.metric or spec.evaluate.select_by, "search.until.metric").higher
    wrong, right = ("at_most", "at_least") if higher else ("at_least", "at_most")
    if getattr(until, wrong) is not None:
        name = until.metric or spec.evaluate.select_by
        raise BadSpec(f"search.until.{wrong}: {'more' if higher else 'less'} of {name} is better; use {right}")


def _check_stop(spec: ModelSpec, kind: Kind) -> None:
    stop = spec.search.stop
    if stop is None:
        return
    if spec.model.memory == "whole" and not kind.rounds:
        raise BadSpec("search.stop: compares epochs, and `memory: whole` has one; use an estimator that learns from batches")
    higher, name = metric(spec.task, spec.evaluate.select_by).higher, spec.evaluate.select_by
    if stop.where_more_is_better not in (None, higher):
        right = f"best {'-' if higher else '+'} {stop.margin:g}"
        raise BadSpec(f"search.stop.worse_than: {'more' if higher else 'less'} of {name} is better; write {right}")


def classes(spec: ModelSpec) -> int:
    """How many classes the target has; 0 for a number."""
    if spec.task not in CLASSES:
        return 0
    return 2 if spec.task == "binary" else len(spec.data.target.classes or [])
