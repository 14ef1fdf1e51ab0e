"""Argo Events and Argo Workflows on one machine: the same documents, with processes in place of pods.

These names are the whole interface for programs; every other module is internal and may change. A running engine also answers over HTTP
(docs/reference/api.md). A name is imported when it is first used, so `import localargo` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

__version__ = "0.1.0"

if TYPE_CHECKING:
    from localargo.api.listeners import short as short_socket_path
    from localargo.bucket.s3 import S3Bucket
    from localargo.dry_run import replay
    from localargo.engine import Engine, run_files
    from localargo.errors import AlreadyExists, Finding, InvalidInput, LocalArgoError, NotFound, Unavailable, Unsupported, refuse
    from localargo.eventbus.recorded import recorded_events
    from localargo.eventsources.samples import sample
    from localargo.manifests.document import Document
    from localargo.manifests.validate import check
    from localargo.manifests.yaml import dump_tree, load_documents
    from localargo.ports import Json
    from localargo.reading import read_file, read_paths
    from localargo.runners.isolated import probe as isolation_obstacle
    from localargo.settings import Settings, WarmPackage
    from localargo.store import lock_holder

_HOMES: Final = {
    "AlreadyExists": "errors",
    "Document": "manifests.document",
    "Engine": "engine",
    "Finding": "errors",
    "InvalidInput": "errors",
    "Json": "ports",
    "LocalArgoError": "errors",
    "NotFound": "errors",
    "S3Bucket": "bucket.s3",
    "Settings": "settings",
    "Unavailable": "errors",
    "Unsupported": "errors",
    "WarmPackage": "settings",
    "check": "manifests.validate",
    "dump_tree": "manifests.yaml",
    "isolation_obstacle": "runners.isolated:probe",
    "load_documents": "manifests.yaml",
    "machine_memory": "runners.plan",
    "parse_quantity": "manifests.workflow",
    "lock_holder": "store",
    "read_file": "reading",
    "read_paths": "reading",
    "recorded_events": "eventbus.recorded",
    "refuse": "errors",
    "replay": "dry_run",
    "run_files": "engine",
    "sample": "eventsources.samples",
    "short_socket_path": "api.listeners:short",
}

__all__ = [
    "AlreadyExists",
    "Document",
    "Engine",
    "Finding",
    "InvalidInput",
    "Json",
    "LocalArgoError",
    "NotFound",
    "S3Bucket",
    "Settings",
    "Unavailable",
    "Unsupported",
    "WarmPackage",
    "check",
    "dump_tree",
    "isolation_obstacle",
    "load_documents",
    "lock_holder",
    "machine_memory",
    "parse_quantity",
    "read_file",
    "read_paths",
    "recorded_events",
    "refuse",
    "replay",
    "run_files",
    "sample",
    "short_socket_path",
]


def __getattr__(name: str) -> Any:
    """Import a name of the interface at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute or name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
