"""`retrain compare`."""

from __future__ import annotations

import click

from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("run", shell_complete=completion.workflows)
@click.argument("other", metavar="RUN", shell_complete=completion.workflows)
@output_option("text", "wide")
@place_option
def compare(run: str, other: str, output: str, place: Place) -> None:
    """Show two runs side by side: outcome, metrics with intervals, parameters, rows, data, code, and where their specs differ.

    What differs is marked with *.

    \b
    retrain compare retrain-flight-delay-176391234 retrain-flight-delay-176391260
    retrain compare retrain-flight-delay-176391234 @latest -o json
    """
    show(place, output, "compare", run_name(run, place), run_name(other, place))
