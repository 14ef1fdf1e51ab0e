"""`retrain history`."""

from __future__ import annotations

import click

from retrain.cli import completion
from retrain.cli.models._answers import show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("model", shell_complete=completion.models)
@output_option("text", "wide")
@place_option
def history(model: str, output: str, place: Place) -> None:
    """List every champion that a model has had, the newest first: since when, by which run, with which metric on test.

    \b
    retrain history flight-delay
    """
    show(place, output, "history", model)
