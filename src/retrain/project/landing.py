"""Where objects land: which keys start a run, and what runs themselves write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from localargo import Document, Finding

NAME = r"[a-z0-9](?:[-a-z0-9]{0,38}[a-z0-9])?"
UPLOAD = re.compile(rf"(incoming|batches)/({NAME})/.+", re.DOTALL)
PREFIX = re.compile(rf"(incoming|batches)/({NAME})/")
READY = "_READY"
# an object of each folder that runs write to
WRITTEN = tuple(f"{folder}/a/b/c" for folder in ("runs", "models", "trials", "parts", "datasets", "snapshots", "contents", "trained"))


def trigger_prefix(spec: str) -> str | None:
    """The prefix of the source whose objects start a run; None where the spec's text names none (checking the spec reports that)."""
    try:
        tree: Any = yaml.load(spec, Loader=yaml.CSafeLoader)
        sources = tree["spec"]["data"]["sources"]
        own = [source for source in sources.values() if not source.get("join")]
        prefix = (sources.get("incoming") or (own[0] if len(own) == 1 else {})).get("prefix")
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        return None
    return prefix if isinstance(prefix, str) else None


def starts_nothing(key: str, models: Sequence[str] | None) -> str:
    """Why an object of this key starts no run; empty when it starts one. `models`: those that are known, None when nobody can say."""
    found = UPLOAD.fullmatch(key)
    if found is None:
        return f"no Sensor takes {key!r}, so it starts no run: keys are incoming/<model>/... or batches/<model>/<batch>/{READY}"
    if models is not None and found[2] not in models:
        return f"{key!r} starts no run: there is no model {found[2]!r}; there are: {', '.join(models) or 'none yet'}"
    if found[1] == "batches" and not key.endswith(f"/{READY}"):
        return f"{key!r} starts no run until its batch is complete: put an empty {key.rpartition('/')[0]}/{READY} last"
    return ""


def of_runs(documents: Sequence[Document]) -> Iterator[Finding]:
    """Warnings about events of a bucket that what runs write gets into: each run fills the bus, and may start the next one."""
    for document in documents:
        events: dict[str, Any] = (document.doc.get("spec") or {}).get("minio") or {}
        if document.kind != "EventSource" or not isinstance(events, dict):
            continue
        for name, event in events.items():
            given = (event.get("filter") or {}) if isinstance(event, dict) else {}
            prefix, suffix = str(given.get("prefix") or ""), str(given.get("suffix") or "")
            passes = [key for key in WRITTEN if not suffix and key.startswith(prefix)]
            if passes:
                path = f"spec.minio.{name}.filter.prefix"
                folders = ", ".join(key.split("/")[0] + "/" for key in passes)
                message = f"what runs write is an event of this source ({folders}): every run makes hundreds, none of which asks for a run"
                yield Finding("warning", document.file, document.line(path), path, message, "write incoming/ or batches/")
