"""`retrain trials`."""

from __future__ import annotations

import click

from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("run", shell_complete=completion.workflows)
@output_option("text", "wide")
@place_option
def trials(run: str, output: str, place: Place) -> None:
    """List the trials of a run with their metric on valid; the winner and the champion are marked.

    \b
    retrain trials retrain-flight-delay-176391234
    retrain trials @latest
    """
    show(place, output, "trials", run_name(run, place))
