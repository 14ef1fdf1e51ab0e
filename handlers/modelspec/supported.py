"""What the schema accepts and the handlers do not implement yet: refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.modelspec import feature_rules, search_rules, source_rules, split_rules
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.resources import SPOT, USUAL

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
    yield from _ranking(spec)
    yield from source_rules.wrong(spec)
    yield from split_rules.wrong(spec)


def _ranking(spec: ModelSpec) -> Iterator[Refusal]:
    """Lists are the rows of one group, and what is resampled is lists."""
    if spec.task != "ranking":
        return
    group, cluster = spec.data.group, spec.evaluate.interval.cluster
    if group is None:
        yield ("data", "group"), "required for task ranking: the column whose value the rows of one list have, such as session_id"
    elif cluster not in (None, "group", group):
        yield (
            ("evaluate", "interval", "cluster"),
            f"{cluster!r} would cut lists; of a ranking lists are resampled: leave it out, or write group",
        )
    if spec.evaluate.baseline is not None:
        yield ("evaluate", "baseline"), "not accepted for task ranking, which is compared with lists in no order"


def _training(spec: ModelSpec) -> Iterator[Refusal]:
    yield from search_rules.wrong(spec)
    validate = spec.training.validate_
    if validate is not None and validate.rows is not None and spec.task == "ranking":
        yield ("training", "validate", "rows"), "not accepted for task ranking: a sample of rows would cut lists; leave it out"
    if spec.training.early_stopping is not None and spec.training.epochs == 1:
        yield ("training", "early_stopping"), "there is one epoch, and nothing to stop; say how many there are at most: training.epochs"


def _judged(spec: ModelSpec) -> Iterator[Refusal]:
    if spec.evaluate.threshold is not None and spec.task != "binary":
        yield ("evaluate", "threshold"), f"accepted only for a binary target, not for task {spec.task}"


def _promotion(spec: ModelSpec) -> Iterator[Refusal]:
    for key in ("slices", "refit", "approval"):
        if getattr(spec.promote, key) is not None:
            yield _not_yet("promote", key)
    for stage, resources in spec.resources.items():
        if resources.parallel is not None and stage != "transform":
            yield _not_yet("resources", stage, "parallel")
        if stage not in (*USUAL, "transform") and resources.model_fields_set - {"parallel"}:
            yield _not_yet("resources", stage, instead="supported are resources.train, resources.evaluate and resources.transform")
        for key in ("gpu", "pool", "spot", "spot_attempts", "max_runtime", "retries") if stage == "transform" else ():
            if getattr(resources, key) is not None:
                yield _not_yet("resources", stage, key)
        if resources.retries is not None and stage == "evaluate":
            yield ("resources", stage, "retries"), "accepted for train alone: an evaluation that fails would fail again"
        if resources.spot_attempts is not None and not resources.spot:
            yield ("resources", stage, "spot_attempts"), "accepted with `spot: true`"
        if resources.spot and resources.pool == SPOT:
            yield ("resources", stage, "pool"), f"with `spot: true` the pool is where it goes on after spot_attempts, not {SPOT}"
