"""The page docs/reference/estimators-and-metrics.md, from the code itself: `python -m handlers.report.reference` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.metrics.metrics import METRICS
from handlers.models.estimators import BY_LIBRARY

HEAD = """# Estimators and metrics

`python -m handlers.report.reference > docs/reference/estimators-and-metrics.md` writes this page.
"""


def page() -> str:
    """Every estimator that `model.estimator` accepts, and every metric that `evaluate` and `promote.gate` accept."""
    return "\n".join([HEAD, *_estimators(), "", *_metrics(), ""])


def _estimators() -> Iterator[str]:
    yield "## Estimators"
    yield ""
    yield "An estimator that learns from batches has `memory: stream`; the others need every row at once, and `memory: whole` in the spec."
    yield "One that learns in rounds (XGBoost, LightGBM) adds a round per epoch: `training.epochs` is their number."
    yield "`missing: keep` gives missing numbers to the estimator as they are."
    for library, kinds in BY_LIBRARY.items():
        yield ""
        yield f"From {library}:"
        yield ""
        yield "| `model.estimator` | tasks | `model.memory` | `missing: keep` |"
        yield "|---|---|---|---|"
        for kind in kinds:
            memory = "`stream` or `whole`" if kind.streams else "`whole`"
            yield f"| `{kind.path}` | {', '.join(kind.tasks)} | {memory} | {'yes' if kind.missing else 'no'} |"


def _metrics() -> Iterator[str]:
    yield "## Metrics"
    yield ""
    yield "Values agree with scikit-learn's functions of the same name, sample weights included."
    yield ""
    yield "| metric | tasks | better | needs probabilities |"
    yield "|---|---|---|---|"
    tasks: dict[str, list[str]] = {}
    for task, table in METRICS.items():
        for name in table:
            tasks.setdefault(name, []).append(task)
    for name, found in tasks.items():
        metric = METRICS[found[0]][name]
        better, probabilities = "higher" if metric.higher else "lower", "yes" if metric.needs_probability else "no"
        yield f"| `{name}` | {', '.join(found)} | {better} | {probabilities} |"


if __name__ == "__main__":
    print(page(), end="")
