"""Which rows of `test` the winner and the champion may both predict: none that the champion has learned or was chosen on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from handlers.contracts import BadData, counted
from handlers.data import cut, groups
from handlers.data.manifest import DESCRIBED, Dataset, PartRef
from handlers.data.split import Range, label, number, space
from handlers.data.units import UNIT
from handlers.modelspec.code_digests import code_digest, of_source
from handlers.modelspec.model import ModelSpec
from handlers.runs.evaluation import TrainedTrial
from handlers.storage import Store


@dataclass(frozen=True, slots=True)
class Rows:
    """The test rows to judge on: `why_not` says why the champion can predict none of them; `note` what was compared."""

    dataset: Dataset
    note: str
    why_not: str | None = None


def comparable(store: Store, dataset: Dataset, spec: ModelSpec, champion: TrainedTrial | None) -> Rows:
    """The test rows without those of the units, and by time of the groups, that the champion has in train or valid.

    By hash and by random a row keeps its unit for ever, so it is among the learned ones or never was; that holds while what a unit is
    stays the same. Where it has changed nothing is compared.
    """
    units = dataset.units("test")
    every = said(dataset, units)
    if champion is None:
        return Rows(dataset, every)
    differs = _differs(dataset, spec, champion)
    if differs:
        return Rows(dataset, f"{every}, for the winner alone: {differs}", differs)
    learned = _learned(champion.dataset)
    parts = [part for part in dataset.parts if part.role != "test"]
    kept = [part for one in dataset.of_role("test") for part in _without(store, one, learned)]
    if groups.by_time(spec):
        try:
            seen = _groups_learned(store, spec, champion)
        except BadData as error:
            why = f"the test rows may have groups that the champion has learned, and what it has learned cannot be read ({error})"
            return Rows(dataset, f"{every}, for the winner alone: {why}", why)
        kept = list(_of_new_groups(store, kept, spec, seen))
    if not kept:
        ends = (
            f"{label(dataset.unit, units[0])} to {label(dataset.unit, units[-1])}" if dataset.unit != "place" else "its share has changed"
        )
        why = f"the champion has learned all test {'rows' if dataset.unit == 'place' else dataset.unit + 's'} ({ends})"
        return Rows(dataset, f"{every}, for the winner alone: {why}", why)
    found = replace(dataset, parts=[*parts, *kept])
    left = found.units("test")
    rows = sum(part.rows for part in dataset.of_role("test")) - sum(part.rows for part in kept)
    note = said(dataset, left)
    if rows and dataset.unit in ("day", "year") and not spec.data.group:
        note += f"; left out, because the champion has learned them: {said(dataset, sorted(set(units) - set(left)))}"
    elif rows:
        note += f"; left out, because the champion has learned them: {counted(rows, 'row')}"
    return Rows(found, note)


def said(dataset: Dataset, units: list[int]) -> str:
    """ "14 test days, 2013-01-01 to 2013-01-14", "test steps 80 to 99" or "test (10 % of all)"."""
    first, last = label(dataset.unit, units[0]), label(dataset.unit, units[-1])
    if dataset.unit == "place":
        low, high = dataset.split["test"]
        return f"test ({high - low + 1} % of all)"
    if dataset.unit == "step":
        return f"test steps {first} to {last}"
    return f"{counted(len(units), f'test {dataset.unit}')}, {first} to {last}"


def _learned(dataset: Dataset) -> list[Range]:
    """The units that a model of this dataset has seen, in train or in valid. Of steps, all between the first and the last of a role."""
    if dataset.unit == "step":
        return [(number(first), number(last)) for first, last in (dataset.split["train"], dataset.split["valid"])]
    return [(unit, unit) for unit in dataset.units("train", "valid")]


def _without(store: Store, part: PartRef, learned: Sequence[Range]) -> Iterator[PartRef]:
    """The rows of a part that are not of these units, as parts of neighbouring rows."""
    import numpy as np

    low, high = part.units[0], part.units[-1]
    inside = [(first, last) for first, last in learned if first <= high and low <= last]
    if not inside:
        yield part
        return
    if any(first <= low and high <= last for first, last in inside):
        return
    table = cut.table_of(store, part.key, [UNIT]).slice(part.first, part.rows)
    numbers = table.column(UNIT).to_numpy()
    free = np.ones(part.rows, bool)
    for units in inside:
        first, end = cut.rows_of(table, units)
        free[first:end] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]])))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        known = np.unique(numbers[first:end]).tolist()
        ends = known if len(part.units) > 2 else sorted({known[0], known[-1]})
        yield replace(part, first=part.first + first, rows=end - first, units=ends)


def _groups_learned(store: Store, spec: ModelSpec, champion: TrainedTrial) -> groups.Seen:
    """The groups of the champion's train and valid rows. Raises BadData when its parts are gone."""
    seen = groups.Seen(store, spec)
    seen.add(asdict(part) for part in champion.dataset.parts if part.role != "test")
    seen.read()
    return seen


def _of_new_groups(store: Store, parts: Sequence[PartRef], spec: ModelSpec, seen: groups.Seen) -> Iterator[PartRef]:
    """The rows whose group the champion has not learned."""
    for part in parts:
        rows = groups.without(store, spec, asdict(part), part.source, seen, code_digest("datasets"))
        if rows is not None:
            yield replace(part, **{name: rows[name] for name in DESCRIBED})


def _differs(dataset: Dataset, spec: ModelSpec, champion: TrainedTrial) -> str | None:
    """Why the champion predicts something else than the challenger, needs columns that these rows do not have, or may know the rows."""
    if champion.spec.task != spec.task:
        return f"the champion's task is {champion.spec.task}, this one is {spec.task}"
    if champion.spec.data.target != spec.data.target:
        return "the champion predicts another target (data.target has changed)"
    if champion.made is None:
        path, before = champion.spec.model.estimator.partition(":")[0], of_source(champion.spec.code or "")
        now = f"that of this run is {of_source(spec.code)}" if spec.code is not None else "this run has none"
        return f"the champion was made by another {path}, and no code from the bucket is run (its digest is {before}, {now})"
    missing = [name for name in champion.encoder.served if name not in dataset.schema]
    if missing:
        return f"the champion needs column {missing[0]!r}, which data.query no longer gives"
    if space(champion.spec, champion.dataset.schema) != space(spec, dataset.schema):
        return f"rows that the champion has learned may be among the test rows ({_changed(champion.spec, spec)} changed)"
    return None


def _changed(before: ModelSpec, now: ModelSpec) -> str:
    """Which key made the units other ones."""
    if before.data.split.by != now.data.split.by:
        return "data.split.by has"
    for name in ("column", "unit", "timezone", "key", "seed", "stratify"):
        if getattr(before.data.split, name, None) != getattr(now.data.split, name, None):
            return f"data.split.{name} has"
    for name in ("group", "key"):
        if getattr(before.data, name) != getattr(now.data, name):
            return f"data.{name} has"
    return "the columns by which rows are split have"
