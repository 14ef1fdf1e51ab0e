"""Prints what the handlers answer about the place's bucket."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from localargo import NotFound
from retrain.answers.bucket import bucket_of_model
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.workflows import LATEST, OF_MODELS
from retrain.display import output as printing
from retrain.display.tables import UNCUT, answered, terminal_width
from retrain.project.questions import ask

SHOWN = {"why": ("text", "wide"), "model": ("text",)}  # handlers that give tables as header and rows, and for which outputs


def show(place: Place, output: str, *arguments: str, handler: str = "why") -> None:
    """Print an answer: the handler's own sentences or table for people, its JSON for programs."""
    tell(bucket_of_model(place), output, handler, *arguments)


def tell(bucket: Mapping[str, str], output: str, handler: str, *arguments: str) -> None:
    """Print what a handler answers about the bucket that these variables name; as text no wider than the terminal."""
    if output in ("json", "yaml"):
        printing.emit(json.loads(ask(bucket, *arguments, handler=handler)), output)
        return
    if output in SHOWN.get(handler, ()):
        answer = json.loads(ask(bucket, *arguments, output="shown", handler=handler))
    else:
        answer = {"text": ask(bucket, *arguments, output=output, handler=handler)}
    click.echo("\n".join(answered(answer, terminal_width() if output == "text" else UNCUT)))


def run_name(name: str, place: Place) -> str:
    """`@latest` is the run of a model that was created last; ticks that heal are none. Any other name is itself. Raises NotFound."""
    if name != LATEST:
        return name
    runs = argo_server(place).workflows(OF_MODELS, limit=1).items
    if not runs:
        raise NotFound("there is no run yet: `retrain put FILE --model M` starts one")
    return str(runs[0]["metadata"]["name"])
