"""Keys of artifacts in the bucket, by Argo's key format and names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from localargo.errors import InvalidInput

Archive = Literal["auto", "tar", "none", "zip"]
DEFAULT_KEY_FORMAT = "argo/{{workflow.name}}/{{pod.name}}"
TAG = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


def clean(key: str) -> str:
    """The key without empty segments; a slash at the end, which means a prefix, stays. Raises InvalidInput for `..` and an empty key."""
    parts = [part for part in key.split("/") if part and part != "."]
    if ".." in parts:
        raise InvalidInput(f"artifact key {key!r} contains '..': write the key without it")
    if not parts:
        raise InvalidInput(f"artifact key {key!r} is empty: give the object's key")
    return "/".join(parts) + ("/" if key.endswith("/") else "")


def render(key_format: str, variables: Mapping[str, str]) -> str:
    """`keyFormat` with its variables (`workflow.name`, `pod.name`, `workflow.creationTimestamp.Y` ...). Raises InvalidInput for an unknown
    one, with the nearest known name."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in variables:
            import difflib

            near = difflib.get_close_matches(name, variables, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(variables))}"
            raise InvalidInput(f"artifactRepository keyFormat {key_format!r}: unknown variable {name!r}{hint}")
        return variables[name]

    return TAG.sub(value, key_format)


def default_key(prefix: str, artifact: str, path: str, archive: Archive) -> str:
    """Key of an output artifact without one: `<rendered keyFormat>/<artifact>.tgz`; without an archive the name of its path."""
    if archive == "none":
        return clean(f"{prefix}/{path.rstrip('/').rpartition('/')[2]}")
    return clean(f"{prefix}/{artifact}{'.zip' if archive == 'zip' else '.tgz'}")


def log_key(prefix: str, container: str = "main") -> str:
    """Key of a container's archived log."""
    return clean(f"{prefix}/{container}.log")


def below(key: str, sub_path: str) -> str:
    """The key of `sub_path` below an artifact."""
    return clean(f"{key.rstrip('/')}/{sub_path}") if sub_path else clean(key)
