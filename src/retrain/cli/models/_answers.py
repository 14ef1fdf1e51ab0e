"""Prints what the handlers answer about the place's bucket."""

from __future__ import annotations

import json

import click

from retrain.client.connect import argo_server, bucket_environment
from retrain.client.place import Place
from retrain.client.workflows import LATEST, find
from retrain.display import output as printing
from retrain.display.tables import UNCUT, answered, terminal_width
from retrain.project.questions import ask, need_handlers


def show(place: Place, output: str, *arguments: str, handler: str = "why") -> None:
    """Print an answer: the handler's own sentences or table for people, its JSON for programs."""
    need_handlers()
    bucket = bucket_environment(place)
    if output in ("text", "wide") and handler == "why":
        answer = json.loads(ask(bucket, *arguments, output="shown"))
        click.echo("\n".join(answered(answer, terminal_width() if output == "text" else UNCUT)))
    elif output == "text":
        click.echo(ask(bucket, *arguments, output="text", handler=handler), nl=False)
    else:
        printing.emit(json.loads(ask(bucket, *arguments, handler=handler)), output)


def run_name(name: str, place: Place) -> str:
    """`@latest` is the run of the Workflow created last; any other name is itself."""
    return str(find(argo_server(place), name)["metadata"]["name"]) if name == LATEST else name
