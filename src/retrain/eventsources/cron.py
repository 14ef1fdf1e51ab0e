"""When a calendar event is due: five-field cron with a time zone (robfig/cron's answers), intervals, and excluded days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from retrain.errors import InvalidInput
from retrain.expressions import gotext

FIELD = r"(?:\*|\d+(?:-\d+)?|[A-Za-z]{3}(?:-[A-Za-z]{3})?)(?:/\d+)?"
FIELDS = re.compile(rf"^{FIELD}(?:,{FIELD})*(?: +{FIELD}(?:,{FIELD})*){{4}}$")
ZONE = re.compile(r"^(?:CRON_)?TZ=(\S+) +(.*)$")
FURTHEST = 5000  # candidates before a schedule counts as never


class Schedule:
    """Times at which one calendar event fires. Raises InvalidInput naming the field."""

    def __init__(self, where: str, spec: dict[str, Any]) -> None:
        from retrain.expressions.gotime import zone

        self.interval: float | None = None
        text = str(spec.get("schedule") or "")
        self.zone = zone(spec["timezone"]) if spec.get("timezone") else UTC
        if found := ZONE.match(text):
            self.zone, text = zone(found[1]), found[2]
        if bool(text) == bool(spec.get("interval")):
            raise InvalidInput(f"{where}: give either schedule or interval")
        self.excluded = {day for entry in spec.get("exclusionDates") or [] for day in _excluded(where, str(entry))}
        if spec.get("interval"):
            self.interval = gotext.parse_duration(str(spec["interval"]))
            if self.interval <= 0:
                raise InvalidInput(f"{where}.interval: {spec['interval']!r} is not above zero")
            return
        if not FIELDS.match(text.strip()):
            raise InvalidInput(f"{where}.schedule: {text!r} is not five cron fields (minute hour day month weekday)")
        self.text = text.strip()
        self._iterate(0.0)

    def after(self, moment: float) -> float | None:
        """The first time later than `moment` (epoch seconds), None for never."""
        if self.interval is not None:
            return moment + self.interval
        for candidate in self._iterate(moment):
            if datetime.fromtimestamp(candidate, self.zone).date() not in self.excluded:
                return candidate
        return None

    def _iterate(self, moment: float) -> Iterator[float]:
        """croniter's times that really match: at a change of the clocks it also gives times that the field list does not name."""
        from croniter import CroniterError, croniter

        start = datetime.fromtimestamp(moment, self.zone)
        try:
            times = croniter(self.text, start, ret_type=datetime)
        except (CroniterError, ValueError) as error:
            raise InvalidInput(f"schedule: {self.text!r}: {error}") from error

        def matching() -> Iterator[float]:
            for _ in range(FURTHEST):
                found = times.get_next(datetime)
                if croniter.match(self.text, found.replace(tzinfo=None)) and found.timestamp() > moment:
                    yield found.timestamp()

        return matching()


def _excluded(where: str, text: str) -> Iterator[date]:
    for part in text.removeprefix("EXDATE:").split(","):
        try:
            yield datetime.strptime(part.strip()[:8], "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            raise InvalidInput(f"{where}.exclusionDates: {text!r} is not EXDATE:20060102T150405Z") from None
