"""Artifacts: whether it has a location, and whether its path is valid."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

# store -> the fields of which one is needed for a location; `raw` needs none
PLACES: Mapping[str, tuple[str, ...]] = {
    "s3": ("key",),
    "http": ("url",),
    "git": ("repo",),
    "gcs": ("key",),
    "azure": ("blob",),
    "oss": ("key",),
    "hdfs": ("addresses", "path"),
    "artifactory": ("url",),
    "plugin": ("key",),
}


def located(artifact: Mapping[str, Any]) -> bool:
    """Whether the artifact has a location or a key (Argo's HasLocationOrKey)."""
    if artifact.get("raw") is not None:
        return True
    return any((artifact.get(store) or {}).get(key) for store, keys in PLACES.items() for key in keys)


def path_error(artifact: Mapping[str, Any]) -> str:
    """What is wrong with a leaf's artifact path, empty when nothing is: it must not lead out of the folder before its first `..`."""
    path, name = str(artifact.get("path") or ""), artifact.get("name")
    if not path:
        return f"Artifact '{name}' did not specify a path"
    safe = path.partition("/../")[0] if "/../" in path else path.removesuffix("/..") if path.endswith("/..") else ""
    clean = posixpath.normpath(path)
    if safe and (not clean.startswith(f"{safe}/") or len(clean) <= len(safe) + 1):
        return f"Artifact '{name}' attempted to use a path containing '..'. Directory traversal is not permitted"
    return ""
