"""`retrain tick`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import state_option
from retrain.client.connect import local_engine


@click.command()
@click.argument("event")
@state_option
def tick(event: str, state: Path) -> None:
    """Fire a calendar event by hand, as EVENT or SOURCE/EVENT.

    \b
    retrain tick flight-delay
    """
    fired = local_engine(state).tick(event)
    click.echo(f"event {fired['id']} of {fired['source']}/{fired['subject']}")
