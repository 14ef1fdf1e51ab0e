"""`retrain models`."""

from __future__ import annotations

import click

from retrain.cli.models._answers import show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@output_option("text", "wide")
@place_option
def models(output: str, place: Place) -> None:
    """List the models of the bucket and their champions.

    \b
    retrain models
    """
    show(place, output, "models")
