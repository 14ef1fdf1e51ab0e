"""Prints documents as JSON or YAML, phases, ages and durations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

MARKS = {
    "Succeeded": ("✔", "green"),
    "Failed": ("✖", "red"),
    "Error": ("⚠", "red"),
    "Running": ("●", "blue"),
    "Pending": ("◷", "yellow"),
    "Skipped": ("○", "bright_black"),
    "Omitted": ("○", "bright_black"),
}


def emit(value: Any, output: str) -> None:
    """Print a tree as `json` or `yaml`: the same tree in both."""
    if output == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        from localargo import dump_tree

        click.echo(dump_tree(value), nl=False)


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def plain(text: str) -> str:
    """The text in one line, safe to print whoever wrote it.

    Each run of white space becomes one space; other characters that do not print are escaped, so that no text moves the cursor or
    changes the colour.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))


def phase(name: str) -> str:
    """A phase with its mark, in its colour."""
    mark, colour = MARKS.get(name, ("◷", "yellow"))
    return click.style(f"{mark} {name or 'Pending'}", fg=colour)


def seconds(text: str | None) -> float | None:
    """Epoch seconds of a Kubernetes time."""
    return datetime.fromisoformat(text).timestamp() if text else None


def duration(started: str | None, finished: str | None) -> str:
    """How long something took, or has taken so far."""
    start = seconds(started)
    if start is None:
        return ""
    return ago((seconds(finished) or datetime.now(UTC).timestamp()) - start)


def ago(spent: float) -> str:
    """0.4s, 12s, 3m4s, 2h5m, 3d4h."""
    if spent < 0:
        spent = 0.0
    if round(spent, 1) < 10 and round(spent, 1) % 1:
        return f"{spent:.1f}s"
    whole = int(spent)
    for unit, size, below, smaller in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{unit}" + (f"{rest}{below}" if rest else "")
    return f"{whole}s"


def age(created: str | None) -> str:
    """How long ago something was created."""
    return duration(created, None)
