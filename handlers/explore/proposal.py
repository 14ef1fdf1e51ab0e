"""The split that files suggest, for a spec that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from handlers.contracts import HandlerError
from handlers.explore.roles import roles
from handlers.explore.table import read
from handlers.explore.written import split_line


def split_for(tree: Any, files: Sequence[Path], today: date) -> str | None:
    """A line to paste into `data`, its lengths by what the files hold; None where the spec has a split, or files say nothing about it.

    What a query makes of the files may have other columns than they, so a spec with a query gets no line.
    """
    spec = tree.get("spec") if isinstance(tree, Mapping) else None
    data = spec.get("data") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(data, Mapping) or "split" in data or "query" in data:
        return None
    target = data.get("target")
    column = target.get("column") if isinstance(target, Mapping) else None
    try:
        table = read(files)
        return split_line(table, roles(table, today, str(column or ""), str(spec.get("task", "")))).strip()
    except (HandlerError, OSError):
        return None  # the spec's own error says what is wrong first
