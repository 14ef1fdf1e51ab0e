"""`retrain watch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from retrain.cli.following import follow
from retrain.cli.options import name_argument, state_option
from retrain.client.connect import argo_server
from retrain.client.workflows import find, phase


@click.command()
@name_argument
@state_option
def watch(name: str, state: Path) -> None:
    """Show a Workflow's node tree until it ends; exit 1 unless it succeeds.

    \b
    retrain watch @latest
    """
    server = argo_server(state)
    last = follow(server, find(server, name)["metadata"]["name"])
    sys.exit(0 if phase(last) == "Succeeded" else 1)
