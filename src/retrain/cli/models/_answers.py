"""Prints what the handlers answer about the state's bucket."""

from __future__ import annotations

import json
from pathlib import Path

import click

from retrain.client.connect import argo_server
from retrain.client.state import bucket_environment
from retrain.client.workflows import LATEST, find
from retrain.display import output as printing
from retrain.project.questions import ask, need_handlers


def show(state: Path, output: str, *arguments: str) -> None:
    """Print an answer: the handler's own sentences for people, its JSON for programs."""
    need_handlers()
    bucket = bucket_environment(state)
    if output == "text":
        click.echo(ask(bucket, *arguments, output="text"), nl=False)
    else:
        printing.emit(json.loads(ask(bucket, *arguments)), output)


def run_name(name: str, state: Path) -> str:
    """`@latest` is the run of the Workflow created last; any other name is itself."""
    return str(find(argo_server(state), name)["metadata"]["name"]) if name == LATEST else name
