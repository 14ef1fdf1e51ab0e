"""What a feature's options can be beside each other: what the schema alone cannot say."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.modelspec.model import Feature, ModelSpec

Finding = tuple[tuple[str | int, ...], str]
NUMBERS = ("epoch", "year")  # units without a period
LONGEST_NGRAM = 10


def wrong(spec: ModelSpec) -> Iterator[Finding]:
    """(path below `spec`, reason) of everything about the features that cannot work."""
    for name, feature in spec.features.items():
        for option, reason in _of(feature):
            yield ("features", name, option), reason
    if spec.features and not any(feature.serve for feature in spec.features.values()):
        yield ("features",), "every feature has serve: false, so that nothing is left to score with; leave it out of one at least"


def _of(feature: Feature) -> Iterator[tuple[str, str]]:
    if feature.type == "number":
        yield from _number(feature)
    elif feature.type == "boolean":
        if feature.missing not in (None, True, False, "mean", "keep") or type(feature.missing) in (int, float):
            yield "missing", f"{feature.missing!r} is not accepted for a boolean; accepted: true, false, mean, keep"
    elif feature.type == "timestamp":
        yield from _timestamp(feature)
    elif feature.type == "vector" and feature.size is None:
        yield "size", "this key is required for a vector: how many numbers it has"
    elif feature.type == "text" and feature.ngrams is not None:
        low, high = feature.ngrams
        if not 1 <= low <= high <= LONGEST_NGRAM:
            yield "ngrams", f"[{low}, {high}] is not accepted; accepted: the shortest and the longest, from 1 to {LONGEST_NGRAM}: [1, 2]"


def _number(feature: Feature) -> Iterator[tuple[str, str]]:
    if isinstance(feature.missing, bool):
        yield "missing", f"{str(feature.missing).lower()} is not accepted for a number; accepted: mean, median, keep, or a number"
    if feature.clip is not None and not 0 <= feature.clip[0] < feature.clip[1] <= 1:
        yield "clip", f"{list(feature.clip)} is not accepted; accepted: two quantiles of train from 0 to 1, the lower first: [0.01, 0.99]"


def _timestamp(feature: Feature) -> Iterator[tuple[str, str]]:
    if feature.units is None:
        yield "units", "this key is required for a timestamp; accepted: minute, hour, weekday, day, month, year, dayofyear, epoch"
        return
    if len(set(feature.units)) < len(feature.units):
        yield "units", f"a unit occurs twice in {', '.join(feature.units)}"
    if feature.cyclic is not None and set(feature.units) <= set(NUMBERS):
        yield "cyclic", f"{' and '.join(feature.units)} have no period; leave `cyclic` out"
    if feature.scale == "standard" and not set(feature.units) & set(NUMBERS):
        yield "scale", "standard is only for the units epoch and year; the others have a range that is known"
