"""Trials that Optuna's tree-structured Parzen estimator proposes, from those that are finished.

No study is kept anywhere: each round makes one anew from the trials' parameters and metrics, in their order, with a seed of its own. So the
same results give the same proposals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from handlers.contracts import BadSpec
from handlers.modelspec.mapping import Scalar
from handlers.modelspec.search_keys import Range
from handlers.modelspec.space import within
from handlers.storage import canonical_json, digest

Known = Sequence[tuple[Mapping[str, Any], float | None]]
# with fewer results Optuna draws at random; the first round has drawn so already
BEFORE = 2


def proposed(ranges: Mapping[str, Range], known: Known, *, higher: bool, seed: int, turn: int) -> Iterator[dict[str, Any]]:
    """Parameters without end, each chosen as if those before it, which are not trained yet, were no good."""
    try:
        import optuna
    except ImportError:
        raise BadSpec("search.sampler: tpe needs the package optuna, which is not installed here: pip install 'retrain[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        seed=int(digest({"seed": seed, "turn": turn})[:8], 16), n_startup_trials=BEFORE, multivariate=True, constant_liar=True
    )
    study = optuna.create_study(sampler=sampler, direction="maximize" if higher else "minimize")
    distributions = {name: _distribution(found) for name, found in ranges.items()}
    for params, value in known:
        if value is not None:
            coded = {name: _code(found, params[name]) for name, found in ranges.items()}
            study.add_trial(optuna.trial.create_trial(params=coded, distributions=distributions, value=value))
    while True:
        found = study.ask(distributions).params
        yield {name: _value(of, found[name]) for name, of in ranges.items()}


def _distribution(found: Range) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if found.choice is not None:
        # by their places: a choice may be a list
        return CategoricalDistribution(list(range(len(found.choice))))
    low, high = found.bounds or (0, 0)
    if found.int_ is not None:
        return IntDistribution(int(low), int(high))
    return FloatDistribution(float(low), float(high), log=found.log_uniform is not None)


def _code(found: Range, value: Any) -> Scalar:
    if found.choice is not None:
        return [canonical_json(each) for each in found.choice].index(canonical_json(value))
    return int(value) if found.int_ is not None else float(value)


def _value(found: Range, code: Any) -> Any:
    if found.choice is not None:
        return found.choice[code]
    return code if found.int_ is not None else within(found, code)
