"""The minio source: objects written to a bucket, as notifications of MinIO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import rawjson
from localargo.manifests.document import Document
from localargo.manifests.report import Report, hint_for
from localargo.manifests.source_kinds.kind import ParsedPayload, SourceEvent, SourceKind
from localargo.manifests.support_table import Support

CREATED = "s3:ObjectCreated:Put"
EVENT = re.compile(r"s3:[A-Za-z]+:([A-Za-z]+(:[A-Za-z]+)?|\*)")

# the fields of a notification record; None: any field may be below
RECORD: dict[str, Any] = {
    **{key: {} for key in ("eventVersion", "eventSource", "awsRegion", "eventTime", "eventName")},
    "userIdentity": {"principalId": {}},
    "requestParameters": None,
    "responseElements": None,
    "s3": {
        **{key: {} for key in ("s3SchemaVersion", "configurationId")},
        "bucket": {"name": {}, "ownerIdentity": {"principalId": {}}, "arn": {}},
        "object": {**{key: {} for key in ("key", "size", "eTag", "contentType", "versionId", "sequencer")}, "userMetadata": None},
    },
    "source": {key: {} for key in ("host", "port", "userAgent")},
}


def lint(document: Document, report: Report, event: Mapping[str, Any], path: str) -> None:
    """One bucket: its required fields, the names of its events, a prefix that keys can have."""
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
        message = "no event passes: keys in a bucket do not begin with a slash"
        report.warning(document, f"{path}.filter.prefix", message, f"write {prefix.lstrip('/')}")


def lint_path(document: Document, report: Report, parts: list[str], path: str) -> None:
    """`notification` is a list of records."""
    if parts[0] != "notification" or len(parts) < 2:
        return
    if re.fullmatch(r"[a-zA-Z]\w*", parts[1]):
        report.warning(document, path, "`notification` is a list", f"write {'.'.join(['notification.0', *parts[1:]])}")
        return
    fields: Any = RECORD
    for depth, part in enumerate(parts[2:]):
        if fields is None or not re.fullmatch(r"\w+", part):
            return
        if part not in fields:
            above = ".".join(["notification.0", *parts[2 : 2 + depth]])
            hint = hint_for(part, fields) or ("the fields are: " + ", ".join(fields) if fields else "it has no fields")
            report.warning(document, path, f"{above} of a minio event has no `{part}`", hint)
            return
        fields = fields[part]


def dropped(payload: Any, spec: Mapping[str, Any]) -> str:
    """Why `filter` keeps a notification from the bus; empty when it does not."""
    given = spec.get("filter") or {}
    prefix, suffix = str(given.get("prefix") or ""), str(given.get("suffix") or "")
    try:
        key = str(payload["notification"][0]["s3"]["object"]["key"])
    except (LookupError, TypeError):
        return ""
    if not key.startswith(prefix):
        return f"the key {key!r} does not begin with filter.prefix {prefix!r}"
    return "" if key.endswith(suffix) else f"the key {key!r} does not end with filter.suffix {suffix!r}"


def parse(value: Any, event: SourceEvent, now: float) -> ParsedPayload | None:
    """A notification from the `Records` of AWS, or from the key of an object."""
    fields = value if isinstance(value, dict) else {}
    if "notification" in fields:
        return None
    if isinstance(fields.get("Records"), list):
        return ParsedPayload({"notification": fields["Records"]}, "its Records as a notification")
    key = value if isinstance(value, str) else fields.get("key")
    if not isinstance(key, str):
        raise InvalidInput("a bucket's event is a notification, AWS' Records, or an object's key as {\"key\": ...}")
    bucket = str((event.spec.get("bucket") or {}).get("name") or "")
    etag, size = fields.get("etag"), fields.get("size")
    length = int(float(size)) if isinstance(size, rawjson.Number) else 0
    made = record(bucket, key, length, etag if isinstance(etag, str) else "", int(now * 10**9))
    return ParsedPayload({"notification": [made]}, "as the notification of an upload")


def record(bucket: str, key: str, size: int, etag: str, time_ns: int) -> dict[str, Any]:
    """One notification record as MinIO's ListenBucketNotification delivers it (the key is not escaped)."""
    when = datetime.fromtimestamp(time_ns // 10**9, UTC)
    return {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ns // 10**6 % 1000:03d}Z",
        "eventName": CREATED,
        "userIdentity": {"principalId": ""},
        "requestParameters": {},
        "responseElements": {},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": ""}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": key, "size": size, "eTag": etag, "versionId": "", "sequencer": f"{time_ns:X}"},
        },
        "source": {"host": "", "port": "", "userAgent": ""},
    }


KIND = SourceKind(
    sample={
        "notification": [
            record("retrain", "incoming/flight-delay/2013-01.csv", 2741520, "9e107d9d372bb6826bd81d3542a419d6", 1795341605123000000)
        ]
    },
    driver="bucket",
    schema={
        "S3Artifact": Support("accessKey bucket endpoint events filter insecure metadata region secretKey", kept="caCertificate"),
        "S3Bucket": Support("name", kept="key", notes={"key": "Argo does not read it either"}),
        "S3Filter": Support("prefix suffix"),
    },
    filters_payload=False,
    payload_fields=("notification", "metadata"),
    recognised_by=(("notification",), ("Records",)),
    parse=parse,
    dropped=dropped,
    lint=lint,
    lint_path=lint_path,
)
