"""`retrain why`."""

from __future__ import annotations

import click

from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("name", shell_complete=completion.models)
@output_option("text")
@place_option
def why(name: str, output: str, place: Place) -> None:
    """Explain why this model is the champion, and why the last challenger is or is not: NAME is a model, a run or a trial.

    \b
    retrain why flight-delay
    retrain why retrain-flight-delay-176391234 -o json
    """
    show(place, output, "any", run_name(name, place))
