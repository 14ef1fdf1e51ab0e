"""Follows Workflows to their end: drawn on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import click

from localargo import LocalArgoError, NotFound
from retrain.cli.under_way import Beside
from retrain.client.connect import bucket_environment
from retrain.client.place import Place
from retrain.client.protocol import ArgoServer
from retrain.client.workflows import changes, run_model, until_ended
from retrain.display import tree
from retrain.display.output import plain
from retrain.display.picture import live
from retrain.project.questions import ask

Doc = dict[str, Any]


def follow(server: ArgoServer, name: str, place: Place | None = None) -> Doc:
    """Show the Workflow until it has ended; the Workflow then. Of a model's run it shows how its trials go, too, where a `place` says which
    bucket they tell it."""
    last: Doc = {}
    model = run_model(server.workflow(name)) if place is not None else ""
    try:
        with Beside(place, name, model) if place is not None else nullcontext() as beside, live(below=_lines(beside)) as show:
            for last in changes(server, name):
                show(last)
    finally:
        if last and sys.stdout.isatty():
            click.echo("\n".join(tree.lines(last)))
    return last


def _lines(beside: Beside | None) -> Callable[[], Sequence[str]]:
    return (lambda: beside.lines) if beside is not None else tuple


def outcome(place: Place, workflow: Doc) -> list[str]:
    """How the run of a model ended, for people; nothing of a Workflow that is no such run."""
    name, model = workflow["metadata"]["name"], run_model(workflow)
    if not model:
        return []
    try:
        row = json.loads(ask(bucket_environment(place), "run", name, "--model", model))
    except NotFound:
        return [f"The run left no result: `retrain why {name}` tells how far it came"]
    except LocalArgoError as error:
        return [f"How the run ended is in the bucket, which does not answer: {plain(str(error))}"]
    told = [f"{row['outcome']}: {plain(row['reason'])}"] if row["reason"] else [row["outcome"]]
    return [*told, f"`retrain report {name} --open` shows it"] if row["trials"] else told


def ended(server: ArgoServer, names: list[str], watch: bool) -> list[Doc]:
    """The Workflows when all have ended. On Ctrl-C it says that they go on."""
    try:
        return [follow(server, name) if watch else until_ended(server, name) for name in names]
    except KeyboardInterrupt:
        each = " ".join(names)
        click.echo(f"{each}: submitted, and not stopped by Ctrl-C; `retrain wait {each}` waits, `retrain stop {each}` stops", err=True)
        raise
