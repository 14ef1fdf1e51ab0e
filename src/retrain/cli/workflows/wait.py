"""`retrain wait`."""

from __future__ import annotations

import sys

import click

from retrain.cli.options import names_argument, place_option
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.workflows import find, phase, until_ended


@click.command()
@names_argument
@place_option
def wait(names: tuple[str, ...], place: Place) -> None:
    """Wait until Workflows have ended; exit 1 unless all succeed.

    \b
    retrain wait @latest
    """
    server = argo_server(place)
    failed = False
    for name in names:
        last = until_ended(server, find(server, name)["metadata"]["name"])
        click.echo(f"{last['metadata']['name']} {phase(last)}")
        failed |= phase(last) != "Succeeded"
    sys.exit(1 if failed else 0)
