"""Where a parameter writes, for the paths that nearly all Sensors use: SJSON's answer, without converting the resource to text.

`metadata.name`, `spec.arguments.parameters.0.value`, `spec.arguments.parameters.#(name=="model").value`; `jsonpaths` handles any
other path.
"""

from __future__ import annotations

import functools
import re
from typing import Any

SEGMENT = r'(?:#\([A-Za-z_]\w*=="[A-Za-z0-9_./-]*"\)|[A-Za-z_][A-Za-z0-9_/-]*|0|[1-9]\d{0,5})'
PATH = re.compile(rf"{SEGMENT}(?:\.{SEGMENT})*")
PART = re.compile(r'#\(([A-Za-z_]\w*)=="([A-Za-z0-9_./-]*)"\)|([^.#]+)')
Part = tuple[str, str] | str


@functools.lru_cache(maxsize=1024)
def parts(path: str) -> tuple[Part, ...] | None:
    """The steps of a simple path, a query as (key, value); None for any other path."""
    if not PATH.fullmatch(path):
        return None
    return tuple((found[1], found[2]) if found[3] is None else found[3] for found in PART.finditer(path))


def place(resource: Any, path: str) -> tuple[Any, Any] | None:
    """The mapping or list that the path ends in, with the key or index there; None when a plain look-up does not answer.

    The key may be new only in a mapping that exists and that no query leads to.
    """
    steps = parts(path)
    if steps is None:
        return None
    queried = False
    holder = resource
    for step in steps[:-1]:
        queried = queried or isinstance(step, tuple)
        key = _key(holder, step)
        if key is None:
            return None
        holder = holder[key]
    last = steps[-1]
    if isinstance(holder, dict) and isinstance(last, str) and (last in holder or not queried):
        return holder, last
    key = _key(holder, last) if isinstance(last, str) else None
    return None if key is None else (holder, key)


def _key(holder: Any, step: Part) -> Any:
    """The key or index of an existing element; None when there is none or when it is ambiguous."""
    if isinstance(holder, dict):
        return step if isinstance(step, str) and step in holder else None
    if not isinstance(holder, list):
        return None
    if isinstance(step, str):
        return int(step) if step.isdigit() and int(step) < len(holder) else None
    hits = [i for i, item in enumerate(holder) if isinstance(item, dict) and item.get(step[0]) == step[1]]
    return hits[0] if len(hits) == 1 else None
