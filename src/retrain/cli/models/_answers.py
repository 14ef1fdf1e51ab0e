"""Prints what the handlers answer about the place's bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from retrain.answers.bucket import bucket_of_model
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.workflows import LATEST, find
from retrain.display import output as printing
from retrain.display.tables import UNCUT, answered, terminal_width
from retrain.project.questions import ask


def show(place: Place, output: str, *arguments: str, handler: str = "why") -> None:
    """Print an answer: the handler's own sentences or table for people, its JSON for programs."""
    bucket = bucket_of_model(place)
    if output in ("text", "wide") and handler == "why":
        answer = json.loads(ask(bucket, *arguments, output="shown"))
        click.echo("\n".join(answered(answer, terminal_width() if output == "text" else UNCUT)))
    else:
        tell(bucket, output, handler, *arguments)


def tell(bucket: Mapping[str, str], output: str, handler: str, *arguments: str) -> None:
    """Print what a handler answers about the bucket that these variables name."""
    if output in ("json", "yaml"):
        printing.emit(json.loads(ask(bucket, *arguments, handler=handler)), output)
    else:
        click.echo(ask(bucket, *arguments, output=output, handler=handler), nl=False)


def run_name(name: str, place: Place) -> str:
    """`@latest` is the run of the Workflow created last; any other name is itself."""
    return str(find(argo_server(place), name)["metadata"]["name"]) if name == LATEST else name
