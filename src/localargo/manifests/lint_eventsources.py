"""EventSources: what Argo's controller refuses, and events that would never come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.manifests import lint_filters
from localargo.manifests.document import Document, join
from localargo.manifests.report import Report, meant

SPEC_FIELDS = ("eventBusName", "replicas", "service", "template")
ACTIVE = (
    "webhook",
    "sns",
    "sqs",
    "github",
    "gitlab",
    "bitbucket",
    "bitbucketserver",
    "slack",
    "storageGrid",
    "stripe",
)  # many pods may serve them
METHODS = ("GET", "POST")
PORT = re.compile(r"[1-9]\d{0,4}")
EVENT = re.compile(r"s3:[A-Za-z]+:([A-Za-z]+(:[A-Za-z]+)?|\*)")
GO_DURATION = re.compile(r"(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
ZONE_PREFIX = re.compile(r"(CRON_)?TZ=(\S+)\s+(.*)")


def check(document: Document, report: Report) -> None:
    """All of one EventSource."""
    spec = document.doc.get("spec") or {}
    kinds = {kind: events for kind, events in spec.items() if kind not in SPEC_FIELDS and isinstance(events, dict)}
    if not kinds:
        report.error(document, "spec", "an EventSource needs at least one source (webhook, calendar, minio)")
    active = [kind for kind in kinds if kind in ACTIVE]
    single = [kind for kind in kinds if kind not in ACTIVE]
    if active and single:
        message = f"{active[0]} and {single[0]} cannot stand in one EventSource: one runs in many pods, the other in one"
        report.error(document, f"spec.{single[0]}", message, "write two EventSources")
    seen: dict[str, str] = {}
    for kind, events in kinds.items():
        for name, event in events.items():
            path = join(f"spec.{kind}", name)
            if name in seen:
                report.error(document, path, f"event {name} is declared twice, in {seen[name]} too: names count over all kinds")
            seen[name] = kind
            if isinstance(event, dict):
                _event(document, report, kind, event, path)
    _endpoints(document, report, kinds.get("webhook") or {})


def _event(document: Document, report: Report, kind: str, event: Mapping[str, Any], path: str) -> None:
    checks = {"webhook": _webhook, "calendar": _calendar, "minio": _minio}
    if kind in checks:
        checks[kind](document, report, event, path)
    expression = (event.get("filter") or {}).get("expression")
    if expression:
        from localargo.expressions import exprlang

        try:
            exprlang.compile(str(expression))
        except InvalidInput as error:
            message = f"this filter cannot be evaluated, so every event is dropped without a word: {error}"
            report.warning(document, f"{path}.filter.expression", message)


def _webhook(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    endpoint, port, method = str(event.get("endpoint") or ""), str(event.get("port") or ""), str(event.get("method") or "")
    if not endpoint.startswith("/"):
        report.error(document, f"{path}.endpoint", f"endpoint begins with a slash, as /retrain, not {endpoint or 'left out'}")
    if not PORT.fullmatch(port) or int(port) > 65535:
        report.error(document, f"{path}.port", f"port is a number from 1 to 65535 in quotes, not {port or 'left out'}")
    if not method:
        report.error(document, path, "a webhook needs `method`", "method: POST")
    elif method not in METHODS:
        message = f"every request is answered with 400: the webhook reads bodies of {' and '.join(METHODS)} only"
        report.warning(document, f"{path}.method", message, meant(method, METHODS) if method.upper() in METHODS else "use POST")
    if (event.get("maxPayloadSize") or 0) < 0:
        report.error(document, f"{path}.maxPayloadSize", "maxPayloadSize is a number of bytes, not negative")


def _endpoints(document: Document, report: Report, events: Mapping[str, Any]) -> None:
    taken: dict[tuple[str, str], str] = {}
    for name, event in events.items():
        if isinstance(event, dict):
            key = (str(event.get("port")), str(event.get("endpoint")))
            other = taken.setdefault(key, name)
            if other != name:
                report.error(document, join("spec.webhook", name), f"endpoint {key[1]} on port {key[0]} is taken by event {other}")


def _minio(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    for field in ("endpoint", "accessKey", "secretKey"):
        if not event.get(field):
            report.error(document, path, f"a minio source needs `{field}`")
    if not (event.get("bucket") or {}).get("name"):
        report.error(document, f"{path}.bucket", "a minio source needs `bucket.name`")
    for index, name in enumerate(event.get("events") or []):
        if not EVENT.fullmatch(str(name)):
            report.error(document, f"{path}.events[{index}]", f"{name} is not a bucket event", "as s3:ObjectCreated:*")
    prefix = str((event.get("filter") or {}).get("prefix") or "")
    if prefix.startswith("/"):
        report.warning(
            document, f"{path}.filter.prefix", "no event passes: keys in a bucket do not begin with a slash", f"write {prefix.lstrip('/')}"
        )


def _calendar(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    schedule, interval = str(event.get("schedule") or ""), str(event.get("interval") or "")
    if not schedule and not interval:
        report.error(document, path, "a calendar needs `schedule` or `interval`")
    if schedule and interval:
        report.warning(document, f"{path}.interval", "the schedule is used and the interval is not", "leave one of them out")
    if schedule:
        reason = unreadable_schedule(schedule)
        if reason:
            report.error(document, f"{path}.schedule", f"schedule {schedule!r} cannot be read: {reason}")
    elif interval and "".join(match[0] for match in GO_DURATION.finditer(interval)) != interval:
        report.error(document, f"{path}.interval", f"interval is a duration with units, as 90s or 1h30m, not {interval}")
    lint_filters.timezone(document, report, str(event.get("timezone") or ""), f"{path}.timezone")
    for index, date in enumerate(event.get("exclusionDates") or []):
        if not str(date).startswith("EXDATE"):
            report.warning(document, f"{path}.exclusionDates[{index}]", f"{date} excludes nothing", "write EXDATE:20260131T000000Z")


def unreadable_schedule(text: str) -> str:
    """Why a schedule is not one of five fields that robfig/cron reads; empty when it is."""
    prefix = ZONE_PREFIX.fullmatch(text.strip())
    if prefix:
        text = prefix[3]
    if text.lstrip().startswith("@"):
        return "words like @daily are not taken; write the five fields"
    fields = text.split()
    if len(fields) != 5:
        return f"it has {len(fields)} fields, not five (minute, hour, day of month, month, day of week)"
    from croniter import croniter

    try:
        croniter(text)
    except (ValueError, KeyError, AttributeError) as error:
        return str(error)
    return ""
