"""ConfigMaps, Secrets and claims."""

from __future__ import annotations

from localargo.manifests.document import Document, join
from localargo.manifests.report import Report, hint_for

FIELDS = {
    "ConfigMap": ("apiVersion", "kind", "metadata", "data", "binaryData", "immutable"),
    "Secret": ("apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"),
    "PersistentVolumeClaim": ("apiVersion", "kind", "metadata", "spec", "status"),
}


def check(document: Document, report: Report) -> None:
    """Known fields, a name, and strings where Kubernetes needs strings."""
    fields = FIELDS[document.kind]
    for name in document.doc:
        if name not in fields:
            report.error(document, name, f'unknown field "{name}"', hint_for(name, fields))
    if not isinstance(document.doc.get("metadata"), dict) or not document.name:
        report.error(document, "metadata", "metadata.name is required")
    for field in ("data", "stringData", "binaryData"):
        entries = document.doc.get(field)
        if entries is not None and not isinstance(entries, dict):
            report.error(document, field, f"{field} must be a mapping of names to strings")
        for key, value in (entries if isinstance(entries, dict) else {}).items():
            if not isinstance(value, str):
                report.error(document, join(field, key), f"{key} must be a string, not {value!r}", "put it in quotes")
