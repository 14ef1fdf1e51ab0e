"""What the schema accepts and the handlers do not implement yet: refused by name, never ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator

from handlers.modelspec import feature_rules, split_rules
from handlers.modelspec.model import Lookback, ModelSpec

Refusal = tuple[tuple[str | int, ...], str]
PREFIX = re.compile(r"(?:incoming|batches)/[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?/(?:.*/)?")


def unsupported(spec: ModelSpec) -> Iterator[Refusal]:
    """(path below `spec`, reason) of everything that is not supported yet or cannot work."""
    yield from _data(spec)
    yield from feature_rules.wrong(spec)
    yield from _training(spec)
    yield from _promotion(spec)


def _not_yet(*path: str, instead: str = "") -> Refusal:
    return path, f"not supported yet: {'.'.join(path)}" + (f"; {instead}" if instead else "")


def _data(spec: ModelSpec) -> Iterator[Refusal]:
    data = spec.data
    if spec.task == "ranking":
        yield ("task",), "not supported yet: task ranking; supported: binary, multiclass, regression"
    if len(data.sources) > 1:
        other = next(name for name in data.sources if name != data.trigger)
        yield _not_yet("data", "sources", other, instead="one source is supported")
    for name, source in data.sources.items():
        if source.join:
            yield _not_yet("data", "sources", name, "join")
    prefix = data.sources[data.trigger].prefix
    if not PREFIX.fullmatch(prefix):
        yield ("data", "sources", data.trigger, "prefix"), f"no Sensor watches {prefix!r}; accepted: incoming/<name>/"
    if data.query is not None and (isinstance(data.query.scope, Lookback) or data.query.scope == "all"):
        yield _not_yet("data", "query", "scope", instead="supported: scope: row")
    yield from split_rules.wrong(spec)
    if data.target.label_delay:
        yield _not_yet("data", "target", "label_delay")


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


def _promotion(spec: ModelSpec) -> Iterator[Refusal]:
    for key in ("slices", "refit", "approval"):
        if getattr(spec.promote, key) is not None:
            yield _not_yet("promote", key)
    for key in ("cooldown", "daily_budget", "in_flight", "min_new_rows"):
        if key in spec.trigger.model_fields_set and getattr(spec.trigger, key) != type(spec.trigger).model_fields[key].default:
            yield _not_yet("trigger", key)
    for stage, resources in spec.resources.items():
        for key in ("gpu", "pool", "parallel", "max_runtime", "retries"):
            if getattr(resources, key) is not None:
                yield _not_yet("resources", stage, key)
        if stage != "train" and resources.model_fields_set:
            yield _not_yet("resources", stage, instead="resources.train is supported")
