"""What the schema accepts and the handlers do not implement yet: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.modelspec import feature_rules, source_rules, split_rules
from handlers.modelspec.model import ModelSpec

Refusal = tuple[tuple[str | int, ...], str]


def unsupported(spec: ModelSpec) -> Iterator[Refusal]:
    """(path below `spec`, reason) of everything that is not supported yet or cannot work."""
    yield from _data(spec)
    yield from feature_rules.wrong(spec)
    yield from _training(spec)
    yield from _judged(spec)
    yield from _promotion(spec)


def _not_yet(*path: str, instead: str = "") -> Refusal:
    return path, f"not supported yet: {'.'.join(path)}" + (f"; {instead}" if instead else "")


def _data(spec: ModelSpec) -> Iterator[Refusal]:
    if spec.task == "ranking":
        yield ("task",), "not supported yet: task ranking; supported: binary, multiclass, regression"
    yield from source_rules.wrong(spec)
    yield from split_rules.wrong(spec)


def _training(spec: ModelSpec) -> Iterator[Refusal]:
    if spec.model.estimator.startswith("models/"):
        yield ("model", "estimator"), "not supported yet: an estimator of your own; supported: scikit-learn's, by dotted path"
    if spec.model.image:
        yield _not_yet("model", "image")
    for key in ("space", "random", "halving", "until"):
        if getattr(spec.search, key) is not None:
            yield _not_yet("search", key, instead="supported: search.grid")
    for name, values in (spec.search.grid or {}).items():
        if not values:
            yield ("search", "grid", name), "an empty list gives no trial; list at least one value"
    if spec.training.validate_ is not None:
        yield _not_yet("training", "validate", instead="every epoch is validated on all valid rows")


def _judged(spec: ModelSpec) -> Iterator[Refusal]:
    if spec.evaluate.threshold is not None and spec.task != "binary":
        yield ("evaluate", "threshold"), f"accepted only for a binary target, not for task {spec.task}"


def _promotion(spec: ModelSpec) -> Iterator[Refusal]:
    for key in ("slices", "refit", "approval"):
        if getattr(spec.promote, key) is not None:
            yield _not_yet("promote", key)
    for stage, resources in spec.resources.items():
        for key in ("gpu", "pool", "parallel", "max_runtime", "retries"):
            if getattr(resources, key) is not None and (stage, key) != ("transform", "parallel"):
                yield _not_yet("resources", stage, key)
        if stage != "train" and resources.model_fields_set - ({"parallel"} if stage == "transform" else set()):
            yield _not_yet("resources", stage, instead="supported are resources.train and resources.transform.parallel")
