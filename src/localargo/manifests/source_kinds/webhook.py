"""The webhook source: an HTTP endpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localargo.manifests.document import Document, join
from localargo.manifests.report import Report, hint_for
from localargo.manifests.source_kinds.kind import ParsedPayload, SourceEvent, SourceKind
from localargo.manifests.support_table import Support

METHODS = ("GET", "POST")
PORT = re.compile(r"[1-9]\d{0,4}")
PLAIN_HTTP = "the webhook listens on 127.0.0.1 without TLS; a cluster's ingress ends TLS"


def lint(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    """One endpoint: its path, port, method and size limit."""
    endpoint, port, method = str(event.get("endpoint") or ""), str(event.get("port") or ""), str(event.get("method") or "")
    if not endpoint.startswith("/"):
        report.error(document, f"{path}.endpoint", f"endpoint must begin with a slash, for example /events; it is {endpoint or 'missing'}")
    if not PORT.fullmatch(port) or int(port) > 65535:
        report.error(document, f"{path}.port", f"port must be a number from 1 to 65535 in quotes; it is {port or 'missing'}")
    if not method:
        report.error(document, path, "a webhook needs `method`", "method: POST")
    elif method not in METHODS:
        message = f"every request is answered with 400: the webhook reads bodies of {' and '.join(METHODS)} only"
        report.warning(document, f"{path}.method", message, hint_for(method, METHODS) if method.upper() in METHODS else "use POST")
    if (event.get("maxPayloadSize") or 0) < 0:
        report.error(document, f"{path}.maxPayloadSize", "maxPayloadSize must not be negative")


def lint_together(document: Document, report: Report, events: Mapping[str, Any], path: str) -> None:
    """Two events cannot have one port and path."""
    taken: dict[tuple[str, str], str] = {}
    for name, event in events.items():
        if isinstance(event, dict):
            key = (str(event.get("port")), str(event.get("endpoint")))
            other = taken.setdefault(key, name)
            if other != name:
                report.error(document, join(path, name), f"endpoint {key[1]} on port {key[0]} is already used by event {other}")


def lint_path(document: Document, report: Report, parts: list[str], path: str) -> None:
    """Header names have Go's spelling."""
    if parts[0] != "header" or len(parts) < 2:
        return
    spelling = "-".join(part[:1].upper() + part[1:].lower() for part in parts[1].split("-"))
    if parts[1] != spelling and re.fullmatch(r"[A-Za-z0-9-]+", parts[1]):
        message = f"header names have Go's spelling: `{parts[1]}` never exists"
        report.warning(document, path, message, f"write header.{spelling}")


def parse(value: Any, event: SourceEvent, now: float) -> ParsedPayload | None:
    """The body that a caller would send."""
    if isinstance(value, dict) and "body" in value:
        return None
    return ParsedPayload({"header": {"Content-Type": ["application/json"]}, "body": value}, "as the body of a POST")


KIND = SourceKind(
    sample={
        "header": {
            "Accept": ["*/*"],
            "Authorization": ["*** Masked Auth Secret ***"],
            "Content-Length": ["51"],
            "Content-Type": ["application/json"],
            "User-Agent": ["curl/8.5.0"],
        },
        "body": {"model": "flight-delay", "reason": "asked for by hand"},
    },
    driver="webhook",
    schema={
        "WebhookEventSource": Support(
            "authSecret endpoint filter maxPayloadSize metadata method port",
            kept="url",
            refused="serverCertSecret serverKeySecret",
            notes={"serverCertSecret": PLAIN_HTTP, "serverKeySecret": PLAIN_HTTP, "port": "on 127.0.0.1"},
        ),
    },
    replicated=True,
    payload_fields=("header", "body", "metadata"),
    recognised_by=(("header", "body"),),
    accepts_any_payload=True,
    parse=parse,
    lint=lint,
    lint_together=lint_together,
    lint_path=lint_path,
)
