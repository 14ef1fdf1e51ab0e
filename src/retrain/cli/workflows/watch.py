"""`retrain watch`."""

from __future__ import annotations

import sys

import click

from retrain.cli.following import follow, outcome
from retrain.cli.options import name_argument, place_option
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.workflows import find, phase


@click.command()
@name_argument
@place_option
def watch(name: str, place: Place) -> None:
    """Show a Workflow's node tree until it ends; exit 1 unless it succeeds. Of a model's run it shows how its trials go,
    too, and says then what came of it.

    \b
    retrain watch @latest
    """
    server = argo_server(place)
    last = follow(server, find(server, name)["metadata"]["name"], place)
    for line in outcome(place, last):
        click.echo(line)
    sys.exit(0 if phase(last) == "Succeeded" else 1)
