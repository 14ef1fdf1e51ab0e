"""`retrain models`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.models._answers import show
from retrain.cli.options import output_option, state_option


@click.command()
@output_option("text")
@state_option
def models(output: str, state: Path) -> None:
    """List the models of the bucket and their champions.

    \b
    retrain models
    """
    show(state, output, "models")
