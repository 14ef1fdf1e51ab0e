"""The calendar source: ticks of a schedule or an interval."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, clock_changes, cron, gotext
from localargo.manifests.document import Document
from localargo.manifests.lint_timezone import check_timezone
from localargo.manifests.report import Report
from localargo.manifests.source_kinds.kind import ParsedPayload, SourceEvent, SourceKind
from localargo.manifests.support_table import Support


def lint(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    """One calendar: a schedule or an interval that can be read, a known timezone, dates that exclude something."""
    schedule, interval = str(event.get("schedule") or ""), str(event.get("interval") or "")
    if not schedule and not interval:
        report.error(document, path, "a calendar needs `schedule` or `interval`")
    if schedule and interval:
        report.warning(document, f"{path}.interval", "the schedule is used and the interval is not", "leave one of them out")
    if schedule:
        _schedule(document, report, schedule, f"{path}.schedule")
    elif interval and not _is_duration(interval):
        report.error(document, f"{path}.interval", f"interval must be a duration with units, for example 90s or 1h30m, not {interval}")
    check_timezone(document, report, str(event.get("timezone") or ""), f"{path}.timezone")
    _clock_changes(document, report, event, f"{path}.schedule")
    for index, date in enumerate(event.get("exclusionDates") or []):
        if not str(date).startswith("EXDATE"):
            report.warning(document, f"{path}.exclusionDates[{index}]", f"{date} excludes nothing", "write EXDATE:20260131T000000Z")


def _schedule(document: Document, report: Report, schedule: str, path: str) -> None:
    zone, fields = cron.split_zone(schedule)
    check_timezone(document, report, zone, path)
    try:
        cron.check(fields)
    except InvalidInput as error:
        report.error(document, path, f"schedule {schedule!r} cannot be read: {error}")


def _clock_changes(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    """A time that the zone's clocks skip once a year, and have twice once."""
    try:
        schedule = cron.Schedule(path, event)
    except InvalidInput:
        return  # reported already
    found = clock_changes.affected(schedule, report.now) if report.now is not None and schedule.text else []
    if found:
        words = [f"{each.wall:%H:%M} {'is skipped' if not each.ticks else 'comes twice'} on {each.wall:%Y-%m-%d}" for each in found]
        hint = "choose an hour that no change of the clocks touches, or leave `timezone` out (UTC)"
        report.warning(document, path, f"the clocks of {schedule.zone} change: {', '.join(words)}", hint)


def _is_duration(text: str) -> bool:
    try:
        return gotext.go_duration(text) > 0
    except ExpressionError:
        return False


def parse(value: Any, event: SourceEvent, now: float) -> ParsedPayload | None:
    """A tick at `now`; the fields of an object are kept."""
    fields = value if isinstance(value, dict) else {}
    if "eventTime" in fields:
        return None
    zone = cron.Schedule(f"EventSource/{event.source}", event.spec).zone
    return ParsedPayload({**fields, "eventTime": go_time(datetime.fromtimestamp(now, zone))}, "as a tick of now")


def go_time(moment: datetime) -> str:
    """A time as Go's `time.Time.String()` prints it: `2026-11-22 21:59:00.0008 +0000 UTC`."""
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    offset = moment.strftime("%z")[:5]
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {offset} {moment.tzname()}"


KIND = SourceKind(
    sample={"eventTime": "2026-11-22 10:00:00.000123 +0000 UTC m=+3600.000000001", "metadata": {"model": "flight-delay"}},
    driver="calendar",
    schema={
        "CalendarEventSource": Support("exclusionDates filter interval metadata persistence schedule timezone"),
        "EventPersistence": Support("catchup configMap"),
        "CatchupConfiguration": Support("enabled maxDuration"),
        "ConfigMapPersistence": Support("createIfNotExist name", notes={"name": "the last tick is kept in the state folder"}),
    },
    payload_fields=("eventTime", "metadata"),
    recognised_by=(("eventTime",),),
    parse=parse,
    lint=lint,
)
