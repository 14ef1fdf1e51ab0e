"""Prints documents as JSON or YAML, phases, ages and durations."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import click

MARKS = {
    "Succeeded": ("✔", "green"),
    "Failed": ("✖", "red"),
    "Error": ("⚠", "red"),
    "Running": ("●", "blue"),
    "Suspended": ("⏸", "yellow"),  # a Workflow or node that runs, and waits for `retrain resume` or its time
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


def state(workflow: dict[str, Any]) -> str:
    """The phase of a Workflow, `Suspended` while it runs and one of its nodes, or all of it, is suspended."""
    status = workflow.get("status") or {}
    waits = (workflow.get("spec") or {}).get("suspend") or any(
        node_state(node) == "Suspended" for node in (status.get("nodes") or {}).values()
    )
    running = status.get("phase") == "Running"
    return "Suspended" if running and waits else str(status.get("phase") or "")


def node_state(node: dict[str, Any]) -> str:
    """The phase of a node, `Suspended` while it waits to be resumed."""
    phase = str(node.get("phase") or "")
    return "Suspended" if node.get("type") == "Suspend" and phase == "Running" else phase


def said(message: str) -> str:
    """A node's message in one line; a condition that has quotes of its own without those that Argo puts around it."""
    return re.sub(r"^when '(.*['\"].*)' evaluated false$", r"when \1 evaluated false", plain(message))


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
