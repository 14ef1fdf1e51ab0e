"""The time split: whole days counted back from the newest whole day that is not in the future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from handlers.contracts import BadData
from handlers.modelspec.model import TimeSplit
from handlers.modelspec.quantities import seconds

Role = Literal["train", "valid", "test"]
FUTURE = timedelta(days=1)  # how far a clock elsewhere may be ahead


@dataclass(frozen=True, slots=True)
class Bounds:
    """First and last day of each role, inclusive; the days of `gap` before valid and before test belong to none."""

    train: tuple[date, date]
    valid: tuple[date, date]
    test: tuple[date, date]

    def role(self, day: date) -> Role | None:
        """What a day is used for; None for the gaps and for what is newer than the newest whole day."""
        if day <= self.train[1]:
            return "train"
        if self.valid[0] <= day <= self.valid[1]:
            return "valid"
        if self.test[0] <= day <= self.test[1]:
            return "test"
        return None

    def tree(self) -> dict[str, list[str]]:
        return {name: [str(d) for d in getattr(self, name)] for name in ("train", "valid", "test")}


def newest_allowed(now: float) -> date:
    """The last day that a row may have; a later one comes from a wrong clock or a wrong value."""
    return (datetime.fromtimestamp(now, UTC) + FUTURE).date()


def bounds(days: Mapping[date, bool], split: TimeSplit, now: float) -> Bounds:
    """The split of a dataset whose rows fall on `days`, asked at `now` (epoch seconds by the bucket's clock).

    The values say whether a day's rows reach its end; that matters only for the newest, which may still be filling. Raises BadData when
    a role would be empty, saying how many days there are and how many the split asks for.
    """
    from zoneinfo import ZoneInfo

    today = datetime.fromtimestamp(now, ZoneInfo(split.timezone)).date()
    known = sorted(days)
    whole = [day for day in known if day < today and (day != known[-1] or days[day])]
    if not whole:
        raise BadData(f"data.split: no whole day in the data yet (days: {', '.join(map(str, known[:3])) or 'none'}, today is {today})")
    gap, valid, test = (timedelta(days=round(seconds(getattr(split, name)) / 86400)) for name in ("gap", "valid", "test"))
    one = timedelta(days=1)
    test_last = whole[-1]
    test_first = test_last - test + one
    valid_last = test_first - gap - one
    valid_first = valid_last - valid + one
    train_last = valid_first - gap - one
    found = Bounds((whole[0], train_last), (valid_first, valid_last), (test_first, test_last))
    roles = {found.role(day) for day in whole}
    for role in ("train", "valid", "test"):
        if role not in roles:
            asked = f"{split.test} test, {split.valid} valid and a gap of {split.gap} before each"
            raise BadData(
                f"data.split: no rows for {role}: the data has {len(whole)} days from {whole[0]} to {test_last}, "
                f"and the split needs {asked}, counted back from {test_last}"
            )
    return found
