"""Argo's rules for names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from localargo.manifests.document import join
from localargo.manifests.lint_locations import Location

PARAMETER_NAME = re.compile(r"[-a-zA-Z0-9_]+")
INPUT = re.compile(r"\{\{\s*inputs\.parameters\.[-a-zA-Z0-9_]+\s*\}\}")
FIELD_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
PARAMETER_RULE = "Parameter/Artifact name must consist of alpha-numeric characters, '_' or '-' e.g. my_param_1, MY-PARAM-1"
FIELD_RULE = (
    "name must consist of alpha-numeric characters or '-', and must start with an alpha-numeric character (e.g. My-name1-2, 123-NAME)"
)
TAG = re.compile(r"\{\{.*?\}\}")
LONGEST = 128


def check_names(items: Sequence[Any] | None, place: Location, prefix: str, *, strict: bool) -> Iterator[tuple[Location, str]]:
    """The errors in the names of a list: missing, invalid or not unique. `strict`: no underscore, no leading dash."""
    seen: set[str] = set()
    rule = FIELD_NAME if strict else PARAMETER_NAME
    for index, item in enumerate(items or []):
        name = str(item.get("name") or "")
        where = Location(place.document, join(place.path, index), place.prefix)
        if not name:
            yield where, f"{prefix}[{index}].name is required"
        elif not rule.fullmatch(name) or (strict and len(name) > LONGEST):
            yield where.at("name"), f"{prefix}[{index}].name: '{name}' is invalid: {FIELD_RULE if strict else PARAMETER_RULE}"
        elif name in seen:
            yield where.at("name"), f"{prefix}[{index}].name '{name}' is not unique"
        seen.add(name)
