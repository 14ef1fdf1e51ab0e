"""`retrain runs`."""

from __future__ import annotations

import click

from retrain.cli import completion
from retrain.cli.models._answers import show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@output_option("text", "wide")
@place_option
def runs(model: str | None, output: str, place: Place) -> None:
    """List the runs of a model (of all models): what was decided, and on which numbers.

    \b
    retrain runs flight-delay
    """
    show(place, output, "runs", *([model] if model else []))
