"""Names of time zones."""

from __future__ import annotations

import zoneinfo

from localargo.manifests.document import Document
from localargo.manifests.report import Report, hint_for


def check_timezone(document: Document, report: Report, name: str, path: str) -> None:
    """A time zone must be in the IANA database."""
    if not name or name == "Local":
        return
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        report.error(document, path, f"unknown timezone {name}", hint_for(name, zoneinfo.available_timezones()))
