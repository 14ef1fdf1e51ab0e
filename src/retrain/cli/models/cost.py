"""`retrain cost`."""

from __future__ import annotations

import click

from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion
from retrain.cli.models._answers import tell
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@click.option("--by", type=click.Choice(("run", "trial", "month")), default="run", show_default=True, help="What is added up.")
@output_option("text")
@place_option
def cost(model: str | None, by: str, output: str, place: Place) -> None:
    """Say what trainings cost, of a model or of all: the processor hours that their steps have used, at the model's `trigger.price`, on
    demand and, where the price has a `spot` share, on spot machines. Interrupted and repeated work is counted: it was paid.

    \b
    retrain cost flight-delay --by month
    """
    tell(bucket_of_model(place), output, "cost", *([model] if model else []), "--by", by)
