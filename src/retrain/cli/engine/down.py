"""`retrain down`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import state_option
from retrain.client.connect import local_engine


@click.command()
@state_option
def down(state: Path) -> None:
    """Stop the engine of a state folder, as Ctrl-C does.

    \b
    retrain down
    """
    local_engine(state).shut_down(state)
    click.echo("stopped")
